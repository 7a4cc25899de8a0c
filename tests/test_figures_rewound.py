"""The figure of replayed spikes shows each spike's own numbers, by change."""

import pandas as pd
import pytest

from mocolib import figures
from tests.test_figures import labelled


def test_each_spike_is_a_dot_filled_where_it_comes():
    judged = pd.DataFrame(
        [
            ("nothing", 3.0, 0.1, 0.02, True),
            ("nothing", 4.0, 0.3, 0.04, True),
            ("half_the_rate", 1.5, -0.1, -0.01, False),
            ("half_the_rate", 2.6, 0.0, 0.00, True),
        ],
        columns=["change", "peak_first", "loss_rise", "fall", "comes"],
    )
    figure = figures.rewound(judged)
    labelled(figure)
    peak, loss, fall = figure.axes
    names = [label.get_text() for label in peak.get_yticklabels()]
    assert names == ["nothing", "half the rate"]
    come, not_come, mean = peak.lines[3:6]  # of the second row
    assert come.get_xdata().tolist() == [2.6]
    assert not_come.get_xdata().tolist() == [1.5]
    assert not_come.get_markerfacecolor() == "white" != come.get_markerfacecolor()
    assert mean.get_xdata() == pytest.approx([2.05])
    assert loss.lines[2].get_xdata() == pytest.approx([0.2])
    assert fall.lines[0].get_xdata() == pytest.approx([2, 4])  # points
