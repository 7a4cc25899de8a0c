"""The panel's controls: a widget for each setting, and the recipe they stand for.

Core widgets only, with options that ipywidgets 7.7 (Colab) and 8 both have.
"""

import ipywidgets as widgets

from mocolib.recipe import FIELDS, Recipe
from mocolib.words import label, short

# close to evenly spaced on a log axis, and easy to say
BASE_LRS = [
    float(f"{digit}e{power}")
    for power in (-4, -3, -2)
    for digit in (1, 1.5, 2, 3, 4, 6)
] + [0.1]
BATCH_SIZES = [64, 128, 256, 512, 1024, 2048]
TEMPERATURES = [0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0]
MOMENTA = [0.0, 0.9, 0.95, 0.99, 0.995, 0.999]

STYLE = {"description_width": "112px"}


def build(recipe: Recipe, images: int | None) -> dict:
    """Widgets by field name, set to the recipe; batches up to `images` if known."""
    batches = [b for b in BATCH_SIZES if images is None or b <= images]
    return {
        "base_lr": _slider("base_lr", BASE_LRS, recipe.base_lr),
        "patch_projection": _toggle(recipe, "patch_projection"),
        "batch_size": _slider("batch_size", batches, recipe.batch_size, "{:,}".format),
        "optimizer": _dropdown("optimizer", recipe, "optimizer"),
        "temperature": _slider("temperature", TEMPERATURES, recipe.temperature),
        "momentum": _slider("momentum", MOMENTA, recipe.momentum),
        "seed": widgets.IntText(
            description="seed", value=recipe.seed, style=STYLE, layout=_layout("200px")
        ),
    }


def grid(controls: dict) -> widgets.GridBox:
    """All controls, in two columns where there is room."""
    return column(
        [
            # toggle buttons put a description of their own on a line above them
            named(label(name), w) if isinstance(w, widgets.ToggleButtons) else w
            for name, w in controls.items()
        ]
    )


def column(rows: list) -> widgets.GridBox:
    """Controls under each other, side by side where there is room."""
    columns = "repeat(auto-fit, minmax(min(100%, 340px), 380px))"
    layout = widgets.Layout(grid_template_columns=columns, grid_gap="2px 24px")
    return widgets.GridBox(rows, layout=layout)


def named(name: str, widget) -> widgets.HBox:
    layout = widgets.Layout(flex=f"0 0 {STYLE['description_width']}", display="flex")
    text = widgets.Label(name, layout=layout)
    text.layout.justify_content = "flex-end"
    return widgets.HBox([text, widget])


def chosen(recipe: Recipe, controls: dict) -> Recipe:
    """The recipe that the controls ask for; BadInput where it can't be had."""
    values = {name: widget.value for name, widget in controls.items()}
    return at_batch(recipe, values.pop("batch_size")).replace(**values)


def at_batch(recipe: Recipe, batch_size: int) -> Recipe:
    """The same training at another batch size: as many images, so other steps."""
    if batch_size == recipe.batch_size:
        return recipe
    times = recipe.batch_size / batch_size
    steps = max(1, round(recipe.steps * times))
    return recipe.replace(
        batch_size=batch_size,
        steps=steps,
        warmup_steps=min(steps, round(recipe.warmup_steps * times)),
        knn_every=recipe.knn_every and max(1, round(recipe.knn_every * times)),
    )


def explained(recipe: Recipe) -> str:
    """What the settings come to, in a sentence."""
    return (
        f"{recipe.steps:,} steps of {recipe.batch_size:,} images at learning rate "
        f"{short(recipe.base_lr)} × {recipe.batch_size} / 256 = {short(recipe.lr)}; "
        "every run sees equally many images."
    )


def _layout(width: str) -> widgets.Layout:
    return widgets.Layout(width=width, max_width="100%")


def _slider(name: str, values: list, value, words=short):
    """A slider over chosen values; the recipe's own is always among them."""
    return widgets.SelectionSlider(
        description=label(name),
        options=[(words(v), v) for v in sorted({*values, value})],
        value=value,
        continuous_update=True,
        style=STYLE,
        layout=_layout("340px"),
    )


def _toggle(recipe: Recipe, field: str):
    return widgets.ToggleButtons(
        options=FIELDS[field].metadata["choices"],
        value=getattr(recipe, field),
        style={"button_width": "84px"},
    )


def _dropdown(name: str, recipe: Recipe, field: str):
    return widgets.Dropdown(
        description=name,
        options=FIELDS[field].metadata["choices"],
        value=getattr(recipe, field),
        style=STYLE,
        layout=_layout("280px"),
    )
