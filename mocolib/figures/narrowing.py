"""What shaking does to the first layer, step by step: its rank, its way, and kNN."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from mocolib.analysis import measures
from mocolib.figures import style
from mocolib.figures.style import GREY, KINDS, percent
from mocolib.runs import Run


@style.figure
def narrowing(table: pd.DataFrame, runs: list[Run]) -> Figure:
    """kNN, effective rank and cosine to the start over steps, a line a run.

    table: `tables.read("first_layer")`; runs: those it was made from. Each base rate
    has its stroke; the first run of each is drawn strong, as it was.
    """
    rates = sorted(table["base_lr"].unique(), reverse=True)
    looks = dict(zip(rates, ((KINDS[0][1], "-"), (GREY, "--")), strict=False))
    figure, axes = plt.subplots(3, sharex=True, figsize=(7.2, 6.4))
    for rate, (colour, stroke) in looks.items():
        part = [run for run in runs if run.recipe.base_lr == rate]
        for i, run in enumerate(sorted(part, key=lambda run: run.recipe.seed)):
            own = table[table["run"] == run.id].set_index("step")
            seen = measures.monitored(run).set_index("step")["knn"]
            look = {"color": colour, "linestyle": stroke}
            look |= {"linewidth": 1.0, "alpha": 0.35} if i else {"linewidth": 1.8}
            label = f"base rate {rate:g}" if i == 0 else None
            for ax, values in zip(
                axes, (seen, own["rank"], own["cosine"]), strict=True
            ):
                ax.plot(values, label=label, **look)
    percent(axes[0].yaxis, "kNN, %")
    style.levels(axes[0], runs, "knn")
    axes[1].set(ylabel="effective rank", ylim=0)
    axes[2].set(ylabel="cosine to the start", xlabel="training step")
    style.note(axes[0], runs)
    axes[1].legend(fontsize=9)
    return figure
