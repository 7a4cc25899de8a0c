"""Data are known by what is in them: a run is given for its own images alone."""

import os
import shutil

import pytest

from mocolib import __main__ as cli
from mocolib import data as data_module
from mocolib import sweep
from mocolib.data import load
from mocolib.errors import BadInput
from mocolib.runs import Run, check_data, trained
from mocolib.runs.record import record
from tests.tiny import flags, three_classes, tiny, write_images

FOLDER = "folder:imgs"


def recipe(**changes):
    return tiny(dataset=FOLDER, steps=4, knn_every=0, **changes)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A finished run of the images in A, and a folder B with others of that name."""
    three_classes(tmp_path / "A" / "imgs")
    for seed, name in enumerate(("ant", "bee", "cow")):
        write_images(tmp_path / "B" / "imgs" / name, 16, seed=seed + 9)
    monkeypatch.chdir(tmp_path / "A")
    list(record(recipe(), load(FOLDER, 8), tmp_path / "runs"))
    return tmp_path


def elsewhere(here, monkeypatch):
    monkeypatch.chdir(here / "B")


def changed(here, monkeypatch):
    file = here / "A" / "imgs" / "bee" / "003.png"
    stat = file.stat()
    shutil.copy(here / "B" / "imgs" / "bee" / "003.png", file)
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # as if nothing had been


def fewer(here, monkeypatch):
    (here / "A" / "imgs" / "bee" / "003.png").unlink()


def gone(here, monkeypatch):
    shutil.rmtree(here / "A" / "imgs")


CHANGES = [elsewhere, changed, fewer, gone]


def train(here, *words):
    return ["train", "--runs", str(here / "runs"), *flags(recipe()), *words]


def refused(capsys, words, *parts):
    assert cli.main(words) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("mocolib: ")
    assert last.endswith(".")
    for part in parts:
        assert part in last


@pytest.mark.parametrize("change", CHANGES)
def test_train_does_not_give_a_run_of_other_images(capsys, here, monkeypatch, change):
    assert cli.main(train(here)) == 0  # its own images
    change(here, monkeypatch)
    capsys.readouterr()
    refused(capsys, train(here), recipe().id, FOLDER)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("command", ["knn", "probe", "finetune"])
def test_weights_are_tried_on_the_runs_own_images(
    capsys, here, monkeypatch, change, command
):
    change(here, monkeypatch)
    words = [command, recipe().id, "--runs", str(here / "runs")]
    refused(capsys, words, FOLDER)
    if change is not gone:  # by name, other images will do
        few = ["--epochs", "1", "--batch-size", "8"] if command != "knn" else []
        assert cli.main([*words, "--data", FOLDER, *few]) == 0


@pytest.mark.parametrize("change", CHANGES)
def test_a_sweep_does_not_count_a_run_of_other_images(here, monkeypatch, change):
    assert sweep.standing([recipe()], here / "runs") == ([], ())
    change(here, monkeypatch)
    with pytest.raises(BadInput, match="imgs"):
        sweep.standing([recipe()], here / "runs")
    other = recipe(seed=9)
    assert sweep.standing([other], here / "runs")[0] == [other]


@pytest.mark.parametrize("large", [False, True])
def test_record_looks_at_a_finished_runs_images(here, monkeypatch, large):
    """Also where the images are not held."""
    if large:
        monkeypatch.setattr(data_module, "LARGEST", 200)
        list(record(recipe(seed=3), load(FOLDER, 8), here / "runs"))
    wanted = recipe(seed=3 if large else 0)
    assert list(record(wanted, load(FOLDER, 8), here / "runs")) == []
    changed(here, monkeypatch)
    with pytest.raises(BadInput, match=r"fingerprint .* must have .*, which run .*\.$"):
        list(record(wanted, load(FOLDER, 8), here / "runs"))


def test_a_public_run_of_other_images_is_passed_by(here, monkeypatch):
    monkeypatch.setattr("mocolib.runs.public_root", lambda: here / "runs")
    assert trained(recipe(), load(FOLDER, 8)).id == recipe().id
    elsewhere(here, monkeypatch)
    assert trained(recipe(), load(FOLDER, 8)) is None


def test_the_fingerprint_of_files_is_of_what_is_in_them(here, monkeypatch):
    """Their names and their order on disk don't matter, every byte does."""
    monkeypatch.setattr(data_module, "LARGEST", 200)
    first = load(FOLDER, 8).fingerprint
    shutil.copytree(here / "A" / "imgs", here / "other")
    assert load(f"folder:{here / 'other'}", 8).fingerprint == first
    file = here / "other" / "ant" / "001.png"
    raw = bytearray(file.read_bytes())
    raw[-20] ^= 1  # of the same size
    file.write_bytes(raw)
    assert load(f"folder:{here / 'other'}", 8).fingerprint != first


def test_files_that_did_not_change_are_not_read_again(here, monkeypatch):
    monkeypatch.setattr(data_module, "LARGEST", 200)
    first = load(FOLDER, 8).fingerprint

    def read(path):
        raise AssertionError(path)

    monkeypatch.setattr("mocolib.data.decode._digest", read)
    assert load(FOLDER, 8).fingerprint == first


def test_runs_are_listed_without_their_images(capsys, here, monkeypatch):
    gone(here, monkeypatch)
    assert cli.main(["runs", "--runs", str(here / "runs")]) == 0
    assert recipe().id in capsys.readouterr().out


def test_an_export_states_the_mean_of_the_runs_own_images(here, monkeypatch):
    """Also where they are gone, or others are called so."""
    run, data = str(here / "runs" / recipe().id), load(FOLDER, 8)
    told = f"mean: [{', '.join(f'{x:.6g}' for x in data.mean.tolist())}], deviation: ["
    for place, change in (("own", None), ("other", elsewhere), ("none", gone)):
        if change:
            change(here, monkeypatch)
        file = here / place / "w.safetensors"
        assert cli.main(["export", run, "--to", "timm", "-o", str(file)]) == 0
        assert told in file.with_name("README.md").read_text()


def test_the_sentence_says_which_run_which_data_and_what_to_do(here, monkeypatch):
    elsewhere(here, monkeypatch)
    run, data = Run(here / "runs" / recipe().id), load(FOLDER, 8)
    with pytest.raises(BadInput) as error:
        check_data(run, data)
    for part in (run.id, FOLDER, data.fingerprint, run.provenance["data"], "--runs"):
        assert part in str(error.value)


@pytest.mark.parametrize("command", ["finetune", "export", "plot"])
def test_a_place_is_checked_before_the_work(capsys, here, monkeypatch, command):
    def work(*_, **__):
        raise AssertionError("the work has begun")

    monkeypatch.setattr("mocolib.cli.weights.load", work)
    monkeypatch.setattr("mocolib.weights.of_run", work)
    monkeypatch.setattr("mocolib.figures.curves", work)
    (here / "taken").touch()
    ending = "png" if command == "plot" else "safetensors"
    more = ["--to", "timm"] if command == "export" else []
    run = str(here / "runs" / recipe().id) if command != "plot" else recipe().id
    words = [command, run, *more, "-o", str(here / "taken" / f"x.{ending}")]
    refused(capsys, words, "output is", "Not a directory")


def test_no_images_are_loaded_for_runs_that_cannot_be_written(
    capsys, here, monkeypatch
):
    monkeypatch.setattr("mocolib.cli.training.load", lambda *_: pytest.fail("loaded"))
    (here / "taken").touch()
    words = ["train", "--runs", str(here / "taken" / "runs"), *flags(recipe())]
    refused(capsys, words, "runs is", "Not a directory")


@pytest.mark.parametrize(
    "words",
    ["train", "sweep lr", "sweep lr --dry-run", "runs", "runs verify", "claims"],
)
def test_a_file_is_no_folder_of_runs(capsys, here, words):
    (here / "README.md").touch()
    place = str(here / "README.md")
    refused(
        capsys, [*words.split(), "--runs", place], f"runs is {place!r}, but must be"
    )
    assert (here / "README.md").read_bytes() == b""


@pytest.mark.parametrize("words", ["runs", "runs verify", "plot x"])
def test_runs_are_not_looked_for_in_a_folder_that_is_not_there(capsys, here, words):
    refused(capsys, [*words.split(), "--runs", "none"], "runs is 'none', but must be")


def test_finetune_goes_through_a_folder_that_is_not_held(capsys, here, monkeypatch):
    run = str(here / "runs" / recipe().id)
    words = ["finetune", run, "--epochs", "2", "--batch-size", "8", "--data", FOLDER]
    assert cli.main(words) == 0
    held = capsys.readouterr().out
    monkeypatch.setattr(data_module, "LARGEST", 200)
    assert cli.main(words) == 0
    assert capsys.readouterr().out == held
    assert "epoch 2" in held
