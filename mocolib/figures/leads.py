"""Which layer is first: correlation by lag against chance, and the average spike."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mocolib.analysis import measures
from mocolib.figures import style
from mocolib.figures.style import GREY, KINDS, grouped
from mocolib.runs import Run
from mocolib.words import layer_name, said

AROUND = 20  # steps before and after a spike
LAYERS = (
    (style.BLUE, "-"),
    (style.ORANGE, "--"),
    (style.GREEN, ":"),
)  # colour and stroke


@style.figure
def correlogram(runs: list[Run], layer: str = "projector.0") -> Figure:
    """Correlation of the first layer's gradient with `layer`'s, lag by lag.

    A panel a setting. Bars: the mean over its runs; at a positive lag the first layer
    leads. Grey: 95 % of such means after shifts by random offsets, lag by lag.
    """
    groups = grouped(runs)
    figure, axes = plt.subplots(
        ncols=max(1, len(groups)), sharey=True, squeeze=False, figsize=(7.4, 3.2)
    )
    for ax, (name, members) in zip(axes[0], groups.items(), strict=False):
        _by_lag(ax, members, layer)
        ax.set_title(name.replace("\n", ", "), fontsize=10)
    for ax in axes[0]:
        label = "lag, steps from the first layer\nto {layer}"
        ax.set_xlabel(said(label, layer=layer_name(layer)))
        ax.set_ylabel("correlation of\ndetrended log gradients")
        ax.label_outer()
        ax.yaxis.label.set_visible(ax is axes[0, 0])
    if runs:
        axes[0, 0].legend(fontsize=9, loc="upper left")
        style.note(figure, runs)
    return figure


def _by_lag(ax, runs: list[Run], layer: str):
    table = measures.lag_table(runs, layer)
    mean, ends = table["mean"], (table["low"], table["high"])
    ax.fill_between(mean.index, *ends, color="#c4c4c4", label="95 % of chance")
    near = mean.index.to_series().abs().between(1, measures.NEAR)
    for part, colour, label in (
        (near, KINDS[0][1], "enters the lead"),
        (~near, GREY, "does not"),
    ):
        ax.bar(mean.index[part], mean[part], width=0.6, color=colour, label=label)
    ax.axhline(0, color=GREY, linewidth=0.8)
    ax.set_axisbelow(True)


@style.figure
def around_spikes(runs: list[Run], layer: str = "projector.0") -> Figure:
    """The average spike: gradients over their medians above, kNN below.

    Left, step 0 is where spikes of the first layer begin; right, those of `layer`.
    kNN: the last reading less the last one before step 0; grey: around any step.
    """
    figure, axes = plt.subplots(
        *(2, 2), sharex=True, sharey="row", figsize=(7.4, 4.8), height_ratios=(2, 1)
    )
    for (above, below), at in zip(axes.T, (None, layer), strict=True):
        _average(above, below, runs, at, layer)
        whose = said("the first layer") if at is None else layer_name(layer)
        below.set_xlabel(said("steps from a spike of {layer}", layer=whose))
        for ax, label in (
            (above, "gradient over its\nrecent median"),
            (below, "kNN against\nbefore, points"),
        ):
            ax.axvline(0, color=GREY, linewidth=0.8, linestyle=":")
            ax.set_ylabel(label)
            ax.yaxis.label.set_visible(at is None)
    axes[0, 0].set_yticks([0, 1, 2], ["×1", "×2", "×4"])
    if runs:
        axes[0, 0].legend(fontsize=9, loc="upper left")
        axes[1, 0].legend(fontsize=9)
        style.note(figure, runs)
    return figure


def _average(above, below, runs: list[Run], at: str | None, layer: str):
    """Means over all spikes of all runs, those of the first layer or of `at`."""
    offsets, logs, knn, ever = np.arange(-AROUND, AROUND + 1), {}, [], []
    for run in runs:
        first, warm = measures.first_layer(run), run.recipe.warmup_steps
        begins = measures.spikes(measures.gradients(run, at or first))
        names = {"first layer": first, layer_name(layer): layer}
        names["last layer"] = measures.trained_layers(run)[-1]
        for name, own in names.items():
            ratios = measures.log_ratio(measures.gradients(run, own))
            logs.setdefault(name, []).append(_windows(ratios, begins))
        read = run.steps["knn"].ffill().to_numpy()[warm:] * 100
        knn.append(_since(read, begins))
        ever.append(_since(read, np.arange(len(read))))
    for (name, parts), (colour, stroke) in zip(logs.items(), LAYERS, strict=False):
        above.plot(offsets, _mean(parts), stroke, color=colour, label=name)
    if runs:
        below.plot(offsets, _mean(ever), color="#9a9a9a", label="around any step")
        below.plot(offsets, _mean(knn), color="black", label="around a spike")


def _windows(values, events) -> np.ndarray:
    """[events, offsets]: the values around each event, nan beyond the ends."""
    padded = np.pad(np.asarray(values, float), AROUND, constant_values=np.nan)
    places = np.asarray(events, int)[:, None] + np.arange(2 * AROUND + 1)
    return padded[places]


def _since(values, events) -> np.ndarray:
    """The same, less the value in the step before the event."""
    windows = _windows(values, events)
    return windows - windows[:, [AROUND - 1]]


def _mean(parts: list) -> pd.Series:
    return pd.DataFrame(np.concatenate(parts)).mean()


@style.figure
def first_and_last(run: Run) -> Figure:
    """kNN of one run, and below it the gradients of its first and its last layer.

    A gradient is over its layer's own median in the run, so that layers of unlike size
    share an axis; the paper's figure 4 has "relative values for the layer" as well.
    """
    seen, layers = measures.monitored(run), measures.trained_layers(run)
    figure, (above, below) = plt.subplots(2, sharex=True, figsize=(7.2, 4.8))
    above.plot(seen["step"], seen["knn"], color=style.BLUE, label="kNN")
    style.percent(above.yaxis, "kNN, %")
    style.levels(above, [run], "knn")
    style.note(above, [run])
    for layer, (colour, stroke) in zip((layers[0], layers[-1]), LAYERS, strict=False):
        norms = measures.gradients(run, layer)
        steps = run.recipe.warmup_steps + 1 + np.arange(len(norms))
        look = dict(color=colour, linewidth=1, label=layer_name(layer))
        below.plot(steps, norms / np.median(norms), stroke, **look)
    below.set(yscale="log", xlabel="training step")
    below.set_ylabel("largest gradient entry\nover its median")
    style.plain(below.yaxis)
    below.legend(fontsize=9, loc="upper left")
    return figure
