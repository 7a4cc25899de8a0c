"""A sweep's curves, and accuracy against what was swept, beside the paper's own."""

import textwrap

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from mocolib import data
from mocolib.analysis import measures
from mocolib.analysis.alike import check_groups
from mocolib.analysis.paper import paper_numbers
from mocolib.figures import style
from mocolib.figures.style import KINDS, STROKES, percent, ticks
from mocolib.recipe import FIELDS
from mocolib.runs import Run
from mocolib.words import listed, title

ROWS = {
    "knn": "kNN, %",
    "loss": "loss",
    "gradient": "first layer: largest\ngradient entry",
}
WIDE, HIGH = 84, 0.19  # letters in a line under the panels, inches of one


@style.figure
def curves(runs: list[Run], x: str = "step", seeds: list[Run] = ()) -> Figure:
    """Dense kNN, loss and first-layer gradient over steps (or `samples`).

    A line is one real run, each of `runs` has one, and the legend tells all in which
    they differ. A mean over seeds would smooth the dips away; `seeds` are runs behind
    them: a band of the first panel reaches from their lowest to their highest seed.
    """
    runs = list({run.folder.resolve(): run for run in runs}.values())
    names = [textwrap.fill(name, WIDE) for name in _names(runs)]
    longest = max(map(len, "\n".join(names).splitlines()), default=0)
    columns = max(1, WIDE // (longest + 7))
    high = 7 + HIGH * sum(1 + name.count("\n") for name in names) / columns
    figure, axes = plt.subplots(3, sharex=True, figsize=(6.2, high))
    for run, name, look in zip(runs, names, _looks(runs), strict=True):
        alike = [one for one in seeds if _setting(one) == _setting(run)]
        _band(axes[0], alike, x, look["color"])
        for ax, values in zip(axes, _values(run, x), strict=True):
            alone = "." if len(values) == 1 else ""  # a line of one point is none
            ax.plot(values, linewidth=1.3, marker=alone, label=name, **look)
    for ax, label in zip(axes, ROWS.values(), strict=True):
        ax.set_ylabel(label)
    percent(axes[0].yaxis, ROWS["knn"])
    style.levels(axes[0], runs, "knn")
    axes[2].set_yscale("log")
    style.plain(axes[2].yaxis)
    axes[2].set_xlabel({"step": "training step", "samples": "images seen"}[x])
    style.note(axes[0], list(seeds) or runs)
    if len(runs) > 1:
        lines = axes[1].lines
        figure.legend(lines, names, loc="outside lower left", ncols=columns, fontsize=9)
    return figure


def _values(run: Run, x: str) -> list[pd.Series]:
    """What the panels show of a run, each by step or by images seen."""
    steps = run.steps.set_index(x)
    gradient = steps[f"grad_inf/{measures.first_layer(run)}"]
    parts = (steps["knn"], steps["loss"], gradient)
    return [part.astype(float).dropna() for part in parts]


def _band(ax, runs: list[Run], x: str, colour):
    """From the lowest to the highest reading of some runs, where they were read."""
    if runs:
        read = pd.concat([_values(run, x)[0] for run in runs], axis=1)
        ends = read.min(axis=1), read.max(axis=1)
        ax.fill_between(read.index, *ends, color=colour, alpha=0.2, linewidth=0)


def _setting(run: Run):
    return run.recipe.replace(seed=0)


def _names(runs: list[Run]) -> list[str]:
    """Each run's name in a legend: all fields in which it differs from another one.

    Copies of a run differ in none, and are told apart by their folders.
    """
    fields = [n for n in FIELDS if len({getattr(run.recipe, n) for run in runs}) > 1]
    names = [listed(style.told(run.recipe, fields)) for run in runs]
    return [
        name if names.count(name) == 1 else f"{name} ({run.id})".lstrip()
        for name, run in zip(names, runs, strict=True)
    ]


def _looks(runs: list[Run]) -> list[dict]:
    """A colour for each setting, in order; a fixed projection is dashed."""
    names = [name for name in FIELDS if name != "patch_projection"]
    settings = [tuple(getattr(run.recipe, name) for name in names) for run in runs]
    ordered = sorted(set(settings))
    colours = sns.color_palette("viridis", len(ordered) + 1)
    kinds = [run.recipe.patch_projection for run in runs]
    strokes = {kind: stroke for kind, stroke in STROKES.items() if len(set(kinds)) > 1}
    return [
        {"color": colours[ordered.index(one)], "linestyle": strokes.get(kind, "-")}
        for one, kind in zip(settings, kinds, strict=True)
    ]


@style.figure
def accuracy(runs: list[Run], by: str, paper: tuple = ()) -> Figure:
    """Linear probe against the swept setting, beside the paper's own numbers.

    Ours: a dot a seed, a line through the means. The paper's (one number a setting):
    filled where it stands in the text, hollow where it was derived from the text.
    """
    check_groups(runs, by, "patch_projection")
    table = measures.summary(runs)
    figure, axes = plt.subplots(
        ncols=1 + bool(paper), figsize=(7.4, 3.4), squeeze=False
    )
    ours = axes[0, 0]
    kinds = table.groupby("patch_projection")
    for kind, colour, mark in KINDS:
        if kind in kinds.groups:
            part = kinds.get_group(kind)
            style.seeds(ours, part.set_index(by)["linear_probe"], colour, mark, kind)
    ours.set(xscale="log", xlabel=title(by))
    percent(ours.yaxis, "linear probe, %")
    style.levels(ours, runs, "linear_probe")
    ticks(ours, table[by])
    ours.set_title("this book: " + data.title(runs[0].recipe.dataset), fontsize=9)
    if len(kinds) > 1:
        ours.legend(title=title("patch_projection"))
    if paper:
        _paper_panel(axes[0, 1], paper, by)
    return figure


@style.figure
def compared(groups: dict[str, list[Run]], by: str, shaking: str = "jitter") -> Figure:
    """Shaking and accuracy against a setting, a line for each named group of runs.

    shaking: jitter or deepest_fall.

    A dot a seed, a line through the means. Groups without runs are left out.
    """
    for runs in groups.values():
        check_groups(runs, by)
    tables = {name: measures.summary(runs) for name, runs in groups.items() if runs}
    words = {
        shaking: f"{shaking.replace('_', ' ')} of kNN, points",
        "linear_probe": "linear probe, %",
    }
    figure, axes = plt.subplots(ncols=2, figsize=(7.4, 3.4))
    for ax, (column, label) in zip(axes, words.items(), strict=True):
        for (name, table), kind in zip(tables.items(), KINDS, strict=False):
            style.seeds(ax, table.set_index(by)[column], *kind[1:], name)
        ax.set(xscale="log", xlabel=title(by))
        percent(ax.yaxis, label)
        ticks(ax, {value for table in tables.values() for value in table[by]})
    every = [run for runs in groups.values() for run in runs]
    style.levels(axes[1], every, "linear_probe")
    if tables:
        axes[0].legend()
    return figure


def _paper_panel(ax, sweeps: tuple, by: str):
    for name, (_, colour, mark) in zip(sweeps, KINDS, strict=False):
        rows = paper_numbers(name)
        x = rows["value"].astype(float)
        ax.plot(x, rows["accuracy"], color=colour)
        for standing, fill in (("T", colour), ("D", "white")):
            part = rows["status"] == standing
            ax.plot(
                x[part],
                rows["accuracy"][part],
                mark,
                color=colour,
                markerfacecolor=fill,
            )
    ticks(ax, x)
    ax.set(xlabel=title(by), ylabel="linear probe, %")
    batch = "" if by == "batch_size" else ", batch 4096"
    ax.set_title(f"the paper: ImageNet, ViT-B/16{batch}", fontsize=9)
