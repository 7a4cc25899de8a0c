"""The same sweep as a job array: submitit's own processes stand for Slurm's here."""

import functools

import psutil
import pytest

from mocolib import __main__ as cli
from mocolib import runs, sweep
from mocolib.errors import BadInput
from mocolib.sweep import slurm
from tests.test_sweep import alone, tables
from tests.tiny import tiny_sweep


@pytest.fixture(autouse=True)
def looked_often(monkeypatch):
    monkeypatch.setattr(slurm, "EVERY", 0.2)


@pytest.fixture
def tiny(tmp_path):
    return tiny_sweep(tmp_path, steps=20, grid="seed = [0, 1]")


def by_tasks(wanted, root, partition="local", **many):
    """`sweep.sweep` on Slurm, or on what stands for it."""
    backend = functools.partial(slurm.train, partition)
    return sweep.sweep(wanted, root, backend=backend, **many)


def test_a_sweep_by_tasks_is_the_same_sweep(tiny, tmp_path, capsys):
    """What a task cannot train is named, the rest goes on; nothing is done twice."""
    root = tmp_path / "array"
    wanted = sweep.read(tiny).recipes
    lost = wanted[0].replace(dataset=f"folder:{tmp_path / 'nowhere'}")
    *_, last = by_tasks([*wanted, lost], root)
    assert (last.done, last.running, last.total) == (2, 0, 3)
    ((id, reason),) = last.failed
    assert (id, reason.count("\n")) == (lost.id, 0)
    assert "nowhere" in reason
    assert tables(root) == alone(wanted, tmp_path / "alone")
    assert len(runs.all_runs(root)) == 2
    written = {file: file.stat().st_mtime_ns for file in root.glob("*/*")}
    words = ["sweep", str(tiny), "--slurm", "local", "--runs", str(root)]
    assert cli.main(words) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert "2 of 2 done, 0 running, 0 failed" in said.out
    assert written == {file: file.stat().st_mtime_ns for file in root.glob("*/*")}


def test_a_task_that_died_is_named(tmp_path):
    wanted = sweep.read(tiny_sweep(tmp_path, steps=100_000, grid="seed = [0]")).recipes
    under_way = by_tasks(wanted, tmp_path / "array")
    for _ in under_way:
        children = psutil.Process().children(recursive=True)
        tasks = [p for p in children if "submitit.core._submit" in p.cmdline()]
        if tasks:
            break
    tasks[0].kill()
    *_, last = under_way
    assert last.failed == ((wanted[0].id, slurm.DIED),)


def test_without_slurm_it_says_so(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BadInput, match=r"^slurm is 'gpu', but must be local, or a"):
        list(by_tasks(sweep.read(tiny).recipes, tmp_path / "array", "gpu"))


def test_what_slurm_refuses_is_one_sentence(tiny, tmp_path, monkeypatch):
    for name in ("srun", "sbatch"):
        command = tmp_path / "bin" / name
        command.parent.mkdir(exist_ok=True)
        command.write_text(
            "#!/bin/sh\necho 'invalid partition specified' >&2\nexit 1\n"
        )
        command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    with pytest.raises(BadInput, match=r"^slurm is 'gpu', but .* invalid partition"):
        list(by_tasks(sweep.read(tiny).recipes, tmp_path / "array", "gpu"))


def test_one_worker_is_one_at_a_time(tiny, tmp_path):
    recipes = sweep.read(tiny, steps=100).recipes
    under_way = by_tasks(recipes, tmp_path / "array", workers=1)
    most = 0
    for now in under_way:
        assert not now.failed
        begun = {f.parent for f in (tmp_path / "array").glob("*/steps.jsonl")}
        ended = {f.parent for f in (tmp_path / "array").glob("*/end.json")}
        most = max(most, now.running, len(begun - ended))
    assert (now.done, most) == (2, 1)
