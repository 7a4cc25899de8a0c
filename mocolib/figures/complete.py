"""What a random projection keeps of a patch, and what freezing it costs."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from mocolib import data
from mocolib.analysis import measures
from mocolib.claims.parts import FREE
from mocolib.figures import style
from mocolib.figures.style import GREY, KINDS, percent
from mocolib.runs import Run

MARKS = ((style.BLUE, "o"), (style.GREEN, "^"))


@style.figure
def reconstruction(table: pd.DataFrame) -> Figure:
    """Error and condition number against width over the numbers in a patch.

    Solid: from random tokens, a dot a draw. Dashed: from as many principal
    components, less than which no linear map to that width can miss.
    """
    share = table["width"] / table["inside"]
    figure, (above, below) = plt.subplots(2, sharex=True, figsize=(7.2, 5.6))
    groups = table.assign(share=share).groupby("dataset")
    for (name, part), (colour, mark) in zip(groups, MARKS, strict=False):
        mean = part.groupby("share").mean(numeric_only=True)
        inside = part["inside"].iloc[0]
        label = f"{data.title(name)}, {inside} numbers a patch"
        look = {"color": colour, "marker": mark}
        above.plot(mean["error_random"], **look, label=label)
        above.plot(
            mean["error_pca"], "--", color=colour, label="the same, best possible"
        )
        below.plot(mean["condition"], **look)
        for ax, column in ((above, "error_random"), (below, "condition")):
            ax.plot(part["share"], part[column], ".", color=colour, alpha=0.5)
    for ax in (above, below):
        ax.axvline(1, color=GREY, linewidth=1, linestyle=":")
    above.set(ylabel="relative error of the\nbest linear reconstruction")
    above.legend()
    below.set(yscale="log", ylabel="condition number")
    style.plain(below.yaxis)
    below.set_xlabel("token width over numbers in a patch, d / D")
    return figure


@style.figure
def freezing(runs: list[Run]) -> Figure:
    """Linear probe by width, and fixed minus learned within each seed.

    Lines through the means, a dot a seed; grey: half a point of accuracy. Only random
    matrices: an orthogonal one is another question.
    """
    runs = [run for run in runs if run.recipe.patch_projection_start == "xavier"]
    figure, (left, right) = plt.subplots(ncols=2, figsize=(7.4, 3.4))
    for ax, label in (
        (left, "linear probe, %"),
        (right, "fixed minus learned, points"),
    ):
        ax.set_xlabel("token width d")
        percent(ax.yaxis, label)
    right.axhspan(-FREE / 100, FREE / 100, color="#e4e4e4")
    right.axhline(0, color=GREY, linewidth=1)
    if runs:
        _by_width(left, right, measures.summary(runs))
        style.note(figure, runs)
    return figure


def _by_width(left, right, table: pd.DataFrame):
    seeds = table.pivot(
        index=["width", "seed"], columns="patch_projection", values="linear_probe"
    )
    for kind, colour, mark in KINDS:
        if kind not in seeds:
            continue
        style.seeds(left, seeds[kind], colour, mark, kind)
    left.legend(title="patch projection")
    if {"learned", "fixed"} <= set(seeds):
        gain = seeds["fixed"] - seeds["learned"]
        style.seeds(right, gain, "black", "D")
    for ax in (left, right):
        ax.set_xticks(sorted(set(table["width"])))
