"""The picture that a link to the book shows where it is shared: python -m tools.social

Two recorded runs, the first seed of the design, at its shaking rate and at its calm
one. Committed as assets/social.png, since a build should not depend on it, and stands
in the README too.
"""

from pathlib import Path

from matplotlib.figure import Figure

from mocolib import sweep
from mocolib.sweep.design import MINI, only
from tools import ROOT

PICTURE = ROOT / "assets" / "social.png"
GROUND, INK, MUTED = "#14181e", "#ffffff", "#a9b4c2"
LOOKS = {  # told apart in grey too
    MINI.shaky: {"color": "#56b4e9", "linewidth": 3.5},
    MINI.calm: {"color": "#e69f00", "linewidth": 2.5, "linestyle": (0, (4, 1.5))},
}


def draw(path: Path) -> None:
    """1200 x 630 pixels, what link previews ask for."""
    runs = only(sweep.recorded("headline"), base_lr=(MINI.calm, MINI.shaky))
    first = min(run.recipe.seed for run in runs)

    figure = Figure(figsize=(12, 6.3), facecolor=GROUND)
    axes = figure.add_axes((0.07, 0.09, 0.88, 0.52), facecolor=GROUND)
    for run in runs:
        rate = run.recipe.base_lr
        if run.recipe.seed == first:
            knn = run.steps[["step", "knn"]].dropna()
            label = f"learning rate {rate:g}"
            axes.plot(knn["step"], 100 * knn["knn"], label=label, **LOOKS[rate])
    axes.legend(loc="lower right", fontsize=16, frameon=False, labelcolor=INK)
    axes.spines[:].set_visible(False)
    axes.grid(axis="y", color=INK, alpha=0.12)
    axes.tick_params(colors=MUTED, length=0, labelsize=15)
    axes.margins(x=0)
    axes.yaxis.set_major_formatter("{x:.0f} %")
    figure.text(0.05, 0.83, "Why It Shakes", color=INK, size=52, weight="bold")
    subtitle = "MoCo v3's training instability, hands on"
    figure.text(0.05, 0.745, subtitle, color=INK, size=24)
    note = f"kNN accuracy over {runs[0].recipe.steps} training steps, two recorded runs"
    figure.text(0.05, 0.66, note, color=MUTED, size=16)
    figure.savefig(path, dpi=100, facecolor=GROUND)


if __name__ == "__main__":
    draw(PICTURE)
    print(f"drew {PICTURE.relative_to(ROOT)}, {PICTURE.stat().st_size // 1024} KB")
