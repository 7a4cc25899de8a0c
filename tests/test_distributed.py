"""Many processes do what one does; checked with real ones, by torchrun and gloo."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import safetensors.torch
import torch

from mocolib import frameworks
from mocolib.data import load
from mocolib.errors import BadInput
from mocolib.execution import Execution
from mocolib.probe import MEASURES
from mocolib.runs import Run
from mocolib.runs.publish import verify
from mocolib.runs.record import record
from tests import sharded
from tests.ranks import BY_FOUR, CASES, outcome
from tests.tiny import flags, tiny, write_images

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone"]


def start(count: int, *words, **options):
    command = [*TORCHRUN, f"--nproc-per-node={count}", "-m", *map(str, words)]
    return subprocess.Popen(command, **options)


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """Where the outcomes over 2 and over 4 processes lie."""
    folder = tmp_path_factory.mktemp("ranks")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with start(4, "tests.ranks", folder, port) as process:
        assert process.wait() == 0
    return folder


@pytest.mark.parametrize("name", CASES)
def test_processes_take_the_steps_of_one(together, name):
    """Losses, readings, weights, moments and queue; in fp32 losses and weights."""
    alone = outcome(name)
    for count in (4, 2) if name in BY_FOUR else (2,):
        file = together / str(count) / f"{name}.safetensors"
        tensors = safetensors.torch.load_file(file)
        assert tensors.keys() == alone.keys()
        for key, value in alone.items():
            if name == "fp32" and not key.startswith(("losses", "model")):
                continue
            torch.testing.assert_close(
                tensors[key], value, rtol=1e-5, atol=1e-5, msg=lambda m, k=key: k + m
            )


@pytest.mark.parametrize("wrap", sharded.WRAPS)
def test_each_process_probes_whole_layers(together, wrap):
    """Of a network in pieces: the numbers of one that is whole, under its names."""
    alone = sharded.tables()
    for process in (0, 1):
        told = json.loads((together / "2" / f"{wrap}.{process}.json").read_text())
        for step, (one, other) in enumerate(zip(alone, told, strict=True)):
            for measure in MEASURES:
                assert list(one[measure]) == list(other[measure])
                for layer, value in one[measure].items():
                    expected = pytest.approx(value, rel=1e-9, nan_ok=True)
                    assert other[measure][layer] == expected, (step, measure, layer)


def test_what_cannot_be_shared_is_one_sentence(monkeypatch):
    monkeypatch.setattr("mocolib.execution.distributed.world_size", lambda: 3)
    with pytest.raises(BadInput, match="batch_size is 16, but must be a multiple of"):
        Execution(device="cpu").check(tiny())
    with pytest.raises(BadInput, match="framework is 'moco_v1', but must be one of"):
        frameworks.check(tiny(framework="moco_v1"), Execution(device="cpu"))


# ---- a process that dies


def children(pid: int) -> list[int]:
    return [
        int(child)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture
def images(tmp_path):
    for name in ("left", "right"):
        write_images(tmp_path / "images" / name, 40, "L")
    return tmp_path / "images"


def test_a_killed_process_ends_the_others_and_the_run_goes_on(tmp_path, images):
    """Begun by one process, continued by two, one of them killed, ended by one."""
    changes = dict(steps=60, knn_every=0, head_norm="none")
    recipe = tiny(dataset=f"folder:{images}", **changes)
    data = load(recipe.dataset, recipe.image_size)
    double = Execution(device="cpu", precision="fp64")
    unbroken = [s.loss for s in record(recipe, data, tmp_path / "one", 1, double)]

    root = tmp_path / "many"
    begun = record(recipe, data, root, 1, double)
    for _ in range(27):
        next(begun)
    begun.close()
    words = ["mocolib", "train", *flags(recipe), "--runs", root, "--device", "cpu"]
    words += ["--precision", "fp64", "--timeout", "60"]
    lines = root / recipe.id / "steps.jsonl"
    with start(2, *words, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_for(lambda: lines.read_bytes().count(b"\n") >= 30)
            os.kill(children(process.pid)[1], signal.SIGKILL)
            _, told = process.communicate(timeout=120)
        finally:
            process.terminate()  # where the test has failed
    assert process.returncode != 0
    assert told.count("mocolib: another process of this run has ended;") == 1
    assert told.count("Traceback") <= 1  # torchrun's own

    for _ in record(recipe, data, root, 1, double):
        pass
    run = Run(root / recipe.id)
    assert verify(run) == []
    assert run.steps["loss"].tolist() == pytest.approx(unbroken, abs=1e-5)
    assert [c["processes"] for c in run.provenance["continued"]] == [2, 1]
    assert {c["step"] for c in run.provenance["continued"]} == {25}
