"""The runs of one setting as a panel draws them: one line strong, the others thin."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from mocolib.analysis import measures
from mocolib.lab.numbers import MOST_POINTS, points
from mocolib.runs import Run
from mocolib.words import said

# charts with a logarithmic y axis
LOG = ("gradient", "adam_rms/patch_projection")
PERCENT = ("knn",)  # shares that are shown as percentages
LEAST_FALL = 2  # points; a smaller one is not marked
SEED_POINTS = 160  # of a thin line: all readings of 1600 steps, whose steps are shared


@dataclass(frozen=True, kw_only=True)
class Line:
    """A curve that is not simply a run: a thinner monitor, a replay, a ratio.

    steps, samples: [n]. y: {chart key: [n]}, None or nan where there is no reading.
    facts: {name: value} for the table, shown with three digits under `words.fact` of
    the name. outcomes: {name: bool}, counted over the seeds. spikes: the steps at which
    a spike begins. fall: the deepest, as (step of the top, step of the low, points), ()
    of none; None: the most that a reading lies below the best one before it. run: the
    one that it was read from, if there is one.
    """

    settings: dict
    steps: Sequence
    samples: Sequence
    y: dict
    seed: int = 0
    facts: dict = field(default_factory=dict)
    outcomes: dict = field(default_factory=dict)
    spikes: Sequence = ()
    fall: tuple | None = None
    run: Run | None = None

    @classmethod
    def of(
        cls, run: Run, y, rows: pd.DataFrame | None = None, settings=(), **given
    ) -> "Line":
        """Columns of a run's step table, or of some rows of it.

        y: their names, or {chart key: name}. given: settings beside the recipe's own,
        facts, outcomes, spikes, fall.
        """
        table = run.steps if rows is None else rows
        names = y if isinstance(y, dict) else {name: name for name in y}
        return cls(
            steps=table["step"].to_numpy(),
            samples=table["samples"].to_numpy(),
            y={key: table[name].to_numpy(float) for key, name in names.items()},
            seed=run.recipe.seed,
            settings={**vars(run.recipe), **dict(settings)},
            run=run,
            **given,
        )


@dataclass(frozen=True, kw_only=True)
class Group:
    """The curves of one setting: a line a seed, one of which stands for all.

    lines: {chart key: [(step, value)]} of one seed, a run that was: a mean over seeds
    would smooth every dip away. others: the same of each other seed, for the first
    chart alone; in the rest they would hide each other, and weigh most of the page.
    seeds: that of the strong line, then those of the others.
    points: {chart key: [symbol]}, as assets/lab/chart.js draws them on the line.
    images: images a step, so that steps can be shown as images seen.
    """

    at: tuple  # an index into each axis' values
    seeds: tuple
    images: float
    until: int
    lines: dict
    others: list
    points: dict
    facts: dict  # {name: (mean, low, high)}
    tally: dict  # {outcome: runs that had it}, of outcomes that all were asked for


def group(at: tuple, lines: list[Line], charts: dict, seed: int | None) -> Group:
    lines = sorted(lines, key=lambda line: line.seed)
    median = sorted(lines, key=_depth)[len(lines) // 2]
    strong = next((line for line in lines if line.seed == seed), median)
    others = [line for line in lines if line is not strong]
    table = pd.DataFrame([line.facts for line in lines], dtype=float)
    facts = {
        name: tuple(map(float, (values.mean(), values.min(), values.max())))
        for name, values in table.items()
        if values.notna().any()
    }
    drawn, first = _drawn(strong, charts), tuple(charts)[:1]
    return Group(
        at=at,
        seeds=tuple(line.seed for line in (strong, *others)),
        images=float(strong.samples[-1] / strong.steps[-1]),
        until=int(max(line.steps[-1] for line in lines)),
        lines=drawn,
        others=[_drawn(line, first, SEED_POINTS) for line in others],
        points=_points(strong, drawn),
        facts=facts,
        tally=_tally(lines),
    )


def _tally(lines: list[Line]) -> dict:
    """How many of the lines had each outcome that is known of all of them."""
    names = [n for n in lines[0].outcomes if all(n in one.outcomes for one in lines)]
    return {n: sum(one.outcomes[n] for one in lines) for n in names}


def _drawn(line: Line, charts: Iterable, most: int = MOST_POINTS) -> dict:
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


def _fall_of(line: Line) -> tuple:
    """Its deepest fall, as `Line.fall` has it."""
    if line.fall is not None:
        return line.fall
    steps, knn = _after_warmup(line)
    if not len(knn):
        return ()
    top, low = measures.ends_of_fall(knn)
    return int(steps[top]), int(steps[low]), float(knn[top] - knn[low])


def _depth(line: Line) -> float:
    *_, depth = _fall_of(line) or (0.0,)
    return depth


def _points(line: Line, drawn: dict) -> dict:
    """The symbols of a line: its deepest fall, and its spikes."""
    found, (*x, depth) = {}, _fall_of(line) or (0.0,)
    if "knn" in drawn and depth >= LEAST_FALL:
        values = dict(zip(*_after_warmup(line), strict=True))
        y = [float(values[step]) for step in x]
        words = said(
            "falls {points} points", points=f"{depth:.{0 if depth >= 10 else 1}f}"
        )
        found["knn"] = [{"kind": "fall", "x": x, "y": y, "words": words}]
    if "gradient" in drawn:
        values = dict(zip(*_readings(line, "gradient"), strict=True))
        found["gradient"] = [
            {"kind": "spike", "x": int(step), "y": float(values[step])}
            for step in line.spikes
            if step in values
        ]
    return {key: some for key, some in found.items() if some}
