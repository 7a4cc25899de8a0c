"""The headline claims on runs whose truth is planted: each outcome where it should be.

`truth` 1: as the claim says; -1: the other way round; 0: nothing is going on.
"""

import numpy as np
import pandas as pd
import pytest

from mocolib import claims, sweep
from mocolib.claims import CLAIMS, contrasts
from mocolib.claims.verdicts import FEW, HOLDS, OPEN, OPPOSITE, VOID
from mocolib.sweep.design import (
    BATCH_RATE,
    CIFAR10,
    LARGE,
    LARGEST,
    MINI,
    SMALL,
)
from tests.planted import LAYERS, SEEDS, events, falling, group, plant, shaking

pytestmark = pytest.mark.usefixtures("an_untrained_network")
OUTCOMES = {1: HOLDS, 0: OPEN, -1: OPPOSITE}
TRUTH = pytest.mark.parametrize("truth", [1, 0, -1])
FIXED = {"patch_projection": "fixed"}
RATE_GRID = (MINI.smallest, MINI.calm, *MINI.shaking, MINI.hopeless)
DIPS = {"beta2": 0.98, "schedule": "cosine", "knn_test_size": 2000}  # the recipe mini's


def planted(root, truth, low, high, **settings):
    """A group at each of two settings; the deeper dip at `high` where it is true."""
    deep, flat = (0.06, 0.02) if truth > 0 else (0.02, 0.06)
    if truth == 0:
        deep = flat
    found = group(root, fall=flat, seeds=SEEDS, **{**DIPS, **settings, **low})
    noise = {"level": 0.003} if truth == 0 else {}
    other = {**DIPS, **settings, **high, **noise}
    return found + group(root, fall=deep, seeds=SEEDS, **other)


def sunk(root, **settings):
    """Runs that have lost most of what they had gained."""
    curves = [np.r_[shaking(0.001, seed)[:24], np.full(24, 0.21)] for seed in SEEDS]
    return [
        plant(root, knn, 0.3, **{**DIPS, **settings, "seed": seed})
        for seed, knn in zip(SEEDS, curves, strict=True)
    ]


@TRUTH
def test_c1_the_batch(tmp_path, truth):
    sizes = {"batch_size": SMALL}, {"batch_size": LARGE}
    runs = planted(tmp_path, truth, *sizes, base_lr=BATCH_RATE)
    runs += sunk(tmp_path, batch_size=LARGEST, base_lr=BATCH_RATE)
    verdict = CLAIMS["C1"](runs)
    assert verdict.outcome == OUTCOMES[truth]
    assert verdict.effects["collapse"].levels == (100, 0)


@TRUTH
def test_c1b_the_rate(tmp_path, truth):
    times = LARGE / SMALL
    rates = {"base_lr": BATCH_RATE / times}, {"base_lr": BATCH_RATE}
    runs = planted(tmp_path, truth, *rates, batch_size=LARGE)
    rates = {"base_lr": BATCH_RATE}, {"base_lr": BATCH_RATE * times}
    runs += planted(tmp_path, 1, *rates, batch_size=SMALL)
    verdict = CLAIMS["C1b"](runs)
    assert verdict.outcome == OUTCOMES[truth]
    assert verdict.effects["small"].holds


@pytest.mark.parametrize("true", [True, False])
def test_c2_the_rare_reading(tmp_path, true):
    runs = []
    for rate in RATE_GRID:
        for seed in SEEDS:
            knn = shaking(0.001, seed)
            if true and rate == MINI.shaky:
                knn[[10, 22, 33][: 2 + seed % 2]] -= 0.05 + 0.002 * seed
            place = {**DIPS, "batch_size": 500, "base_lr": rate, "seed": seed}
            runs.append(plant(tmp_path, knn, 0.4 + 0.002 * seed, 3 + rate, **place))
    verdict = CLAIMS["C2"](runs)
    assert verdict.outcome == (HOLDS if true else VOID)  # no falls, for none
    assert verdict.primary.levels == pytest.approx((5, 0) if true else (0, 0), abs=1)


@TRUTH
def test_c4_the_rate(tmp_path, truth):
    ends = {"base_lr": MINI.calm}, {"base_lr": MINI.shaky}
    runs = planted(tmp_path, truth, *ends)
    runs += group(tmp_path, 0.3, seeds=SEEDS, **DIPS, base_lr=MINI.smallest)
    runs += group(tmp_path, 0.2, seeds=SEEDS, **DIPS, base_lr=MINI.hopeless)
    verdict = CLAIMS["C4"](runs)
    assert verdict.outcome == OUTCOMES[truth]
    sides = [verdict.effects[side].mean for side in ("left", "right")]
    assert sides == pytest.approx([10, 20], abs=0.5)  # points


def losing(root, fall, rates, **settings):
    """Four points are lost from the first rate to the second, ten to the third."""
    return [
        run
        for rate, probe in zip(rates, (0.5, 0.46, 0.4), strict=True)
        for run in group(root, probe, fall=fall, base_lr=rate, **DIPS, **settings)
    ]


@TRUTH
def test_c5_lamb(tmp_path, truth):
    deep = {1: (0.06, 0.03), 0: (0.03, 0.03), -1: (0.03, 0.06)}[truth]
    noise = {"level": 0.004} if truth == 0 else {}
    adamw = losing(tmp_path, deep[0], (0.012, 0.048, 0.12), seeds=SEEDS)
    lamb = losing(
        *(tmp_path, deep[1], (0.004, 0.008, 0.016)),
        **{"optimizer": "lamb", "weight_decay": 1e-3, "seeds": SEEDS, **noise},
    )
    verdict = CLAIMS["C5"](lamb, adamw)
    assert verdict.outcome == OUTCOMES[truth]
    # two of four points are lost half way between two rates, on a logarithmic axis
    assert verdict.effects["range"].levels == pytest.approx((1, 0.5), abs=0.05)
    assert verdict.effects["best"].mean == pytest.approx(0, abs=0.01)


def test_a_measure_at_the_frontier_lies_between_those_of_its_two_rates():
    seeds = [20, 21]
    probes = pd.DataFrame([[75, 76, 72], [75, 76, 72]], seeds, [0.01, 0.02, 0.08])
    falls = pd.DataFrame([[0, 1, 5], [0, 3, 4]], seeds, [0.01, 0.02, 0.08])
    found = contrasts.at_frontier(falls, probes.astype(float))
    assert found.to_dict() == pytest.approx({20: 3, 21: 3.5})
    assert contrasts.room(probes.astype(float)).tolist() == pytest.approx([1, 1])
    assert contrasts.at_frontier(falls[:1], probes[:1].astype(float)).empty


@pytest.mark.parametrize("truth", [1, -1])
def test_c6_the_first_layer_first(tmp_path, truth):
    found, readings = [], np.arange(5, 241, 5)
    for rate in (MINI.calm, MINI.shaky):
        for seed in SEEDS:
            first = events(seed)
            norms = dict.fromkeys(LAYERS, np.roll(first, 3 * truth))
            knn = shaking(0.002, seed)
            for begin in range(51 + seed, 216, 40):
                behind = (readings >= begin) & (readings < begin + 20)
                knn[behind] -= 0.03 * truth
            norms |= {"patch_projection": first}
            place = {**DIPS, "base_lr": rate, "seed": seed}
            columns = {"grad_inf/blocks.1.qkv": norms["blocks.0.qkv"]}
            more = dict(norms=norms, columns=columns)
            found.append(plant(tmp_path, knn, **more, **place))
    verdict = CLAIMS["C6"](found)
    assert verdict.outcome == OUTCOMES[truth]
    there = {key: e.outcome for key, e in verdict.effects.items()}
    assert there.pop("next") == FEW  # no run with a fixed projection
    assert set(there.values()) == {verdict.outcome}
    assert verdict.effects["fall"].mean * truth > 1  # points


@TRUTH
def test_c7_freezing(tmp_path, truth):
    runs = planted(tmp_path, truth, FIXED, {}, base_lr=MINI.shaky)
    for rate, learned, fixed in ((MINI.calm, 0.42, 0.41), (MINI.hopeless, 0.36, 0.4)):
        for probe, kind in ((learned, {}), (fixed, FIXED)):
            place = {**DIPS, **kind, "base_lr": rate, "seeds": SEEDS}
            runs += group(tmp_path, probe, **place)
    verdict = CLAIMS["C7"](runs)
    assert verdict.effects["fall"].outcome == OUTCOMES[truth]
    assert verdict.outcome == VOID  # the same in all runs
    assert verdict.effects["price"].mean == pytest.approx(1, abs=0.2)
    learned, fixed = (2**log for log in reversed(verdict.effects["frontier"].levels))
    assert MINI.calm < learned < MINI.shaky + 0.001
    assert fixed == pytest.approx(MINI.hopeless)  # no rate costs two points


@TRUTH
def test_c9_freezing_only_alleviates(tmp_path, truth):
    place = {**DIPS, **FIXED, "seeds": SEEDS}
    low = group(tmp_path, 0.4, **place, base_lr=MINI.shaky)
    lost = [truth * 0.05 + (truth == 0) * 0.01 * (seed - 2) for seed in SEEDS]
    for seed, less in zip(SEEDS, lost, strict=True):
        high = {**place, "seeds": [seed], "base_lr": MINI.hopeless}
        low += group(tmp_path, 0.4 - less, **high)
    assert CLAIMS["C9"](low).outcome == OUTCOMES[truth]


@TRUTH
def test_c18_another_layer_fixed(tmp_path, truth):
    place = {**DIPS, "seeds": SEEDS, "base_lr": MINI.shaky}
    fixed = group(tmp_path, 0.4, 0.001, fall=0.05, **place, **FIXED)
    others = group(tmp_path, 0.3, 0.001, fall=0.03, **place, frozen="predictor")
    for seed in SEEDS:
        other = {**place, "seeds": [seed], "frozen": "blocks.1"}
        less = truth * 0.05 + (truth == 0) * 0.01 * (seed - 2)
        others += group(tmp_path, 0.4 - less, 0.001, fall=0.08, **other)
    verdict = CLAIMS["C18"](fixed, others)
    assert verdict.outcome == OUTCOMES[truth]
    assert verdict.effects["fall"].mean == pytest.approx(-2, abs=0.5)
    assert CLAIMS["C18"](fixed, []).outcome == FEW


def test_a_frontier_is_where_two_points_are_lost_and_never_chosen_by_its_own_seed():
    table = pd.DataFrame(
        [[70, 72, 71, 67], [70, 72, 72, 72]], columns=[0.01, 0.02, 0.04, 0.08]
    ).astype(float)
    own, never = contrasts.frontier(table)
    assert 2**own == pytest.approx(0.04 * 2**0.25)  # a quarter of the way, in logs
    assert 2**never == pytest.approx(0.08)
    assert contrasts.frontier(table.head(1)).empty


def test_the_second_data_set_has_rates_of_its_own(tmp_path):
    place = {"dataset": "folder:cifar10"}
    ends = {"base_lr": CIFAR10.calm}, {"base_lr": CIFAR10.shaky}
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
    whole = vars(next(r for r in sweep.read("rates").recipes))
    for place, seeds in (("ours", range(20, 23)), ("mine", range(23, 26))):
        for rate in (MINI.calm, MINI.shaky):
            for seed in seeds:
                deep = 0.1 if rate == MINI.shaky else 0
                knn = falling(deep, 0.001, seed - 20, 160)
                settings = {**whole, "seed": seed, "base_lr": rate}
                plant(tmp_path / place, knn, **settings)
    mine, claim = tmp_path / "mine", CLAIMS["C4"]
    both = [claims.judge("C4", mine, pooled) for pooled in (True, False)]
    judged = [claim(sweep.recorded("rates")), *both]
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
