"""What each part of MoCo v3 is worth: left out here, and in the paper."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from mocolib import data
from mocolib.analysis.paper import paper_numbers
from mocolib.claims.parts import ablation_table
from mocolib.figures import style
from mocolib.figures.style import GREY
from mocolib.runs import Run
from mocolib.sweep.design import PARTS
from mocolib.words import value

# where the paper has each change of `design.PARTS`: the rows of paper.csv, the value
PAPER = {
    "no_predictor": ("predictor", "without"),
    "no_head_norm": ("head_batch_norm", "without"),
    "positions_learned": ("position_embedding", "learned"),
    "no_positions": ("position_embedding", "none"),
    "average_after_norm": ("class_token", "pool_after_norm"),
    "average_without_norm": ("class_token", "pool_without_norm"),
    "momentum_0": ("momentum", "0"),
    "momentum_9": ("momentum", "0.9"),
    "momentum_999": ("momentum", "0.999"),
}


@style.figure
def ablations(runs: list[Run]) -> Figure:
    """Points of linear probe that a part is worth: ours, and the paper's.

    Left of zero, leaving the part out (or changing it) costs accuracy. Ours: a dot a
    seed, a bar at the mean. The paper's: one number each, as its tables have it.
    """
    table = ablation_table(runs)
    figure, (ours, theirs) = plt.subplots(
        ncols=2, sharey=True, figsize=(7.6, 3.9), width_ratios=(1.3, 1)
    )
    for place, part in enumerate(PARTS):
        points = table.loc[table["part"] == part, "points"]
        style.strip(ours, place, points)
        theirs.plot([_papers(*PAPER[part])], [place], "D", color=GREY)
    for ax in (ours, theirs):
        ax.axvline(0, color=GREY, linewidth=1)
    ours.set_yticks(range(len(PARTS)), [value(part) for part in PARTS])
    ours.invert_yaxis()
    ours.set(xlabel="linear probe, points against the whole", ylabel="changed")
    theirs.set(xlabel="the same in the paper", ylabel="changed")
    theirs.yaxis.label.set_visible(False)
    name = data.title(runs[0].recipe.dataset) if runs else "no runs yet"
    ours.set_title(f"this book: {name}", fontsize=9)
    theirs.set_title("the paper: ImageNet, ViT-B/16", fontsize=9)
    return figure


def _papers(sweep: str, value: str) -> float:
    """The paper's accuracy with a part changed, minus that of the same table's best."""
    rows = paper_numbers(sweep).set_index("value")["accuracy"]
    return float(rows[value] - rows.max())
