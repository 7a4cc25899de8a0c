"""What changes from step to step: the learning rate, the temperature, the momentum.

Each is a pure function of the recipe and the step, 0 the first.
"""

import math
from typing import NamedTuple

from mocolib.recipe import Recipe


class At(NamedTuple):
    """The three at one step."""

    rate: float
    temperature: float
    momentum: float


def at(recipe: Recipe, step: int) -> At:
    """All three for a step."""
    return At(rate(recipe, step), temperature(recipe, step), momentum(recipe, step))


def rate(recipe: Recipe, step: int) -> float:
    """Learning rate of a step, 0 the first: linear warmup, then constant or a cosine.

    The paper's schedule (2104.02057, section 5); warmup after 1706.02677.

    >>> rate(Recipe(base_lr=0.1, batch_size=512, warmup_steps=10, steps=90), 4)
    0.1
    """
    if step < recipe.warmup_steps:
        return recipe.lr * (step + 1) / recipe.warmup_steps
    if recipe.schedule == "constant":
        return recipe.lr
    left = recipe.steps - recipe.warmup_steps
    return recipe.lr * _half_cosine((step - recipe.warmup_steps) / left)


def temperature(recipe: Recipe, step: int) -> float:
    """tau of a step: constant, or on its way to temperature_end.

    A warmup goes there on a line until temperature_step, as DINO's teacher does
    (2104.14294, section 3); a ramp on a line from temperature_step to the last step.
    """
    start, end = recipe.temperature, recipe.temperature_end
    if recipe.temperature_schedule == "warmup":
        if step >= recipe.temperature_step:
            return end
        return start + (end - start) * step / recipe.temperature_step
    changes = recipe.temperature_schedule in ("step", "ramp")
    if not changes or step < recipe.temperature_step:
        return start
    if recipe.temperature_schedule == "step":
        return end
    length = max(1, recipe.steps - 1 - recipe.temperature_step)
    return start + (end - start) * min(1, (step - recipe.temperature_step) / length)


def momentum(recipe: Recipe, step: int) -> float:
    """m of a step: constant, or from m up to 1 by a half cosine (paper, section 4)."""
    if recipe.momentum_schedule == "constant":
        return recipe.momentum
    return 1 - (1 - recipe.momentum) * _half_cosine(step / recipe.steps)


def _half_cosine(share: float) -> float:
    """From 1 at share 0 to 0 at share 1."""
    return 0.5 * (1 + math.cos(math.pi * share))
