"""Curves for TensorBoard: what the record says, and where a run goes on."""

import json
import subprocess
import sys

import pytest

from mocolib import __main__ as cli
from mocolib.runs import all_runs
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


def test_the_curves_are_those_of_the_record(tmp_path):
    pytest.importorskip("tensorboard")
    for name in ("left", "right"):
        write_images(tmp_path / "images" / name, 40, "L")
    recipe = tiny(dataset=f"folder:{tmp_path / 'images'}")
    words = ["--runs", str(tmp_path / "runs"), "--device", "cpu", "--tensorboard"]
    assert cli.main(["train", *flags(recipe), *words]) == 0
    (run,) = all_runs(tmp_path / "runs")
    read = [sys.executable, "-c", READ, run.folder / "tensorboard"]
    done = subprocess.run(read, check=True, capture_output=True, text=True)
    curves = json.loads(done.stdout.splitlines()[-1])
    steps, values = zip(*curves["loss"], strict=True)
    assert list(steps) == list(range(1, 13))
    assert list(values) == pytest.approx(run.steps["loss"].tolist())
    assert [step for step, _ in curves["knn"]] == [5, 10, 12]
    assert len(curves["grad_inf/blocks.0.qkv"]) == 12


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
