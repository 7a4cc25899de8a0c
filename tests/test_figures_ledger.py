"""The ledger's picture says what the ledger says; chance is what the code judges."""

import numpy as np
import pytest

from mocolib import figures
from mocolib.claims import findings, text
from mocolib.claims.statistics import made_up, share_that_holds
from mocolib.claims.verdicts import Effect, Verdict
from mocolib.figures.ledger import reach
from tests.test_figures import labelled


@pytest.mark.parametrize("seed", range(20))
def test_reach_is_above_one_exactly_where_an_effect_holds(seed):
    rng = np.random.default_rng(seed)
    effect = Effect(values=tuple(rng.normal(size=5) + rng.normal()))
    low, high = effect.interval
    assert (reach(effect) > 1) == effect.holds
    assert (reach(effect) < -1) == (effect.outcome == "opposite")
    assert low <= effect.mean <= high


def test_an_effect_without_scatter_lies_at_the_edge():
    assert reach(Effect(values=(0.25, 0.25, 0.25))) == np.inf
    assert reach(Effect(values=(-0.25, -0.25, -0.25))) == -np.inf
    assert reach(Effect(values=(0.0, 0.0, 0.0))) == 0


def test_the_map_has_a_filled_mark_for_every_effect_that_holds():
    good, bad = (
        Effect(values=(1.0, 1.1, 1.2)),
        Effect(values=(-1.0, 0.1, 1.2)),
    )
    few = Effect(values=(1.0,))
    against = Effect(values=(-1.0, -1.1, -1.2))
    given = {"C1": (good, bad), "C2": (few,), "C3": (), "C4": (against,)}
    found = [
        Verdict(id=id, effects=dict(enumerate(effects)), runs=3)
        for id, effects in given.items()
    ]
    figure = figures.ledger_map(found)
    labelled(figure)
    [ax] = figure.axes
    marks = [
        line for line in ax.lines if line.get_marker() in ("o", "s", "D", "<", ">")
    ]
    filled = [m for m in marks if m.get_markerfacecolor() != "white"]
    assert (len(marks), len(filled)) == (3, 2)
    words = [label.get_text() for label in ax.get_yticklabels()]
    names = [findings.title(id) for id in given]
    outcomes = ("leaning", "too few runs", "too few runs", "leaning opposite")
    assert words == [f"{n}: {o}" for n, o in zip(names, outcomes, strict=True)]


@pytest.mark.parametrize("seeds", [3, 5])
def test_shares_are_judged_as_effects_are(seeds):
    values = made_up(seeds, 0.5, 60)
    one_by_one = np.mean([Effect(values=tuple(row)).holds for row in values])
    assert share_that_holds(values) == pytest.approx(one_by_one)


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_chance_is_what_the_ledger_says(seeds):
    share = share_that_holds(made_up(seeds, 0, 4000))
    assert share == pytest.approx(text.BY_CHANCE, abs=0.01)


def test_the_chart_draws_every_interval():
    values = made_up(4, 1, 30)
    figure = figures.chance_chart(values, 1)
    labelled(figure)
    intervals = figure.axes[0].lines
    assert sum(len(line.get_xdata()) for line in intervals[1:4:2]) == 30
