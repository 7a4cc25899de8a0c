"""Ablations are compared within a seed, ours beside the paper's own differences."""

import pytest

from mocolib import figures
from mocolib.claims.parts import ablation_table
from mocolib.figures.ablations import PAPER
from mocolib.sweep.design import PARTS
from tests.planted import plant, shaking
from tests.test_figures import labelled


@pytest.fixture
def runs(tmp_path):
    """The whole at .50 and .52; without positions 3 points less, without m 1 more."""
    return [
        plant(
            *(tmp_path, shaking(0.001, seed), 0.5 + 0.02 * seed + gain),
            **{"seed": seed, **changed},
        )
        for changed, gain in (
            *(({}, 0), ({"position": "none"}, -0.03)),
            ({"momentum": 0.0}, 0.01),
        )
        for seed in range(2)
    ]


def test_points_are_differences_within_a_seed(runs):
    table = ablation_table(runs).set_index(["part", "seed"])["points"]
    assert table["no_positions"].to_numpy() == pytest.approx([-3, -3])
    assert table["momentum_0"].to_numpy() == pytest.approx([1, 1])
    assert len(table) == 4


def test_the_papers_column_is_its_tables(runs):
    figure = figures.ablations(runs)
    labelled(figure)
    drawn = [line.get_xdata()[0] for line in figure.axes[1].lines[: len(PARTS)]]
    by_part = dict(zip(PARTS, drawn, strict=True))
    assert set(PAPER) == set(PARTS)
    assert by_part["positions_learned"] == pytest.approx(76.1 - 76.5)
    assert by_part["average_after_norm"] == pytest.approx(69.7 - 76.5)
    assert drawn[6:] == pytest.approx([74.3 - 76.5, 75.6 - 76.5, 75.0 - 76.5])


def test_ablations_wait_for_their_runs():
    labelled(figures.ablations([]))
