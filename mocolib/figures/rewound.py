"""What became of recorded spikes when one thing was changed before them."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from mocolib.analysis.measures import SPIKE
from mocolib.figures import style
from mocolib.figures.style import GREY
from mocolib.words import value

MEASURES = {  # column: words, and what it is multiplied by
    "peak_first": ("first layer's peak,\ntimes its recent median", 1),
    "loss_rise": ("highest loss, less\nthat before the restart", 1),
    "fall": ("fall of kNN,\npoints", 100),
}
TICKS = (0.5, 1, 2, 4, 8)


@style.figure
def rewound(judged: pd.DataFrame) -> Figure:
    """Peak, loss and kNN from each spike on, a row a change; from `causes.responses`.

    A dot a spike, filled where the first layer's gradient still passes SPIKE times
    its median (the dotted line), hollow where it stays below. A bar at the mean.
    """
    changes = list(judged["change"].unique())
    figure, axes = plt.subplots(
        ncols=3, sharey=True, figsize=(7.6, 1.2 + 0.5 * len(changes))
    )
    for ax, (column, (words, times)) in zip(axes, MEASURES.items(), strict=True):
        for place, change in enumerate(changes):
            part = judged[judged["change"] == change]
            _row(ax, place, times * part[column], part["comes"])
        ax.set(xlabel=words, ylabel="changed")
        ax.yaxis.label.set_visible(ax is axes[0])
    axes[0].set_xscale("log", base=2)
    axes[0].set_xticks(TICKS, map(str, TICKS))
    axes[0].axvline(SPIKE, color=GREY, linewidth=1, linestyle=":")
    for ax in axes[1:]:
        ax.axvline(0, color=GREY, linewidth=1)
    axes[0].set_yticks(range(len(changes)), map(value, changes))
    axes[0].set_ylim(len(changes) - 0.5, -0.5)  # the first on top
    return figure


def _row(ax, place: int, values: pd.Series, comes: pd.Series):
    """One change: spikes that come filled and a little above those that don't."""
    for mask, fill, up in ((comes, style.BLUE, -0.12), (~comes, "white", 0.12)):
        heights = [place + up] * int(mask.sum())
        ax.plot(
            *(values[mask], heights, "o"),
            color=style.BLUE, markerfacecolor=fill, markersize=5,
        )  # fmt: skip
    ax.plot([values.mean()], [place], "|", color="black", markersize=18)
