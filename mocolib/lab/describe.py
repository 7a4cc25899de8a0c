"""From recorded runs to the description of a panel: axes, settings, curves, facts.

The description is plain data, which page.py writes as JSON and assets/lab draws, in the
built page and in a kernel alike.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from mocolib import words
from mocolib.analysis import baselines, measures
from mocolib.analysis.alike import check_alike
from mocolib.errors import BadInput
from mocolib.lab.groups import Line, group
from mocolib.runs import Run
from mocolib.sweep import design

STANDARD = {
    "knn": "kNN accuracy, %",
    "loss": "loss",
    "gradient": "first layer: largest gradient entry",
}
SYMBOLS = {
    "fall": "deepest fall after the warmup, from the level before it",
    "spike": f"spike: the first layer's gradient exceeds {measures.SPIKE:g} times its "
    "recent median",
}
MEDIAN = "the run whose deepest fall is the median one"
DOTS = ("knn",)  # charts that mark each reading
X_AXES = {"step": "training step", "images": "images seen"}
FEW = 6  # values that get a button each; more get a slider
MOST_SETTINGS = 64
FALL = "deepest_fall"
LOST = "lost"
SHARES = ("jitter", FALL, "knn", "linear_probe")  # shown in points or percent
COUNTS = ("dips", "lasting_falls", "spikes")
OUTCOMES = ("dips", "lasting_falls")  # counts of which a run has some or none


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
class Description:
    """All that a panel shows and lets one choose."""

    id: str
    axes: tuple
    charts: dict
    groups: dict  # by `at`
    start: tuple
    keep: tuple  # what each kept curve holds, by axis; None: as the chosen one has it
    x: str  # of X_AXES, the one shown first
    marks: Mapping  # {step: words}, upright lines
    levels: Mapping  # {words: accuracy in %}, thin lines across the accuracy's chart
    strong: str  # which run of each setting stands for all
    symbols: Mapping  # {kind: words}, what is meant by the points of that kind
    map: tuple = ()  # of two axes the places: rows and columns of a map

    def name(self, at: tuple) -> str:
        """A setting in words: `base rate 4e-3, learned projection`."""
        pairs = zip(self.axes, at, strict=True)
        return words.listed(words.spoken(a.name, a.values[i]) for a, i in pairs)

    def mapped(self, rows: str, columns: str) -> "Description":
        """The same with a map over two of its controls."""
        names = [axis.name for axis in self.axes]
        for name in (rows, columns):
            if name not in names:
                told = ", ".join(names)
                raise BadInput(f"map names {name!r}, but must name two of {told}.")
        return replace(self, map=(names.index(rows), names.index(columns)))


def describe(
    runs,
    *,
    id,
    by,
    start=None,
    keep=(),
    charts=STANDARD,
    x="step",
    marks=None,
    seed=None,
    arms=None,
    against=None,
    fall=SYMBOLS["fall"],
) -> Description:
    """A description from runs and `Line`s; the values of each `by` become an axis.

    What one of `keep` leaves out follows the controls; `start` has it from the first of
    them. BadInput where lines of one setting differ in more than their seed.
    """
    if x not in X_AXES:
        raise BadInput(f"x is {x!r}, but must be one of {', '.join(X_AXES)}.")
    lines = _losses(_lines(runs, charts, arms or {}), against or {})
    axes = tuple(_axis_of(name, lines) for name in by)
    groups = _groups(axes, lines, charts, seed)
    kept = tuple(_held(one, axes, groups) for one in keep if groups)
    near = _filled(kept[0], next(iter(groups))) if kept else next(iter(groups), ())
    return Description(
        id=id,
        axes=axes,
        charts=charts,
        groups=groups,
        start=_place(start, axes, groups, near) if start else _deepest(groups),
        keep=kept,
        x=x,
        marks=marks or {},
        levels=_levels([line.run for line in lines if line.run]),
        strong=words.said(MEDIAN if seed is None else "seed {seed}", seed=seed),
        symbols={**SYMBOLS, "fall": fall},
    )


def _groups(axes: tuple, lines: list[Line], charts: dict, seed: int | None) -> dict:
    """The curves of each setting by its place on the axes."""
    members = _settings(axes, lines)
    return {at: group(at, members[at], charts, seed) for at in sorted(members)}


def _levels(runs: list[Run]) -> dict:
    """What the accuracy is held against, in words."""
    known = baselines.lines(runs)
    return {baselines.NAMES[kind]: 100 * row["knn"] for kind, row in known.items()}


def _settings(axes: tuple, lines: list[Line]) -> dict[tuple, list[Line]]:
    """The lines of each setting by its place on the axes; those of one are alike."""
    members: dict = {}
    for line in lines:
        at = tuple(a.values.index(line.settings[a.name]) for a in axes)
        members.setdefault(at, []).append(line)
    if len(members) > MOST_SETTINGS:
        raise BadInput(
            f"by gives {len(members)} settings, but a panel holds {MOST_SETTINGS}."
        )
    for at, alike in members.items():
        where = {a.name: a.values[i] for a, i in zip(axes, at, strict=True)}
        check_alike([(line.seed, line.settings) for line in alike], where)
    return members


def _deepest(groups: dict) -> tuple:
    """The setting whose accuracy falls deepest on average; else the first."""
    falls = {at: group.facts.get(FALL, (-math.inf,))[0] for at, group in groups.items()}
    return max(falls, key=falls.get, default=())


def _lines(runs, charts: dict, arms: dict) -> list[Line]:
    """Runs as lines; what is one stays as it is."""
    return [
        _line(run, charts, _arm(run, arms)) if isinstance(run, Run) else run
        for run in runs
    ]


def _arm(run: Run, arms: dict) -> dict:
    """The setting `arm`: which of some ways to change a plain run it has gone."""
    if not arms:
        return {}
    one = run.recipe
    plain = design.of([run]).plain.replace(seed=one.seed, base_lr=one.base_lr)
    for id, way in arms.items():
        if plain.replace(**way) == one:
            return {"arm": id}
    raise BadInput(f"run {run.id} is of no arm, but must be of {', '.join(arms)}.")


def _losses(lines: list[Line], against: dict) -> list[Line]:
    """The lines with the fact `lost`, the linear probe of `against`, same seed, less
    their own; jitter makes room for it."""
    if not against:
        return lines
    probes = {
        line.seed: line.facts["linear_probe"]
        for line in lines
        if all(line.settings[name] == value for name, value in against.items())
    }
    nan = math.nan
    lost = [probes.get(one.seed, nan) - one.facts["linear_probe"] for one in lines]
    return [
        replace(
            line,
            facts={k: v for k, v in line.facts.items() if k != "jitter"} | {LOST: x},
        )
        for line, x in zip(lines, lost, strict=True)
    ]


def _line(run: Run, charts: dict, settings=()) -> Line:
    """A run as a line: what the charts ask for, and the facts of the summary."""
    steps, named = run.steps, {"gradient": f"grad_inf/{measures.first_layer(run)}"}
    y = {key: name for key in charts if (name := named.get(key, key)) in steps}
    [row] = measures.summary([run]).to_dict("records")
    facts = {name: 100 * row[name] for name in SHARES}
    facts |= {name: row[name] for name in COUNTS}
    outcomes = {name: row[name] > 0 for name in OUTCOMES}
    if baselines.known(run.recipe):
        outcomes["collapsed"] = measures.has_collapsed(run)
    found = dict(facts=facts, outcomes=outcomes, spikes=measures.spike_steps(run))
    fall = design.of([run]).fall
    facts[FALL] = 100 * row[fall]
    if fall != FALL:
        found["fall"] = _fall(run)
    return Line.of(run, y, steps, settings, **found)


def _fall(run: Run) -> tuple:
    """The deepest fall by the rule, as `Line.fall` has it."""
    deep = max(measures.falls_in(run), key=lambda fall: fall.depth, default=None)
    if deep is None:
        return ()
    steps = measures.monitored(run)["step"].to_numpy()
    return int(steps[deep.start]), int(steps[deep.low]), 100 * deep.depth


def _axis_of(name: str, lines: list[Line]) -> Axis:
    missing = [line for line in lines if name not in line.settings]
    if missing:
        raise BadInput(f"by names {name!r}, but must name settings of every line.")
    values = list(dict.fromkeys(line.settings[name] for line in lines))
    return axis(name, sorted(values) if all(map(_is_number, values)) else values)


def axis(name: str, values: list) -> Axis:
    """A control over these values, in this order."""
    said = tuple(map(words.value, values))
    return Axis(name=name, label=words.label(name), values=tuple(values), words=said)


def _is_number(value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _filled(held: tuple, near: tuple) -> tuple:
    return tuple(b if a is None else a for a, b in zip(held, near, strict=True))


def _held(setting: dict, axes: tuple, groups: dict) -> tuple:
    """What a setting names, by axis; None where it names nothing."""
    wanted = [None] * len(axes)
    for k, axis in enumerate(axes):
        if axis.name not in setting:
            continue
        if setting[axis.name] not in axis.values:
            raise BadInput(
                f"{axis.name} is {setting[axis.name]!r}, but must be one of "
                f"{', '.join(axis.words)}."
            )
        wanted[k] = axis.values.index(setting[axis.name])
    if not any(_filled(wanted, at) == at for at in groups):
        raise BadInput(f"the setting {setting} was not recorded.")
    return tuple(wanted)


def _place(setting: dict, axes: tuple, groups: dict, near: tuple) -> tuple:
    """Where a setting lies; in fields left out, as close to `near` as can be."""
    if not groups:
        return ()
    held = _held(setting, axes, groups)
    fit = [at for at in groups if _filled(held, at) == at]
    return min(fit, key=lambda at: sum(a != b for a, b in zip(at, near, strict=True)))
