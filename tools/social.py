"""The picture that a link to the book shows where it is shared: python -m tools.social

Drawn from a recorded run, the kNN curve of the largest rate, with its dips. It is
committed as assets/social.png, since a build should not depend on it.
"""

from pathlib import Path

from matplotlib.figure import Figure

from mocolib import sweep
from tools import ROOT

PICTURE = ROOT / "assets" / "social.png"
GROUND, INK, MUTED, CURVE = "#14181e", "#ffffff", "#a9b4c2", "#56b4e9"


def draw(path: Path) -> None:
    """1200 x 630 pixels, what link previews ask for."""
    runs = [run for run in sweep.recorded("lr") if run.recipe.seed == 0]
    learned = [run for run in runs if run.recipe.patch_projection == "learned"]
    run = max(learned, key=lambda run: run.recipe.base_lr)
    knn = run.steps[["step", "knn"]].dropna()

    figure = Figure(figsize=(12, 6.3), facecolor=GROUND)
    axes = figure.add_axes((0.07, 0.09, 0.88, 0.52), facecolor=GROUND)
    axes.plot(knn["step"], 100 * knn["knn"], color=CURVE, linewidth=3.5)
    axes.spines[:].set_visible(False)
    axes.grid(axis="y", color=INK, alpha=0.12)
    axes.tick_params(colors=MUTED, length=0, labelsize=15)
    axes.margins(x=0)
    axes.yaxis.set_major_formatter("{x:.0f} %")
    figure.text(0.05, 0.83, "Why It Shakes", color=INK, size=52, weight="bold")
    subtitle = "MoCo v3's training instability, hands on"
    figure.text(0.05, 0.745, subtitle, color=INK, size=24)
    note = f"kNN accuracy over {len(run.steps)} training steps, a recorded run"
    figure.text(0.05, 0.66, note, color=MUTED, size=16)
    figure.savefig(path, dpi=100, facecolor=GROUND)


if __name__ == "__main__":
    draw(PICTURE)
    print(f"drew {PICTURE.relative_to(ROOT)}, {PICTURE.stat().st_size // 1024} KB")
