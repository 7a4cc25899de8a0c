"""What a page has trained, as tools/inpage_runs.py has recorded it."""

from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from mocolib.analysis import inpage
from mocolib.figures import style
from mocolib.words import layer_name

GRADIENT = "grad_inf/blocks.0.qkv"
# A projection has a colour, as in all figures; each setting has a line of its own, so
# that they can be told apart in grey.
COLOURS = {"learned": style.BLUE, "fixed": style.ORANGE}
LINES = ("-", "--", ":", "-.", (0, (6, 1, 1, 1)), (0, (1, 4)))


@style.figure
def page_curves(path: Path | None = None) -> Figure | None:
    """`inpage.comparable` runs: kNN, the first block's gradient; None of no record."""
    runs = inpage.comparable(path)
    if not runs:
        return None
    words = [f"{run['base_lr']:g}, {run['patch_projection']}" for run in runs]
    settings, lines = list(dict.fromkeys(words)), {}
    figure, (left, right) = plt.subplots(ncols=2, figsize=(7.4, 3.7))
    for run, name in zip(runs, words, strict=True):
        knn, gradient = run["curves"]["knn"], run["curves"][GRADIENT]
        accuracy = [100 * value for value in knn.values()]
        look = {
            "color": COLOURS[run["patch_projection"]],
            "linestyle": LINES[settings.index(name) % len(LINES)],
        }  # seeds of a setting look alike
        left.plot([int(step) for step in knn], accuracy, **look)
        [lines[name]] = right.plot(gradient, **look)
    left.set(xlabel="step", ylabel="kNN, %")
    name = layer_name(GRADIENT.removeprefix("grad_inf/"))
    right.set(xlabel="step", ylabel=f"gradient of {name}", yscale="log")
    style.plain(right.yaxis)
    words = {"title": "base rate, projection", "fontsize": 9, "title_fontsize": 9}
    below = {"loc": "outside lower center", "ncols": 3}  # no room among the curves
    figure.legend(lines.values(), lines, **words, **below)
    return figure
