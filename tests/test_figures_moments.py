"""Figures of AdamW's second moment, against planted ratios, states and runs."""

import numpy as np
import pandas as pd
import pytest

from mocolib import figures
from mocolib.analysis.measures import spike_steps
from mocolib.figures import moments
from tests.planted import events, plant, shaking
from tests.test_figures import labelled


@pytest.fixture
def run(tmp_path):
    """The ratio is 1, and 4 in the two steps before each spike of the first layer."""
    ratio, norms = np.ones(240), events(0)
    for start in range(50, 215, 40):
        ratio[start - 2 : start] = 4
    columns = {"adam_rms/patch_projection": ratio}
    norms = {"patch_projection": norms}
    return plant(tmp_path, shaking(0.001, 0), norms=norms, columns=columns)


def test_the_ratio_around_spikes_is_lined_up_and_relative(run):
    spikes = spike_steps(run)
    rows = moments.around(run, spikes)
    assert len(spikes) > 2
    assert rows.shape == (len(spikes), len(moments.LAGS))
    high = np.isin(moments.LAGS, (-2, -1))
    assert (rows[:, high] == 2).all()  # log2 of 4
    assert (rows[:, ~high] == 0).all()
    assert moments.around(run, []).shape == (0, len(moments.LAGS))
    late = moments.around(run, [run.recipe.steps])
    assert np.isnan(late[0, moments.LAGS > 0]).all()  # behind the end


def test_the_mean_over_all_spikes_is_drawn(run):
    figure = figures.misjudged({"light views": [run, run], "full views": []})
    labelled(figure)
    light, full = figure.axes[:2]
    assert light.get_title() == f"light views: {2 * len(spike_steps(run))} spikes"
    assert full.get_title() == "full views: 0 spikes"
    assert np.nanmax(light.lines[-1].get_ydata()) == 2


def test_sharpness_is_shown_along_the_runs_and_by_kind():
    rows = [
        ("a", 10, 0.9, "calm"),
        ("a", 20, 1.2, "before_a_spike"),
        ("b", 15, 1.0, "calm"),
    ]
    table = pd.DataFrame(rows, columns=["run", "step", "ratio", "kind"])
    figure = figures.sharpness(table)
    labelled(figure)
    along, by_kind = figure.axes
    assert along.lines[0].get_ydata().tolist() == [0.9, 1.2]  # run a, in order
    calm, mean = by_kind.lines[:2]
    assert sorted(calm.get_ydata()) == [0.9, 1.0]
    assert mean.get_ydata() == pytest.approx([0.95])
