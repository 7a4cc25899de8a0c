"""What is known of negatives beforehand: the loss against random ones, their age."""

import math

import numpy as np

from mocolib.recipe import Recipe


def expected_start(recipe: Recipe) -> float:
    """MoCo v3's loss while queries and keys are random directions.

    4 tau ln N for equal logits. Cosines of random directions scatter by 1 / D, and an
    exponential of scattered logits is larger on average: that adds 2 / (D tau).
    """
    tau, dim = recipe.temperature, recipe.head_dim
    return 4 * tau * math.log(recipe.batch_size) + 2 / (dim * tau)


def key_ages(keys: str, negatives: int, batch: int, images: int) -> np.ndarray:
    """How many steps ago each negative was computed, [K], in mid-epoch.

    end_to_end has the other images of the batch and no more; queue the last K keys;
    memory_bank, of images drawn at random, what was stored when each was last seen.
    """
    if keys == "end_to_end":
        return np.zeros(min(negatives, batch - 1), int)
    if keys == "queue":
        return 1 + np.arange(negatives) // batch
    rng, epoch = np.random.default_rng(0), images // batch
    now = epoch // 2
    this, last = rng.integers(epoch, size=(2, negatives))  # its step in each epoch
    return np.where(this < now, now - this, now + epoch - last)
