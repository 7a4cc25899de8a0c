"""A sweep's curves, and accuracy against what was swept, beside the paper's own."""

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.figure import Figure

from mocolib import data
from mocolib.analysis import measures
from mocolib.analysis.paper import paper_numbers
from mocolib.figures import style
from mocolib.figures.style import KINDS, percent, ticks
from mocolib.runs import Run
from mocolib.words import title

ROWS = {
    "knn": "kNN, %",
    "loss": "loss",
    "gradient": "first layer: largest\ngradient entry",
}


@style.figure
def curves(runs: list[Run], x: str = "step") -> Figure:
    """Dense kNN, loss and first-layer gradient over steps (or `samples`).

    A line is one real run, that of the first seed: a mean over seeds would smooth the
    dips away. The band of the first panel reaches from the lowest to the highest seed.
    """
    table, look = measures.long_table(runs), _looks(runs)
    table = table.rename(columns={n: title(n) for n in measures.settings(runs)})
    first = table[table["seed"] == table["seed"].min()]
    figure, axes = plt.subplots(3, sharex=True, figsize=(6.2, 7.2))
    for ax, (column, label) in zip(axes, ROWS.items(), strict=True):
        legend = "full" if ax is axes[0] and look["hue"] else False
        if column == "knn":  # bands over every step would cover each other
            sns.lineplot(
                table, x=x, y=column, ax=ax, linewidth=0, dashes=False,
                legend=False, errorbar=("pi", 100), **look,
            )  # fmt: skip
        sns.lineplot(first, x=x, y=column, ax=ax, linewidth=1.3, legend=legend, **look)
        ax.set_ylabel(label)
    percent(axes[0].yaxis, ROWS["knn"])
    axes[2].set_yscale("log")
    style.plain(axes[2].yaxis)
    axes[2].set_xlabel({"step": "training step", "samples": "images seen"}[x])
    style.note(axes[0], runs)
    if look["hue"]:
        sns.move_legend(axes[0], "upper left", bbox_to_anchor=(1, 1))
    return figure


def _looks(runs: list[Run]) -> dict:
    """What seaborn is to draw in colours and strokes: settings in which runs differ."""
    varied = measures.settings(runs)
    strokes = "patch_projection" if "patch_projection" in varied else None
    hue = next((n for n in varied if n != "patch_projection"), strokes)
    count = len({getattr(run.recipe, hue) for run in runs}) if hue else 1
    return dict(
        hue=hue and title(hue),
        style=strokes and title(strokes),
        palette=sns.color_palette("viridis", count + 1)[:count] if hue else None,
    )


@style.figure
def accuracy(runs: list[Run], by: str, paper: tuple = ()) -> Figure:
    """Linear probe against the swept setting, beside the paper's own numbers.

    Ours: a dot a seed, a line through the means. The paper's (one number a setting):
    filled where it stands in the text, hollow where it was derived from the text.
    """
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
