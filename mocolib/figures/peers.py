"""mocolib's step beside other libraries', as `make bench-peers` has recorded it."""

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.figure import Figure

from mocolib.figures import style


@style.figure
def peers(bench: dict) -> Figure:
    """A bar a library, split into what a step spends its time on.

    bench: data/tables/bench_peers.json as a dict. Behind each bar: images a second, and
    how many times as long as ours the step takes.
    """
    seconds = bench["seconds"]
    parts = [part for part in seconds["mocolib"] if part != "step"]
    shades = sns.color_palette("YlGnBu_r", len(parts) + 1)
    ours = seconds["mocolib"]["step"]
    figure, ax = plt.subplots(figsize=(7.2, 0.9 + 0.45 * len(seconds)))
    left = np.zeros(len(seconds))
    for part, shade in zip(parts, shades, strict=False):
        wide = np.array([1000 * row[part] for row in seconds.values()])
        ax.barh(list(seconds), wide, left=left, label=part, color=shade, edgecolor="w")
        left += wide
    for place, row in enumerate(seconds.values()):
        speed = f"{bench['batch'] / row['step']:.0f} images/s"
        times = "" if row["step"] == ours else f", {row['step'] / ours:.1f}×"
        ax.text(left[place], place, f"  {speed}{times}", va="center", fontsize=9)
    ax.set(xlabel="processor time of a step, ms", xlim=(0, 1.32 * left.max()))
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    ax.set_axisbelow(True)
    ax.legend(ncols=len(parts), loc="lower center", bbox_to_anchor=(0.45, 1))
    return figure
