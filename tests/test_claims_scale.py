"""C22 on runs whose critical rates are planted: the plane, corners, what lies far."""

import numpy as np
import pandas as pd
import pytest

from mocolib import sweep
from mocolib.claims import CLAIMS, scale
from mocolib.claims.verdicts import FEW, HOLDS, OPPOSITE
from mocolib.runs import Run, step_table
from mocolib.sweep.design import RAMP, VIT_B
from tests.planted import SEEDS, plant
from tests.test_claims import OUTCOMES, TRUTH

SLOPES = {"width": -0.4, "depth": 0.1, "batch": 0.05, "tokens": -0.2}
RECIPES = sweep.unseeded("ramp")


def breaking(root, recipe, rate: float):
    """A run whose level falls by a quarter where its rate has come to `rate`."""
    readings = recipe.steps // recipe.knn_every
    steps = recipe.knn_every * np.arange(1, readings + 1)
    knn = np.where(steps * recipe.lr / recipe.steps < rate, 0.6, 0.45)
    return plant(root, knn, 0.4, **vars(recipe))


def ramp(root, corner: float, seeds=SEEDS):
    """The sweep on a plane by SLOPES, its corners some doublings off it."""
    found = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        for recipe in RECIPES:
            at = np.log2(scale.sizes(recipe)) - np.log2(scale.sizes(RAMP))
            log = np.log2(0.17) + at @ list(SLOPES.values()) + 0.02 * rng.normal()
            log += corner * scale.is_corner(scale.sizes(recipe))
            found.append(breaking(root, recipe.replace(seed=seed), 2**log))
    return found


@TRUTH
def test_c22_the_plane_foretells_the_corners(tmp_path, truth):
    # on the plane; off it by as much as the plain run; off it, where the plain run is
    runs = ramp(tmp_path, {1: 0.0, 0: 0.15, -1: 0.3}[truth])
    effects = CLAIMS["C22"](runs).effects
    assert effects["corners"].outcome == OUTCOMES[truth]
    for name, slope in SLOPES.items():
        assert effects[name].mean == pytest.approx(-slope, abs=0.05)
    assert effects["width"].outcome == HOLDS
    assert effects["depth"].outcome == OPPOSITE


def test_a_run_breaks_where_its_level_lies_five_points_below_its_best(tmp_path):
    last = breaking(tmp_path, RAMP, 1.0)
    assert scale.critical_rate(last) == RAMP.lr  # it never breaks
    run = breaking(tmp_path, RAMP.replace(seed=1), 0.25)
    # the level, a median of five readings, falls with the third low one
    assert scale.critical_rate(run) == pytest.approx(0.25 + 2 * 0.5 / 80, abs=1e-9)
    dip = np.full(80, 0.6)
    dip[40:42] = 0.1  # two readings are no level
    short = plant(tmp_path, dip, 0.4, **vars(RAMP.replace(seed=2)))
    assert scale.critical_rate(short) == RAMP.lr
    rising = np.r_[np.linspace(0.3, 0.6, 40), np.linspace(0.6, 0.552, 40)]
    slow = plant(tmp_path, rising, 0.4, **vars(RAMP.replace(seed=3)))
    assert scale.critical_rate(slow) == RAMP.lr  # 4.8 points
    exact = np.r_[np.full(40, 0.563), np.full(40, 0.513)]  # five, whatever floats say
    five = plant(tmp_path, exact, 0.4, **vars(RAMP.replace(seed=4)))
    assert scale.critical_rate(five) < 0.3


def test_a_run_that_ends_early_has_at_most_the_rate_of_its_last_step(tmp_path):
    run = breaking(tmp_path, RAMP, 1.0)
    kept = run.steps[:300]
    step_table.write(kept, run.folder / "steps.parquet")
    assert scale.critical_rate(Run(run.folder)) == pytest.approx(0.5 * 300 / 800)


def test_a_seed_that_lacks_a_size_waits(tmp_path):
    runs = ramp(tmp_path, 0.0, SEEDS[:3])
    effects = CLAIMS["C22"](runs[:-1]).effects
    assert [len(e.values) for e in effects.values()] == [2] * len(effects)
    none = CLAIMS["C22"](runs[:3]).effects
    assert {e.outcome for e in none.values()} == {FEW}


def test_the_plane_is_the_textbooks_and_has_the_papers_model_far_out(tmp_path):
    logs = np.log2(scale.critical(ramp(tmp_path, 0.0, [0])))
    inside = logs.loc[0, [not scale.is_corner(at) for at in logs]]
    places = np.log2(inside.index.to_frame() / scale.sizes(RAMP)).to_numpy()
    places = np.c_[np.ones(len(places)), places]
    known = np.linalg.inv(places.T @ places) @ places.T @ inside.to_numpy()
    planes = scale.fitted(logs)
    assert planes.loc[0].tolist() == pytest.approx(known.tolist())
    away = np.log2([768 / 32, 12 / 2, 4096 / 256, 196 / 16])
    expected = known[0] + away @ known[1:]
    assert scale.height(planes, scale.sizes(VIT_B[0]))[0] == pytest.approx(expected)


def test_the_runs_of_the_sweep_are_what_the_design_names():
    at = [scale.sizes(recipe) for recipe in RECIPES]
    assert len(at) == len(set(at)) == 15
    assert at[0] == scale.sizes(RAMP)
    assert sum(map(scale.is_corner, at)) == 3
    rises = pd.Series([recipe.lr for recipe in RECIPES])
    assert set(rises) == {0.5}  # whatever the batch
    assert {recipe.warmup_steps for recipe in RECIPES} == {RAMP.steps}
