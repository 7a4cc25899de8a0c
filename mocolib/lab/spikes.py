"""Spike by spike and step by step: the gradient of every layer, and what follows it.

spikes(run, question="Which layer darkens first?")
"""

from html import escape

import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import HTML

from mocolib.analysis import measures
from mocolib.analysis.causes import lone_spikes
from mocolib.lab.curves import COLOURS, picture
from mocolib.lab.numbers import columns, points
from mocolib.lab.page import chart_data
from mocolib.lab.pictures import MOST_FRAMES, Frame, beside, data_uri, frames
from mocolib.runs import Run
from mocolib.words import layer_name, listed, said, together

BEFORE, AFTER = 8, 15  # steps around a spike that the slider reaches
AROUND = 40  # steps around it that the curves show
WIDE, ROW, TOP = 316, 11, 18
HEAT, BARS = (98, 156), (264, 48)  # left end and width
MAP = (
    "Layers by steps, dark where a gradient is large for its time; beside them a bar a "
    "layer for this step."
)
NOW = COLOURS[0]  # the moment in the heat map, and its bars


def spikes(run: Run, *, only=(), start: dict | None = None, **asked):
    """A panel: choose a spike of the first layer, then move through its steps.

    Only spikes that stand alone and whose steps were all recorded, at most as many
    as a page holds: the first ones, or those of `only`, by their steps. asked:
    question and answer of the panel; start: its first state, spike_at_step and
    steps_from_it.
    """
    offsets = range(-BEFORE, AFTER + 1)
    whole = [s for s in lone_spikes(run) if s + AFTER <= len(run.steps)]
    whole = [s for s in whole if s in only] if only else whole
    if not whole:
        told = said("This run has no spike that stands alone.")
        return HTML(f"<p>{escape(told)}</p>")
    ratios = over_median(run)

    def draw(spike_at_step: int, steps_from_it: int) -> Frame:
        now = spike_at_step + steps_from_it
        window = ratios.loc[spike_at_step - BEFORE : spike_at_step + AFTER]
        parts = {
            "each layer's gradient over its recent median": _layers(window, now),
            "what the loss and the monitor show": _curves(run, spike_at_step, now),
        }
        return Frame(html=beside(parts), spoken=_spoken(run, ratios, now))

    return frames(
        draw,
        id="spikes",
        start={"steps_from_it": 0, **(start or {})},
        spike_at_step=whole[: MOST_FRAMES // len(offsets)],
        steps_from_it=offsets,
        **asked,
    )


def over_median(run: Run) -> pd.DataFrame:
    """log2 of every trained layer's gradient over its recent median, by step."""
    layers = measures.trained_layers(run)
    table = {n: measures.log_ratio(measures.gradients(run, n)) for n in layers}
    first = run.recipe.warmup_steps + 1
    return pd.DataFrame(table).set_axis(range(first, len(run.steps) + 1))


def _spoken(run: Run, ratios: pd.DataFrame, now: int) -> str:
    row, read = ratios.loc[now], run.steps.set_index("step")["knn"].loc[:now].dropna()
    names = list(dict.fromkeys([row.index[0], "projector.0", row.index[-1]]))
    ratio = {n: f"{layer_name(n)} ×{2 ** row[n]:.1f}" for n in names if n in row}
    told = said("Step {step}: {layers}.", step=now, layers=listed(ratio.values()))
    if not len(read):
        return told
    last = said("kNN was last read as {knn}.", knn=f"{read.iloc[-1]:.1%}")
    return together([told, last])


# --- the layers -------------------------------------------------------------------


def _layers(window: pd.DataFrame, now: int) -> str:
    """Layers by steps as a heat map, the moment framed; beside it its bars. SVG."""
    (left, wide), high = HEAT, ROW * window.shape[1]
    colours = sns.color_palette("rocket_r", as_cmap=True)(np.clip(window.T / 2, 0, 1))
    picture = (255 * colours[..., :3]).round().astype(np.uint8)
    each = wide / len(window)
    at = left + each * (now - window.index[0])
    first = said("step {step}", step=window.index[0])
    frame = f'<path d="M{at:.1f} {TOP}h{each:g}v{high}h-{each:g}z"/>'
    return (
        f'<svg viewBox="0 0 {WIDE} {TOP + high + 18}" width="{WIDE}" '
        'style="max-width:100%;height:auto" fill="currentColor" font-size="11" '
        f'role="img" aria-label="{escape(said(MAP))}">'
        f"{row_names(window.columns)}"
        f'<image x="{left}" y="{TOP}" width="{wide}" height="{high}" '
        f'preserveAspectRatio="none" href="{data_uri(picture)}" '
        'style="image-rendering:pixelated"/>'
        f'<g fill="none" stroke="#fff" stroke-width="4">{frame}</g>'
        f'<g fill="none" stroke="{NOW}" stroke-width="2">{frame}</g>'
        f'<text x="{at + each / 2:.1f}" y="{TOP - 6}" text-anchor="middle">{now}</text>'
        f'<text x="{left}" y="{TOP + high + 14}">{first}</text>'
        f'<text x="{left + wide}" y="{TOP + high + 14}" text-anchor="end">'
        f"{window.index[-1]}</text>{_bars(window.loc[now], high)}</svg>"
    )


def row_names(layers, top: int = TOP) -> str:
    """The layers' names, one a row from `top` downwards; SVG."""
    return "".join(
        f'<text x="{HEAT[0] - 6}" y="{top + ROW * row + 9}" text-anchor="end">'
        f"{escape(layer_name(layer))}</text>"
        for row, layer in enumerate(layers)
    )


def _bars(row: pd.Series, high: float) -> str:
    """A bar a layer from its median (x 1) on a scale of x 1/2 to x 8."""
    left, wide = BARS
    x = left + wide / 4 * (1 + np.clip(row.to_numpy(), -1, 3))
    one = left + wide / 4
    bars = "".join(
        f"M{one:g} {TOP + ROW * i + 2}H{end:.1f}v{ROW - 4}H{one:g}z"
        for i, end in enumerate(x)
    )
    ticks = "".join(
        f'<path d="M{left + wide / 4 * (1 + k):g} {TOP}v{high}" stroke="currentColor" '
        'stroke-opacity="0.35" stroke-width="0.7"/>'
        for k in (0, 1, 2, 3)
    )
    ticks += "".join(
        f'<text x="{left + wide / 4 * (1 + k):g}" y="{TOP + high + 14}" '
        f'text-anchor="middle">×{2**k}</text>'
        for k in (0, 2)  # for more there is no room
    )
    return f'{ticks}<path d="{bars}" fill="{NOW}"/>'


# --- the curves -------------------------------------------------------------------


def _curves(run: Run, spike: int, now: int) -> str:
    """kNN and loss around a spike, upright lines at it and at the moment; as HTML."""
    steps = run.steps[run.steps["step"].between(spike - AROUND, spike + AROUND)]
    titles = {"knn": "kNN accuracy, %", "loss": "loss"}
    at = steps["step"].to_numpy()
    data = {
        key: columns(points(at, steps[key] * (100 if key == "knn" else 1), log=False))
        for key in titles
    }
    marks = [{"at": spike, "words": said("spike begins")}]
    if now != spike:
        marks.append({"at": now, "words": said("now")})
    return picture(
        {
            "charts": chart_data(titles),
            "x": {
                "title": said("training step"),
                "since": int(at[0]),
                "until": int(at[-1]),
            },
            "lines": [{"name": said("this run"), "colour": COLOURS[0], "data": data}],
            "marks": marks,
        }
    )
