"""A layer kicked, and the edge by batch and by part: two tables in pictures."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from mocolib.analysis import edge, kicks
from mocolib.figures import style
from mocolib.figures.style import GREY
from mocolib.words import layer_name, said, value

LOOKS = (  # of the layers, the projection first; told apart without colour too
    *((style.RED, "o-"), (style.BLUE, "s--"), (style.GREEN, "^--")),
    *(("black", "D--"), ("#7a52a0", "v:"), ("#8a8a8a", "x:")),
)
BATCHES = {edge.OWN: "batch ahead", edge.OTHER: "another batch"}


@style.figure
def kicked(table: pd.DataFrame) -> Figure | None:
    """What one update of one layer costs, by its length, and what is left of it later.

    table: `tables.read("kicks")`. Means over seeds; on the left the projection's seeds
    as dots, and its random kicks as an open circle.
    """
    if table.empty:
        return None
    figure, (at_once, later) = plt.subplots(ncols=2, figsize=(7.4, 3.8))
    by_size = {size: 100 * kicks.costs(table, size) for size in kicks.SIZES}
    by_step = {
        step: 100 * kicks.costs(table, kicks.LARGEST, at=(step,)) for step in kicks.READ
    }
    percent = [100 * size for size in kicks.SIZES]
    for layer, (colour, mark) in zip(kicks.layers(), LOOKS, strict=True):
        for ax, x, found in ((at_once, percent, by_size), (later, [*by_step], by_step)):
            mean = [costs[layer].mean() for costs in found.values()]
            ax.plot(x, mean, mark, color=colour, label=layer_name(layer))
    for x, costs in zip(percent, by_size.values(), strict=True):
        seeds = costs[kicks.FIRST]
        at_once.plot([x] * len(seeds), seeds, ".", color=style.RED, alpha=0.5)
    random = 100 * kicks.costs(table, kicks.USUAL, change=kicks.RANDOM)[kicks.FIRST]
    look = dict(
        color=style.RED, markerfacecolor="white", label=said("random direction")
    )
    at_once.plot([100 * kicks.USUAL], [random.mean()], "o", **look)
    at_once.set(xscale="log", xlabel="update, % of the layer's norm")
    at_once.set_xticks(percent, [f"{x:g}" for x in percent], minor=False)
    at_once.minorticks_off()
    later.set_xlabel(said("steps from a kick of {size} %", size=f"{percent[-1]:g}"))
    for ax in (at_once, later):
        ax.set_ylabel("fall of kNN, points")
        ax.axhline(0, color=GREY, linewidth=1)
    at_once.legend(fontsize=8.5)
    return figure


@style.figure
def edges(table: pd.DataFrame) -> Figure | None:
    """Sharpness over its limit by state and batch, and what each part has of it.

    table: `tables.read("edge")`. Left: a line a run from its calm state to the one
    before a spike. Right: percent that go before a spike with a part held constant.
    """
    if table.empty:
        return None
    figure, (ahead, parts) = plt.subplots(ncols=2, figsize=(7.4, 3.6))
    looks = table.set_index(["batch", "constant", "kind", "seed"])["ratio"]
    looks = looks.sort_index()
    for place, (batch, words) in enumerate(BATCHES.items()):
        both = [looks[batch, edge.NOTHING, kind] for kind in (edge.CALM, edge.BEFORE)]
        x = [3 * place, 3 * place + 1]
        ahead.plot(x, [both[0], both[1].reindex(both[0].index)], "-", color="#c4c4c4")
        for at, values, colour, mark in zip(
            x, both, (style.BLUE, style.RED), "o^", strict=True
        ):
            ahead.plot([at] * len(values), values, mark, color=colour, alpha=0.7)
            ahead.plot([at], [values.mean()], "k_", markersize=22)
        middle = {"xycoords": ("data", "axes fraction"), "ha": "center", "va": "bottom"}
        ahead.annotate(said(words), (x[0] + 0.5, 1), **middle)
    ahead.axhline(1, color=GREY, linewidth=1.2, linestyle=":")
    names = [value(kind).replace(" ", "\n", 1) for kind in (edge.CALM, edge.BEFORE)]
    ahead.set_xticks([0, 1, 3, 4], names * 2, fontsize=9)
    ahead.set(xlim=(-0.6, 4.6), xlabel="state", ylabel="sharpness over its limit")
    whole = looks[edge.OWN, edge.NOTHING, edge.BEFORE]
    for row, part in enumerate(edge.PARTS):
        gone = 100 * (1 - looks[edge.OWN, part, edge.BEFORE] / whole)
        style.strip(parts, row, gone)
    words = [
        said("projector and predictor") if part == "heads" else layer_name(part)
        for part in edge.PARTS
    ]
    parts.set_yticks(range(len(words)), words)
    parts.set(xlabel="% of the sharpness that go with it", ylabel="held constant")
    parts.invert_yaxis()
    return figure
