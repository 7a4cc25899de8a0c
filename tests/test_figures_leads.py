"""Who is first: what is planted as a lead is shown as a lead, chance as chance."""

import numpy as np
import pytest

from mocolib import figures
from mocolib.analysis import measures
from tests.planted import events, plant, shaking
from tests.test_figures import labelled


@pytest.fixture
def runs(tmp_path):
    """Spikes of the first layer come to the projector three steps later."""
    norms = [events(seed) for seed in range(2)]
    return [
        plant(
            *(tmp_path, shaking(0.001, seed)),
            norms={"patch_projection": n, "projector.0": np.roll(n, 3)},
            seed=seed,
        )
        for seed, n in enumerate(norms)
    ]


def test_a_planted_lead_is_the_highest_bar(runs):
    figure = figures.correlogram(runs)
    labelled(figure)
    bars = {round(b.get_x() + 0.3): b.get_height() for b in figure.axes[0].patches}
    assert max(bars, key=bars.get) == 3
    assert len(bars) == 2 * measures.LAGS + 1


def test_chance_is_centred_and_narrower_than_a_planted_lead(runs):
    pair = [measures.gradients(runs[0], n) for n in ("patch_projection", "projector.0")]
    chance = measures.correlation_null(*pair)
    assert chance.shape == (200, 2 * measures.LAGS + 1)
    assert abs(chance.to_numpy().mean()) < 0.02
    assert measures.cross_correlation(*pair)[3] > chance[3].quantile(0.975)


def test_the_average_spike_keeps_the_order_from_both_sides(runs):
    figure = figures.around_spikes(runs)
    labelled(figure)
    offsets = np.arange(-20, 21)
    peaks = [
        [int(offsets[np.nanargmax(line.get_ydata())]) for line in ax.lines[:2]]
        for ax in figure.axes[:2]
    ]
    assert peaks == [[0, 3], [-3, 0]]  # aligned to the first layer, to the projector


def test_knn_is_counted_from_the_step_before_a_spike(tmp_path):
    norms, knn = np.ones(240), np.full(48, 0.4)
    norms[99:102], knn[20:24] = 5, 0.3  # spike at step 100, readings 105 to 120 low
    run = plant(tmp_path, knn, norms={"patch_projection": norms})
    below = figures.around_spikes([run]).axes[2]
    around_any, around_spike = (line.get_ydata() for line in below.lines[:2])
    assert around_spike[:25] == pytest.approx(0)
    assert around_spike[25:] == pytest.approx(-10)  # points
    assert abs(around_any).max() < 2


def test_the_figures_wait_for_their_runs():
    labelled(figures.correlogram([]))
    labelled(figures.around_spikes([]))


def test_the_first_and_the_last_layer_lie_under_the_curve_of_their_run(tmp_path):
    """Each over its own median: a layer of large gradients fills no more room."""
    norms, knn = np.ones(240), np.full(48, 0.4)
    norms[99] = 5  # step 100
    planted = {"patch_projection": norms, "predictor.1": 1000 * np.roll(norms, 3)}
    run = plant(tmp_path, knn, norms=planted)
    figure = figures.first_and_last(run)
    labelled(figure)
    above, below = figure.axes
    assert above.lines[0].get_ydata() == pytest.approx(measures.monitored(run)["knn"])
    first, last = below.lines
    assert first.get_xdata()[first.get_ydata() > 1].tolist() == [100]
    assert last.get_xdata()[last.get_ydata() > 1].tolist() == [103]
    highest = [line.get_ydata().max() for line in (first, last)]
    assert highest == pytest.approx([5, 5], rel=0.004)  # as exact as runs keep them
