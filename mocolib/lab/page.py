"""A panel for a page without a kernel: its description as JSON inside one element.

`assets/lab.js` in the book turns the element into controls and charts. Without a
script the reader still gets a sentence and the table of what was recorded.
"""

import json
import math
from html import escape

from mocolib.lab.describe import DOTS, LOG, Axis, Description, Group, spoken

NO_RUNS = "No run of this experiment has been recorded yet."


def element(description: Description, caption: str | None) -> str:
    """The panel as HTML."""
    if not description.groups:
        return f"<p>{NO_RUNS}</p>"
    text = json.dumps(as_data(description), separators=(",", ":"), allow_nan=False)
    note = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return (
        f'<figure class="why-panel"><why-lab id="lab-{escape(description.id)}">'
        f"{script(text)}<noscript>{_table(description)}</noscript></why-lab>{note}</figure>"
    )


def script(text: str) -> str:
    """JSON inside an element that browsers neither show nor run."""
    safe = text.replace("</", "<\\/")  # the only text that could end it early
    return f'<script type="application/json">{safe}</script>'


def as_data(description: Description) -> dict:
    """The description as plain values, numbers no longer than a screen can show."""
    charts = [
        {"key": key, "title": title, "log": key in LOG, "dots": key in DOTS}
        for key, title in description.charts.items()
    ]
    return {
        "id": description.id,
        "axes": [axis_data(axis) for axis in description.axes],
        "charts": charts,
        "start": list(description.start),
        "keep": [list(at) for at in description.keep],
        "x": description.x,
        "groups": [group_data(group) for group in description.groups.values()],
    }


def axis_data(axis: Axis) -> dict:
    """A control as plain values."""
    return {
        "name": axis.name,
        "label": axis.label,
        "kind": "slider" if axis.numeric else "switch",
        "words": list(axis.words),
        "spoken": [spoken(axis.name, word) for word in axis.words],
    }


def group_data(group: Group) -> dict:
    """One setting with its curves as plain values."""
    return {
        "at": list(group.at),
        "seeds": group.seeds,
        "images": group.images,
        "until": group.until,
        "lines": {key: _columns(rows) for key, rows in group.lines.items()},
        "bands": {key: _columns(rows) for key, rows in group.bands.items()},
        "facts": {
            name: [_brief(v) for v in values] for name, values in group.facts.items()
        },
    }


def _columns(rows: list) -> list[list]:
    """Rows as columns: steps, then values."""
    return [[_brief(v) for v in column] for column in zip(*rows, strict=True)]


def _brief(value: float):
    """Four digits: a chart of 300 pixels shows no more."""
    value = float(value)
    if not math.isfinite(value):
        return None
    short = float(f"{value:.4g}")
    return int(short) if short.is_integer() and abs(short) < 1e9 else short


def _table(description: Description) -> str:
    heads = list(next(iter(description.groups.values())).facts)
    rows = "".join(
        f"<tr><td>{escape(description.name(at))}</td>"
        + "".join(
            f"<td>{group.facts[h][0]:.3g}</td>" for h in heads if h in group.facts
        )
        + "</tr>"
        for at, group in description.groups.items()
    )
    names = "".join(f"<th>{escape(name)}</th>" for name in ("setting", *heads))
    return f"<table><tr>{names}</tr>{rows}</table>"
