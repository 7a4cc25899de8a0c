"""One chart as SVG text: sharp at any zoom, themed by the page, drawn in a millisecond.

matplotlib needs a tenth of a second a picture, time that the training would lose.
Text and axes take the colour of the text around them, so a chart is as legible on a
dark page as on a light one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDE, HIGH = 330, 220
LEFT, RIGHT, TOP, BOTTOM = 44, 14, 30, 38  # margins around the axes
MOST_POINTS = 300  # a curve; more than the axes have pixels is a waste


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One line of a chart. Values that cannot be drawn are passed over."""

    name: str
    x: Sequence
    y: Sequence
    colour: str
    dash: str = ""
    opacity: float = 1.0
    band: Sequence = ()  # (x, low, high), lowest to highest seed


def chart(
    curves: list[Curve],
    title: str,
    *,
    until: float,
    since: float = 0,
    x="images seen",
    log=False,
    dots=False,
    marks=(),
) -> str:
    """An <svg> with `title` over the y axis and `x`, `since` to `until`, below.

    `log` makes the y axis logarithmic, `dots` marks every point, with its numbers
    shown under the pointer. `marks`, pairs of an x and a word, become upright lines.
    """
    drawn = {id(c): points(c, log) for c in curves}
    values = [y for line in drawn.values() for _, y in line]
    values += [y for c in curves for row in c.band for y in row[1:] if y > 0 or not log]
    ticks = (log_ticks if log else linear_ticks)(values)
    scale = math.log10 if log else float
    low, high = scale(ticks[0]), scale(ticks[-1])

    def place(at, y):
        across = LEFT + (WIDE - LEFT - RIGHT) * (at - since) / (until - since)
        up = (HIGH - TOP - BOTTOM) * (scale(y) - low) / (high - low)
        return round(across, 1), round(HIGH - BOTTOM - up, 1)

    below = [tick for tick in linear_ticks([since, until]) if since <= tick <= until]
    parts = [_axes(title, x, ticks, below, place, bare=not values)]
    parts += [_band(curve, place) for curve in curves if curve.band]
    parts += [_mark(*mark, place, ticks) for mark in marks]
    for curve in curves:
        placed = [(*place(at, y), at, y) for at, y in drawn[id(curve)]]
        parts.append(_line(curve, placed, dots, x))
    spoken = escape(f"{title} against {x}: {_spoken(curves, drawn)}.")
    return (
        f'<svg viewBox="0 0 {WIDE} {HIGH}" role="img" aria-label="{spoken}">'
        f"{''.join(parts)}</svg>"
    )


def points(curve: Curve, log: bool) -> list[tuple]:
    """The points that can be drawn, thinned so that peaks and dips stay."""
    good = [
        (x, y)
        for x, y in zip(curve.x, curve.y, strict=False)
        if y is not None and math.isfinite(y) and (y > 0 or not log)
    ]
    size = math.ceil(len(good) / (MOST_POINTS / 2))
    if size <= 2:
        return good
    kept = [good[0]]
    for start in range(0, len(good), size):
        part = good[start : start + size]
        ends = {min(part, key=lambda p: p[1]), max(part, key=lambda p: p[1])}
        kept += sorted(ends)
    return [*kept, good[-1]]


def linear_ticks(values: list) -> list[float]:
    """Three to six round numbers that enclose the values."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if high - low < 1e-9 * max(1.0, abs(high)):
        low, high = low - 0.5 * (abs(low) or 1), high + 0.5 * (abs(high) or 1)
    size = 10 ** math.floor(math.log10((high - low) / 2))
    step = next(s * size for s in (1, 2, 5, 10) if (high - low) / (s * size) <= 4)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [i * step for i in range(first, last + 1)]


def log_ticks(values: list) -> list[float]:
    """1-2-5 in each power of ten, or powers alone where the values span many."""
    low, high = (min(values), max(values)) if values else (0.1, 1.0)
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    fine = [s * 10.0**i for i in range(first - 1, last + 1) for s in (1, 2, 5)]
    below = max(i for i, v in enumerate(fine) if v <= low * 1.000001)
    above = min((i for i, v in enumerate(fine) if v >= high), default=len(fine) - 1)
    if above - below <= 6:
        return fine[below : max(above, below + 1) + 1]
    step = math.ceil((last - first) / 5)
    last = first + step * math.ceil((last - first) / step)
    return [10.0**i for i in range(first, last + 1, step)]


def short(value: float) -> str:
    """A number in few letters: 4e-3, 0.2, 1.5e-4, 61k."""
    if value and (abs(value) < 0.01 or abs(value) >= 1e6):
        digits, power = f"{value:.2e}".split("e")
        return f"{float(digits):g}e{int(power)}"
    if abs(value) >= 1000:
        return f"{value / 1000:.3g}k"
    return f"{value:.3g}"


def swatch(colour: str, dash: str, opacity: float) -> str:
    """A curve's stroke as a small picture for the legend."""
    return (
        '<svg viewBox="0 0 34 8" width="34" height="8" aria-hidden="true">'
        f'<path d="M1 4H33" {_stroke(colour, dash, opacity)}/></svg>'
    )


def _stroke(colour: str, dash: str, opacity: float) -> str:
    return (
        f'fill="none" stroke="{colour}" stroke-width="1.8" stroke-dasharray="{dash}" '
        f'stroke-opacity="{opacity}" stroke-linejoin="round"'
    )


def _axes(title: str, x_title: str, ticks, below, place, bare: bool) -> str:
    parts = [f'<text x="{LEFT}" y="14" class="title">{escape(title)}</text>']
    for value in ticks:
        _, y = place(below[0], value)
        parts.append(f'<path d="M{LEFT} {y}H{WIDE - RIGHT}" class="grid"/>')
        if not bare:  # numbers would mean nothing before the first point
            parts.append(_text(LEFT - 6, y + 3.5, short(value), "end"))
    for value in below:
        x, _ = place(value, ticks[0])
        parts.append(f'<path d="M{x} {HIGH - BOTTOM}v4" class="tick"/>')
        parts.append(_text(x, HIGH - BOTTOM + 15, short(value), "middle"))
    parts.append(f'<path d="M{LEFT} {HIGH - BOTTOM}H{WIDE - RIGHT}" class="tick"/>')
    middle = (LEFT + WIDE - RIGHT) / 2
    return "".join([*parts, _text(middle, HIGH - 6, x_title, "middle")])


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>'


def _band(curve: Curve, place) -> str:
    """The area between the lowest and the highest seed."""
    above = [place(x, high) for x, _, high in curve.band]
    below = [place(x, low) for x, low, _ in reversed(curve.band)]
    path = "L".join(f"{x} {y}" for x, y in above + below)
    return f'<path d="M{path}Z" fill="{curve.colour}" fill-opacity="0.17"/>'


def _mark(x: float, word: str, place, ticks: list) -> str:
    """An upright line where something was changed, with what it was."""
    (across, low), (_, high) = place(x, ticks[0]), place(x, ticks[-1])
    said = escape(word)
    return (
        f'<path d="M{across} {low}V{high}" class="mark" stroke-dasharray="2 2">'
        f"<title>{said}</title></path>"
        f'<text x="{across + 3}" y="{high + 9}" class="mark">{said}</text>'
    )


def _line(curve: Curve, placed: list, dots: bool, x_title: str) -> str:
    if not placed:
        return ""
    path = "M" + "L".join(f"{x} {y}" for x, y, *_ in placed)
    stroke = _stroke(curve.colour, curve.dash, curve.opacity)
    marks = placed if dots else placed[-1:]  # where a curve has come to
    circles = "".join(
        f'<circle cx="{x}" cy="{y}" r="2.2"><title>{escape(curve.name)} · '
        f"{x_title} {at:,.0f} · {short(value)}</title></circle>"
        for x, y, at, value in marks
    )
    return (
        f'<path d="{path}" {stroke}><title>{escape(curve.name)}</title></path>'
        f'<g fill="{curve.colour}" fill-opacity="{curve.opacity}">{circles}</g>'
    )


def _spoken(curves: list, drawn: dict) -> str:
    ends = [(c.name, drawn[id(c)][-1][1]) for c in curves if drawn[id(c)]]
    return "; ".join(f"{n} now {short(y)}" for n, y in ends) or "no points yet"
