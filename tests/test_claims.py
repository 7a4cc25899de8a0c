"""The headline claims on runs whose truth is planted: each outcome where it should be.

`truth` 1: as the claim says; -1: the other way round; 0: nothing is going on.
"""

import numpy as np
import pandas as pd
import pytest

from mocolib import claims, sweep
from mocolib.claims import CLAIMS, contrasts, findings
from mocolib.claims.verdicts import FEW, HOLDS, OPEN, OPPOSITE, VOID
from mocolib.sweep.design import SHORT
from tests.planted import LAYERS, SEEDS, events, falling, group, plant, shaking

OUTCOMES = {1: HOLDS, 0: OPEN, -1: OPPOSITE}
TRUTH = pytest.mark.parametrize("truth", [1, 0, -1])
FIXED = {"patch_projection": "fixed"}
RATE_GRID = (SHORT.smallest, SHORT.calm, *SHORT.shaking, SHORT.hopeless)


def planted(root, truth, low, high, **settings):
    """A group at each of two settings; the deeper fall at `high` where it is true."""
    deep, flat = (0.06, 0.02) if truth > 0 else (0.02, 0.06)
    if truth == 0:
        deep = flat
    found = group(root, fall=flat, seeds=SEEDS, **settings, **low)
    noise = {"level": 0.003} if truth == 0 else {}
    other = group(root, fall=deep, seeds=SEEDS, **settings, **high, **noise)
    return found + other


@TRUTH
def test_c1_the_batch(tmp_path, truth):
    runs = planted(tmp_path, truth, {"batch_size": 64}, {"batch_size": 512})
    verdict = CLAIMS["C1"](runs, [])
    assert verdict.outcome == OUTCOMES[truth]
    assert verdict.effects["steps"].outcome == FEW


@TRUTH
def test_c1b_the_rate(tmp_path, truth):
    rate = SHORT.shaky
    batch = planted(
        *(tmp_path, 1, {"batch_size": 64}, {"batch_size": 512}), base_lr=rate
    )
    left = {1: 0.02, 0: 0.04, -1: 0.06}[truth]  # of .06, with .02 at the small batch
    noise = {"level": 0.004} if truth == 0 else {}
    runs = [
        *batch,
        *group(
            *(tmp_path, 0.4),
            **{"fall": left, "seeds": SEEDS, "batch_size": 512, "base_lr": rate / 8},
            **noise,
        ),
        *group(tmp_path, fall=0.05, seeds=SEEDS, batch_size=64, base_lr=8 * rate),
    ]
    verdict = CLAIMS["C1b"](runs, batch)
    assert verdict.outcome == OUTCOMES[truth]
    assert verdict.effects["small"].holds


def test_c1b_has_nothing_to_explain_where_nothing_grew(tmp_path):
    rate = SHORT.shaky
    batch = planted(
        *(tmp_path, -1, {"batch_size": 64}, {"batch_size": 512}), base_lr=rate
    )
    more = group(tmp_path, fall=0, seeds=SEEDS, batch_size=512, base_lr=rate / 8)
    verdict = CLAIMS["C1b"]([*batch, *more], batch)
    assert (verdict.outcome, verdict.word) == (VOID, OPEN)
    assert "no growth to explain" in findings.sentence(verdict)


@pytest.mark.parametrize("true", [True, False])
def test_c2_the_rare_reading(tmp_path, true):
    runs = []
    for rate in RATE_GRID:
        for seed in SEEDS:
            knn = shaking(0.001, seed)
            if true and rate in SHORT.shaking:
                knn[[10, 22, 33][: 2 + seed % 2]] -= 0.05  # none at an epoch's end
            place = {"batch_size": 500, "base_lr": rate, "seed": seed}
            runs.append(plant(tmp_path, knn, 0.4 + 0.002 * seed, 3 + rate, **place))
    verdict = CLAIMS["C2"](runs)
    assert verdict.outcome == (HOLDS if true else VOID)  # no dips, for none
    assert verdict.primary.unit == "dips"


@TRUTH
def test_c4_the_rate(tmp_path, truth):
    ends = {"base_lr": SHORT.smallest}, {"base_lr": SHORT.shaky}
    verdict = CLAIMS["C4"](planted(tmp_path, truth, *ends))
    assert verdict.outcome == OUTCOMES[truth]


@TRUTH
def test_c5_lamb(tmp_path, truth):
    calm, rough = (0.001, 0.002), (0.001, 0.006)
    lamb, adam = (calm, rough) if truth > 0 else (rough, calm)
    if truth == 0:
        lamb = adam
    runs = {
        name: [
            run
            for level, rate in zip(levels, (SHORT.smallest, SHORT.shaky), strict=True)
            for seed in SEEDS
            for run in group(
                *(tmp_path, 0.4, level * (1 + 0.1 * (name == "lamb") * (seed - 2))),
                **{"seeds": [seed], "base_lr": rate, "optimizer": name},
            )
        ]
        for name, levels in (("lamb", lamb), ("adamw", adam))
    }
    assert CLAIMS["C5"](runs["lamb"], runs["adamw"]).outcome == OUTCOMES[truth]


def test_a_rate_beyond_the_shaking_ones_is_not_held_against_lamb(tmp_path):
    adamw = group(tmp_path, 0.4, 0.001, base_lr=SHORT.smallest)
    adamw += group(tmp_path, 0.4, 0.004, base_lr=SHORT.shaky)
    lamb = [*group(tmp_path, base_lr=1e-3, optimizer="lamb")]
    lamb += group(tmp_path, base_lr=3e-2, optimizer="lamb")
    without = CLAIMS["C5"](lamb, adamw)
    beyond = group(tmp_path, 0.4, 0.05, base_lr=SHORT.hopeless)
    assert CLAIMS["C5"](lamb, [*adamw, *beyond]).effects == without.effects


@pytest.mark.parametrize("truth", [1, -1])
def test_c6_the_first_layer_first(tmp_path, truth):
    found, readings = [], np.arange(5, 241, 5)
    for rate in SHORT.shaking:
        for seed in SEEDS:
            first = events(seed)
            norms = dict.fromkeys(LAYERS, np.roll(first, 3 * truth))
            knn = shaking(0.002, seed)
            for begin in range(51 + seed, 216, 40):
                behind = (readings >= begin) & (readings < begin + 20)
                knn[behind] -= 0.03 * truth
            norms |= {"patch_projection": first}
            place = {"base_lr": rate, "seed": seed}
            found.append(plant(tmp_path, knn, norms=norms, **place))
    verdict = CLAIMS["C6"](found)
    assert verdict.outcome == OUTCOMES[truth]
    assert {e.outcome for e in verdict.effects.values()} == {verdict.outcome}
    assert verdict.effects["fall"].mean * truth > 1  # points


@TRUTH
def test_c7_freezing(tmp_path, truth):
    runs = []
    for rate in (SHORT.calm, *SHORT.shaking):
        runs += planted(tmp_path, truth, FIXED, {}, base_lr=rate)
    verdict = CLAIMS["C7"](runs)
    assert verdict.outcome == OUTCOMES[truth]
    assert verdict.effects["accuracy"].outcome == VOID  # the same in all runs
    assert verdict.effects["accuracy"].mean == 0


@TRUTH
def test_c9_freezing_only_alleviates(tmp_path, truth):
    ends = {"base_lr": SHORT.calm}, {"base_lr": SHORT.hopeless}
    runs = planted(tmp_path, truth, *ends, **FIXED)
    assert CLAIMS["C9"](runs).outcome == OUTCOMES[truth]


def test_the_second_data_set_has_rates_of_its_own(tmp_path):
    place = {"dataset": "folder:cifar10"}
    ends = {"base_lr": 1e-3}, {"base_lr": 4.8e-2}
    verdict = CLAIMS["C4"](planted(tmp_path, 1, *ends, **place))
    assert verdict.outcome == HOLDS


def test_accuracies_come_in_points(tmp_path):
    runs = group(tmp_path, 0.4, 0.0, fall=0.05)
    assert contrasts.at(runs, "linear_probe").tolist() == pytest.approx(
        [39.8, 40, 40.2]
    )
    assert contrasts.at(runs, "deepest_fall").max() == pytest.approx(5.5, abs=1)
    assert contrasts.at(runs, "spikes").tolist() == [0, 0, 0]


def test_a_readers_own_runs_are_judged_alone_or_with_ours(tmp_path, monkeypatch):
    monkeypatch.setattr(sweep.runs, "public_root", lambda: tmp_path / "ours")
    recipe = next(r for r in sweep.read("lr").recipes)
    whole = {**vars(recipe), "steps": 400}
    for place, seeds in (("ours", range(10, 13)), ("mine", range(20, 23))):
        for rate in (SHORT.smallest, SHORT.shaky):
            for seed in seeds:
                knn = falling(0.1 if rate > 0.01 else 0, 0.001, seed - 10, 80)
                settings = {**whole, "seed": seed, "base_lr": rate}
                names = ("adam_rms/patch_projection", "cosine/patch_projection")
                columns = dict.fromkeys(names, np.ones(400))
                plant(tmp_path / place, knn, columns=columns, **settings)
    mine, claim = tmp_path / "mine", CLAIMS["C4"]
    both = [claims.judge("C4", mine, pooled) for pooled in (True, False)]
    judged = [claim(sweep.recorded("lr")), *both]
    assert [len(one.primary.values) for one in judged] == [3, 6, 3]
    with np.errstate(invalid="ignore"):  # constant norms correlate with nothing
        words = {v.id: v.word for v in claims.ledger(mine)}
    assert words["C4"] == "leaning"  # three seeds are too few for more
    assert words["C1"] == words["C15"] == FEW


def test_the_best_setting_is_never_chosen_on_its_own_seed():
    # settings that differ by luck alone: chosen on themselves, the best always wins
    gains = []
    for seed in range(200):
        table = pd.DataFrame(np.random.default_rng(seed).normal(size=(5, 4)))
        gains.append((contrasts.best(table) - table.mean(axis=1)).mean())
    assert np.mean(gains) < 0.05
    assert contrasts.best(table.head(1)).empty


def test_a_seed_waits_for_all_its_settings(tmp_path):
    runs = group(tmp_path, base_lr=4e-3) + group(tmp_path, base_lr=1.6e-2)
    half = [r for r in runs if r.recipe.seed < 2 or r.recipe.base_lr < 0.01]
    seen = contrasts.by_seed(half, lambda run: run.recipe.base_lr)
    assert seen.index.tolist() == [0, 1]
    assert contrasts.means(half, "jitter").index.tolist() == [0, 1]
    assert contrasts.by_seed([], len).empty
    assert contrasts.means([], "jitter").empty
