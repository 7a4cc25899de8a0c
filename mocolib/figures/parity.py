"""How far a page's training is from mocolib's, as tools/parity.py has recorded it."""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from mocolib.data import data_root
from mocolib.figures import style
from mocolib.figures.style import layer_name, title
from mocolib.files import read_json
from mocolib.presets import named_recipe

VECTORS = {
    "loss": "loss",
    "query": "parameters",
    "key": "key parameters",
    "first": "first moment",
    "second": "second moment",
}
SPIKING = ("patch_projection", "blocks.0.qkv")  # the second learns in all settings
GRADIENT = "grad_inf/blocks.0.qkv"
# A projection has a colour, as in all figures; each setting has a line of its own, so
# that they can be told apart in grey.
COLOURS = {"learned": style.BLUE, "fixed": style.ORANGE}
LINES = ("-", "--", ":", "-.", (0, (6, 1, 1, 1)), (0, (1, 4)))


def _record(path: Path | None) -> dict:
    path = path or data_root() / "tables" / "inpage.json"
    return read_json(path) if path.exists() else {}


def parity_steps(path: Path | None = None) -> pd.DataFrame:
    """The usual relative distance after one step from a shared state, by setting.

    Empty where nothing has been recorded. `at a kink` counts the steps that are further
    apart than 1e-5 in anything, and `furthest` is the largest distance among them: the
    input of a ReLU is zero but for rounding there, and torch itself decides otherwise
    when it sums in another order.
    """
    rows = [
        {"setting": setting, "steps": found["steps"], "at a kink": found["at a kink"]}
        | {w: f"{found['distance'][n]['median']:.1e}" for n, w in VECTORS.items()}
        | {"furthest": f"{max(d['largest'] for d in found['distance'].values()):.1e}"}
        for setting, found in _record(path).get("steps", {}).items()
    ]
    return pd.DataFrame(rows)


def parity_runs(path: Path | None = None) -> pd.DataFrame:
    """Runs left to themselves, same start and same batches: kNN and loss at the end."""
    rows = [
        {"seed": run["seed"]}
        | {
            f"{words}, {side}": round(run[name][side], 3)
            for name, words in (("knn", "kNN"), ("loss", "loss"))
            for side in ("graph", "mocolib")
        }
        for run in _record(path).get("whole", [])
    ]
    return pd.DataFrame(rows)


def _page_runs(path: Path | None) -> list[dict]:
    """Recorded runs of a page that differ in rate and projection alone."""
    own, runs = vars(named_recipe("page")), _record(path).get("runs", [])
    free = {"base_lr", "patch_projection", "seed"}
    return [
        run
        for run in runs
        if all(own[name] == run[name] for name in own.keys() & run.keys() - free)
    ]


def page_runs(path: Path | None = None) -> pd.DataFrame:
    """Runs that a page has trained, spikes by layer; accuracies in points.

    A fixed projection has no gradient and so no spikes; block 1 learns in all runs.
    """
    names = ("base_lr", "patch_projection", "seed", "outcome")
    read = {"jitter": "jitter, points", "deepest fall": "deepest fall, points"}
    read["final knn"] = "kNN at the end, %"
    rows = [
        {title(name): run[name] for name in names}
        | {
            f"spikes, {layer_name(layer)}": run["spikes"].get(layer, "–")
            for layer in SPIKING
        }
        | {words: round(100 * run[name], 1) for name, words in read.items()}
        for run in _page_runs(path)
    ]
    return pd.DataFrame(rows)


@style.figure
def page_curves(path: Path | None = None) -> Figure | None:
    """The same runs: kNN, and the gradient of the first block. None of no record."""
    runs = _page_runs(path)
    if not runs:
        return None
    words = [f"{run['base_lr']:g}, {run['patch_projection']}" for run in runs]
    settings, lines = list(dict.fromkeys(words)), {}
    figure, (left, right) = plt.subplots(ncols=2, figsize=(7.6, 3.1))
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
    words = {"title": "base rate, projection", "fontsize": 8, "title_fontsize": 8}
    right.legend(lines.values(), lines, **words)
    return figure
