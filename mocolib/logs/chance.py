"""How often noise alone does what a curve did.

The noise is made so that any language makes the same: a hash of whole numbers of 32
bits, and Box and Muller's way from uniform to normal.
"""

import functools

import numpy as np

from mocolib.analysis.curves import falls_of, noise

CURVES = 100
MOST = 200_000  # readings in all curves together
MIDDLE = 0.5  # the level of the noise; falls do not depend on it


def white(count: int, seed: int = 0) -> np.ndarray:
    """`count` normal numbers, of mean 0 and sd 1.

    >>> white(3).round(6).tolist()
    [-0.306943, -0.350073, 1.314369]
    """
    bits = np.arange(2 * count, dtype=np.uint32) + np.uint32(seed * 2**20 % 2**32)
    bits = (bits + np.uint32(1)) * np.uint32(0x9E3779B9)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        bits = (bits ^ (bits >> np.uint32(shift))) * np.uint32(factor)
    first, second = (bits.astype(float) + 0.5).reshape(2, count) / 2**32
    return np.sqrt(-2 * np.log(first)) * np.cos(2 * np.pi * second)


@functools.lru_cache(maxsize=64)
def falls(readings: int, sigma: float) -> float:
    """Falls in a curve of so many readings that only has noise, on average.

    Judged as a log is, with the noise that each curve shows itself.
    """
    curves = max(1, min(CURVES, MOST // max(1, readings)))
    found = 0
    for seed in range(curves):
        curve = MIDDLE + sigma * white(readings, seed)
        found += len(falls_of(np.arange(readings), curve, noise(curve)))
    return found / curves
