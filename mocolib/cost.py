"""What a recipe costs before anybody trains it: steps, images, operations.

    >>> from mocolib import cost, named_recipe
    >>> f"{cost.flops(named_recipe('vit_b')) * cost.images(named_recipe('vit_b')):.1e}"
    '1.1e+20'

Operations are the textbook's: each multiply and each add of a matrix product counts,
every token goes through every block. mocolib skips some of that in the last block,
and the result is the same; norms, softmax and the loss are left out.
"""

import math
from functools import cache

import pandas as pd
import torch

from mocolib.data import CATALOGUE
from mocolib.errors import BadInput
from mocolib.presets import named_recipe
from mocolib.recipe import Recipe
from mocolib.vit import build_backbone


def images(recipe: Recipe) -> int:
    """How many training images a run sees, each as two views."""
    return recipe.steps * recipe.batch_size


def patches(recipe: Recipe) -> int:
    """How many patches an image is cut into, T; the class token comes on top."""
    return (recipe.image_size // recipe.patch_size) ** 2


def inside(recipe: Recipe, channels: int = 3) -> int:
    """Numbers in a patch, D = C p²; the patch projection is a matrix [width, D]."""
    return channels * recipe.patch_size**2


def flops(recipe: Recipe, channels: int = 3) -> float:
    """Floating-point operations for one image of a step.

    Two views, each forward through query and key and backward (two forwards' worth)
    through the query: 8 forwards. The predictor is on the query side alone: 6.
    """
    if (recipe.backbone, recipe.stem) != ("vit", "patch"):
        raise BadInput(
            f"backbone is {recipe.backbone!r} with stem {recipe.stem!r}, but must be "
            "vit with stem patch to be counted."
        )
    if recipe.framework != "moco_v3":
        raise BadInput(
            f"framework is {recipe.framework!r}, but must be moco_v3 to be counted."
        )
    d, tokens = recipe.width, patches(recipe) + (recipe.pool == "class_token")
    first = patches(recipe) * inside(recipe, channels) * d
    # a block: 4 d^2 in the attention's matrices, 8 d^2 in the MLP, and the attention
    blocks = recipe.depth * tokens * (12 * d**2 + 2 * tokens * d)
    h, out = recipe.head_hidden, recipe.head_dim
    projector = d * h + h * h + h * out
    predictor = 2 * out * h if recipe.predictor else 0
    return 2 * (8 * (first + blocks + projector) + 6 * predictor)


@cache  # a table asks for it row by row
def parameters(recipe: Recipe, channels: int = 3) -> int:
    """Numbers in the backbone, the part that is kept after training."""
    with torch.device("meta"):  # shapes alone; nothing is allocated
        backbone = build_backbone(recipe, channels)
    return sum(p.numel() for p in backbone.parameters())


ROWS = {
    "numbers in the backbone": lambda r, channels: f"{parameters(r, channels):,}",
    "images a step": lambda r, _: f"{r.batch_size:,}",
    "steps": lambda r, _: f"{r.steps:,}",
    "images a run": lambda r, _: f"{images(r):,}",
    "operations a run": lambda r, channels: power(flops(r, channels) * images(r)),
}


def table(*names: str, rows: dict | None = None) -> pd.DataFrame:
    """Sizes of named recipes, a column each; BadInput for an unknown name.

    rows: {words: function of a recipe and its images' channels}; ROWS without them.
    """
    columns = {}
    for name in names:
        recipe = named_recipe(name)
        channels = CATALOGUE[recipe.dataset].channels
        measured = (rows or ROWS).items()
        columns[name] = {words: size(recipe, channels) for words, size in measured}
    return pd.DataFrame(columns)


def power(number: float) -> str:
    """One digit and a power of ten: `1 × 10²⁰`."""
    size = math.floor(math.log10(number))
    raised = str(size).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{number / 10**size:.0f} × 10{raised}"
