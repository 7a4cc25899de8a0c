"""Small recorded tables that are no runs: what was measured around recorded runs.

    mocolib tables make causes     # resumable, part by part
    tables.read("causes")

baselines     untrained networks, pixels and principal components, by a run's start
completeness  what a random projection keeps of a patch, by width (C8)
causes        spikes replayed with one thing changed, step by step (C15)
curvature     preconditioned sharpness before spikes, in calm, and on the way (C14)
edge          the same by batch, and with parts of the network held constant (C21)
first_layer   rank of the patch projection and its cosine to the start, by step (C16)
kicks         runs behind one update of one layer that was made too long (C20)
noise         kNN readings on two disjoint halves of the test images: a reading's noise

Each lies in data/tables as NAME.parquet. NAME.json says of each part with which
versions and from which images it was made, and where a replay left the record.
"""

import functools
import io
from pathlib import Path

import pandas as pd

from mocolib import sweep
from mocolib.analysis import (
    baselines,
    causes,
    completeness,
    curvature,
    edge,
    filters,
    halves,
    kicks,
    measures,
)
from mocolib.data import Dataset, data_root, load
from mocolib.errors import BadInput
from mocolib.files import as_json, read_json, unreadable, write_atomic
from mocolib.runs import Run, at, public_root
from mocolib.runs.provenance import facts
from mocolib.sweep.design import MINI, SHORT

# Recorded on the processor that made the tables: elsewhere a run trained again has
# other last digits, and after some hundred steps other spikes.
SEEDS = (15, 16, 17, 18, 19)
LATER_SEEDS = range(20, 28)  # of the runs that climb back
KEEP = SEEDS[:2]  # whose patch projections are kept, a few states each
SPIKES = 3  # of a run at most, the first ones: chosen by time, not by outcome
FAR = 15  # steps from any spike at which a state counts as calm
ON_THE_WAY = (80, 160, 240, 320)
LABELS = ("change", "kind")  # columns of ids
KEPT = ("mocolib", "torch", "python", "data_name", "data", "date")  # of provenance


def root() -> Path:
    """Where the recorded tables lie."""
    return data_root() / "tables"


def read(name: str, folder: Path | None = None) -> pd.DataFrame:
    """A recorded table; empty when it has not been made yet.

    data/README has its columns; labels come as ids. BadInput for a name that is none
    of TABLES, or a file that cannot be read.
    """
    path = _file(name, folder)
    if not path.exists():
        return pd.DataFrame()
    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from None
    for column in table.columns.intersection(LABELS):  # recorded ones are in words
        labels = table[column].str.replace(" .", "_", regex=False)
        table[column] = labels.str.replace(" ", "_", regex=False)
    return table


def provenance(name: str, folder: Path | None = None) -> dict:
    """{part: versions, images, date, departures} of a recorded table."""
    path = _file(name, folder).with_suffix(".json")
    return read_json(path) if path.exists() else {}


def _file(name: str, folder: Path | None) -> Path:
    if name not in TABLES:
        raise BadInput(f"table is {name!r}, but must be one of {', '.join(TABLES)}.")
    return Path(folder or root()) / f"{name}.parquet"


def make(name: str, folder: Path | None = None):
    """Make a table part by part; yields the part that was added. Resumes by itself.

    Its rows are in the order of the parts, whichever of them was made last.
    """
    table = read(name, folder)
    done = set(table["part"]) if len(table) else set()
    parts = list(TABLES[name]())
    place = {part: i for i, (part, *_) in enumerate(parts)}
    for part, source, compute in parts:
        if part in done:
            continue
        data = load(*source)
        alike = [p for p, s, _ in parts if s == source and p in done]
        _check_same(name, data, alike, provenance(name, folder))
        rows = compute(data)
        made = _made(data, rows.attrs.get("departures", []))
        table = pd.concat([table, rows.assign(part=part)])
        order = table["part"].map(place).argsort(kind="stable")
        table = table.iloc[order].reset_index(drop=True)
        _write(_file(name, folder), table, provenance(name, folder) | {part: made})
        yield part


def _check_same(name: str, data: Dataset, parts: list, made: dict):
    """BadInput where parts of a table were made from other images of that name."""
    for part in parts:
        if made.get(part, {}).get("data", data.fingerprint) != data.fingerprint:
            raise BadInput(
                f"dataset {data.name} has fingerprint {data.fingerprint}, but must "
                f"have {made[part]['data']}, which part {part!r} of table {name} was "
                "made from: bring them back, or remove the table to make it anew."
            )


def _made(data: Dataset, departures: list) -> dict:
    all_of_it = facts(data, threads=1)
    return {key: all_of_it[key] for key in KEPT} | {"departures": departures}


def _write(path: Path, table: pd.DataFrame, made: dict):
    """Both files, each whole or not at all; the table last, for it is what counts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    target = io.BytesIO()
    table.to_parquet(target, index=False)
    write_atomic(path.with_suffix(".json"), as_json(dict(sorted(made.items()))))
    write_atomic(path, target.getvalue())


def faults(folder: Path | None = None, runs: Path | None = None) -> list[str]:
    """What is wrong with the recorded tables, a sentence each."""
    found, public = [], Path(runs or public_root())
    for name in TABLES:
        try:
            table, made = read(name, folder), provenance(name, folder)
        except BadInput as error:
            found.append(f"table {name}: {error}")
            continue
        parts = set(table["part"]) if len(table) else set()
        if parts != set(made):
            found.append(f"table {name}: its parts are not those of {name}.json.")
        for run in sorted(set(table.get("run", ()))):
            recorded = at(run, public)
            if not recorded.finished:
                found.append(f"table {name}: its run {run} is not among the runs.")
                continue
            own = set(table["part"][table["run"] == run])
            images = {made[part].get("data") for part in own if part in made}
            if images - {recorded.provenance.get("data")}:
                found.append(f"table {name}: other images than run {run} was made of.")
    return found


# --- what the tables are made of: (part, what to load, how to compute it) ---------


def learned_runs(base_lr: float) -> list[Run]:
    """The runs that are looked into, at one rate: learned projections, five seeds."""
    found = sweep.recorded("lr", base_lr=base_lr, patch_projection="learned")
    return [run for run in found if run.recipe.seed in SEEDS]


def _baselines():
    wanted = [recipe for name in sweep.names() for recipe in sweep.read(name).recipes]
    kinds = (baselines.start_of, baselines.images_of)  # pixels take minutes
    for start in dict.fromkeys(kind(recipe) for kind in kinds for recipe in wanted):

        def compute(data, start=start):
            return baselines.measured(start, data)

        yield start.id, (start.dataset, start.image_size), compute


def _completeness():
    for name, patch in (("fashion-mnist", 7), ("folder:cifar10", 8)):

        def compute(data, name=name, patch=patch):
            inside = data.channels * patch**2
            table = completeness.reconstruction(data, patch_size=patch)
            return table.assign(dataset=name, patch_size=patch, inside=inside)

        yield name, (name,), compute


def _causes():
    for run in learned_runs(SHORT.shaky):
        for spike in causes.lone_spikes(run)[:SPIKES]:

            def compute(data, run=run, spike=spike):
                return causes.curves(run, spike, data)

            yield f"{run.id} {spike}", _images(run), compute


def _curvature():
    for run in learned_runs(SHORT.shaky):

        def compute(data, run=run):
            kinds = states(run)
            table = curvature.along(run, data, list(kinds), iterations=12)
            place = {"run": run.id, "seed": run.recipe.seed}
            return table.assign(kind=table["step"].map(kinds), **place)

        yield run.id, _images(run), compute


def _edge():
    for run in _of_mini(MINI.shaky):
        if edge.states(run):
            yield run.id, _images(run), functools.partial(edge.along, run)


def _kicks():
    for run in _of_mini(MINI.calm):
        yield run.id, _images(run), functools.partial(kicks.along, run)


def _of_mini(base_lr: float) -> list[Run]:
    """The runs that climb back, at one rate: learned projections, eight seeds."""
    found = sweep.recorded("rates", base_lr=base_lr, patch_projection="learned")
    return [run for run in found if run.recipe.seed in LATER_SEEDS]


def _first_layer():
    for base_lr in (SHORT.shaky, SHORT.calm):
        for run in learned_runs(base_lr):
            shaking = base_lr == SHORT.shaky
            keep = (
                filters.around_fall(run) if shaking and run.recipe.seed in KEEP else ()
            )

            def compute(data, run=run, keep=keep):
                table = filters.along(run, data, keep)
                place = {"seed": run.recipe.seed, "base_lr": run.recipe.base_lr}
                return table.assign(run=run.id, **place)

            yield run.id, _images(run), compute


def _noise():
    for base_lr in (SHORT.calm, SHORT.shaky):
        for run in learned_runs(base_lr)[:1]:

            def compute(data, run=run):
                place = {"seed": run.recipe.seed, "base_lr": run.recipe.base_lr}
                return halves.along(run, data).assign(run=run.id, **place)

            yield run.id, _images(run), compute


def _images(run: Run) -> tuple:
    return run.recipe.dataset, run.recipe.image_size


def states(run: Run) -> dict[int, str]:
    """{step: kind}: the state before each spike, as many calm ones, some on the way."""
    before = [spike - 1 for spike in causes.lone_spikes(run)[:SPIKES]]
    spikes = measures.spike_steps(run)
    first = run.recipe.warmup_steps + measures.WINDOW
    calm = [
        step
        for step in range(first, run.recipe.steps)
        if all(abs(step - spike) >= FAR for spike in spikes)
    ]
    picked = calm[:: max(1, len(calm) // max(1, len(before)))][: len(before)]
    kinds = {step: "on_the_way" for step in ON_THE_WAY if step < run.recipe.steps}
    return kinds | {s: "calm" for s in picked} | {s: "before_a_spike" for s in before}


TABLES = {
    "baselines": _baselines,
    "completeness": _completeness,
    "causes": _causes,
    "curvature": _curvature,
    "edge": _edge,
    "first_layer": _first_layer,
    "kicks": _kicks,
    "noise": _noise,
}
