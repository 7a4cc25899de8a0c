"""Critical rates over each size with the plane through them, and what it foretells."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mocolib.claims import scale
from mocolib.figures import style
from mocolib.figures.style import BLUE, GREY, ORANGE
from mocolib.sweep.design import MINI, RAMP
from mocolib.words import listed, said, short, spoken, title

MARKS = "os^"  # of the corners
RANGE, TICKS = (0.05, 0.7), (0.05, 0.1, 0.2, 0.4)


@style.figure
def carried(rates: pd.DataFrame) -> Figure | None:
    """The four sizes one at a time; the corners; the paper's ViT-B.

    rates: as `scale.critical` has them. A dot a seed, the dashed line the plane of
    their means.
    """
    if not len(rates):
        return None
    planes = scale.fitted(np.log2(rates))
    figure, axes = plt.subplots(2, 3, figsize=(7.0, 5.2))
    for ax, name in zip(axes.flat, scale.SIZES, strict=False):
        _alone(ax, rates, planes, name)
    _corners(axes.flat[4], rates, planes)
    _far(axes.flat[5], planes, 2 ** np.log2(rates[scale.sizes(RAMP)]).mean())
    for ax in axes.flat[:5]:
        ax.set(yscale="log", ylim=RANGE)
        _ticks(ax.yaxis)
    for ax in axes[:, 0]:
        ax.set_ylabel(said("rate at which it breaks"))
    return figure


def told(at: tuple) -> str:
    """What of some sizes is changed, in words; "" of the plain run's."""
    return listed(spoken(*one) for one in scale.changed(at).items())


def _alone(ax, rates: pd.DataFrame, planes: pd.DataFrame, name: str):
    """The runs in which no other size is changed."""
    place = list(scale.SIZES).index(name)
    line = sorted(at for at in rates if set(scale.changed(at)) <= {name})
    sizes = [at[place] for at in line]
    own = rates[line].set_axis(sizes, axis=1)
    style.seeds(ax, own.stack().swaplevel(), BLUE, "o", linestyle="none")
    heights = [2 ** scale.height(planes, at).mean() for at in line]
    ax.plot(sizes, heights, "--", color=GREY)
    ax.set(xscale="log", xlabel=title(name))
    style.ticks(ax, sizes)


def _corners(ax, rates: pd.DataFrame, planes: pd.DataFrame):
    """What the plane says against what was found; on the dashed line they are alike."""
    corners = [at for at in rates if scale.is_corner(at)]
    for at, mark in zip(corners, MARKS, strict=True):
        x, look = 2 ** scale.height(planes, at), dict(color=ORANGE, marker=mark)
        ax.plot(
            x,
            rates[at],
            linestyle="none",
            alpha=0.6,
            label=listed(map(title, scale.changed(at))),
            **look,
        )
    ax.plot(RANGE, RANGE, "--", color=GREY)
    ax.set(xscale="log", xlim=RANGE, xlabel=said("the plane says"))
    _ticks(ax.xaxis)
    ax.legend(fontsize=8, loc="lower right", handletextpad=0)


def _far(ax, planes: pd.DataFrame, plain: float):
    """The planes' rate for ViT-B, a dot a seed, over the rates of the paper.

    Dashed: as far above the good one as the `plain` run's lies above its own.
    """
    far = 2 ** scale.height(planes, scale.sizes(scale.GOOD))
    ax.plot(np.zeros(len(far)), far, "o", color=BLUE, alpha=0.6)
    for one, side in ((scale.GOOD, "top"), (scale.TOO_MUCH, "bottom")):
        ax.axhline(one.lr, color=GREY, linestyle=":")
        ax.annotate(short(one.lr), (0.4, one.lr), color=GREY, fontsize=9, va=side)
    alike = scale.GOOD.lr * plain / MINI.calm
    ax.axhline(alike, color=GREY, linestyle="--")
    ax.annotate(said("as ours"), (0.4, alike), color=GREY, fontsize=9, va="bottom")
    ax.set(yscale="log", xlabel=said("ViT-B, batch 4,096"), xlim=(-1, 1), xticks=[])
    ax.set_ylim(0.001, 0.5)
    ax.set_yticks([0.001, 0.01, 0.1])
    style.plain(ax.yaxis)


def _ticks(axis):
    """A log axis of rates with a few plain ticks."""
    axis.set_ticks(TICKS, [short(rate) for rate in TICKS])
    axis.set_minor_formatter(plt.NullFormatter())
