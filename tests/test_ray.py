"""The same sweep on a Ray cluster: one of two workers here, one of them killed."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mocolib import runs, sweep
from mocolib.sweep import ray as cluster
from tests.campaign import LONG
from tests.test_sweep import alone, tables
from tests.tiny import tiny_sweep

SWEEP = [sys.executable, "-m", "mocolib", "sweep"]


@pytest.fixture
def tiny(tmp_path):
    return tiny_sweep(tmp_path, steps=60, grid="seed = [0, 1, 2]")


def writer(folder: Path) -> int | None:
    """The process that has a step table under `folder` open, behind its first steps."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it may end while it is looked at
            for link in (process / "fd").iterdir():
                target = Path(os.readlink(link))
                under = target.name == "steps.jsonl" and folder in target.parents
                if under and target.read_bytes().count(b"\n") > 5:
                    return int(process.name)
    return None


def wait_for_a_victim(process, root: Path) -> int:
    end = time.monotonic() + 180
    while (victim := writer(root)) is None:
        if process.poll() is not None:
            told = process.communicate()[1]
            assert told.count("\n") == 1, told
            # Ray gives itself 30 seconds, which a busy machine may not have
            assert "timed out during startup" in told
            pytest.skip("Ray had no time to start")
        assert time.monotonic() < end
        time.sleep(0.05)
    return victim


def test_a_killed_worker_loses_nothing(tiny, tmp_path, monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.setenv("RAY_worker_niceness", "0")  # or a busy machine starves them
    root = tmp_path / "cluster"
    command = [*SWEEP, str(tiny), "--ray", "local", "--workers", "2", "--runs", root]
    pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with subprocess.Popen(command, **pipes) as process:
        try:
            os.kill(wait_for_a_victim(process, root), signal.SIGKILL)
            said, told = process.communicate(timeout=180)
        finally:
            process.terminate()  # where the test has failed
    assert (process.returncode, told) == (0, "")
    assert "3 of 3 done, 0 running, 0 failed" in said
    assert tables(root) == alone(sweep.read(tiny).recipes, tmp_path / "alone")
    assert len(runs.all_runs(root)) == 3


@pytest.fixture
def mute():
    """The address of something that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


# half a minute of waiting: the long form has it
MUTE = ["mute"] if LONG else []


@pytest.mark.parametrize("where", ["nowhere", "127.0.0.1:9", *MUTE])
def test_a_cluster_that_does_not_answer_is_one_sentence(tiny, tmp_path, mute, where):
    pytest.importorskip("ray")
    address = mute if where == "mute" else where
    command = [*SWEEP, str(tiny), "--ray", address, "--runs", tmp_path / "runs"]
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, timeout=180)
    patience = time.monotonic() - began
    assert done.returncode == 2, done
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"mocolib: ray is {address!r}, but must be local, auto or")
    assert patience < cluster.PATIENCE + 60  # and the start of a busy interpreter
