"""How well a quantity orders a measure: what a rising fit foretells of a point.

Nothing but the order of the quantity counts: any rising function of it does as well.
"""

import numpy as np

DIGITS = 9  # of a quantity; products that differ in later ones are the same


def missed(x, y) -> float:
    """The mean distance of each y from what the others' rising fit over x foretells.

    x, y: [n], two or more, in y's unit. Between two of the others' x, halfway between
    their fits; beyond them all, the last one's.
    """
    x, y = _told_apart(x), np.asarray(y, float)
    foretold = [_at(x[i], *rising(np.delete(x, i), np.delete(y, i))) for i in _each(y)]
    return float(np.abs(y - foretold).mean())


def missed_unordered(y) -> float:
    """The same where each y is foretold by the mean of the others."""
    y = np.asarray(y, float)
    return float(np.abs(y - [np.delete(y, i).mean() for i in _each(y)]).mean())


def rising(x, y) -> tuple[np.ndarray, np.ndarray]:
    """The distinct x, ascending, and the fit to y that never falls (least squares).

    Neighbours that fall are pooled until none does.

    >>> rising([1, 2, 3], [0, 5, 3])[1].tolist()
    [0.0, 4.0, 4.0]
    """
    levels, place, counts = np.unique(x, return_inverse=True, return_counts=True)
    means, blocks = np.bincount(place, y) / counts, []  # (value, weight, levels)
    for value, weight in zip(means, counts, strict=True):
        width = 1
        while blocks and blocks[-1][0] > value:
            other, heavy, wide = blocks.pop()
            value = (other * heavy + value * weight) / (heavy + weight)
            weight, width = heavy + weight, wide + width
        blocks.append((value, weight, width))
    values, _, widths = zip(*blocks, strict=True)
    return levels, np.repeat(values, widths)


def _at(x: float, levels: np.ndarray, fit: np.ndarray) -> float:
    below = max(np.searchsorted(levels, x, "right") - 1, 0)
    above = min(np.searchsorted(levels, x), len(levels) - 1)
    return (fit[below] + fit[above]) / 2


def _told_apart(x) -> np.ndarray:
    return np.array([float(f"{value:.{DIGITS}g}") for value in x])


def _each(y) -> range:
    return range(len(y))
