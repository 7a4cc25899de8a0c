"""Freezing is compared within a seed; what has no runs yet stays an empty row."""

import pytest

from mocolib import figures, measures
from tests.planted import plant, shaking
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


def test_gain_and_jitter_are_those_of_the_runs(runs):
    figure = figures.remedy(runs)
    labelled(figure)
    shaking, ours, theirs = figure.axes
    assert ours.lines[0].get_ydata() == pytest.approx([-1, 2])
    assert ours.lines[1].get_ydata() == pytest.approx([-1, -1, 2, 2])
    table = measures.summary(runs)
    fixed = table[table["patch_projection"] == "fixed"].groupby("base_lr")["jitter"]
    assert shaking.lines[2].get_ydata() == pytest.approx(100 * fixed.mean().to_numpy())
    assert theirs.lines[0].get_ydata() == pytest.approx([0.4, 0.6, 1.7])


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
