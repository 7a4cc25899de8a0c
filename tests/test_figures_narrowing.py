"""The figure of the first layer's rank shows the numbers it was given."""

import numpy as np
import pandas as pd

from mocolib import figures, sweep
from mocolib.sweep.design import SHORT, only
from tests.test_figures import labelled


def test_each_run_has_a_line_in_each_panel():
    where = dict(seed=(10, 11), base_lr=(SHORT.calm, SHORT.shaky))
    runs = only(sweep.recorded("lr"), **where)
    rows = [
        {"run": run.id, "base_lr": run.recipe.base_lr, "step": step, "rank": 30 - step}
        for run in runs
        for step in range(3)
    ]
    figure = figures.narrowing(pd.DataFrame(rows).assign(cosine=0.5), runs)
    labelled(figure)
    assert [len(ax.lines) for ax in figure.axes] == [4, 4, 4]
    assert all(
        np.array_equal(x.get_ydata(), [30, 29, 28]) for x in figure.axes[1].lines
    )
    assert len(figure.axes[1].get_legend().get_texts()) == 2
