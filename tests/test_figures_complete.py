"""Figures of what a random projection keeps, and of what freezing costs."""

import pytest

from mocolib import figures
from mocolib.analysis.completeness import reconstruction
from tests.planted import plant, shaking
from tests.test_figures import labelled
from tests.tiny import blobs

D = 48


def test_errors_and_condition_stand_over_the_share_of_numbers():
    table = reconstruction(blobs(), [12, D, 96], seeds=(0, 1), patch_size=4)
    figure = figures.reconstruction(table.assign(dataset="blobs", inside=D))
    labelled(figure)
    above, below = figure.axes
    mean = table.groupby("width").mean()
    random, best = above.lines[:2]
    assert random.get_xdata().tolist() == [0.25, 1, 2]
    assert random.get_ydata() == pytest.approx(mean["error_random"].to_numpy())
    assert best.get_ydata() == pytest.approx(mean["error_pca"].to_numpy())
    assert below.lines[0].get_ydata() == pytest.approx(mean["condition"].to_numpy())
    assert "blobs, 48 numbers a patch" in above.get_legend().texts[0].get_text()


@pytest.fixture
def runs(tmp_path):
    """A fixed projection costs .04 at width 8 and nothing at 16."""
    return [
        plant(
            *(tmp_path, shaking(0.001, seed), 0.5 + 0.01 * seed - cost),
            **{"width": width, "patch_projection": kind, "seed": seed},
        )
        for width, kind, cost in (
            *((8, "learned", 0), (8, "fixed", 0.04)),
            *((16, "learned", 0), (16, "fixed", 0)),
        )
        for seed in range(2)
    ]


def test_freezing_is_compared_within_each_seed(runs):
    figure = figures.freezing(runs)
    labelled(figure)
    gain = figure.axes[1].lines[1]
    assert gain.get_xdata().tolist() == [8, 16]
    assert gain.get_ydata() == pytest.approx([-0.04, 0])
    assert "several widths" in figure.get_suptitle()


def test_freezing_can_wait_for_its_runs(runs):
    labelled(figures.freezing([]))
    labelled(figures.freezing(runs[:2]))  # learned at one width
