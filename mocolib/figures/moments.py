"""AdamW's second moment: what it misjudges before a spike, and its edge."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mocolib.analysis import measures
from mocolib.figures import style
from mocolib.figures.style import GREY
from mocolib.runs import Run
from mocolib.words import said, value

LAGS = np.arange(-20, 11)  # steps around an event
EVENTS = {
    "steps from a spike of the first layer": measures.spike_steps,
    "steps from a spike of the loss": measures.loss_spike_steps,
}
KINDS = (  # of states in the table of curvature
    ("calm", "o", style.BLUE),
    ("before_a_spike", "^", style.RED),
    ("on_the_way", "x", GREY),
)


def around(run: Run, events) -> np.ndarray:
    """log2 of the first layer's sqrt(mean g^2/v) over its typical value, its median.

    [events, lags]; nan before the warmup's end and behind the run's.
    """
    steps = run.steps.set_index("step")
    values = np.log2(steps[f"adam_rms/{measures.first_layer(run)}"].astype(float))
    values = values.loc[run.recipe.warmup_steps + 1 :]
    rows = [values.reindex(event + LAGS) for event in events]
    return np.array(rows).reshape(len(rows), len(LAGS)) - values.median()


@style.figure
def misjudged(groups: dict[str, list[Run]]) -> Figure:
    """sqrt(mean g^2/v) of the first layer around spikes: a column a group of runs.

    Line: the mean over spikes. Band: the middle 80 % of them. Above 1 AdamW's memory v
    is smaller than usual against the gradients that arrive; grey: the steps to look at.
    """
    figure, axes = plt.subplots(
        *(len(EVENTS), len(groups)),
        figsize=(7.4, 5.2), sharex=True, sharey=True, squeeze=False,
    )  # fmt: skip
    for row, (words, events) in zip(axes, EVENTS.items(), strict=True):
        for ax, (name, runs) in zip(row, groups.items(), strict=True):
            parts = [around(run, events(run)) for run in runs]
            _around_events(ax, parts)
            seen = dict(name=said(name), events=sum(map(len, parts)))
            count = said("{name}: {events} spikes", **seen)
            ax.set_title(count, fontsize=9)
            ax.set(xlabel=said(words), ylabel="√(g²/v), times typical")
            ax.yaxis.label.set_visible(ax is row[0])
            ax.xaxis.set_tick_params(labelbottom=True)
    axes[0, 0].set_yticks([-1, 0, 1, 2], ["×½", "×1", "×2", "×4"])
    return figure


def _around_events(ax, parts: list):
    ax.axvspan(-measures.AHEAD - 0.5, -0.5, color="#e9e9e9")
    ax.axhline(0, color=GREY, linewidth=1)
    ax.axvline(0, color=GREY, linewidth=1, linestyle=":")
    rows = np.concatenate(parts) if parts else np.empty((0, len(LAGS)))
    if len(rows):
        ends = np.nanpercentile(rows, [10, 90], axis=0)  # hundreds of lines weigh much
        ax.fill_between(LAGS, *ends, color=style.BLUE, alpha=0.25, linewidth=0)
        ax.plot(LAGS, np.nanmean(rows, axis=0), color="black", linewidth=2)


@style.figure
def sharpness(table: pd.DataFrame) -> Figure:
    """Preconditioned sharpness over its limit, along the runs and by kind of state.

    table: `tables.read("curvature")`. Left: a grey line a run. Right: the same
    states, sorted by kind, with a bar at the mean. Dotted: the limit.
    """
    figure, (along, sorted_) = plt.subplots(
        ncols=2, sharey=True, figsize=(7.4, 3.6), width_ratios=(1.7, 1)
    )
    for _, part in table.sort_values("step").groupby("run"):
        along.plot(part["step"], part["ratio"], color="#c4c4c4", linewidth=1)
    for place, (kind, mark, colour) in enumerate(KINDS):
        part = table[table["kind"] == kind]
        look = {"color": colour, "marker": mark, "linestyle": ""}
        along.plot(part["step"], part["ratio"], label=value(kind), **look)
        sorted_.plot([place] * len(part), part["ratio"], alpha=0.7, **look)
        sorted_.plot([place], [part["ratio"].mean()], "k_", markersize=26)
    for ax in (along, sorted_):
        ax.axhline(1, color=GREY, linewidth=1.2, linestyle=":")
        ax.set_ylabel("sharpness over 38/η")
    sorted_.yaxis.label.set_visible(False)
    along.set_xlabel("training step")
    names = [value(kind) for kind, *_ in KINDS]
    sorted_.set_xticks(range(len(KINDS)), names, fontsize=9)
    sorted_.set(xlabel="state", xlim=(-0.5, len(KINDS) - 0.5))
    along.legend(fontsize=9)
    return figure
