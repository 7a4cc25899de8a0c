"""Bad input of every kind: one sentence, exit code 2, nothing half-written, no trap."""

import contextlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import hypothesis
import hypothesis.strategies as st
import pytest
import torch

from mocolib import __main__ as cli
from mocolib import sweep, weights
from mocolib.data import load
from mocolib.errors import BadInput
from mocolib.recipe import FIELDS, Recipe, from_dict, from_file
from mocolib.runs import Run
from mocolib.runs import record as recorder
from mocolib.runs.record import record
from tests.campaign import LONG
from tests.faults import CASES, Ground
from tests.tiny import flags, three_classes, tiny, tiny_sweep, write_images

MAY_APPEAR = {"lock", "new", "images"}  # a lock, an empty folder of runs


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """Good images, a finished run, the same one half-way, a file of weights."""
    root = tmp_path_factory.mktemp("originals")
    three_classes(root / "images")
    recipe = tiny(dataset=f"folder:{root / 'images'}")
    data = load(recipe.dataset, recipe.image_size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recorder, "EVERY", 5)
        list(record(recipe, data, root / "whole"))
        half = record(recipe, data, root / "half")
        for _ in range(7):
            next(half)
        half.close()
    weights.save(
        weights.of_run(Run(root / "whole" / recipe.id)), root / "w.safetensors", "timm"
    )
    return root


@pytest.fixture
def ground(originals, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("whole", "half"):
        shutil.copytree(originals / name, tmp_path / name)
    shutil.copy(originals / "w.safetensors", tmp_path)
    id = tiny(dataset=f"folder:{originals / 'images'}").id
    return Ground(
        here=tmp_path,
        images=originals / "images",
        whole=tmp_path / "whole" / id,
        half=tmp_path / "half" / id,
        weights=tmp_path / "w.safetensors",
    )


def files(folder: Path) -> dict:
    return {
        f.relative_to(folder): f.read_bytes()
        for f in folder.rglob("*")
        if f.is_file() and f.name not in MAY_APPEAR
    }


def one_sentence(err: str):
    last = err.splitlines()[-1]  # a progress bar may stand before
    assert last.startswith("mocolib: "), err
    assert last.endswith("."), err
    assert not last.endswith(".."), err
    assert "Traceback" not in err
    assert len(last) < 900, last


def test_there_are_two_hundred():
    assert len(CASES) >= 200


@pytest.mark.parametrize("name", CASES)
def test_bad_input(capsys, ground, name):
    words = CASES[name](ground)
    before = files(ground.here)
    code = cli.main(words)
    said = capsys.readouterr()
    assert code == 2, said
    one_sentence(said.err)
    assert files(ground.here) == before  # nothing added, nothing lost
    assert not (ground.here / "SPRUNG").exists()


REAL = [*CASES][:: 10 if LONG else 250]


@pytest.mark.parametrize("name", [n for n in REAL if "\\x00" not in n])
def test_bad_input_in_a_process(ground, name):
    """The same through the interpreter's own door: no traceback on the way out."""
    words = CASES[name](ground)
    command = [sys.executable, "-m", "mocolib", *words]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2, done
    one_sentence(done.stderr)


# ---- recipes without end

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def plausible(field):
    """Values that a field might take, and some that it might not."""
    if field.metadata["choices"]:
        return st.sampled_from(field.metadata["choices"]) | ANYTHING
    kinds = {int: st.integers(-1, 300), float: st.floats(-1, 2), bool: st.booleans()}
    return kinds.get(field.type, st.text(max_size=5)) | ANYTHING


@hypothesis.settings(max_examples=3000 if LONG else 150)
@hypothesis.given(
    st.fixed_dictionaries({}, optional={n: plausible(f) for n, f in FIELDS.items()})
)
def test_a_recipe_is_sound_or_refused(settings):
    sentence = ""
    try:
        recipe = from_dict(settings)
        assert Recipe(**vars(recipe)).id == recipe.id
    except BadInput as refused:
        sentence = str(refused)
    assert sentence.endswith(".") == bool(sentence)
    assert "\n" not in sentence


@hypothesis.settings(max_examples=2000 if LONG else 100)
@hypothesis.given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_as_a_file(content):
    """As a recipe, a sweep or weights: read or refused, never a traceback."""
    with tempfile.TemporaryDirectory() as folder:
        for name, reader in (
            ("f.toml", from_file),
            ("f.json", from_file),
            ("f.pth", weights.load),
        ):
            (Path(folder) / name).write_bytes(content)
            with contextlib.suppress(BadInput):
                reader(Path(folder) / name)


# ---- the machine says no


@contextlib.contextmanager
def largest_file(size: int):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextlib.contextmanager
def small_disk(folder: Path, size: str):
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root may mount a small disk")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def parts(folder: Path) -> list:
    return [f for f in folder.rglob("*") if f.suffix not in KNOWN and f.is_file()]


KNOWN = {"", ".json", ".jsonl", ".parquet", ".safetensors"}


@pytest.mark.parametrize("size", [100, 1000, 3000, 20_000])
def test_no_room_for_a_file(capsys, ground, size):
    """Files stop at a size; with room again the run ends as if nothing had been."""
    words = ground.train(ground.here / "new")
    with largest_file(size):
        assert cli.main(words) == 2
    one_sentence(capsys.readouterr().err)
    assert not parts(ground.here / "new")
    assert cli.main(words) == 0
    (again,) = (ground.here / "new").iterdir()
    for name in ("steps.parquet", "weights.safetensors", "end.json"):
        assert (again / name).read_bytes() == (ground.whole / name).read_bytes()


@pytest.mark.parametrize("size", ["4k", "12k", "32k"])
def test_a_full_disk(capsys, ground, size):
    disk = ground.here / "disk"
    with small_disk(disk, size):
        assert cli.main(ground.train(disk)) == 2
        one_sentence(capsys.readouterr().err)
        assert not parts(disk)
        room = ["mount", "-o", "remount,size=4m", str(disk)]
        subprocess.run(room, check=True)
        assert cli.main(ground.train(disk)) == 0


@pytest.mark.parametrize("size", [1000, 3000])
def test_no_room_for_decoded_images(capsys, ground, monkeypatch, size):
    """The cache of decoded images is a convenience: training goes on without it."""
    monkeypatch.setenv("MOCOLIB_DATA", str(ground.here / "cache"))
    with largest_file(size):
        found = load(f"folder:{ground.images}", 8)
    assert len(found.train_images) == 40
    left = {f.suffix for f in (ground.here / "cache").rglob("*") if f.is_file()}
    assert left <= {".lock"}


@pytest.mark.parametrize("size", [100, 3000])
def test_no_room_for_an_export(capsys, ground, size):
    words = ["export", str(ground.whole), "--to", "timm", "-o", "out/w.safetensors"]
    with largest_file(size):
        assert cli.main(words) == 2
    one_sentence(capsys.readouterr().err)
    assert not [f for f in (ground.here / "out").rglob("*") if f.suffix == ".part"]


@contextlib.contextmanager
def as_nobody():
    """Root reads everything; for a while we are not root."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("what", ["images", "images/ant", "images/ant/000.png", "runs"])
def test_what_may_not_be_read(capsys, ground, monkeypatch, what):
    with tempfile.TemporaryDirectory() as name:
        open_to_all = Path(name)
        open_to_all.chmod(0o777)
        shutil.copytree(ground.images, open_to_all / "images")
        (open_to_all / "runs").mkdir(mode=0o777)
        (open_to_all / "runs").chmod(0o777)
        monkeypatch.setenv("MOCOLIB_DATA", str(open_to_all / "cache"))
        monkeypatch.chdir(open_to_all)
        (open_to_all / what).chmod(0)
        with as_nobody():
            words = ground.train("runs", dataset=f"folder:{open_to_all / 'images'}")
            assert cli.main(words) == 2
        one_sentence(capsys.readouterr().err)
        (open_to_all / what).chmod(0o777)


@pytest.mark.parametrize("command", ["train", "sweep", "sweep of fewer images"])
def test_what_is_finished_is_given_by_a_folder_that_can_only_be_read(capsys, command):
    """And what is missing there is still refused."""
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        here.chmod(0o777)
        file = tiny_sweep(here, steps=3, grid="seed = [0, 1]")
        recipe, *_ = sweep.read(file).recipes
        where = ["--runs", str(here / "runs")]
        words = ["sweep", str(file), *where, "--workers", "1"]
        more = [*words, "--base-lr", "0.5"]
        if command == "train":
            words, more = (
                ["train", *where, *flags(recipe.replace(seed=s))] for s in (0, 9)
            )
        elif command != "sweep":  # their batch is made smaller
            write_images(here / "few" / "a", 6, "L")
            write_images(here / "few" / "b", 6, "L")
            words += ["--dataset", f"folder:{here / 'few'}"]
            more = [*words, "--base-lr", "0.5"]
        assert cli.main(words) == 0
        capsys.readouterr()
        for folder in (here / "runs", *(here / "runs").iterdir()):
            folder.chmod(0o555)
        with as_nobody():
            assert cli.main(words) == 0
            assert capsys.readouterr().err == ""
            assert cli.main(more) == 2
            one_sentence(capsys.readouterr().err)


def test_an_image_of_extreme_shape_takes_no_memory(tmp_path):
    """1 x 60000 pixels at 256: resized whole it would take 12 gigabytes."""
    from PIL import Image

    for name in ("ant", "bee"):
        (tmp_path / name).mkdir()
        for i in range(6):
            Image.new("RGB", (60_000, 1), (i, 0, 0)).save(tmp_path / name / f"{i}.png")
    found = load(f"folder:{tmp_path}", 256)
    assert found.train_images.shape[1:] == (3, 256, 256)
    assert torch.equal(found.train_images[0, 0], torch.full((256, 256), 1).byte())
