"""Numbers for the screen: in few digits, and few of them."""

import math
from collections.abc import Sequence

MOST_POINTS = 300  # of a curve; more than the axes have pixels is a waste


def points(x: Sequence, y: Sequence, *, log: bool, most=MOST_POINTS) -> list[tuple]:
    """The points that can be drawn, thinned so that peaks and dips stay."""
    good = [
        (at, value)
        for at, value in zip(x, y, strict=False)
        if value is not None and math.isfinite(value) and (value > 0 or not log)
    ]
    size = math.ceil(len(good) / (most / 2))
    if size <= 2:
        return good
    kept = [good[0]]
    for start in range(0, len(good), size):
        part = good[start : start + size]
        ends = {min(part, key=lambda p: p[1]), max(part, key=lambda p: p[1])}
        kept += sorted(ends)
    return [*kept, good[-1]]


def columns(rows: Sequence, digits: int = 4) -> list[list]:
    """Points as two lists of numbers, for JSON; digits: those of the second."""
    both = zip(zip(*rows, strict=True), (4, digits), strict=False)
    return [[brief(v, few) for v in column] for column, few in both]


def brief(value: float, digits: int = 4):
    """Few digits, for JSON: a chart shows no more; None where it is not finite."""
    value = float(value)
    if not math.isfinite(value):
        return None
    short = float(f"{value:.{digits}g}")
    return int(short) if short.is_integer() and abs(short) < 1e9 else short
