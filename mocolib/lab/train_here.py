"""A panel that trains: in the reader's browser, or in the kernel that shows it.

    lab.train_here(
        "freeze",
        question="Which of the two plunges?",
        fields=("base_lr", "patch_projection"),
        compare="patch_projection",
    )

The page gets the controls and what was recorded as JSON; assets/lab/train.js makes a
panel of them. In a page a worker in assets/inpage trains, with mocolib's own step as a
graph; in a kernel mocolib does, see `engine`.
"""

import itertools

from mocolib import __version__
from mocolib.analysis.inpage import record
from mocolib.errors import BadInput
from mocolib.lab.describe import axis
from mocolib.lab.groups import SEED_POINTS
from mocolib.lab.numbers import columns, points
from mocolib.lab.page import axis_data, chart_data, figure, in_page
from mocolib.lab.wire import Live, Wire
from mocolib.moco import MoCo
from mocolib.presets import named_recipe
from mocolib.probe import layers
from mocolib.words import counted, layer_name, listed, said, spoken

SHAPE = "page"  # the recipe that is exported for the pages
CHARTS = {
    "knn": "kNN accuracy, %",
    "gradient": "largest gradient entry",
    "loss": "loss",
    "adam_rms": "√(g²/v)",
}
LOG = ("gradient", "adam_rms")
VALUES = {  # what a control offers, where a chapter says no more than its field
    "base_lr": [4e-3, 1.2e-2, 2.4e-2, 4.8e-2, 6.4e-2, 9.6e-2, 0.128, 0.192],
    "patch_projection": ["learned", "fixed"],
    "temperature": [0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0],
    "momentum": [0.0, 0.9, 0.95, 0.99, 0.995, 0.999],
    "beta2": [0.9, 0.95, 0.98, 0.99, 0.999],
    "optimizer": ["adamw", "lamb"],
    "weight_decay": [0.0, 0.01, 0.03, 0.1, 0.3],
    "warmup_steps": [0, 10, 20, 40, 80],
}
MEASURES = ("deepest_fall", "final_knn")  # of a recorded run, both from 0 to 1
BEHIND = (
    "Runs that we recorded in a page: the deepest fall, and kNN accuracy at the end."
)
WITHOUT_SCRIPT = "Training in the page needs JavaScript."


def train_here(
    id="train",
    *,
    question=None,
    answer=None,
    fields=tuple(VALUES),
    start=None,
    compare=None,
    charts=("knn", "gradient"),
    seed=0,
    recorded=None,
    own=False,
):
    """A panel that trains where it is looked at: in the page, or in the kernel.

    id: a word that is this panel's in the page's address. question stands above; below,
    answer can be unfolded, and behind it what recorded runs of these settings did.
    fields: the recipe's fields that become controls, a tuple or {field: values}; all
    may change while a run goes on. start: {field: value} where the panel does not begin
    as the recipe "page". compare: a field of two values; a second button trains both
    from one seed, a step in turn. charts: of CHARTS. recorded: what stands thin behind,
    as `recorded_here()` gives it. own: ask for the reader's own pictures first.
    BadInput for what a page cannot change.
    """
    start = start or {}
    values = _values(fields, start, compare)
    recipe = named_recipe(SHAPE, **start)
    recorded = recorded_here() if recorded is None else recorded
    behind = [run for run in recorded if _fits(run, vars(recipe), values)]
    axes = [axis(name, chosen) for name, chosen in values.items()]
    data = as_data(id, recipe, axes, compare, charts, seed, behind) | {"own": own}
    wire = None if in_page() else Wire(id, recipe.replace(seed=seed))
    shown = figure(
        *("why-train", f"lab-{id}", data | {"wire": wire and wire.key}),
        plain=said(WITHOUT_SCRIPT),
        question=question,
        answer="\n".join(filter(None, [answer, *_told(behind, axes)])),
        trains=True,
    )
    return Live(shown, wire) if wire else shown


def _values(fields, start: dict, compare: str | None) -> dict:
    """The values of each control; those of the start are always among them."""
    given = fields if isinstance(fields, dict) else {name: None for name in fields}
    found = {}
    for name in (*given, *start, *([compare] if compare else [])):
        if name not in VALUES:
            raise BadInput(
                f"field is {name!r}, but must be one of {', '.join(VALUES)} in a page."
            )
    own = vars(named_recipe(SHAPE, **start))
    for name, values in given.items():
        values = list(values or VALUES[name])
        if own[name] not in values:
            values = sorted([*values, own[name]])
        found[name] = values
    if compare and len(found.get(compare, ())) != 2:
        raise BadInput(f"compare is {compare!r}, but must be a field of two values.")
    return found


def _told(runs: list[dict], axes: list) -> list[str]:
    """What recorded runs did, a line for each setting that the controls can have."""
    varied = (len({run["settings"][a.name] for run in runs}) > 1 for a in axes)
    shown = list(itertools.compress(axes, varied)) or axes
    found = {}
    for run in runs:
        given = [run["settings"][a.name] for a in shown]
        if all(v in a.values for v, a in zip(given, shown, strict=True)):
            place = [a.values.index(v) for v, a in zip(given, shown, strict=True)]
            found.setdefault(tuple(place), []).append(run)
    lines = [_line(shown, *one) for one in sorted(found.items())]
    return [said(BEHIND), *lines] if lines else []


def _line(axes: list, place: tuple[int, ...], same: list[dict]) -> str:
    """`With base rate 0.096, fixed projection: 5 to 10 points, 52 to 60 %, 3 seeds.`"""
    words = [spoken(a.name, a.values[at]) for a, at in zip(axes, place, strict=True)]
    fell, ended = (_span(same, measure) for measure in MEASURES)
    return counted(
        "With {settings}: {fell} points, {ended} %, 1 seed.",
        "With {settings}: {fell} points, {ended} %, {count} seeds.",
        len(same),
        **{"settings": listed(words), "fell": fell, "ended": ended},
    )


def _span(runs: list[dict], name: str) -> str:
    """From the smallest to the largest, in points."""
    values = sorted(100 * run[name] for run in runs)
    low, high = (f"{value:.0f}" for value in (values[0], values[-1]))
    return low if low == high else said("{low} to {high}", low=low, high=high)


def as_data(id: str, recipe, axes: list, compare, charts, seed, recorded) -> dict:
    """The panel as plain values."""
    own = vars(recipe)
    pair = next((a for a in axes if a.name == compare), None)
    return {
        "id": id,
        "version": __version__,
        "shape": SHAPE,
        "recipe": own,
        "seed": seed,
        "layers": {n: layer_name(n) for n in layers(MoCo(recipe, 1))},
        "axes": [{**axis_data(a), "values": list(a.values)} for a in axes],
        "at": [a.values.index(own[a.name]) for a in axes],
        "compare": pair and _compared(pair),
        "charts": chart_data({key: CHARTS[key] for key in charts}, LOG),
        "recorded": [_thin(run, charts) for run in recorded],
    }


def _compared(axis) -> dict:
    """The two values that a pair of runs has, and what the button says."""
    words = [spoken(axis.name, value) for value in axis.values]
    first, second = axis.words
    return {
        "name": axis.name,
        "values": list(axis.values),
        "words": words,
        "label": said("Train both: {first} and {second}", first=first, second=second),
    }


def _fits(run: dict, own: dict, controls) -> bool:
    """Whether a recorded run differs from the start in the controls alone."""
    settings = run["settings"]
    return all(own[n] == value for n, value in settings.items() if n not in controls)


def _thin(run: dict, charts) -> dict:
    """The run with what a thin line behind the charts can show."""
    lines = {key: line for key, line in run["lines"].items() if key in charts}
    for key, line in lines.items():
        lines[key] = columns(points(*line, log=key in LOG, most=SEED_POINTS))
    shown = {name: run[name] for name in ("settings", "seed", "name")}
    return {**shown, "lines": lines}


def recorded_here(path=None) -> list[dict]:
    """Runs that a page has trained (tools.inpage_runs): settings, curves, measures."""
    own = vars(named_recipe(SHAPE))  # what a run from before a control was there had
    return [
        {
            "settings": {name: run.get(name, own[name]) for name in VALUES},
            "seed": run["seed"],
            "name": said("recorded, seed {seed}", seed=run["seed"]),
            "lines": _lines(run["curves"]),
            **{measure: run[measure] for measure in MEASURES},
        }
        for run in record(path).get("runs", [])
    ]


def _lines(curves: dict) -> dict:
    """Chart keys to [steps, values]; the gradient is the first layer's."""
    knn = curves["knn"]
    lines = {"knn": [[int(step) for step in knn], [100 * v for v in knn.values()]]}
    for key, name in (("loss", "loss"), ("gradient", "grad_inf/patch_projection")):
        if name in curves:
            lines[key] = [list(range(1, len(curves[name]) + 1)), curves[name]]
    return lines
