"""Gradients layer by layer, who leads whom, and what a monitor sees of it."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mocolib.analysis import measures, sparse
from mocolib.figures import style
from mocolib.figures.style import GREY, KINDS, grouped, percent
from mocolib.runs import Run
from mocolib.words import counted, layer_name, said


@style.figure
def microscope(run: Run) -> Figure:
    """Every layer's gradient over its recent median, step by step; kNN below.

    Layers go down in the network's order; dark is many times the median of the 25
    steps before. A triangle marks a spike of the first layer, a circle the bottom of
    a fall of kNN, filled where it was made good.
    """
    spikes, seen = measures.spike_steps(run), measures.monitored(run)
    figure, (heat, below) = plt.subplots(
        2, sharex=True, figsize=(7.6, 6.4), height_ratios=(3, 1)
    )
    mesh = _layers_by_steps(heat, run)
    if len(spikes):  # an unclipped mark without a place would squeeze the rest
        height = [-1.1] * len(spikes)  # just above the first row
        heat.plot(spikes, height, "kv", clip_on=False, label="spike, first layer")
    style.note(heat, [run], pad=16)
    _monitor(below, run, seen)
    for spike in spikes:
        below.axvline(spike, color=GREY, linewidth=0.8, linestyle=":")
    below.set_xlabel("training step")
    percent(below.yaxis, "kNN, %")
    style.levels(below, [run], "knn")
    scale = figure.colorbar(
        mesh, ax=(heat, below), extend="both", shrink=0.6, anchor=(0, 1)
    )
    scale.set_ticks([0, 1, 2], labels=["×1", "×2", "×4"])
    scale.set_label("gradient over its recent median")
    if heat.lines or below.lines[1:]:
        figure.legend(loc="outside lower right", ncols=2, fontsize=9)
    return figure


def _layers_by_steps(ax, run: Run):
    """The heat map: log2 ratios, one lightness scale that also reads in grey."""
    layers = measures.trained_layers(run)
    ratios = np.stack(
        [measures.log_ratio(measures.gradients(run, layer)) for layer in layers]
    )
    rows = range(len(layers))
    steps = run.recipe.warmup_steps + 1 + np.arange(ratios.shape[1])
    mesh = ax.pcolormesh(
        steps, rows, ratios, vmin=0, vmax=2, cmap="rocket_r", rasterized=True
    )
    ax.set_yticks(rows, map(layer_name, layers), fontsize=9)
    ax.set_ylabel("layer")
    ax.grid(False)
    ax.invert_yaxis()
    return mesh


def _monitor(ax, run: Run, seen: pd.DataFrame) -> int:
    """A kNN curve with the bottoms of its falls marked; how many there are."""
    ax.plot(seen["step"], seen["knn"], color=KINDS[0][1])
    found = measures.falls_in(run, seen)
    for good, label, look in (
        (True, "dip of kNN, made good", "ko"),
        (False, "lasting fall", "wo"),
    ):
        lows = seen.iloc[[fall.low for fall in found if fall.made_good == good]]
        if len(lows):
            edge = dict(markersize=7, markeredgecolor="black", label=label)
            ax.plot(lows["step"], lows["knn"], look, **edge)
    return len(found)


@style.figure
def lead_histogram(runs: list[Run], layer: str = "projector.0") -> Figure:
    """How far the first layer leads `layer`, against what chance gives.

    A row a setting. Bars: leads after shifting one series by random offsets, all
    runs together. Diamonds: the measured leads, one a run.
    """
    groups = grouped(runs)
    figure, axes = plt.subplots(
        *(len(groups), 1), sharex=True, squeeze=False,
        figsize=(7.2, 1 + 1.2 * len(groups)),
    )  # fmt: skip
    for ax, (name, members) in zip(axes[:, 0], groups.items(), strict=True):
        _leads(ax, members, layer)
        ax.set_ylabel(name or "runs", rotation=0, ha="right", va="center")
    axes[-1, 0].set_xlabel(
        said(
            "lead of the first layer over {layer}:\n"
            "correlation at lags +1 to +4 minus that at −1 to −4",
            layer=layer_name(layer),
        )
    )
    style.note(axes[0, 0], runs)
    axes[0, 0].legend(loc="upper left", fontsize=9)
    return figure


def _leads(ax, runs: list[Run], layer: str):
    """Null as bars, the runs' leads as diamonds above them."""
    pairs = measures.gradient_pairs(runs, layer)
    null = np.concatenate([measures.lead_null(*pair) for pair in pairs])
    ax.hist(null, bins=30, density=True, color="#c4c4c4", label="chance")
    height = ax.get_ylim()[1]
    leads = [measures.lead(*pair) for pair in pairs]
    ax.plot(
        *(leads, [0.5 * height] * len(leads), "D"),
        color=KINDS[0][1], markeredgecolor="white", label="a run",
    )  # fmt: skip
    ax.axvline(0, color=GREY, linewidth=0.8)
    ax.set_yticks([])
    ax.set_axisbelow(True)


@style.figure
def around(groups: dict[str, list[Run]], step: int, reach: int = 60) -> Figure:
    """kNN before and after a step, against the last reading up to it.

    A panel a group. A thin line is a run, the thick one their mean. Groups without
    runs are left out.
    """
    groups = {name: runs for name, runs in groups.items() if runs}
    figure, axes = plt.subplots(
        ncols=len(groups), sharey=True, squeeze=False, figsize=(7.2, 2.8)
    )
    for ax, (name, runs) in zip(axes[0], groups.items(), strict=True):
        curves = [_change(run, step, reach) for run in runs]
        for curve in curves:
            ax.plot(curve.index, curve, color=KINDS[0][1], alpha=0.45, linewidth=1)
        mean = pd.concat(curves, axis=1).mean(axis=1)
        ax.plot(mean.index, mean, color="black", linewidth=2)
        ax.axvline(step, color=GREY, linestyle="--", linewidth=1)
        whose = dict(name=said(name))
        title = counted("{name}, 1 run", "{name}, {count} runs", len(runs), **whose)
        ax.set_title(title, fontsize=10)
        ax.set_xlabel("training step")
        percent(ax.yaxis, "change of kNN, points" * (ax is axes[0, 0]))
    return figure


def _change(run: Run, step: int, reach: int) -> pd.Series:
    """kNN by step, less the last reading up to `step`."""
    seen = measures.monitored(run).set_index("step")["knn"]
    return seen.loc[step - reach : step + reach] - seen.loc[:step].iloc[-1]


@style.figure
def monitors(run: Run) -> Figure:
    """One run seen by a dense monitor, and by one that reads once an epoch."""
    dense, thin = measures.monitored(run), sparse.once_an_epoch(run)
    every = run.recipe.knn_every
    dense_name = counted("read every step", "read every {count} steps", every)
    names = (dense_name, said("read once an epoch"))
    figure, axes = plt.subplots(2, sharex=True, sharey=True, figsize=(7.2, 4.6))
    for ax, seen, name in zip(axes, (dense, thin), names, strict=True):
        count = _monitor(ax, run, seen)
        title = counted("{name}: 1 fall", "{name}: {count} falls", count, name=name)
        ax.set_title(title, fontsize=10, loc="right")
        percent(ax.yaxis, "kNN, %")
    axes[1].lines[0].set(marker="o")
    axes[1].set_xlabel("training step")
    style.note(figure, [run])
    return figure
