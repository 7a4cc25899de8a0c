"""Figures of kicked layers and of the edge, against planted tables."""

import pandas as pd
import pytest

from mocolib import figures
from mocolib.analysis import kicks
from tests.test_edge import LEFT, at_the_edge
from tests.test_figures import labelled
from tests.test_kicks import planted


def test_falls_are_drawn_by_length_and_by_time():
    fall = dict.fromkeys(kicks.layers(), 0.5) | {kicks.FIRST: 2.0}
    figure = figures.kicked(planted(fall, left=0.25))
    labelled(figure)
    at_once, later = figure.axes
    mean = 2 * 1.075  # over the seeds
    assert at_once.lines[0].get_ydata()[-2:] == pytest.approx([mean, 2 * mean])
    assert later.lines[0].get_ydata()[[0, -1]] == pytest.approx([2 * mean, mean / 2])
    names = [text.get_text() for text in at_once.get_legend().get_texts()]
    assert names[0] == "patch projection"
    assert len(names) == len(kicks.layers()) + 1


def test_sharpness_is_drawn_by_batch_and_by_part():
    figure = figures.edges(at_the_edge())
    labelled(figure)
    _, parts = figure.axes
    bars = [line.get_xdata()[0] for line in parts.lines[1::2]]
    shares = [100 * (1 - left * 0.99) for left in LEFT.values()]
    assert bars == pytest.approx(shares, abs=0.1)


def test_without_a_table_there_is_no_figure():
    assert figures.kicked(pd.DataFrame()) is None
    assert figures.edges(pd.DataFrame()) is None
