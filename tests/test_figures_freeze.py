"""Freezing is compared within a seed; what has no runs yet stays an empty row."""

import pytest

from mocolib import figures
from mocolib.analysis import measures
from mocolib.sweep.design import REMEDIES
from tests.planted import events, plant, shaking
from tests.test_figures import labelled


@pytest.fixture
def runs(tmp_path):
    """Two rates, two seeds; fixing wins 2 points at the large rate, loses 1 before."""
    return [
        plant(
            *(tmp_path, shaking(level, seed), 0.4 + 0.01 * seed + gain),
            **{"base_lr": rate, "patch_projection": kind, "seed": seed},
        )
        for rate, kind, level, gain in (
            (0.1, "learned", 0.002, 0),
            (0.1, "fixed", 0.002, -0.01),
            (0.4, "learned", 0.006, 0),
            (0.4, "fixed", 0.003, 0.02),
        )
        for seed in range(2)
    ]


def test_gain_and_fall_are_those_of_the_runs(runs):
    figure = figures.remedy(runs)
    labelled(figure)
    shaking, ours, theirs = figure.axes
    assert ours.lines[0].get_ydata() == pytest.approx([-1, 2])
    assert ours.lines[1].get_ydata() == pytest.approx([-1, -1, 2, 2])
    table = measures.summary(runs)
    kind = table["patch_projection"] == "fixed"
    fixed = table[kind].groupby("base_lr")["fall_depth"]
    assert shaking.lines[2].get_ydata() == pytest.approx(100 * fixed.mean().to_numpy())
    assert theirs.lines[0].get_ydata() == pytest.approx([0.4, 0.6, 1.7])


def test_over_rates_shows_both_kinds_and_waits_for_one(runs):
    figure = figures.over_rates(runs)
    labelled(figure)
    learned, _, fixed, _ = (line.get_ydata() for line in figure.axes[1].lines)
    assert learned == pytest.approx([40.5, 40.5])
    assert fixed == pytest.approx([39.5, 42.5])
    only = [run for run in runs if run.recipe.patch_projection == "fixed"]
    labelled(figures.over_rates(only))


def test_spikes_are_counted_layer_by_layer(tmp_path):
    norms = {"blocks.0.qkv": events(0), "projector.0": events(1)}
    runs = [
        plant(tmp_path, shaking(0.001, 0), norms=norms, patch_projection=kind)
        for kind in ("learned", "fixed")
    ]
    figure = figures.spikes_by_layer(runs)
    labelled(figure)
    expected = [len(measures.spikes(n[20:])) for n in (events(0), events(1))]
    assert min(expected) > 0
    learned, fixed = (figure.axes[0].lines[i] for i in (0, 2))
    assert list(learned.get_ydata()) == [0, *expected, 0]
    assert list(fixed.get_xdata()) == [1, 2, 3]  # no gradient in the first
    assert list(fixed.get_ydata()) == [*expected, 0]


def test_groups_stand_below_each_other(runs):
    groups = {"as it is": runs[:2], "not yet run": [], "fixed": runs[-2:]}
    figure = figures.side_by_side(groups)
    labelled(figure)
    probe = figure.axes[1]
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == list(groups)
    dots = [line for line in probe.lines if line.get_marker() == "o"]
    assert dots[0].get_xdata() == pytest.approx([40, 41])
    assert [list(line.get_ydata()) for line in dots] == [[0, 0], [], [2, 2]]
    top, bottom = probe.get_ylim()[::-1]
    assert top < bottom  # the first group on top


def test_groups_wait_for_their_runs():
    labelled(figures.side_by_side({"as it is": [], "fixed": []}))
    labelled(figures.spikes_by_layer([]))


def test_each_remedy_has_a_row_and_waits_for_its_runs(tmp_path):
    runs = [
        plant(
            *(tmp_path, shaking(0.001, seed), probe),
            **{"base_lr": 0.016, "seed": seed, **changed},
        )
        for probe, changed in ((0.4, {}), (0.5, {"beta2": 0.95}))
        for seed in range(2)
    ]
    other = plant(tmp_path, shaking(0.001, 0), 0.9, base_lr=0.048, qk_norm=True, seed=0)
    figure = figures.remedies([*runs, other])
    labelled(figure)
    probe = figure.axes[1]
    dots = [line.get_xdata() for line in probe.lines if line.get_marker() == "o"]
    shown = {name: row.tolist() for name, row in zip(REMEDIES, dots, strict=True)}
    assert shown["nothing"] == [40, 40]
    assert shown["beta2_95"] == [50, 50]
    assert shown["stableadamw"] == []
    labelled(figures.remedies([]))
