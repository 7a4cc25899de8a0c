"""Curves for TensorBoard: what the record says, and where a run goes on."""

import json
import subprocess
import sys

import pytest

from mocolib import __main__ as cli
from mocolib.cli import training
from mocolib.runs import all_runs
from mocolib.runs.record import record
from tests.tiny import flags, tiny, write_images

READ = """
import json, sys, warnings
warnings.simplefilter("ignore")
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1])
events.Reload()
names = ("loss", "grad_inf/blocks.0.qkv", "knn")
print(json.dumps({n: [(e.step, e.value) for e in events.Scalars(n)] for n in names}))
"""


@pytest.fixture
def words(tmp_path) -> list[str]:
    """What is typed for a run of twelve steps, its curves to be shown."""
    pytest.importorskip("tensorboard")
    for name in ("left", "right"):
        write_images(tmp_path / "images" / name, 40, "L")
    recipe = tiny(dataset=f"folder:{tmp_path / 'images'}")
    return ["train", *flags(recipe), "--runs", str(tmp_path / "runs")]


def check(tmp_path):
    """Every point of the record is there, once."""
    (run,) = all_runs(tmp_path / "runs")
    read = [sys.executable, "-c", READ, run.folder / "tensorboard"]
    done = subprocess.run(read, check=True, capture_output=True, text=True)
    curves = json.loads(done.stdout.splitlines()[-1])
    steps, values = zip(*curves["loss"], strict=True)
    assert list(steps) == list(range(1, 13))
    assert list(values) == pytest.approx(run.steps["loss"].tolist())
    assert [step for step, _ in curves["knn"]] == [5, 10, 12]
    assert len(curves["grad_inf/blocks.0.qkv"]) == 12


def test_the_curves_are_those_of_the_record(tmp_path, words):
    assert cli.main([*words, "--tensorboard"]) == 0
    check(tmp_path)


def test_points_that_a_kill_took_are_there_again_once(tmp_path, words, monkeypatch):
    """Before the last step, and before a run's end: what was not flushed is lost."""
    for end in (7, 12):
        with monkeypatch.context() as patch:
            patch.setattr(training, "record", until(end))
            with pytest.raises(SystemError):
                cli_train(words)
        events = sorted((tmp_path / "runs").glob("*/tensorboard/events*"))[-1]
        events.write_bytes(events.read_bytes()[:-40])
    assert cli.main([*words, "--tensorboard"]) == 0
    check(tmp_path)


def until(end: int):
    def steps(*given):
        for step in record(*given):
            yield step
            if step.index == end:
                raise SystemError

    return steps


def cli_train(words):
    """Without what turns an exception into a sentence."""
    options = cli._parser().parse_args([*words, "--tensorboard"])
    return options.run(options)


def test_a_finished_run_is_shown_as_well(tmp_path, words):
    assert cli.main(words) == 0
    for _ in range(2):
        assert cli.main([*words, "--tensorboard"]) == 0
        check(tmp_path)


def test_without_tensorboard_there_is_one_sentence(tmp_path):
    block = "import sys; sys.modules['tensorboard'] = None; sys.argv[0] = 'mocolib'; "
    run = "from mocolib.__main__ import main; sys.exit(main(sys.argv[1:]))"
    words = ["train", "--runs", str(tmp_path), "--device", "cpu", "--tensorboard"]
    done = subprocess.run(
        [sys.executable, "-c", block + run, *words], capture_output=True, text=True
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("mocolib: tensorboard is asked for, but must be installed")
