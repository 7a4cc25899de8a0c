"""The ledger's picture says what the ledger says; chance is what the code judges."""

import numpy as np
import pytest

from mocolib import figures
from mocolib.claims import verdicts
from mocolib.claims.verdicts import Effect, Verdict
from mocolib.figures.ledger import reach
from tests.test_figures import labelled


@pytest.mark.parametrize("seed", range(20))
def test_reach_is_above_one_exactly_where_an_effect_holds(seed):
    rng = np.random.default_rng(seed)
    effect = Effect("", tuple(rng.normal(size=5) + rng.normal()))
    low, high = effect.interval
    assert (reach(effect) > 1) == effect.holds
    assert (reach(effect) < -1) == (high < 0)
    assert low <= effect.mean <= high


def test_an_effect_without_scatter_lies_at_the_edge():
    assert reach(Effect("", (0.2, 0.2, 0.2))) == np.inf
    assert reach(Effect("", (-0.2, -0.2, -0.2))) == -np.inf
    assert reach(Effect("", (0.0, 0.0, 0.0))) == 0


def test_the_map_has_a_filled_mark_for_every_effect_that_holds():
    good, bad = Effect("", (1.0, 1.1, 1.2)), Effect("", (-1.0, 0.1, 1.2))
    few = Effect("", (1.0,))
    found = [
        Verdict("C1", "a", (good, bad), 3),
        Verdict("C2", "b", (few,), 1),
        Verdict("C3", "c", (), 0),
    ]
    figure = figures.ledger_map(found)
    labelled(figure)
    [ax] = figure.axes
    marks = [line for line in ax.lines if line.get_marker() in ("o", "s", "<", ">")]
    filled = [m for m in marks if m.get_markerfacecolor() != "white"]
    assert (len(marks), len(filled)) == (2, 1)
    words = [label.get_text() for label in ax.get_yticklabels()]
    assert words == ["C1   partly", "C2   too few runs", "C3   too few runs"]


@pytest.mark.parametrize("seeds", [3, 5])
def test_shares_are_judged_as_effects_are(seeds):
    values = figures.made_up(seeds, 0.5, 60)
    one_by_one = np.mean([Effect("", tuple(row)).holds for row in values])
    assert figures.share_that_holds(values) == pytest.approx(one_by_one)


def test_three_seeds_hold_exactly_where_all_are_positive():
    values = figures.made_up(3, 0.3, 200)
    held = [Effect("", tuple(row)).holds for row in values]
    assert held == (values > 0).all(1).tolist()


@pytest.mark.parametrize("seeds", verdicts.CHANCE)
def test_chance_is_what_the_ledger_says(seeds):
    share = figures.share_that_holds(figures.made_up(seeds, 0, 2000))
    assert share == pytest.approx(verdicts.CHANCE[seeds], abs=0.025)


def test_the_chart_draws_every_interval():
    values = figures.made_up(4, 1, 30)
    figure = figures.chance_chart(values, 1)
    labelled(figure)
    intervals = figure.axes[0].lines
    assert sum(len(line.get_xdata()) for line in intervals[1:4:2]) == 30
