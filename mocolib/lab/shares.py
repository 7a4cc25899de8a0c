"""Layer by layer through a spike: how large a gradient is, and how far a layer moves.

shares({"adamw": (run, 144), "lamb": (other, 350)}, question="Whose step is longer?")
"""

from html import escape

import numpy as np

from mocolib.analysis import measures
from mocolib.errors import BadInput
from mocolib.lab.pictures import Frame, beside, frames
from mocolib.lab.spikes import NOW, ROW, TOP, WIDE, over_median, row_names
from mocolib.runs import Run
from mocolib.words import said, together, value

BEFORE, AFTER = 10, 15  # steps around a spike that the slider reaches
GRADIENT, SHARE = (104, 88), (214, 80)  # left end and width
OCTAVES = range(-1, 5)  # the gradients' scale: from x 1/2 to x 16
HEAD = 4  # pixels between the words above the bars and these
BARS = (
    "A row a layer: a bar for its gradient in units of its recent median, and one for "
    "the share of its length by which it moves in this step; a tick marks its usual "
    "share."
)


def shares(spikes: dict[str, tuple[Run, int]], *, start: int = 0, **asked):
    """A panel: go through a spike of each run, step by step, or press Play.

    spikes: by optimizer a run and the step at which a spike of it begins. start: steps
    from there at which the panel begins. asked: question and answer of the panel.
    BadInput where the steps around a spike are not all recorded, warmup left out.
    """
    parts = {name: _around(*spike) for name, spike in spikes.items()}
    most = max(100 * moved.max(axis=None) for _, moved, _ in parts.values())
    limit = 5 * np.ceil(most / 5)

    def draw(steps_from_the_spike: int) -> Frame:
        shown, told = {}, []
        for name, (ratios, moved, usual) in parts.items():
            now = spikes[name][1] + steps_from_the_spike
            rows = ratios.loc[now], 100 * moved.loc[now], 100 * usual.loc[now]
            step = dict(optimizer=value(name), step=now)
            shown[said("{optimizer}, step {step}", **step)] = _bars(*rows, limit)
            told.append(_spoken(*rows, **step))
        return Frame(html=beside(shown), spoken=together(told))

    return frames(
        draw,
        id="shares",
        start={"steps_from_the_spike": start},
        plays="steps_from_the_spike",
        steps_from_the_spike=range(-BEFORE, AFTER + 1),
        **asked,
    )


def _around(run: Run, spike: int) -> tuple:
    """Around a spike, by step and layer: log2 of the gradient over its recent median,
    the share moved, and the median of that share in the steps before.
    """
    ratios = over_median(run)
    moved = run.steps.set_index("step")[[f"update/{name}" for name in ratios]]
    moved.columns = ratios.columns
    usual = moved.rolling(measures.WINDOW).median().shift(1)
    first = int(ratios.index[0]) + measures.WINDOW
    wanted = spike - BEFORE, spike + AFTER
    if wanted[0] < first or wanted[1] > len(run.steps):
        raise BadInput(
            f"spike is {spike}, but must be from {first + BEFORE} to "
            f"{len(run.steps) - AFTER} in a run of {len(run.steps)} steps."
        )
    return tuple(table.loc[slice(*wanted)] for table in (ratios, moved, usual))


def _spoken(ratios, moved, usual, **step) -> str:
    return said(
        "{optimizer}, step {step}: a layer's gradient is at most {times} times its "
        "usual; layers move by {least} to {most} % of their length, usually by "
        "{usual}.",
        times=f"{2 ** ratios.max():.1f}",
        least=f"{moved.min():.1f}",
        most=f"{moved.max():.1f}",
        usual=f"{usual.median():.1f}",
        **step,
    )


def _bars(ratios, moved, usual, limit: float) -> str:
    """Two bars a layer, on a logarithmic and a linear scale from 0 to limit; SVG."""
    high, top = ROW * len(ratios), TOP + HEAD
    octaves = np.clip(ratios, OCTAVES[0], OCTAVES[-1])
    gradients = _column(GRADIENT, octaves, OCTAVES[0], OCTAVES[-1])
    steps = _column(SHARE, moved, 0, limit)
    (left, wide), ticks = SHARE, ""
    for row, share in enumerate(usual):
        ticks += f"M{left + wide * share / limit:.1f} {top + ROW * row}v{ROW}"
    scale = _scale(GRADIENT, {k: f"×{2**k}" for k in (0, 2, 4)}, OCTAVES[0], 4, high)
    scale += _scale(SHARE, {0: "0", limit: f"{limit:g} %"}, 0, limit, high)
    heads = {GRADIENT: said("gradient, × usual"), SHARE: said("share moved")}
    words = "".join(
        f'<text x="{x}" y="{TOP - 4}" font-weight="600">{escape(word)}</text>'
        for (x, _), word in heads.items()
    )
    return (
        f'<svg viewBox="0 0 {WIDE} {top + high + 18}" width="{WIDE}" '
        'style="max-width:100%;height:auto" fill="currentColor" font-size="11" '
        f'role="img" aria-label="{escape(said(BARS))}">{words}'
        f"{row_names(ratios.index, top)}{scale}"
        f'<path d="{gradients}" fill-opacity="0.45"/><path d="{steps}" fill="{NOW}"/>'
        f'<path d="{ticks}" stroke="currentColor" stroke-width="2"/></svg>'
    )


def _column(place: tuple, values, low: float, high: float) -> str:
    """A bar a row from where 0 lies, as a path."""
    (left, wide), top = place, TOP + HEAD + 2
    zero, *ends = (left + wide * (v - low) / (high - low) for v in (0, *values))
    return "".join(
        f"M{zero:g} {top + ROW * row}H{end:.1f}v{ROW - 4}H{zero:g}z"
        for row, end in enumerate(ends)
    )


def _scale(place: tuple, marks: dict, low: float, high: float, size: int) -> str:
    """Lines through all rows with their words below."""
    (left, wide), top = place, TOP + HEAD
    return "".join(
        f'<path d="M{(x := left + wide * (v - low) / (high - low)):g} {top}v{size}" '
        'stroke="currentColor" stroke-opacity="0.35" stroke-width="0.7"/>'
        f'<text x="{x:g}" y="{top + size + 14}" text-anchor="middle">{word}</text>'
        for v, word in marks.items()
    )
