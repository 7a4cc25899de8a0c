"""Many runs over real processes: finished once, resumed, reported."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from mocolib import __main__ as cli
from mocolib import runs, sweep
from mocolib.cli import training
from mocolib.data import load
from mocolib.errors import BadInput
from mocolib.runs.record import is_trained, record
from mocolib.sweep.worker import train_one
from tests.campaign import LONG
from tests.planted import plant, shaking
from tests.tiny import tiny_sweep, write_images
from tools import ROOT

KILLS = 100 if LONG else 2
PAIR = "base_lr = [1e-3, 4e-3]\n"
GRID = """
seed = [0, 1, 2]
base_lr = [1e-3, 4e-3]
patch_projection = ["learned", "fixed"]
"""


@pytest.fixture
def tiny(tmp_path):
    """A sweep of twelve runs of a second each, on a folder of noise."""
    return tiny_sweep(tmp_path, steps=20, grid=GRID)


def alone(recipes, root) -> dict:
    """The tables of runs that this process has trained, one behind the other."""
    for recipe in recipes:
        train_one(recipe.to_json(), root, threads=1)
    return tables(root)


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


def test_a_run_that_another_sweep_trains_has_not_failed(capsys, tiny, tmp_path):
    """It is left to that one; what that one has done by then is done."""
    root, (one, two, three) = tmp_path / "runs", sweep.read(tiny).recipes[:3]
    data = load(one.dataset, one.image_size)
    theirs = record(one, data, root)
    next(theirs)

    def refused(missing, *_):
        list(record(two, data, root))
        for recipe in missing:
            yield "failed", recipe.id, "run x is being trained by another process."

    *_, last = sweep.sweep([one, two, three], root, backend=refused)
    assert (last.done, last.elsewhere) == (1, (one.id,))
    assert [id for id, _ in last.failed] == [three.id]
    many = sweep.sweep([one, two], root, workers=1)
    assert training._under_way(many) == 0
    told = capsys.readouterr().out.splitlines()[-1]
    assert told == f"1 of them another process trains: {one.id}."
    theirs.close()
    assert not is_trained(root / one.id)


LOUD = """
import os, warnings
print("a library says hello", flush=True)
os.write(1, b'["done", null]\\n{"done": true}\\n\\xff\\x00')
warnings.warn("and warns")
"""


def test_a_worker_may_print_anything(tmp_path, monkeypatch, capfd):
    """As MKL_VERBOSE=1 does, and C libraries: none of it is taken for an answer."""
    file = tiny_sweep(tmp_path, steps=4, grid="seed = [0, 1]")
    (tmp_path / "loud").mkdir()
    (tmp_path / "loud" / "sitecustomize.py").write_text(LOUD)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'loud'}{os.pathsep}{ROOT}")
    monkeypatch.setenv("MKL_VERBOSE", "1")
    *_, last = sweep.sweep(sweep.read(file).recipes, tmp_path / "runs", workers=1)
    assert (last.done, last.running, last.failed) == (2, 0, ())
    said = capfd.readouterr()
    assert said.out == ""
    assert "a library says hello" in said.err


def test_a_worker_that_dies_is_named_and_replaced(tmp_path, monkeypatch):
    file = tiny_sweep(tmp_path, steps=4, grid="seed = [0, 1]")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "sitecustomize.py").write_text("import os; os._exit(7)")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'broken'}{os.pathsep}{ROOT}")
    wanted = sweep.read(file).recipes
    *_, last = sweep.sweep(wanted, tmp_path / "runs", workers=1)
    reason = "its process ended with status 7"
    assert last.failed == tuple((recipe.id, reason) for recipe in wanted)


# ---- what is checked before the first worker starts


def typed(capsys, *words) -> tuple:
    code = cli.main(["sweep", *map(str, words)])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--dataset", "folder:nowhere"], "dataset is 'folder:nowhere'"),
        (["--batch-size", "500"], "batch_size is 500, but must be at most 66"),
        (["--seeds", "4"], "seeds is 4, but must be 1 to 3"),
        (
            ["--seeds", "2", "--seed", "5"],
            "seeds is 2, but must be left out where seed",
        ),
        (["--workers", "abc"], "workers is 'abc'"),
    ],
)
def test_what_no_run_can_do_is_one_sentence(
    capsys, tiny, tmp_path, dry, words, sentence
):
    root = tmp_path / "runs"
    code, _, err = typed(capsys, tiny, "--runs", root, *words, *dry)
    assert code == 2
    (line,) = err.splitlines()
    assert sentence in line
    assert not root.exists()


def test_no_sweep_of_ours_asks_for_what_only_we_have_without_a_sentence(capsys):
    for name in sweep.names():
        code, _, err = typed(capsys, name, "--dry-run")
        assert code == 0 or err.count("\n") == 1, name


def test_other_images_may_ask_for_smaller_batches(capsys, tiny, tmp_path):
    """One sentence says by how much; a batch that was typed is not touched."""
    write_images(tmp_path / "few" / "a", 6, "L")
    write_images(tmp_path / "few" / "b", 6, "L")
    where = ["--dataset", f"folder:{tmp_path / 'few'}", "--runs", tmp_path, "--dry-run"]
    code, said, _ = typed(capsys, tiny, *where)
    assert code == 0
    assert "10 training images: batches are divided by 2, 16 becomes 8" in said
    assert said.count("batch_size=8") == 12
    code, _, err = typed(capsys, tiny, *where, "--batch-size", "16")
    assert code == 2
    assert "at most 10" in err


def test_seeds_are_the_first_of_the_grid_and_hours_follow(tiny):
    text = tiny.read_text()
    tiny.write_text("core_hours = 6\n" + text)
    plan = sweep.read(tiny, seeds=2)
    assert {recipe.seed for recipe in plan.recipes} == {0, 1}
    assert plan.core_hours == 4
    assert sweep.read(tiny, seeds=2, steps=40).core_hours == 8


def test_a_sweep_says_where_and_how_long(capsys, tiny, tmp_path):
    tiny.write_text("core_hours = 6\n" + tiny.read_text())
    code, said, _ = typed(capsys, tiny, "--runs", tmp_path / "mine", "--dry-run")
    assert code == 0
    assert f"12 runs, kept in {tmp_path / 'mine'}" in said
    assert "12 to train, about 6 core-hours" in said


def test_the_few_runs_of_a_small_sweep_are_drawn_at_its_end(capsys, tmp_path):
    plan, root = tiny_sweep(tmp_path, steps=8, grid=PAIR), tmp_path / "own"
    code, said, _ = typed(capsys, plan, "--runs", root, "--workers", "1")
    picture = root / f"{plan.stem}.svg"
    assert (code, said.splitlines()[-1]) == (0, str(picture))
    drawn = picture.read_text()
    assert "kNN" in drawn
    assert len(runs.all_runs(root)) == 2  # it is none of them


def test_killed_at_random_moments_a_sweep_ends_with_the_same_tables(tiny, tmp_path):
    command = [sys.executable, "-m", "mocolib", "sweep", str(tiny), "--workers", "2"]

    def complete(root) -> dict:
        time.sleep(0.5)  # the workers of a killed sweep notice and end
        end = [*command, "--runs", root]
        subprocess.run(end, check=True, stdout=subprocess.DEVNULL)
        return tables(root)

    def written(root) -> int:
        return sum(file.stat().st_size for file in root.glob("*/steps.*"))

    whole = alone(sweep.read(tiny).recipes, tmp_path / "whole")
    assert len(whole) == 12
    dice, kills, root, roots = random.Random(0), 0, tmp_path / "0", 1
    while kills < KILLS:
        before = written(root)
        process = subprocess.Popen(
            [*command, "--runs", root], stdout=subprocess.DEVNULL
        )
        # few kills are for what is being trained, many for the start as well
        while not LONG and written(root) == before and process.poll() is None:
            time.sleep(0.02)
        try:
            process.wait(dice.uniform(1, 5) if LONG else dice.uniform(0, 1))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
        else:  # it got through: look, then kill another one
            assert complete(root) == whole
            root, roots = tmp_path / str(roots), roots + 1
    assert complete(root) == whole


def test_recorded_runs_are_found_once_by_several_names_and_settings(tmp_path):
    recipes = sweep.read("lr").recipes[:4]
    for recipe in recipes:
        settings = {**vars(recipe), "steps": 400}
        plant(tmp_path, shaking(0.001, 0, 80), **settings)
    both = sweep.recorded("lr", "remedies", root=tmp_path)
    assert [run.id for run in both] == [recipe.id for recipe in recipes]
    fixed = sweep.recorded("lr", root=tmp_path, patch_projection="fixed")
    assert {run.recipe.patch_projection for run in fixed} == {"fixed"}
    assert len(fixed) < len(both)
    rates = tuple({run.recipe.base_lr for run in fixed})
    assert sweep.recorded("lr", root=tmp_path, base_lr=rates) == both
    with pytest.raises(BadInput, match=r"^setting is 'rate', but must be a field"):
        sweep.recorded("lr", root=tmp_path, rate=0.1)


def test_runs_of_other_seeds_are_a_sweeps_all_the_same(tmp_path):
    recipe = sweep.read("lr").recipes[0]
    for changes in ({"seed": 99}, {"seed": 99, "width": 64}):
        plant(tmp_path, shaking(0.001, 0, 80), **{**vars(recipe), **changes})
    assert [run.recipe.seed for run in sweep.alike("lr", tmp_path)] == [99]
    assert sweep.recorded("lr", root=tmp_path) == []
