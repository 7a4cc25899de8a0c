"""A panel that trains in the reader's browser, with mocolib's own step as a graph.

The page gets the controls and the recorded runs as JSON; assets/lab/train.js makes a
panel of them, and a worker in assets/inpage trains. In a kernel it is the live panel.
"""

import json
from html import escape

from mocolib import __version__
from mocolib.lab import controls
from mocolib.lab.describe import axis, describe
from mocolib.lab.page import axis_data, group_data, script
from mocolib.lab.panel import live
from mocolib.lab.recorded import in_page
from mocolib.presets import named_recipe

CHARTS = {
    "loss": "loss",
    "knn": "kNN accuracy, %",
    "gradient": "largest gradient entry",
    "adam_rms/patch_projection": "√(g²/v), patch projection",
}
LOG = ("gradient", "adam_rms/patch_projection")
VALUES = {
    "base_lr": [*controls.BASE_LRS, 0.12, 0.2],
    "patch_projection": ["learned", "fixed"],
    "temperature": controls.TEMPERATURES,
    "momentum": controls.MOMENTA,
    "beta2": [0.9, 0.95, 0.98, 0.99, 0.999],
    "optimizer": ["adamw", "lamb"],
}
WITHOUT_SCRIPT = "Training in the page needs JavaScript."


def train_here(recorded: dict, *, id="train", caption=None):
    """A panel that trains where it is looked at: in the page, or in the kernel.

    recorded: {shape: runs}; each shape is a named recipe that has been exported for the
    page, its runs stand behind what is trained there, the nearest setting at a time.
    """
    first = next(iter(recorded))
    if not in_page():
        return live(named_recipe(first), recorded[first])
    from IPython.display import HTML

    text = json.dumps(as_data(id, recorded), separators=(",", ":"), allow_nan=False)
    note = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return HTML(
        f'<figure class="why-panel"><why-train id="lab-{escape(id)}">{script(text)}'
        f"<noscript>{WITHOUT_SCRIPT}</noscript></why-train>{note}</figure>"
    )


def as_data(id: str, recorded: dict) -> dict:
    """The panel as plain values."""
    recipes = {shape: named_recipe(shape) for shape in recorded}
    axes = [axis("shape", list(recipes)), *_axes(recipes.values())]
    return {
        "id": id,
        "version": __version__,
        "axes": [{**axis_data(a), "values": list(a.values)} for a in axes],
        "charts": [
            {"key": key, "title": title, "log": key in LOG, "dots": key == "knn"}
            for key, title in CHARTS.items()
        ],
        "shapes": [
            {"name": shape, "recipe": vars(recipe), "at": _place(axes, shape, recipe)}
            for shape, recipe in recipes.items()
        ],
        "recorded": [
            one for shape, runs in recorded.items() for one in _recorded(shape, runs)
        ],
    }


def _axes(recipes) -> list:
    """A control a field; the values of the shapes themselves are always among them."""
    found = []
    for name, values in VALUES.items():
        own = {getattr(recipe, name) for recipe in recipes} - set(values)
        found.append(axis(name, sorted([*values, *own]) if own else values))
    return found


def _place(axes, shape: str, recipe) -> list[int]:
    """Where the controls stand for a shape's own recipe."""
    own = {**vars(recipe), "shape": shape}
    return [a.values.index(own[a.name]) for a in axes]


def _recorded(shape: str, runs: list):
    """Each recorded setting of a shape: its values, its name and its curves."""
    by = [n for n in VALUES if len({getattr(r.recipe, n) for r in runs}) > 1]
    if not runs:
        return
    described = describe(runs, id=shape, by=by or ["base_lr"], charts=CHARTS)
    for at, group in described.groups.items():
        chosen = zip(described.axes, at, strict=True)
        settings = {n: getattr(runs[0].recipe, n) for n in VALUES}
        settings |= {a.name: a.values[i] for a, i in chosen}
        data = {**group_data(group), "bands": {}}
        name = described.name(at)
        yield {"shape": shape, "settings": settings, "name": name, "group": data}
