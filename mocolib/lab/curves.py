"""Traces as HTML: three charts over one x axis, and a table, legend and summary in one.

The charts are the page's own: an element with what they show as JSON inside.
"""

import math
from html import escape

from mocolib.figures.style import BLUE, GREEN, ORANGE, RED
from mocolib.lab.numbers import brief, points
from mocolib.lab.page import element
from mocolib.lab.traces import Trace, labels

# by order, as in assets/lab/chart.js, and the page's theme may set others
COLOURS = [
    f"var(--why-{i}, {colour})"
    for i, colour in enumerate((BLUE, ORANGE, GREEN, RED, "#cc78bc", "#ca9161"))
]
DASHES = ("", "7 3", "2 3", "9 3 2 3", "12 3", "4 2 1 2")


def charts(traces: list[Trace], steps: int = 1) -> str:
    """kNN, loss and gradient of all traces against the training step.

    `steps` is how far the x axis goes while there is no trace.
    """
    layers = {t.layer for t in traces if t.layer}
    where = layers.pop() if len(layers) == 1 else "first trained layer"
    shown = [
        {"key": "knn", "title": "kNN accuracy, %", "dots": True},
        {"key": "loss", "title": "loss"},
        {"key": "gradient", "title": f"gradient ∞-norm, {where}", "log": True},
    ]
    until = max((t.recipe.steps for t in traces), default=steps)
    names, styles = labels(traces), strokes(traces)
    lines = [
        {"name": name, **style, "data": _data(trace)}
        for trace, name, style in zip(traces, names, styles, strict=True)
    ]
    marks = [{"at": at, "words": words} for t in traces for at, words in t.marks]
    x = {"title": "training step", "until": until}
    return picture({"charts": shown, "lines": lines, "marks": marks, "x": x})


def picture(description: dict) -> str:
    """Charts as HTML, to stand in a widget or a frame; see assets/lab/charts.js."""
    return f'<div class="why-panel bare">{element("why-charts", description)}</div>'


def _data(trace: Trace) -> dict:
    """What each chart shows of a trace, as [steps, values]."""
    percent = [None if k is None else 100 * k for k in trace.knn]
    found = {"knn": percent, "loss": trace.loss, "gradient": trace.gradient}
    return {
        key: columns(points(trace.at, y, log=key == "gradient"))
        for key, y in found.items()
    }


def columns(rows: list) -> list[list]:
    """Points as two lists of numbers."""
    return [[brief(v) for v in column] for column in zip(*rows, strict=True)]


def strokes(traces: list[Trace]) -> list[dict]:
    """Colour and dash by order; what was recorded stays grey behind live runs."""
    mixed = len({t.recorded for t in traces}) > 1
    styles, counts = [], [0, 0]
    for trace in traces:
        order = counts[trace.recorded]
        counts[trace.recorded] += 1
        dash = DASHES[order % len(DASHES)]
        if trace.recorded and mixed:
            styles.append({"colour": "currentColor", "dash": dash, "opacity": 0.4})
        else:
            styles.append({"colour": COLOURS[order % len(COLOURS)], "dash": dash})
    return styles


def table(traces: list[Trace]) -> str:
    """A row a run; read aloud by screen readers when it changes."""
    if not traces:
        return ""
    heads = ("run", "step", "loss", "accuracy (kNN), %", "state")
    rows = "".join(
        _row(heads, trace, name, style)
        for trace, name, style in zip(
            traces, labels(traces), strokes(traces), strict=True
        )
    )
    names = "".join(f'<th scope="col">{head}</th>' for head in heads)
    return (
        '<div class="why-panel bare"><div class="facts" role="status" '
        f'aria-live="polite"><table><thead><tr>{names}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div></div>"
    )


def _row(heads: tuple, trace: Trace, name: str, style: dict) -> str:
    cells = (
        f"{trace.steps:,} of {trace.recipe.steps:,}",
        _number(trace.loss[-1] if trace.loss else None, 3),
        _number(trace.last_knn, 1, 100),
        escape(trace.outcome),
    )
    told = "".join(
        f'<td data-head="{head}">{cell}</td>'
        for head, cell in zip(heads[1:], cells, strict=True)
    )
    return f'<tr><th scope="row">{_swatch(**style)} {escape(name)}</th>{told}</tr>'


def _swatch(colour: str, dash: str, opacity: float = 1.0) -> str:
    """A curve's stroke as a small picture for the legend."""
    return (
        '<svg viewBox="0 0 34 8" width="34" height="8" aria-hidden="true">'
        f'<path d="M1 4H33" stroke="{colour}" stroke-width="1.8" '
        f'stroke-dasharray="{dash}" stroke-opacity="{opacity}"/></svg>'
    )


def _number(value, digits: int, times: float = 1) -> str:
    if value is None:
        return "–"
    return f"{value * times:.{digits}f}" if math.isfinite(value) else "not finite"
