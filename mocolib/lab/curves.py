"""Traces as HTML: three charts side by side, and a table that is legend and summary."""

import math
from html import escape

from mocolib.lab.chart import Curve, chart, swatch
from mocolib.lab.traces import Trace, labels

# seaborn's "colorblind", without the two that vanish on white; each with a stroke of
# its own, so that the curves can be told apart in grey too
COLOURS = ("#0173b2", "#de8f05", "#029e73", "#d55e00", "#cc78bc", "#ca9161", "#56b4e9")
DASHES = ("", "7 3", "2 3", "9 3 2 3")

LOOK = """<style>
.moco-lab { color: var(--jp-content-font-color1, inherit); line-height: 1.45;
  font-size: 13px; font-family: var(--jp-ui-font-family, inherit); }
.moco-lab .charts { display: flex; flex-wrap: wrap; gap: 4px 16px; }
.moco-lab .charts svg { flex: 1 1 220px; min-width: 0; max-width: 340px; height: auto; }
.moco-lab svg text { fill: currentColor; fill-opacity: .75; font-size: 11px; }
.moco-lab svg text.title { fill-opacity: 1; font-size: 12px; font-weight: 600; }
.moco-lab svg path.grid { stroke: currentColor; stroke-opacity: .13; }
.moco-lab svg path.mark { stroke: currentColor; stroke-opacity: .6; }
.moco-lab svg .mark { color: inherit; } /* Bootstrap darkens that class */
.moco-lab svg text.mark { font-size: 10px; }
.moco-lab svg path.tick { stroke: currentColor; stroke-opacity: .5; fill: none; }
.moco-lab table { border-collapse: collapse; border: none; margin: 6px 0 0;
  font-size: 13px; color: inherit; font-variant-numeric: tabular-nums; }
.moco-lab th, .moco-lab td { border: none; padding: 2px 18px 2px 0; text-align: right;
  background: none; white-space: nowrap; }
.moco-lab th { font-weight: 600; }
.moco-lab td:first-child, .moco-lab th:first-child, .moco-lab td:last-child,
.moco-lab th:last-child { text-align: left; }
.moco-lab tr { background: none !important; }
.moco-lab td svg { vertical-align: middle; margin-right: 8px; }
</style>"""


def charts(traces: list[Trace], images: int = 1) -> str:
    """kNN, loss and gradient of all traces against the images they have seen.

    `images` is how far the x axis goes while there is no trace.
    """
    until = max((t.end for t in traces), default=images)
    styles, names = strokes(traces), labels(traces)

    def curves(values) -> list[Curve]:
        return [
            Curve(name=name, x=t.samples, y=values(t), **style)
            for t, name, style in zip(traces, names, styles, strict=True)
        ]

    def percent(trace):
        return [None if k is None else 100 * k for k in trace.knn]

    marks = [mark for t in traces for mark in t.marks]
    layers = {t.layer for t in traces if t.layer}
    where = layers.pop() if len(layers) == 1 else "first trained layer"
    drawn = (
        chart(curves(percent), "kNN accuracy, %", until=until, dots=True, marks=marks),
        chart(curves(lambda t: t.loss), "loss", until=until, marks=marks),
        chart(
            curves(lambda t: t.gradient),
            f"gradient ∞-norm, {where}",
            until=until,
            log=True,
            marks=marks,
        ),
    )
    return LOOK + wrapped(drawn)


def wrapped(charts) -> str:
    """Charts side by side where there is room."""
    return f'<div class="moco-lab"><div class="charts">{"".join(charts)}</div></div>'


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
            colour = COLOURS[order % len(COLOURS)]
            styles.append({"colour": colour, "dash": dash, "opacity": 1.0})
    return styles


def table(traces: list[Trace]) -> str:
    """A row a run; read aloud by screen readers when it changes."""
    if not traces:
        return ""
    rows = "".join(
        f"<tr><td>{swatch(**style)}{escape(name)}</td>"
        f"<td>{t.steps:,} of {t.recipe.steps:,}</td>"
        f"<td>{_number(t.loss[-1] if t.loss else None, 3)}</td>"
        f"<td>{_number(t.last_knn, 1, 100)}</td><td>{escape(t.outcome)}</td></tr>"
        for t, name, style in zip(traces, labels(traces), strokes(traces), strict=True)
    )
    heads = "".join(f"<th>{h}</th>" for h in ("run", "step", "loss", "kNN, %", "state"))
    return (
        '<div class="moco-lab" role="status" aria-live="polite" '
        f'style="overflow-x: auto"><table><tr>{heads}</tr>{rows}</table></div>'
    )


def _number(value, digits: int, times: float = 1) -> str:
    if value is None:
        return "–"
    return f"{value * times:.{digits}f}" if math.isfinite(value) else "not finite"
