"""The command line: exit codes, one sentence for bad input, no traceback."""

import functools
import signal
import subprocess
import sys
import time

import pytest

from mocolib import __main__ as cli
from mocolib import files, runs
from mocolib.data import load
from mocolib.presets import NAMED
from mocolib.recipe import FIELDS, Recipe, from_file
from mocolib.runs import record as recorder
from mocolib.runs import step_table
from mocolib.runs.record import record
from tests.planted import plant, shaking
from tests.tiny import flags, tiny, write_images

MODULE = [sys.executable, "-m", "mocolib"]


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """A folder of three classes, as a reader would have it."""
    folder = tmp_path_factory.mktemp("images")
    for i, name in enumerate(("ant", "bee", "cow")):
        write_images(folder / name, 16, seed=i)
    return folder


def typed(images, **changes) -> list[str]:
    return flags(tiny(dataset=f"folder:{images}", **changes))


def one_sentence(text: str) -> str:
    (line,) = text.splitlines()
    assert line.startswith("mocolib: ")
    assert line.endswith(".")
    return line


# ---- real processes


def run(*arguments, **options):
    return subprocess.run(
        [*MODULE, *arguments], capture_output=True, text=True, **options
    )


def test_train_list_and_plot(tmp_path, images):
    """A first session: each command ends with 0 and says what it did."""
    trained = run("train", "--runs", "runs", *typed(images), cwd=tmp_path)
    assert trained.returncode == 0, trained.stderr
    assert "loss" in trained.stderr  # the progress bar
    (folder,) = (tmp_path / "runs").iterdir()
    assert trained.stdout.startswith(folder.name)
    assert "linear probe" in trained.stdout
    shown = run("plot", folder.name[:5], "-o", "c.png", "--runs", "runs", cwd=tmp_path)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")


def test_bad_input_is_one_line(tmp_path):
    done = run("train", "--dataset", "folder:nowhere", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    one_sentence(done.stderr)


@pytest.fixture
def running(tmp_path, images):
    """A real training under way, its folder, and how it was called."""
    arguments = ["train", "--runs", str(tmp_path), *typed(images, steps=10**6)]
    pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    # tests that were started in the background would hand down a deaf ear for Ctrl-C
    listen = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen([*MODULE, *arguments], preexec_fn=listen, **pipes)
    deadline = time.monotonic() + 60
    table = "*/steps.jsonl"
    while not any(file.stat().st_size for file in tmp_path.glob(table)):
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield process, arguments
    process.kill()
    process.communicate()


def test_control_c_leaves_a_run_that_goes_on(tmp_path, running, capsys):
    process, arguments = running
    assert cli.main(arguments) == 2  # a second trainer is refused
    assert "another process" in capsys.readouterr().err.splitlines()[-1]
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    last = said.splitlines()[-1]
    assert last == "mocolib: stopped; the same command continues the run."
    assert "Traceback" not in said
    (stopped,) = runs.all_runs(tmp_path)
    done = len(stopped.steps)
    assert done > 0
    assert cli.main(["runs", "--runs", str(tmp_path)]) == 0
    assert f"unfinished, {done} of 1000000 steps" in capsys.readouterr().out
    data = load(stopped.recipe.dataset, stopped.recipe.image_size)
    going_on = record(stopped.recipe, data, tmp_path)
    assert next(going_on).index == done + 1
    going_on.close()


# ---- every flag and every fault, without the start of a process


TOGETHER = dict(  # what has to fit the rest
    **dict(dataset="cifar10", image_size=32, patch_size=8, width=96, heads=4),
    **dict(frozen="blocks.0", framework="moco_v1", batch_size=512, bn_groups=8),
)
NO_ROOM = (  # for another value beside those
    *("backbone", "patch_projection_start", "loss_factor"),
    *("prototypes", "teacher_temperature"),
)


def another(field):
    """A value that the field accepts, and that is not its default."""
    default, choices = field.default, field.metadata["choices"]
    if choices:
        return next(choice for choice in choices if choice != default)
    if field.type is bool:
        return not default
    return default + 1 if field.type is int else default / 2 or 0.5


def test_any_field_is_a_flag(capsys, tmp_path):
    """`info` prints what it understood, as a file that gives the recipe back."""
    rest = FIELDS.keys() - {*TOGETHER, *NO_ROOM}
    changes = TOGETHER | {name: another(FIELDS[name]) for name in rest}
    assert Recipe(**changes).changed() == changes
    wanted = Recipe(**changes)
    assert cli.main(["info", *flags(wanted)]) == 0
    file = tmp_path / "r.toml"
    file.write_text(capsys.readouterr().out)
    assert from_file(file) == wanted
    assert cli.main(["info", str(file), "--seed", "6"]) == 0
    assert f"# id {wanted.replace(seed=6).id}" in capsys.readouterr().out


@pytest.mark.parametrize("name", NAMED)
def test_info_knows_the_named_recipes(capsys, name):
    assert cli.main(["info", name]) == 0
    assert f"# id {NAMED[name].id}" in capsys.readouterr().out


def test_help_names_every_field_and_its_range(capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["train", "--help"])
    assert stopped.value.code == 0
    said = capsys.readouterr().out
    assert all(f"--{name.replace('_', '-')}" in said for name in FIELDS)


BAD = {
    "no command": ([], "command"),
    "unknown command": (["fly"], "fly"),
    "unknown flag": (["train", "--speed", "3"], "--speed"),
    "flag without a value": (["train", "--seed"], "--seed"),
    "not a number": (["train", "--base-lr", "fast"], "base_lr is 'fast'"),
    "not finite": (["info", "--base-lr", "nan"], "base_lr is nan"),
    "out of range": (["info", "--beta2", "1"], "beta2 is 1.0"),
    "no such choice": (["info", "--pool", "max"], "class_token, average"),
    "two that don't fit": (["info", "--patch-size", "5"], "divide image_size"),
    "unknown recipe": (["info", "huge"], ", ".join(NAMED)),
    "missing file": (["info", "none.toml"], "none.toml"),
    "unknown data": (["train", "--dataset", "imagenet"], "folder:PATH"),
    "no threads": (["train", "--threads", "0"], "threads is '0'"),
    "threads in words": (["train", "--threads", "two"], "1 to 1024"),
    "no such run": (["plot", "abc"], "'abc'"),
    "list of no such run": (["runs", "list", "abc"], "'abc'"),
    "batch too large": (["train", "--batch-size", "50000"], "batch_size is 50000"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_sentence(capsys, tmp_path, monkeypatch, case):
    monkeypatch.chdir(tmp_path)
    arguments, words = BAD[case]
    assert cli.main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    # a progress bar may stand before the sentence
    assert words in one_sentence(said.err.splitlines()[-1] + "\n")


@pytest.mark.parametrize("name", FIELDS)
def test_a_bad_value_names_its_field(capsys, name):
    assert cli.main(["info", f"--{name.replace('_', '-')}", ""]) == 2
    assert f"{name} is ''" in one_sentence(capsys.readouterr().err)


def test_a_folder_that_cannot_be_written_is_one_sentence(capsys, tmp_path, images):
    (tmp_path / "file").write_text("not a folder")
    arguments = ["train", "--runs", str(tmp_path / "file"), *typed(images)]
    assert cli.main(arguments) == 2
    last = one_sentence(capsys.readouterr().err.splitlines()[-1])
    assert str(tmp_path / "file") in last
    assert "None" not in last


def test_a_full_disk_is_one_sentence(capsys, tmp_path, images, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    assert cli.main(["train", "--runs", str(tmp_path), *typed(images)]) == 2
    last = one_sentence(capsys.readouterr().err.splitlines()[-1])
    assert "No space left on device" in last
    assert "None" not in last


def test_a_finished_run_is_not_trained_again(capsys, tmp_path, images, monkeypatch):
    arguments = ["train", "--runs", str(tmp_path), *typed(images)]
    assert cli.main(arguments) == 0
    first = capsys.readouterr().out
    monkeypatch.setattr(recorder, "train", None)
    assert cli.main(arguments) == 0
    again = capsys.readouterr()
    assert (again.out, again.err) == (first, "")


def test_a_run_is_shown_by_the_beginning_of_its_id(capsys, tmp_path, images):
    where = ["--runs", str(tmp_path)]
    assert cli.main(["train", *where, *typed(images)]) == 0
    [run] = runs.all_runs(tmp_path)
    for words in (["show", run.id[:4]], [run.id[:4]]):
        capsys.readouterr()
        assert cli.main(["runs", *words, *where]) == 0
        assert run.id in capsys.readouterr().out
    assert cli.main(["runs", "show", *where]) == 0
    assert "base_lr = " in capsys.readouterr().out


def test_runs_are_listed_verified_and_faults_counted(capsys, tmp_path, images):
    where = ["--runs", str(tmp_path)]
    assert cli.main(["runs", *where]) == 0
    assert "no runs" in capsys.readouterr().out
    assert cli.main(["train", *where, *typed(images)]) == 0
    line = capsys.readouterr().out
    assert cli.main(["runs", *where]) == 0
    assert capsys.readouterr().out == line
    assert cli.main(["runs", "verify", *where]) == 0
    assert "1 runs, 0 faults." in capsys.readouterr().out
    next(tmp_path.glob("*/steps.parquet")).unlink()
    assert cli.main(["runs", "verify", *where]) == 1
    assert "1 runs, 1 faults." in capsys.readouterr().out


def test_an_unknown_kind_of_picture_is_one_sentence(capsys, tmp_path, images):
    where = ["--runs", str(tmp_path)]
    assert cli.main(["train", *where, *typed(images)]) == 0
    capsys.readouterr()
    assert cli.main(["plot", "", *where, "-o", str(tmp_path / "c.xyz")]) == 2
    said = one_sentence(capsys.readouterr().err)
    assert "c.xyz" in said
    assert "png" in said
    assert not (tmp_path / "c.xyz").exists()


@pytest.mark.parametrize("name", ["new/dir/c.png", "c.PNG", "c.Svg", "c.pdf"])
def test_a_picture_is_made_where_it_was_asked_for(tmp_path, drawn, name):
    assert cli.main([*drawn, "-o", str(tmp_path / name)]) == 0
    assert (tmp_path / name).stat().st_size > 1000


@pytest.fixture
def drawn(tmp_path) -> list[str]:
    run = plant(tmp_path / "runs", shaking(0, 0))
    return ["plot", run.id, "--runs", str(tmp_path / "runs")]


def test_no_picture_is_made_by_a_program_that_is_not_here(capsys, tmp_path, drawn):
    assert cli.main([*drawn, "-o", str(tmp_path / "c.pgf")]) == 2
    said = one_sentence(capsys.readouterr().err)
    assert "c.pgf" in said
    assert " pgf" not in said


def test_an_empty_folder_of_runs_is_the_usual_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MOCOLIB_RUNS", "")
    assert str(runs.default_root()) == "runs"


WORLDS = {
    "words": (dict(WORLD_SIZE="two"), "WORLD_SIZE is 'two', but must be a number"),
    "a negative": (dict(WORLD_SIZE="-1"), "WORLD_SIZE is '-1'"),
    "a cluster's": (dict(WORLD_SIZE="2"), "must come with RANK, MASTER_ADDR"),
    "no rank": (
        dict(WORLD_SIZE="2", RANK="x", MASTER_ADDR="here", MASTER_PORT="1"),
        "RANK is 'x'",
    ),
    "no such rank": (
        dict(WORLD_SIZE="2", RANK="2", MASTER_ADDR="here", MASTER_PORT="1"),
        "RANK is 2, but must be below WORLD_SIZE, 2",
    ),
}


@pytest.mark.parametrize("kind", WORLDS)
def test_an_environment_of_half_a_torchrun_is_one_sentence(
    capsys, tmp_path, images, monkeypatch, kind
):
    given, words = WORLDS[kind]
    for name in ("WORLD_SIZE", "RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert cli.main(["train", "--runs", str(tmp_path), *typed(images)]) == 2
    assert words in one_sentence(capsys.readouterr().err)


def test_an_empty_world_is_of_one_process(capsys, tmp_path, images, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "")
    assert cli.main(["train", "--runs", str(tmp_path), *typed(images)]) == 0


def stopped(tmp_path, images):
    """A run of which seven steps are recorded, and the words that go on with it."""
    recipe = tiny(dataset=f"folder:{images}")
    going = record(recipe, load(recipe.dataset, 8), tmp_path)
    for _ in range(7):
        next(going)
    going.close()
    return tmp_path / recipe.id, ["train", "--runs", str(tmp_path), *typed(images)]


@pytest.mark.parametrize(
    "line", [b'{"step": 3, "lo', b"[]", b"3", b"{}", b'{"step": 4}']
)
def test_a_damaged_line_is_said_before_the_work(
    capsys, tmp_path, images, monkeypatch, line
):
    folder, words = stopped(tmp_path, images)
    lines = (folder / "steps.jsonl").read_bytes().splitlines()
    lines[2] = line
    (folder / "steps.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    monkeypatch.setattr(recorder, "train", None)
    assert cli.main(words) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert "steps.jsonl cannot be read: line 3 is no record of step 3" in said


def test_a_full_disk_names_the_file_of_steps(capsys, tmp_path, images, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(step_table.StepTable, "append", full)
    assert cli.main(["train", "--runs", str(tmp_path), *typed(images)]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.endswith("steps.jsonl: No space left on device.")


@pytest.mark.parametrize("command", ["publish", "show", "list"])
def test_a_run_is_named_once_in_a_sentence(capsys, tmp_path, images, command):
    folder, _ = stopped(tmp_path / "runs", images)
    if command != "publish":
        (folder / "recipe.json").write_text("{")
    where = ["--runs", str(tmp_path / "runs")]
    to = ["--to", str(tmp_path / "public")] if command == "publish" else []
    assert cli.main(["runs", command, folder.name, *where, *to]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(f"mocolib: run {folder.name}")
    assert said.count(f"run {folder.name}") == 1


def test_another_recipe_in_a_finished_runs_folder_is_one_sentence(
    capsys, tmp_path, images
):
    words = ["train", "--runs", str(tmp_path), *typed(images)]
    assert cli.main(words) == 0
    [run] = runs.all_runs(tmp_path)
    (run.folder / "recipe.json").write_text(run.recipe.replace(seed=5).to_json())
    assert cli.main(words) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert f"run {run.id} has the recipe of {run.recipe.replace(seed=5).id}" in said


def test_a_diverged_run_ends_with_1(capsys, tmp_path, images):
    changes = dict(optimizer="sgd", base_lr=1e4, head_norm="none", weight_decay=100.0)
    changes |= dict(steps=200, warmup_steps=0, momentum=0.0)
    arguments = ["train", "--runs", str(tmp_path), *typed(images, **changes)]
    assert cli.main(arguments) == 1
    assert "diverged at step" in capsys.readouterr().out
    assert cli.main(["runs", "verify", "--runs", str(tmp_path)]) == 0
