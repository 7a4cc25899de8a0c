"""Where keys come from, where the loss starts, and what leaks (MoCo v1 to v3)."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from mocolib import data
from mocolib.analysis import measures
from mocolib.analysis.alike import check_groups
from mocolib.analysis.negatives import expected_start
from mocolib.figures import style
from mocolib.figures.style import GREY, percent
from mocolib.runs import Run

MECHANISMS = {
    "end_to_end": ("end to end", style.ORANGE, "s"),
    "memory_bank": ("memory bank", style.GREEN, "^"),
    "queue": ("queue", style.BLUE, "o"),
}


@style.figure
def first_losses(runs: list[Run]) -> Figure:
    """The loss of each run's first step against its batch, a mark a run.

    Lines: the two predictions of `expected_start`, without and with the scatter.
    """
    runs = [run for run in runs if run.recipe.framework == "moco_v3"]
    marks = iter("os^Dv")
    figure, ax = plt.subplots(figsize=(6.4, 3.6))
    for tau in sorted({run.recipe.temperature for run in runs}):
        part = [run for run in runs if run.recipe.temperature == tau]
        sizes = [run.recipe.batch_size for run in part]
        first = [run.steps["loss"].iloc[0] for run in part]
        ax.plot(sizes, first, next(marks), color=style.BLUE, label=f"run, τ = {tau}")
        x = np.geomspace(48, 5500, 50)
        random = [expected_start(part[0].recipe.replace(batch_size=int(n))) for n in x]
        ax.plot(x, 4 * tau * np.log(x), ":", color=GREY)
        ax.plot(x, random, color=GREY, linewidth=1)
    ax.plot([], [], ":", color=GREY, label="4 τ ln N")
    ax.plot([], [], color=GREY, linewidth=1, label="4 τ ln N + 2 / (D τ)")
    ax.set_xscale("log", base=2)
    style.plain(ax.xaxis)
    ax.set(xlabel="batch N", ylabel="loss of the first step", ylim=0)
    ax.legend(loc="upper left")
    return figure


@style.figure
def age_chart(ages: np.ndarray, oldest: int, most: int) -> Figure:
    """How many negatives are how old; axes that stay as settings change."""
    edges = np.arange(-0.5, oldest + 10, 10)
    counts = np.histogram(ages, edges)[0]
    figure, ax = plt.subplots(figsize=(3.9, 1.5))  # as wide as a phone
    ax.set_axisbelow(True)
    ax.stairs(np.maximum(counts, 0.1), edges, baseline=0.1, fill=True)
    ax.set(yscale="log", ylim=(0.5, most), xlim=(-5, oldest))
    style.plain(ax.yaxis)
    ax.yaxis.set_minor_locator(NullLocator())  # a page holds many of these
    ax.set(xlabel="steps since the key was computed", ylabel="negatives")
    return figure


@style.figure
def negatives(runs: list[Run]) -> Figure:
    """Linear probe against K by mechanism; a dot a seed, lines through the means."""
    check_groups(runs, "keys", "negatives")
    figure, ax = plt.subplots(figsize=(6.4, 3.6))
    for keys, (name, colour, mark) in MECHANISMS.items():
        part = [run for run in runs if run.recipe.keys == keys]
        if not part:
            continue
        table = measures.summary(part)
        accuracy = table.set_index(["negatives", "seed"])["linear_probe"]
        style.seeds(ax, accuracy, colour, mark, name)
    ax.set(xscale="log", xlabel="negatives K")
    style.plain(ax.xaxis)
    percent(ax.yaxis, "linear probe, %")
    style.levels(ax, runs, "linear_probe")
    if runs:
        ax.set_title(data.title(runs[0].recipe.dataset), fontsize=9, loc="left")
        ax.legend()
    return figure


@style.figure
def leak(runs: list[Run]) -> Figure:
    """Final loss against linear probe, a mark a run: who cheats is left and low.

    The shape says on how many simulated devices, filled marks had shuffled keys.
    """
    colours = (style.BLUE, style.ORANGE, style.GREEN)
    counts = sorted({run.recipe.bn_groups for run in runs})
    figure, ax = plt.subplots(figsize=(5.4, 3.6))
    for groups, colour, mark in zip(counts, colours, "os^", strict=False):
        for shuffled in (False, True):
            part = [
                (measures.closing_loss(run), run.end["linear_probe"])
                for run in runs
                if run.recipe.bn_groups == groups and run.recipe.shuffle_bn == shuffled
            ]
            if part:
                words = "shuffled" if shuffled else "in order"
                words = "one device" if groups == 1 else f"{groups} devices, {words}"
                fill = colour if shuffled else "white"
                look = {"color": colour, "markerfacecolor": fill, "label": words}
                ax.plot(*zip(*part, strict=True), mark, **look)
    ax.set_xlabel("loss, mean of the last 50 steps")
    percent(ax.yaxis, "linear probe, %")
    style.levels(ax, runs, "linear_probe")
    if runs:
        ax.set_title(data.title(runs[0].recipe.dataset), fontsize=9, loc="left")
        ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure
