"""C19 on arms whose truth is planted: how wide, how high, and in which order."""

import numpy as np
import pandas as pd
import pytest

from mocolib import sweep
from mocolib.claims import CLAIMS, frontier
from mocolib.claims.contrasts import grid
from mocolib.claims.verdicts import FEW, HOLDS
from mocolib.sweep.design import ARMS, FIXED, MINI, PLAIN, RUINOUS, SCREENED, only
from tests.planted import SEEDS, group
from tests.test_claims import DIPS, OUTCOMES, TRUTH

pytestmark = pytest.mark.usefixtures("an_untrained_network")
RATES = (MINI.calm, MINI.shaky, RUINOUS)


def arm(root, id, probes, seeds=SEEDS, noise=0.0):
    """An arm's runs at RATES that end at the given linear probes."""
    return [
        run
        for rate, probe in zip(RATES, probes, strict=True)
        for seed in seeds
        for run in group(
            root,
            probe + noise * (seed - 2) * rate,
            seeds=[seed],
            base_lr=rate,
            **DIPS,
            **SCREENED[id],
        )
    ]


@TRUTH
def test_c19_the_fixed_projection_is_more_sensitive_than_the_screens_first(
    tmp_path, truth
):
    wide, narrow = (0.4, 0.39, 0.36), (0.4, 0.37, 0.3)
    first, fixed = {1: (wide, narrow), -1: (narrow, wide), 0: (wide, wide)}[truth]
    runs = arm(tmp_path, PLAIN, (0.4, 0.36, 0.24))
    runs += arm(tmp_path, FIXED, fixed, noise=0.1 * (truth == 0))
    runs += arm(tmp_path, frontier.FIRST, first)
    verdict = CLAIMS["C19"](runs)
    assert verdict.outcome == OUTCOMES[truth]
    effects = verdict.effects
    assert effects[f"{FIXED}_best"].mean == pytest.approx(0, abs=0.1)
    assert effects[f"{FIXED}_frontier"].outcome == HOLDS
    rest = [a for a in ARMS if a not in (PLAIN, FIXED, frontier.FIRST)]
    assert {effects[f"{one}_best"].outcome for one in rest} <= {FEW}


def test_a_sensitivity_is_the_mean_gap_to_the_best_over_the_rates_logarithm():
    table = pd.DataFrame([[70, 68, 60]] * 2, columns=[0.01, 0.02, 0.08], dtype=float)
    # one doubling at 69 in the mean, two at 64
    assert frontier.over_rates(table).tolist() == pytest.approx([197 / 3] * 2)
    assert frontier.over_rates(table[[0.01]]).empty
    assert frontier.sensitivity(table).tolist() == pytest.approx([70 - 197 / 3] * 2)


def test_an_arm_is_ranked_by_what_it_gains_on_the_seeds_that_have_all_rates(tmp_path):
    plain = arm(tmp_path, PLAIN, (0.4, 0.36, 0.24))
    better = arm(tmp_path, frontier.FIRST, (0.4, 0.4, 0.4), seeds=SEEDS[:3])
    half = arm(tmp_path, frontier.FIRST, (0.4, 0.4, 0.4), seeds=[3])[:1]
    worse = arm(tmp_path, FIXED, (0.4, 0.35, 0.2))
    runs = [*plain, *worse, *better, *half]
    table = frontier.ranked(runs, [])
    assert table.index.tolist() == [frontier.FIRST, FIXED]
    assert table["seeds"].tolist() == [3, 5]
    assert table["shaking"].tolist() == pytest.approx([4, -1], abs=0.1)  # points
    assert table["sure"].tolist() == [["over_rates", "shaking"]] * 2
    logs = np.log2([MINI.shaky / MINI.calm, RUINOUS / MINI.shaky])
    mean = (2 * logs[0] + 10 * logs[1]) / logs.sum()  # of 0, 4 and 16 points
    assert table["over_rates"].iloc[0] == pytest.approx(mean, abs=0.2)
    three = frontier.numbers(runs).loc[FIXED]
    assert three["best"] == pytest.approx(40, abs=0.5)
    assert three["frontier"] < MINI.shaky


def test_what_was_only_screened_stands_behind_what_was_confirmed(tmp_path):
    other, low, high = frontier.FIRST, (0.4, 0.36, 0.24), (0.4, 0.4, 0.4)
    runs = arm(tmp_path / "a", PLAIN, low) + arm(tmp_path / "a", FIXED, low)
    runs += arm(tmp_path / "a", other, high, seeds=SEEDS[:2])  # too few to be confirmed
    screen = arm(tmp_path / "b", PLAIN, low)[5:] + arm(tmp_path / "b", other, high)[5:]
    table = frontier.ranked(runs, screen)
    assert table.index.tolist() == [FIXED, other]
    assert table["rates"].tolist() == [3, 2]
    assert table["sure"].tolist() == [[], ["over_rates", "shaking"]]
    two = [run for run in screen if run.recipe.seed in SEEDS[:2]]
    assert frontier.ranked([], two)["sure"].tolist() == [[]]
    assert frontier.ranked([], []).empty


# these joined the screen when the arms had been chosen of it
JOINED = ("projection_weight_norm", "projection_clipped_lightly", "conv_stem")


def test_the_arms_are_those_that_the_screen_had_first_in_its_order():
    screen = sweep.recorded("frontier_screen")
    probes = {
        arm: grid(only(screen, "base_lr", **way), "linear_probe", "base_lr")
        for arm, way in SCREENED.items()
        if arm not in (PLAIN, FIXED, *JOINED)
    }
    means = {arm: table.mean().mean() for arm, table in probes.items()}
    found = sorted(means, key=means.get, reverse=True)
    assert [PLAIN, FIXED, *found[:5]] == list(ARMS)
