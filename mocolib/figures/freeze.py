"""What freezing the patch projection changes, and what falls short of it."""

import statistics

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from mocolib.analysis import measures
from mocolib.analysis.alike import check_groups
from mocolib.analysis.paper import paper_numbers
from mocolib.figures import style
from mocolib.figures.style import GREY, KINDS, STROKES
from mocolib.runs import Run
from mocolib.sweep import design
from mocolib.sweep.design import REMEDIES, only
from mocolib.words import layer_name, value

COLUMNS = {"deepest_fall": "deepest fall, points", "linear_probe": "linear probe, %"}
FALL = "fall_depth"  # the same by the rule of the runs that climb back


@style.figure
def remedy(runs: list[Run]) -> Figure:
    """Deepest fall and gain of a fixed projection over the rate, beside the paper's.

    Dots are seeds, lines go through their means. Gain: linear probe, fixed minus
    learned, within a seed. The paper's gains stand in its text, one number a rate.
    """
    seeds = _by_rate(runs)
    figure, (shaking, ours, theirs) = plt.subplots(ncols=3, figsize=(7.6, 3.1))
    for kind, colour, mark in KINDS:
        _over_rates(shaking, 100 * seeds[FALL, kind], colour, mark, kind)
    shaking.set(ylabel=COLUMNS["deepest_fall"], ylim=(0, None))
    shaking.legend(title="patch projection", fontsize=9, title_fontsize=9)
    gain = seeds["linear_probe", "fixed"] - seeds["linear_probe", "learned"]
    _over_rates(ours, 100 * gain, "black", "D")
    ours.set(ylabel="gain from freezing,\npoints of linear probe")
    paper = paper_numbers("adamw_fixed_gain")
    theirs.plot(paper["value"].astype(float), paper["accuracy"], "kD-")
    theirs.set(xlabel="base rate", ylabel="the same in the paper")
    style.ticks(theirs, paper["value"].astype(float))
    for ax in (ours, theirs):
        ax.axhline(0, color=GREY, linewidth=1)
    for ax in figure.axes:
        ax.tick_params("x", labelsize=9)
    style.note(figure, runs)
    return figure


@style.figure
def over_rates(runs: list[Run]) -> Figure:
    """Deepest fall and accuracy over the rate, learned and fixed; dots: seeds."""
    seeds = _by_rate(runs)
    figure, axes = plt.subplots(ncols=2, figsize=(7.4, 3.1))
    for ax, name in zip(axes, (FALL, "linear_probe"), strict=True):
        for kind, colour, mark in KINDS:
            if (name, kind) in seeds:
                _over_rates(ax, 100 * seeds[name, kind], colour, mark, kind)
    for ax, label in zip(axes, COLUMNS.values(), strict=True):
        ax.set_ylabel(label)
    axes[0].set_ylim(0, None)  # growth is judged from zero on
    axes[0].legend(title="patch projection", fontsize=9, title_fontsize=9)
    style.note(figure, runs)
    return figure


def _by_rate(runs: list[Run]) -> pd.DataFrame:
    """Measures with a row a rate and seed, and columns by kind of projection."""
    check_groups(runs, "base_lr", "patch_projection")
    table = measures.summary(runs)
    return table.pivot(index=["base_lr", "seed"], columns="patch_projection")


def _over_rates(ax, values: pd.Series, colour: str, mark: str, label: str = ""):
    style.seeds(ax, values, colour, mark, label)
    ax.set(xscale="log", xlabel="base rate")
    style.ticks(ax, values.index.get_level_values(0))


@style.figure
def side_by_side(groups: dict[str, list[Run]]) -> Figure:
    """Deepest fall and linear probe of groups of runs, a row a group; a dot a seed.

    The bar is the mean. The first group's mean goes down as a dotted line, for the
    others to be compared with. A row without runs stays empty.
    """
    for members in groups.values():
        check_groups(members)
    runs = [run for members in groups.values() for run in members]
    figure, axes = plt.subplots(
        ncols=2, sharey=True, figsize=(7.4, 1.2 + 0.36 * len(groups))
    )
    columns = zip((design.of(runs).fall, "linear_probe"), COLUMNS.values(), strict=True)
    for ax, (column, label) in zip(axes, columns, strict=True):
        for row, members in enumerate(groups.values()):
            _row(ax, row, 100 * _values(members, column))
        ax.set(xlabel=label, ylabel="setting")
        if not runs:  # numbers would mean nothing
            ax.set_xticks([])
    axes[0].set_yticks(range(len(groups)), groups)
    axes[0].set_ylim(len(groups) - 0.5, -0.5)
    axes[1].yaxis.label.set_visible(False)
    if runs:
        style.note(figure, runs)
        style.uprights(axes[1], runs, "linear_probe")
    return figure


def _values(runs: list[Run], column: str) -> pd.Series:
    return measures.summary(runs)[column] if runs else pd.Series(dtype=float)


def _row(ax, row: int, values: pd.Series):
    style.strip(ax, row, values)
    if row == 0 and len(values):
        ax.axvline(values.mean(), color=GREY, linewidth=1, linestyle=":")


def remedies(runs: list[Run]) -> Figure:
    """The same of `design.REMEDIES`, all at one rate, the one of most `runs`."""
    rate = statistics.mode([run.recipe.base_lr for run in runs] or [0.0])
    ways = REMEDIES.items()
    return side_by_side({value(k): only(runs, base_lr=rate, **way) for k, way in ways})


@style.figure
def spikes_by_layer(runs: list[Run]) -> Figure:
    """Spikes a run in every layer, first to last, learned and fixed projection.

    Lines: means over runs; dots: each run. A fixed projection has no gradient.
    """
    layers = max(map(measures.trained_layers, runs), key=len, default=[])
    figure, ax = plt.subplots(figsize=(7.4, 3.6))
    for kind, colour, mark in KINDS:
        members = [r for r in runs if r.recipe.patch_projection == kind]
        if members:
            counts = pd.DataFrame([_spikes(run) for run in members])[
                [n for n in layers if n in measures.trained_layers(members[0])]
            ]
            x = [layers.index(name) for name in counts]
            counts.columns = x
            stroke = STROKES[kind]
            style.seeds(ax, counts.T.stack(), colour, mark, kind, linestyle=stroke)
    ax.set_xticks(range(len(layers)), map(layer_name, layers), rotation=90)
    ax.tick_params("x", labelsize=9)
    ax.set(xlabel="layer, first to last", ylabel="spikes a run", ylim=(0, None))
    if runs:
        ax.legend(title="patch projection", fontsize=9, title_fontsize=9)
        style.note(ax, runs)
    return figure


def _spikes(run: Run) -> dict[str, int]:
    """How many spikes each trained layer has."""
    layers = measures.trained_layers(run)
    return {n: len(measures.spikes(measures.gradients(run, n))) for n in layers}
