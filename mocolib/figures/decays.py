"""Falls and accuracy against weight decay, whose smallest is none."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from mocolib.analysis import measures
from mocolib.analysis.alike import check_groups
from mocolib.figures import style
from mocolib.figures.style import KINDS, percent
from mocolib.runs import Run
from mocolib.words import said, short, title

ROWS = {"fall_depth": "deepest fall, points", "linear_probe": "linear probe, %"}


@style.figure
def over_decays(runs: list[Run]) -> Figure:
    """The deepest fall and the linear probe, by weight decay and patch projection.

    A dot a seed, a line through the means. The decays stand side by side: none has no
    place on a log axis.
    """
    check_groups(runs, "weight_decay", "patch_projection")
    table = measures.summary(runs)
    decays = sorted(set(table["weight_decay"]))
    table["place"] = table["weight_decay"].map(decays.index)
    figure, axes = plt.subplots(ncols=2, figsize=(7.4, 3.2))
    for ax, (column, label) in zip(axes, ROWS.items(), strict=True):
        for kind, colour, mark in KINDS:
            own = table[table["patch_projection"] == kind].set_index("place")[column]
            if len(own):
                style.seeds(ax, own, colour, mark, kind)
        ax.set_xticks(range(len(decays)), [short(decay) for decay in decays])
        ax.set_xlabel(title("weight_decay"))
        percent(ax.yaxis, said(label))
    style.levels(axes[1], runs, "linear_probe")
    axes[0].legend(title=title("patch_projection"))
    style.note(axes[0], runs)
    return figure
