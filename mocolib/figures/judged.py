"""A log with what was seen in it: accuracy, loss and gradient norms over each other."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from mocolib.figures import style
from mocolib.figures.page import LINES
from mocolib.logs import Judged, Log, columns

COLOURS = (style.BLUE, style.ORANGE, style.GREEN, style.RED)
MOST = 2000  # points of a curve: more are drawn as the outline of what is there


@style.figure
def judged(logs: list[Log], found: list[Judged]) -> Figure:
    """A panel for accuracy, loss and norms, as far as a log has them; a line a log.

    A filled mark is the lowest reading of a dip that was made good, an open one that of
    a lasting fall; a stroke along the upper edge is a spike. Of many norms the first
    and the last layer's are drawn.
    """
    rows = [
        (label, draw)
        for label, draw, there in (
            ("accuracy, %", _accuracy, any(one.readings for one in found)),
            ("loss", _loss, any(np.isfinite(log.loss).any() for log in logs)),
            ("gradient norm", _norms, any(log.norms for log in logs)),
        )
        if there
    ]
    figure, axes = plt.subplots(
        len(rows), sharex=True, squeeze=False, figsize=(7.4, 1 + 1.9 * len(rows))
    )
    for ax, (label, draw) in zip(axes[:, 0], rows, strict=True):
        for place, (log, one) in enumerate(zip(logs, found, strict=True)):
            look = dict(color=COLOURS[place % 4], linestyle=LINES[place % len(LINES)])
            draw(ax, log, one, look)
        ax.set_ylabel(label)
        if ax.get_legend_handles_labels()[0]:
            ax.legend(fontsize=9)
    names = dict.fromkeys(log.axis for log in logs)
    axes[-1, 0].set_xlabel(" or ".join(names))
    return figure


def _accuracy(ax, log: Log, one: Judged, look: dict):
    _curve(ax, log.steps, log.accuracy, **look, label=log.title)
    for fall in one.falls:
        full = look["color"] if fall["made_good"] else "white"
        ax.plot(
            *([fall["low"]], [fall["level"] - fall["depth"]]),
            **dict(marker="v", markersize=7, linestyle="none"),
            **dict(color=look["color"], markerfacecolor=full),
        )
    style.percent(ax.yaxis, "")


def _loss(ax, log: Log, one: Judged, look: dict):
    _curve(ax, log.steps, log.loss, **look)
    _strokes(ax, one.bursts.get("loss"), look["color"])


def _norms(ax, log: Log, one: Judged, look: dict):
    ends = columns.ends(log.norms) or tuple(log.norms)[:1]
    for layer, width in zip(ends, (1.5, 0.7), strict=False):
        norms = np.where(log.norms[layer] > 0, log.norms[layer], np.nan)
        _curve(ax, log.steps, norms, **look, linewidth=width, label=layer)
        _strokes(ax, one.bursts.get(layer), look["color"], width)
    ax.set_yscale("log")
    style.plain(ax.yaxis)


def _strokes(ax, found: dict | None, colour: str, width: float = 1.5):
    """Spikes as strokes along the panel's upper edge."""
    at = found["at"] if found else ()
    look = dict(color=colour, markersize=9, markeredgewidth=width, linestyle="none")
    above = ax.get_xaxis_transform()
    ax.plot(at, [1.02] * len(at), marker="|", clip_on=False, transform=above, **look)


def _curve(ax, steps, values, **look):
    read = np.isfinite(values)
    ax.plot(*outline(steps[read], values[read]), **look)


def outline(x, y) -> tuple[np.ndarray, np.ndarray]:
    """A curve [n] by the lowest and the highest point of each stretch, MOST in all."""
    if len(x) <= MOST:
        return x, y
    stretches = np.array_split(np.arange(len(x)), MOST // 2)
    ends = [{s[y[s].argmin()], s[y[s].argmax()]} for s in stretches]
    kept = sorted(set().union(*ends))
    return x[kept], y[kept]
