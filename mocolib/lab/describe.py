"""From recorded runs to the description of a panel: axes, settings, curves, facts.

The description is plain data. The page gets it as JSON and draws it in the browser;
a kernel draws the same with widgets. Nothing is computed twice.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from mocolib.analysis import measures
from mocolib.errors import BadInput
from mocolib.lab.chart import Curve, points, short
from mocolib.runs import Run

STANDARD = {
    "knn": "kNN accuracy, %",
    "loss": "loss",
    "gradient": "first layer: largest gradient entry",
}
LOG = ("gradient",)  # charts with a logarithmic y axis
DOTS = ("knn",)  # charts that mark each reading
PERCENT = ("knn",)  # shares that are shown as percentages
X_AXES = {"step": "training step", "images": "images seen"}
BUCKETS = 90  # of a band over seeds along the x axis
MOST_SETTINGS = 64
WORDS = {
    "base_lr": "base rate",
    "batch_size": "batch",
    "temperature": "temperature τ",
    "momentum": "momentum m",
    "beta2": "β₂",
    "negatives": "negatives K",
}
ENDINGS = {"patch_projection": "projection", "stem": "stem"}
FACTS = {"knn": "kNN, %", "linear_probe": "linear probe, %", "jitter": "jitter, %"}


@dataclass(frozen=True, kw_only=True)
class Line:
    """A curve that is not simply a run: a thinner monitor, a replay, a ratio.

    steps, samples: [n]. y: {chart key: [n]}, None or nan where there is no reading.
    facts: {name: value} for the table, shown with three digits.
    """

    settings: dict
    steps: Sequence
    samples: Sequence
    y: dict
    seed: int = 0
    facts: dict = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Axis:
    """A control: a field of the settings and the values that were recorded."""

    name: str
    label: str
    values: tuple
    words: tuple

    @property
    def numeric(self) -> bool:
        """Numbers get a slider, words a switch."""
        return all(map(_is_number, self.values))


@dataclass(frozen=True, kw_only=True)
class Group:
    """The curves of one setting: the first seed's line, and the band of all seeds.

    lines: {chart key: [(step, value)]}; bands: {chart key: [(step, low, high)]}.
    images: images a step, so that steps can be shown as images seen.
    """

    at: tuple  # an index into each axis' values
    seeds: int
    images: float
    until: int
    lines: dict
    bands: dict
    facts: dict  # {name: (mean, low, high)}


@dataclass(frozen=True, kw_only=True)
class Description:
    """All that a panel shows and lets one choose."""

    id: str
    axes: tuple
    charts: dict
    groups: dict  # by `at`
    start: tuple
    keep: tuple
    x: str  # of X_AXES, the one shown first

    def name(self, at: tuple) -> str:
        """A setting in words: `base rate 4e-3, learned projection`."""
        pairs = zip(self.axes, at, strict=True)
        return ", ".join(spoken(axis.name, axis.words[i]) for axis, i in pairs)


def describe(
    runs, *, id, by, start=None, keep=(), charts=None, x="step"
) -> Description:
    """A description from runs and `Line`s; the values of each `by` become an axis."""
    if x not in X_AXES:
        raise BadInput(f"x is {x!r}, but must be one of {', '.join(X_AXES)}.")
    charts = charts or STANDARD
    lines = [_line(run, charts) if isinstance(run, Run) else run for run in runs]
    axes = tuple(_axis_of(name, lines) for name in by)
    members: dict = {}
    for line in lines:
        at = tuple(a.values.index(line.settings[a.name]) for a in axes)
        members.setdefault(at, []).append(line)
    if len(members) > MOST_SETTINGS:
        raise BadInput(
            f"by gives {len(members)} settings, but a panel holds {MOST_SETTINGS}."
        )
    groups = {at: _group(at, members[at], charts) for at in sorted(members)}
    first = next(iter(groups), ())
    return Description(
        id=id,
        axes=axes,
        charts=charts,
        groups=groups,
        start=_place(start, axes, groups) if start else first,
        keep=tuple(_place(one, axes, groups) for one in keep if groups),
        x=x,
    )


def spoken(name: str, word: str) -> str:
    """One setting in words that stand alone."""
    if name in ENDINGS:
        return f"{word} {ENDINGS[name]}"
    if word in ("yes", "no"):
        return f"{'with' if word == 'yes' else 'without'} {name.replace('_', ' ')}"
    number = any(c.isdigit() for c in word)
    return f"{WORDS.get(name, name.replace('_', ' '))} {word}" if number else word


def _line(run: Run, charts: dict) -> Line:
    """A run as a line: what the charts ask for, and the facts of the summary."""
    steps = run.steps
    available = {"gradient": f"grad_inf/{measures.first_layer(run)}"}
    y = {
        key: steps[name].to_numpy(float)
        for key in charts
        if (name := available.get(key, key)) in steps
    }
    [row] = measures.summary([run]).to_dict("records")
    facts = {words: 100 * row[name] for name, words in FACTS.items()}
    facts["spikes"] = row["spikes"]
    return Line(
        settings=vars(run.recipe),
        steps=steps["step"].to_numpy(),
        samples=steps["samples"].to_numpy(),
        y=y,
        seed=run.recipe.seed,
        facts=facts,
    )


def _axis_of(name: str, lines: list[Line]) -> Axis:
    missing = [line for line in lines if name not in line.settings]
    if missing:
        raise BadInput(f"by names {name!r}, but must name settings of every line.")
    values = list(dict.fromkeys(line.settings[name] for line in lines))
    return axis(name, sorted(values) if all(map(_is_number, values)) else values)


def axis(name: str, values: list) -> Axis:
    """A control over these values, in this order."""
    words = tuple(short(v) if isinstance(v, float) else _word(v) for v in values)
    label = WORDS.get(name, name.replace("_", " "))
    return Axis(name=name, label=label, values=tuple(values), words=words)


def _is_number(value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _word(value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value).replace("_", " ")


def _place(setting: dict, axes: tuple, groups: dict) -> tuple:
    """Where a setting lies; fields it leaves out are those of the first group."""
    first = next(iter(groups), (0,) * len(axes))
    place = []
    for axis, default in zip(axes, first, strict=True):
        if axis.name in setting and setting[axis.name] not in axis.values:
            if not groups:
                continue
            raise BadInput(
                f"{axis.name} is {setting[axis.name]!r}, but must be one of "
                f"{', '.join(axis.words)}."
            )
        wanted = setting.get(axis.name)
        place.append(default if wanted is None else axis.values.index(wanted))
    place = tuple(place)
    if groups and place not in groups:
        raise BadInput(f"the setting {setting} was not recorded.")
    return place


def _group(at: tuple, lines: list[Line], charts: dict) -> Group:
    lines = sorted(lines, key=lambda line: line.seed)
    first = lines[0]
    last = int(max(line.steps[-1] for line in lines))
    drawn, bands = {}, {}
    for key in charts:
        series = [_readings(line, key) for line in lines]
        curve = Curve(name="", x=series[0][0], y=series[0][1], colour="")
        drawn[key] = points(curve, log=key in LOG)
        if len(lines) > 1:
            bands[key] = _band(series, last)
    table = pd.DataFrame([line.facts for line in lines], dtype=float)
    facts = {
        name: tuple(map(float, (values.mean(), values.min(), values.max())))
        for name, values in table.items()
        if values.notna().any()
    }
    return Group(
        at=at,
        seeds=len(lines),
        images=float(first.samples[-1] / first.steps[-1]),
        until=last,
        lines=drawn,
        bands=bands,
        facts=facts,
    )


def _readings(line: Line, key: str) -> tuple[np.ndarray, np.ndarray]:
    """Steps and finite values of one chart, percentages where they are shown."""
    y = np.asarray(line.y.get(key, [math.nan] * len(line.steps)), float)
    good = np.isfinite(y)
    times = 100 if key in PERCENT else 1
    return np.asarray(line.steps)[good], times * y[good]


def _band(series: list, last: int) -> list[tuple]:
    """(step, lowest, highest) over all seeds, in buckets along the x axis."""
    steps = np.concatenate([x for x, _ in series])
    values = np.concatenate([y for _, y in series])
    if not len(steps):
        return []
    # a reading every n steps: buckets of whole such intervals, so that none is empty
    apart = int(np.diff(np.unique(steps)).min()) if len(np.unique(steps)) > 1 else 1
    size = apart * max(1, math.ceil(last / apart / BUCKETS))
    table = pd.DataFrame({"bucket": (steps - 1) // size, "step": steps, "y": values})
    rows = table.groupby("bucket").agg(
        step=("step", "mean"), low=("y", "min"), high=("y", "max")
    )
    return [tuple(map(float, row)) for row in rows.itertuples(index=False)]
