"""From recorded runs to the description of a panel: axes, settings, curves, facts.

The description is plain data, which page.py writes as JSON and assets/lab draws, in the
built page and in a kernel alike.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from mocolib.analysis import measures
from mocolib.errors import BadInput
from mocolib.lab.numbers import MOST_POINTS, points, short
from mocolib.runs import Run

STANDARD = {
    "knn": "kNN accuracy, %",
    "loss": "loss",
    "gradient": "first layer: largest gradient entry",
}
SYMBOLS = {
    "fall": "deepest fall below the best accuracy so far, after the warmup",
    "spike": f"spike: the first layer's gradient exceeds {measures.SPIKE:g} times its "
    "recent median",
}
MEDIAN = "the run whose deepest fall is the median one"
LOG = ("gradient",)  # charts with a logarithmic y axis
DOTS = ("knn",)  # charts that mark each reading
PERCENT = ("knn",)  # shares that are shown as percentages
X_AXES = {"step": "training step", "images": "images seen"}
LEAST_FALL = 2  # points; a smaller one is not marked
FEW = 6  # values that get a button each; more get a slider
SEED_POINTS = 150  # of a thin line
MOST_SETTINGS = 64
WORDS = {
    "base_lr": "base rate",
    "batch_size": "batch",
    "temperature": "temperature τ",
    "momentum": "momentum m",
    "beta2": "β₂",
    "negatives": "negatives K",
}
FALL = "deepest fall, points"
ENDINGS = {"patch_projection": "projection", "stem": "stem"}
FACTS = {  # from the summary of a run, shares shown as percentages
    "jitter": "jitter, points",
    "deepest_fall": FALL,
    "knn": "accuracy (kNN), %",
    "linear_probe": "linear probe, %",
}


@dataclass(frozen=True, kw_only=True)
class Line:
    """A curve that is not simply a run: a thinner monitor, a replay, a ratio.

    steps, samples: [n]. y: {chart key: [n]}, None or nan where there is no reading.
    facts: {name: value} for the table, shown with three digits. spikes: the steps at
    which a spike begins.
    """

    settings: dict
    steps: Sequence
    samples: Sequence
    y: dict
    seed: int = 0
    facts: dict = field(default_factory=dict)
    spikes: Sequence = ()


@dataclass(frozen=True, kw_only=True)
class Axis:
    """A control: a field of the settings and the values that were recorded."""

    name: str
    label: str
    values: tuple
    words: tuple

    @property
    def slides(self) -> bool:
        """Many numbers get a slider; a few, or words, a button each."""
        return len(self.values) > FEW and all(map(_is_number, self.values))


@dataclass(frozen=True, kw_only=True)
class Group:
    """The curves of one setting: a line a seed, one of which stands for all.

    lines: {chart key: [(step, value)]} of one seed, a run that was: a mean over seeds
    would smooth every dip away. others: the
    same of each other seed. points: {chart key: [symbol]}, as assets/lab/chart.js
    draws them on the line. images: images a step, so that steps can be shown as
    images seen.
    """

    at: tuple  # an index into each axis' values
    seeds: int
    images: float
    until: int
    lines: dict
    others: list
    points: dict
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
    marks: Mapping  # {step: words}, upright lines
    strong: str  # which run of each setting stands for all

    def name(self, at: tuple) -> str:
        """A setting in words: `base rate 4e-3, learned projection`."""
        pairs = zip(self.axes, at, strict=True)
        return ", ".join(spoken(axis.name, axis.words[i]) for axis, i in pairs)


def describe(
    runs, *, id, by, start=None, keep=(), charts=None, x="step", marks=None, seed=None
) -> Description:
    """A description from runs and `Line`s; the values of each `by` become an axis.

    Without a `start`, the setting with the deepest fall is shown first. `seed` names
    the run of each setting that is drawn strong; without it, or where a setting lacks
    it, that is the run whose deepest fall is the median one.
    """
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
    groups = {at: _group(at, members[at], charts, seed) for at in sorted(members)}
    return Description(
        id=id,
        axes=axes,
        charts=charts,
        groups=groups,
        start=_place(start, axes, groups) if start else _deepest(groups),
        keep=tuple(_place(one, axes, groups) for one in keep if groups),
        x=x,
        marks=marks or {},
        strong=MEDIAN if seed is None else f"seed {seed}",
    )


def _deepest(groups: dict) -> tuple:
    """The setting whose accuracy falls deepest on average; else the first."""
    falls = {at: group.facts.get(FALL, (-math.inf,))[0] for at, group in groups.items()}
    return max(falls, key=falls.get, default=())


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
    knn = measures.monitored(run)["knn"]
    row["deepest_fall"] = measures.deepest_fall(knn)
    facts = {words: 100 * row[name] for name, words in FACTS.items()}
    facts["spikes"] = row["spikes"]
    return Line(
        settings=vars(run.recipe),
        steps=steps["step"].to_numpy(),
        samples=steps["samples"].to_numpy(),
        y=y,
        seed=run.recipe.seed,
        facts=facts,
        spikes=measures.spike_steps(run),
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


def _group(at: tuple, lines: list[Line], charts: dict, seed: int | None) -> Group:
    lines = sorted(lines, key=lambda line: line.seed)
    median = sorted(lines, key=_fall_of)[len(lines) // 2]
    strong = next((line for line in lines if line.seed == seed), median)
    table = pd.DataFrame([line.facts for line in lines], dtype=float)
    facts = {
        name: tuple(map(float, (values.mean(), values.min(), values.max())))
        for name, values in table.items()
        if values.notna().any()
    }
    drawn = _drawn(strong, charts)
    return Group(
        at=at,
        seeds=len(lines),
        images=float(strong.samples[-1] / strong.steps[-1]),
        until=int(max(line.steps[-1] for line in lines)),
        lines=drawn,
        others=[
            _drawn(line, charts, SEED_POINTS) for line in lines if line is not strong
        ],
        points=_points(strong, drawn),
        facts=facts,
    )


def _drawn(line: Line, charts: dict, most: int = MOST_POINTS) -> dict:
    """What each chart shows of a line, few enough points for a screen."""
    return {
        key: points(*_readings(line, key), log=key in LOG, most=most) for key in charts
    }


def _readings(line: Line, key: str) -> tuple[np.ndarray, np.ndarray]:
    """Steps and finite values of one chart, percentages where they are shown."""
    y = np.asarray(line.y.get(key, [math.nan] * len(line.steps)), float)
    good = np.isfinite(y)
    times = 100 if key in PERCENT else 1
    return np.asarray(line.steps)[good], times * y[good]


def _after_warmup(line: Line) -> tuple[np.ndarray, np.ndarray]:
    steps, knn = _readings(line, "knn")
    late = steps > line.settings.get("warmup_steps", 0)
    return steps[late], knn[late]


def _fall_of(line: Line) -> float:
    knn = _after_warmup(line)[1]
    return measures.deepest_fall(knn) if len(knn) else 0.0


def _points(line: Line, drawn: dict) -> dict:
    """The symbols of a line: its deepest fall, and its spikes."""
    found, (steps, knn) = {}, _after_warmup(line)
    depth = measures.deepest_fall(knn)
    if "knn" in drawn and depth >= LEAST_FALL:
        top, low = measures.ends_of_fall(knn)
        words = f"falls {depth:.{0 if depth >= 10 else 1}f} points"
        x, y = [int(steps[i]) for i in (top, low)], [float(knn[i]) for i in (top, low)]
        found["knn"] = [{"kind": "fall", "x": x, "y": y, "words": words}]
    if "gradient" in drawn:
        values = dict(zip(*_readings(line, "gradient"), strict=True))
        found["gradient"] = [
            {"kind": "spike", "x": int(step), "y": float(values[step])}
            for step in line.spikes
            if step in values
        ]
    return {key: some for key, some in found.items() if some}
