"""A picture for each setting: sliders over frames that are drawn, not trained.

    lab.frames(draw, id="width", question="When is it there?", width=[8, 32, 192])

Every frame is drawn beforehand, so the panel works without a kernel as with one.
"""

import base64
import io
import itertools
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape

import numpy as np
from IPython.display import HTML
from matplotlib.figure import Figure
from PIL import Image

from mocolib.errors import BadInput
from mocolib.figures.style import BLUE
from mocolib.figures.themed import themed
from mocolib.lab.describe import axis
from mocolib.lab.page import axis_data, figure
from mocolib.words import listed, said

MOST_FRAMES = 120
PIECE = re.compile(r"[^>\]]*[>\]]|[^>\]]+")  # up to the end of a tag or of an array


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What is shown at one setting: HTML, and a sentence that says what it shows."""

    html: str
    spoken: str


def frames(
    draw: Callable[..., Frame],
    *,
    id,
    question=None,
    answer=None,
    over=None,
    plays=None,
    start=None,
    **options,
) -> HTML:
    """A panel with a control for each option, showing `draw(option=value, ...)`.

    question stands above, answer can be unfolded below. over: (name, picture [H, W] or
    [H, W, 3] uint8, rows, columns): that option, the cells' numbers from 0 in reading
    order, is chosen by dragging over the picture. plays: an option that a button goes
    through, one value after the other. start: {option: value} shown first;
    the first value where an option is left out. options: name=[values]; all frames,
    at most MOST_FRAMES, are drawn at once.
    """
    axes = [axis(name, list(values)) for name, values in options.items()]
    at = [a.values.index((start or {}).get(a.name, a.values[0])) for a in axes]
    drawn = _drawn(draw, axes)
    data = {
        "axes": [axis_data(a) for a in axes],
        "start": at,
        **_in_pieces([frame.html for frame in drawn]),
        "spoken": [frame.spoken for frame in drawn],
        **(_over(axes, *over) if over else {}),
        **({"plays": _place(axes, plays)} if plays else {}),
    }
    first = np.ravel_multi_index(at, [len(a.values) for a in axes])
    return figure(
        "why-frames",
        f"frames-{id}",
        data,
        plain=drawn[int(first)].html,
        question=question,
        answer=answer,
    )


def _drawn(draw, axes: list) -> list[Frame]:
    """A frame for each setting, the last option's values in turn."""
    count = math.prod(len(a.values) for a in axes)
    if count > MOST_FRAMES:
        raise BadInput(f"options give {count} frames, but a page holds {MOST_FRAMES}.")
    return [
        draw(**{a.name: v for a, v in zip(axes, values, strict=True)})
        for values in itertools.product(*(a.values for a in axes))
    ]


def _over(axes: list, name: str, picture, rows: int, columns: int) -> dict:
    """The picture over which an option is chosen."""
    shown = dict(picture=data_uri(picture), rows=rows, columns=columns)
    return {"over": {"axis": _place(axes, name), **shown}}


def _place(axes: list, name: str) -> int:
    return [axis.name for axis in axes].index(name)


def _in_pieces(texts: list[str]) -> dict:
    """Frames as lists of pieces, which many frames share: a tenth of the bytes."""
    numbers: dict[str, int] = {}
    frames = [
        [numbers.setdefault(piece, len(numbers)) for piece in PIECE.findall(text)]
        for text in texts
    ]
    return {"frames": frames, "pieces": list(numbers)}


# --- what frames are made of ------------------------------------------------------


def pixels(array, scale: int = 8, alt: str = "") -> str:
    """A small image, uint8 [H, W] or [H, W, 3], with crisp pixels; as HTML."""
    height, width = np.asarray(array).shape[:2]
    return (
        f'<img class="pixels" alt="{escape(said(alt))}" src="{data_uri(array)}" '
        f'width="{width * scale}" height="{height * scale}" '
        'style="image-rendering:pixelated;max-width:100%;background:none">'
    )


def strips(parts: dict, limit: float) -> str:
    """Vectors {name: [d]} as bars above each other, each from -limit to limit; SVG."""
    wide, high, left, gap = 320, 54, 22, 20
    drawn, names = [], [said(name) for name in parts]
    for i, (name, values) in enumerate(zip(names, parts.values(), strict=True)):
        zero = i * (high + gap) + gap + high / 2
        each = (wide - left) / len(values)
        up = np.clip(np.asarray(values, float) / limit, -1, 1) * high / 2
        bars = "".join(
            f"M{left + k * each:.1f} {zero:g}v{-u:.1f}h{0.8 * each:.1f}V{zero:g}z"
            for k, u in enumerate(up)
        )
        drawn.append(
            f'<text x="{left}" y="{zero - high / 2 - 6:g}">{escape(name)}</text>'
            f'<text x="{left - 5}" y="{zero + 4:g}" text-anchor="end">0</text>'
            f'<path d="{bars}"/><path d="M{left} {zero:g}H{wide}" '
            'stroke="currentColor" stroke-width="0.6"/>'
        )
    shown = said("{names}, as bars", names=listed(names))
    return (
        f'<svg viewBox="0 0 {wide} {len(parts) * (high + gap)}" width="{wide * 1.2:g}" '
        'style="max-width:100%;height:auto" fill="currentColor" font-size="11" '
        f'role="img" aria-label="{escape(shown)}">'
        f"{''.join(drawn)}</svg>"
    )


def meters(rows: dict[str, tuple[str, float]]) -> str:
    """{name: (words, share)} as rows with a bar each, the share 0 to 1 of its room."""
    cell = 'style="text-align:left;border:0;padding:0.15rem 0.8rem 0.15rem 0"'
    lines = "".join(
        f'<tr style="border:0;background:none"><td {cell}>{escape(said(name))}</td>'
        f'<td {cell}>{escape(words)}</td><td {cell}><div style="width:'
        f"{12 * min(max(share, 0), 1):.2f}rem;height:0.8em;min-width:2px;"
        f'background:{BLUE}"></div></td></tr>'
        for name, (words, share) in rows.items()
    )
    return f'<table style="border:0;margin:0">{lines}</table>'


def beside(parts: dict[str, str]) -> str:
    """Pieces of HTML next to each other, each under its name; they wrap."""
    pieces = "".join(
        f"<div><div><small>{escape(said(name))}</small></div>{html}</div>"
        for name, html in parts.items()
    )
    return f'<div class="beside">{pieces}</div>'


def data_uri(array) -> str:
    """An image as a PNG inside its own address."""
    array = np.asarray(array)
    if array.dtype != np.uint8:
        raise BadInput(f"array has type {array.dtype}, but must be uint8.")
    target = io.BytesIO()
    Image.fromarray(array).save(target, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(target.getvalue()).decode()}"


def svg(figure: Figure, alt: str = "") -> str:
    """A small matplotlib figure as inline SVG, in the colours of the page."""
    return f'<div class="wide" style="overflow-x:auto">{themed(figure, alt)}</div>'
