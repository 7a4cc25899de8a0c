"""Numbers for the screen: in few letters, and few of them."""

import math
from collections.abc import Sequence

MOST_POINTS = 300  # of a curve; more than the axes have pixels is a waste


def short(value: float) -> str:
    """A number in few letters: 0.004, 0.2, 1.5e-4, 61k. The page writes them alike."""
    if value and (abs(value) < 0.001 or abs(value) >= 1e6):
        digits, power = f"{value:.2e}".split("e")
        return f"{float(digits):g}e{int(power)}"
    if abs(value) >= 999.5:
        return f"{float(f'{value / 1000:.3g}'):g}k"
    return f"{float(f'{value:.3g}'):g}"


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


def brief(value: float):
    """Four digits, for JSON: a chart shows no more; None where it is not finite."""
    value = float(value)
    if not math.isfinite(value):
        return None
    four = float(f"{value:.4g}")
    return int(four) if four.is_integer() and abs(four) < 1e9 else four
