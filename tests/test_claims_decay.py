"""C23 on runs and maps whose truth is planted: whose decay, and what orders the map."""

import numpy as np
import pandas as pd
import pytest

from mocolib.analysis import monotone
from mocolib.claims import CLAIMS, decay
from mocolib.claims.verdicts import FEW, HOLDS, OPEN, OPPOSITE, VOID
from mocolib.sweep.design import MINI
from tests.planted import SEEDS, group
from tests.test_claims import DIPS, FIXED, OUTCOMES, TRUTH, planted

pytestmark = pytest.mark.usefixtures("an_untrained_network")
ORDERED = {  # what orders the map: what is said of the rate, and of rate x rate x decay
    "product": (HOLDS, HOLDS),
    "square": (HOLDS, OPPOSITE),
    "rate": (OPPOSITE, OPPOSITE),
    None: (VOID, VOID),
}


@TRUTH
def test_c23_weight_decay(tmp_path, truth):
    decays = {"weight_decay": 0.0}, {"weight_decay": 0.1}
    runs = planted(tmp_path, truth, *decays, base_lr=MINI.shaky)
    more = {**DIPS, "base_lr": MINI.shaky, "seeds": SEEDS, "weight_decay": 0.3}
    runs += group(tmp_path, fall=0.08, **more)
    verdict = CLAIMS["C23"]([], runs, [], [])
    assert verdict.outcome == OUTCOMES[truth]
    assert verdict.effects["more"].mean > 1  # points
    few = [k for k, e in verdict.effects.items() if e.outcome == FEW]
    orders = ["over_rate", "over_square"]
    spared = ["spared_fixed", "spared_probe"]
    rest = ["ruinous", "fixed", "least", "less", *decay.SCOPES, *spared]
    assert few == [*rest, *orders]


def test_c23_whose_decay_it_is(tmp_path):
    place = {**DIPS, "base_lr": MINI.shaky, "seeds": SEEDS}
    plain = group(tmp_path, fall=0.06, **place)
    depths = {"matrices": 0.06, "vectors": 0.02, "patch_projection": 0.08, "rest": 0.02}
    scopes = [
        run
        for which, fall in depths.items()
        for run in group(tmp_path, level=0.003, fall=fall, decay=which, **place)
    ]
    effects = CLAIMS["C23"](plain, [], [], scopes).effects
    found = [effects[key].outcome for key in decay.SCOPES]
    assert found == [OPEN, HOLDS, OPPOSITE, HOLDS]


@pytest.mark.parametrize("seeds", [4, 8])
@pytest.mark.parametrize("kind", ORDERED)
def test_c23_the_map_is_ordered_by_what_its_depths_were_made_of(kind, seeds):
    luck = np.random.default_rng(seeds)
    sizes = [decay.ORDERS[kind or "rate"](*cell) for cell in decay.MAP]
    depths = pd.Series(sizes).round(9).rank(method="dense").to_numpy()
    if kind is None:
        depths = np.ones(len(decay.MAP))
    table = pd.DataFrame(
        20 * depths / depths.max() + luck.normal(size=(seeds, len(depths)))
    )
    effects = decay.order(table).values()
    assert tuple(effect.outcome for effect in effects) == ORDERED[kind]


def test_a_seed_counts_whose_map_has_all_learned_cells(tmp_path):
    runs = []
    for k, (rate, one) in enumerate(decay.MAP):
        cell = {**DIPS, "base_lr": rate, "weight_decay": one, "level": 0.001}
        seeds = range(1) if k == 7 else range(2)
        runs += group(tmp_path, fall=0.03 + 0.002 * k, seeds=seeds, **cell)
    runs += group(tmp_path, fall=0.09, base_lr=MINI.shaky, **DIPS, **FIXED)
    table = decay.falls(runs)
    assert table.index.tolist() == [0]
    assert table.loc[0].to_list() == pytest.approx(3 + 0.2 * np.arange(20), abs=1)
    assert decay.falls([]).empty


def test_a_rising_fit_pools_what_falls_and_takes_equal_places_together():
    levels, fit = monotone.rising([3, 1, 2, 2, 4], [1.0, 0.0, 5.0, 3.0, 9.0])
    assert levels.tolist() == [1, 2, 3, 4]
    assert fit.tolist() == [0, 3, 3, 9]


def test_what_is_missed_by_hand():
    # 0 is foretold by 2, 2 by halfway from 0 to 6, 6 by 2
    assert monotone.missed([1, 2, 3], [0, 2, 6]) == pytest.approx((2 + 1 + 4) / 3)
    assert monotone.missed_unordered([0, 2, 6]) == pytest.approx((4 + 1 + 5) / 3)
    # the same place twice foretells each other, though rounding parts them
    assert monotone.missed([0.16 * 0.03, 0.048 * 0.1], [1, 4]) == 3


def test_only_the_order_of_a_quantity_counts():
    rng = np.random.default_rng(0)
    x, y = rng.uniform(1, 9, 12), rng.normal(size=12)
    assert monotone.missed(np.exp(x), y) == pytest.approx(monotone.missed(x, y))
