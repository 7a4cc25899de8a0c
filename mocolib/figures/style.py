"""What all figures share: their look, and how they name runs."""

import functools
import math
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib import font_manager
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from mocolib import data
from mocolib.analysis import baselines
from mocolib.analysis.measures import settings
from mocolib.recipe import Recipe
from mocolib.runs import Run
from mocolib.words import counted, listed, said, short, title, value

# A page draws the letters of a figure, matplotlib only measures them: for Chinese by
# this font without shapes, in which each sign is as wide as it is high.
font_manager.fontManager.addfont(Path(__file__).with_name("han.ttf"))
STYLE = {
    "font.family": ["sans-serif", "Han widths"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "figure.facecolor": "white",
    "figure.constrained_layout.use": True,
    "legend.frameon": False,
    "font.size": 10,
}
BLUE, ORANGE, GREEN, RED = "#0173b2", "#de8f05", "#029e73", "#d55e00"
KINDS = (("learned", BLUE, "o"), ("fixed", ORANGE, "s"))
STROKES = {"learned": "-", "fixed": "--"}
GREY = "#555555"
CLOSE = 0.25  # of an axis: ticks that are closer would run into each other
MINUS = "\N{MINUS SIGN}"


def figure(draw):
    """For a function that gives a Figure: it draws in STYLE and leaves none open."""
    return _drawn(draw, STYLE)


def bare(draw):
    """The same without a grid, for heat maps and pictures."""
    return _drawn(draw, {**STYLE, "axes.grid": False})


def _drawn(draw, look: dict):
    @functools.wraps(draw)
    def drawn(*given, **named) -> Figure | None:
        with plt.rc_context(look):
            made = draw(*given, **named)
        if made is not None:  # nothing was recorded yet
            plt.close(made)
        return made

    return drawn


def note(place, runs: list[Run], **look):
    """The caption of some runs, small and grey, over a figure or over one panel."""
    look = {"fontsize": 9, "color": GREY, **look}
    if isinstance(place, Figure):
        place.suptitle(caption(runs), x=0.01, ha="left", **look)
    else:
        place.set_title(caption(runs), loc="left", **look)


def seeds(ax, values: pd.Series, colour: str, mark: str, label: str = "", **look):
    """A line with marks through the means, and a dot for each seed.

    values: indexed by what stands on the x axis, then by anything else.
    """
    x = values.index.get_level_values(0)
    mean = values.groupby(level=0).mean()
    ax.plot(mean.index, mean, color=colour, marker=mark, label=label, **look)
    ax.plot(x, values, ".", color=colour, alpha=0.5)


def levels(ax, runs: list[Run], measure: str):
    """Thin named lines across an axis of shares: what the runs are held against.

    measure: knn or linear_probe. They are no lines of the axis, which are its runs'.
    """
    for level, words in baselines.named(runs, measure):
        _thin(ax, [(0, level), (1, level)], ax.get_yaxis_transform())
        ax.update_datalim([(0, level)], updatex=False)
        place = dict(xycoords=("axes fraction", "data"), ha="right", va="bottom")
        ax.annotate(words, (1, level), color=GREY, style="italic", fontsize=9, **place)
    ax.autoscale_view()


def uprights(ax, runs: list[Run], measure: str):
    """The same upright, over an x axis in percent."""
    for level, words in baselines.named(runs, measure):
        x = 100 * level
        _thin(ax, [(x, 0), (x, 1)], ax.get_xaxis_transform())
        ax.update_datalim([(x, 0)], updatey=False)
        place = dict(xycoords=("data", "axes fraction"), ha="right", va="bottom")
        look = dict(color=GREY, style="italic", fontsize=9, rotation=90)
        ax.annotate(words, (x, 0.02), **look, **place)
    ax.autoscale_view()


def _thin(ax, ends: list, transform):
    look = dict(colors=GREY, linewidths=0.8, linestyles=":", zorder=0)
    ax.add_collection(
        LineCollection([ends], transform=transform, **look), autolim=False
    )


def strip(ax, row: int, values, colour: str | None = None):
    """A row of dots, one a run, and an upright bar at their mean."""
    values = pd.Series(values, dtype=float)
    ax.plot(values, [row] * len(values), "o", color=colour or BLUE, alpha=0.6)
    ax.plot([values.mean()], [row], "k|", markersize=18, markeredgewidth=2)


def ticks(ax, values):
    """The swept values as the only ticks of a log axis: 1,024, 0.016 or 1.5e-4.

    One tick for two values that are nearly one; the words of a close one stand lower.
    """
    ordered = sorted(set(values))
    before = [0, *ordered]
    values = [v for v, last in zip(ordered, before, strict=False) if v > 1.1 * last]
    words, room = [], CLOSE * math.log(max(values) / min(values))
    for v, last in zip(values, [0, *values], strict=False):
        close = last and math.log(v / last) < room and not words[-1].startswith("\n")
        words.append("\n" * bool(close) + _tick(v))
    ax.set_xticks(values, words)
    ax.minorticks_off()


def _tick(value: float) -> str:
    return f"{value:,.0f}" if value >= 1 else short(value)


def plain(axis):
    """A log axis without exponents: they are small print, and no letter may be so.

    The whole picture would be drawn larger, and out of the page, to keep them legible.
    """
    axis.set_major_formatter(lambda value, _: _tick(value))


def percent(axis, label: str):
    """An axis of shares that reads in percent, or in points where it is a difference.

    Its limits and data stay shares.
    """
    axis.set_major_formatter(lambda share, _: f"{100 * share:.6g}".replace("-", MINUS))
    axis.set_label_text(label)


def told(recipe: Recipe, names) -> list[str]:
    """Some settings of a recipe in words: `base rate 0.048`, `qk-norm yes`."""
    given = ((name, getattr(recipe, name)) for name in names)
    words = ((n, short(v) if isinstance(v, float) else value(v)) for n, v in given)
    return [f"{title(name)} {word}" for name, word in words]


def grouped(runs: list[Run]) -> dict[str, list[Run]]:
    """Runs by the settings in which they differ, in words; seeds stay together."""
    names, groups = settings(runs), {}
    for run in runs:
        groups.setdefault("\n".join(told(run.recipe, names)), []).append(run)
    return groups


def caption(runs: list[Run]) -> str:
    """What was run, how often and where: a line for under a figure."""
    recipe, varied = runs[0].recipe, settings(runs)
    images = data.title(recipe.dataset)
    what = [said("several data sets") if "dataset" in varied else images]
    what.append(_network(recipe, varied))
    if "batch_size" not in varied:
        what.append(said("batch {size}", size=recipe.batch_size))
    seeds = len({run.recipe.seed for run in runs})
    return said(
        "{what}; {runs}, {seeds}",
        what=listed(what),
        runs=counted("1 run", "{count} runs", len(runs)),
        seeds=counted("1 seed", "{count} seeds", seeds),
    )


def _network(recipe: Recipe, varied: list[str]) -> str:
    """The backbone of some runs that differ in these settings."""
    if "backbone" in varied:
        return said("several backbones")
    if recipe.backbone != "vit":
        return recipe.backbone
    width, depth = said("several widths"), said("several depths")
    if "width" not in varied:
        width = said("width {width}", width=recipe.width)
    if "depth" not in varied:
        depth = said("depth {depth}", depth=recipe.depth)
    return said("ViT of {width} and {depth}", width=width, depth=depth)
