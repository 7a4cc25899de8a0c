"""Small recorded tables that are no runs: what was measured around recorded runs.

    mocolib tables make causes     # resumable, part by part
    tables.read("causes")

completeness  what a random projection keeps of a patch, by width (C8)
causes        spikes replayed with one thing changed, step by step (C15)
curvature     preconditioned sharpness before spikes, in calm, and on the way (C14)

Each lies in data/tables as NAME.parquet. NAME.json says of each part with which
versions and from which images it was made, and where a replay left the record.
"""

import io
from pathlib import Path

import pandas as pd

from mocolib import sweep
from mocolib.analysis import causes, completeness, curvature, measures
from mocolib.data import Dataset, data_root, load
from mocolib.errors import BadInput
from mocolib.files import as_json, read_json, unreadable, write_whole
from mocolib.runs import Run, public_root
from mocolib.runs.record import _provenance

SEEDS = (0, 1, 2)
SPIKES = 3  # of a run at most, the first ones: chosen by time, not by outcome
RATES = (1.6e-2, 4e-3)  # of the sweep `gradients`; spikes are replayed at both
FAR = 15  # steps from any spike at which a state counts as calm
ON_THE_WAY = (60, 120, 180, 240)
KEPT = ("mocolib", "torch", "python", "data_name", "data", "date")  # of provenance


def root() -> Path:
    """Where the recorded tables lie."""
    return data_root() / "tables"


def read(name: str, folder: Path | None = None) -> pd.DataFrame:
    """A recorded table; empty when it has not been made yet."""
    path = _file(name, folder)
    if not path.exists():
        return pd.DataFrame()
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from None


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
        rows = compute(data)
        made = _made(data, rows.attrs.get("departures", []))
        table = pd.concat([table, rows.assign(part=part)])
        order = table["part"].map(place).argsort(kind="stable")
        table = table.iloc[order].reset_index(drop=True)
        _write(_file(name, folder), table, provenance(name, folder) | {part: made})
        yield part


def _made(data: Dataset, departures: list) -> dict:
    all_of_it = _provenance(data, threads=1)
    return {key: all_of_it[key] for key in KEPT} | {"departures": departures}


def _write(path: Path, table: pd.DataFrame, made: dict):
    """Both files, each whole or not at all; the table last, for it is what counts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    target = io.BytesIO()
    table.to_parquet(target, index=False)
    write_whole(path.with_suffix(".json"), as_json(dict(sorted(made.items()))))
    write_whole(path, target.getvalue())


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
            if not Run(public / run).finished:
                found.append(f"table {name}: its run {run} is not among the runs.")
    return found


# --- what the tables are made of: (part, what to load, how to compute it) ---------


def shaking_runs() -> list[Run]:
    """The runs whose spikes are looked into: light views, learned projections."""
    found = [
        run
        for run in sweep.recorded("gradients")
        if run.recipe.seed in SEEDS
        and run.recipe.base_lr in RATES
        and run.recipe.patch_projection == "learned"
    ]
    return sorted(found, key=lambda r: (RATES.index(r.recipe.base_lr), r.recipe.seed))


def _completeness():
    for name, patch in (("fashion-mnist", 7), ("folder:cifar10", 8)):

        def compute(data, name=name, patch=patch):
            inside = data.channels * patch**2
            table = completeness.reconstruction(data, patch_size=patch)
            return table.assign(dataset=name, patch_size=patch, inside=inside)

        yield name, (name,), compute


def _causes():
    for run in shaking_runs():
        for spike in causes.lone_spikes(run)[:SPIKES]:

            def compute(data, run=run, spike=spike):
                return causes.curves(run, spike, data)

            yield f"{run.id} {spike}", _images(run), compute


def _curvature():
    for run in shaking_runs():
        if run.recipe.base_lr != RATES[0]:
            continue

        def compute(data, run=run):
            kinds = states(run)
            table = curvature.along(run, data, list(kinds), iterations=12)
            place = {"run": run.id, "seed": run.recipe.seed}
            return table.assign(kind=table["step"].map(kinds), **place)

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
    kinds = {step: "on the way" for step in ON_THE_WAY if step < run.recipe.steps}
    return kinds | {s: "calm" for s in picked} | {s: "before a spike" for s in before}


TABLES = {
    "completeness": _completeness,
    "causes": _causes,
    "curvature": _curvature,
}
