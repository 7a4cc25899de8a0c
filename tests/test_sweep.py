"""Many runs over real processes: finished once, resumed, reported."""

import random
import signal
import subprocess
import sys
import time

import pytest

from mocolib import runs, sweep
from mocolib.errors import BadInput
from tests.campaign import LONG
from tests.tiny import tiny_sweep

KILLS = 100 if LONG else 5
GRID = """
seed = [0, 1, 2]
base_lr = [1e-3, 4e-3]
patch_projection = ["learned", "fixed"]
"""


@pytest.fixture
def tiny(tmp_path):
    """A sweep of twelve runs of a second each, on a folder of noise."""
    return tiny_sweep(tmp_path, steps=20, grid=GRID)


def tables(root) -> dict:
    return {
        run.id: (run.folder / "steps.parquet").read_bytes()
        for run in runs.all_runs(root)
    }


def test_named_sweeps_can_be_read_and_say_what_they_cost():
    assert "lr" in sweep.names()
    for name in sweep.names():
        plan = sweep.read(name)
        assert plan.recipes
        assert plan.title
        assert plan.core_hours > 0
        assert len({r.id for r in plan.recipes}) == len(plan.recipes)


def test_the_slow_entry_of_the_grid_comes_first(tiny):
    seeds = [recipe.seed for recipe in sweep.read(tiny).recipes]
    assert seeds == sorted(seeds)
    assert len(seeds) == 12


def test_changes_reach_every_run(tiny):
    assert {r.temperature for r in sweep.read(tiny, temperature=0.5).recipes} == {0.5}


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("recipe = 'huge'", "recipe is 'huge'"),
        ("grid = 3", "grid must be a table of lists"),
        ("[grid]\nseed = 3", "grid must be a table of lists"),
        ("[grid]\nsed = [3]", "'sed' is no field"),
        ("colour = 'red'", "unknown entry 'colour'"),
        ("[grid", "cannot be read"),
    ],
)
def test_a_faulty_file_is_one_sentence(tmp_path, text, part):
    file = tmp_path / "bad.toml"
    file.write_text(text)
    with pytest.raises(BadInput, match=part):
        sweep.read(file)


def test_an_unknown_name_lists_the_known():
    with pytest.raises(BadInput, match="must be one of ablations"):
        sweep.read("nothing")


def test_a_finished_run_is_not_trained_again_and_a_failed_one_is_named(tiny, tmp_path):
    root = tmp_path / "runs"
    recipes = sweep.read(tiny).recipes[:2]
    broken = recipes[0].replace(batch_size=5000)
    *_, last = sweep.sweep([*recipes, broken], root, workers=2)
    assert (last.done, last.total) == (2, 3)
    [(id, sentence)] = last.failed
    assert id == broken.id
    assert "batch_size is 5000" in sentence
    before = {run.id: run.folder.stat().st_mtime_ns for run in runs.all_runs(root)}
    *_, last = sweep.sweep(recipes, root, workers=2)
    assert (last.done, last.failed) == (2, ())
    assert before == {
        run.id: run.folder.stat().st_mtime_ns for run in runs.all_runs(root)
    }


def test_killed_at_random_moments_a_sweep_ends_with_the_same_tables(tiny, tmp_path):
    command = [sys.executable, "-m", "mocolib", "sweep", str(tiny), "--workers", "2"]

    def complete(root) -> dict:
        time.sleep(0.5)  # the workers of a killed sweep notice and end
        end = [*command, "--runs", root]
        subprocess.run(end, check=True, stdout=subprocess.DEVNULL)
        return tables(root)

    whole = complete(tmp_path / "whole")
    assert len(whole) == 12
    dice, kills, root, roots = random.Random(0), 0, tmp_path / "0", 1
    while kills < KILLS:
        process = subprocess.Popen(
            [*command, "--runs", root], stdout=subprocess.DEVNULL
        )
        try:
            process.wait(dice.uniform(1, 5))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
        else:  # it got through: look, then kill another one
            assert complete(root) == whole
            root, roots = tmp_path / str(roots), roots + 1
    assert complete(root) == whole
