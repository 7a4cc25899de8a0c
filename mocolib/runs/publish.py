"""The public set of runs: what is copied there, and whether it is still sound."""

import hashlib
import json
import os
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import safetensors

from mocolib.data import Dataset
from mocolib.errors import BadInput
from mocolib.files import as_json, shown, unreadable, write_atomic
from mocolib.runs import Run, at, check_data, pack, step_table
from mocolib.runs.provenance import facts
from mocolib.train import train

FILES = ("recipe.json", "provenance.json", "end.json", "steps.parquet", "checksum")
# How far the first two losses may lie from the record's on another processor, relative
# to the loss or to 1. The first is one forward pass: some last places of a float32. The
# second is one update on, and AdamW gives a weight whose gradient is all rounding a
# whole step as well, to either side: at large rates that moved a loss by 4e-4.
ROUNDING = (64 * 2**-23, 1e-2)
NEEDED = {"data", "threads", "torch", "mocolib", "date"}


def publish(run: Run, root: Path, every_layer: bool = True) -> Run:
    """Copy a finished run, without its weights, to a public set, the folder `root`.

    every_layer: with what was measured of each layer, nine tenths of a record; without
    it the gradients of the first and the last of them alone are published.
    A folder that appears whole or not at all. What is there already stays: BadInput
    where that is another record of the same recipe.
    """
    root = Path(root)
    if not run.finished:
        raise BadInput(f"run {run.id} is unfinished, but must be finished to publish.")
    faults = verify(run)
    if faults:
        raise BadInput(f"run {faults[0][:-1]}, but must be sound to publish.")
    root.mkdir(parents=True, exist_ok=True)
    table = run.steps if every_layer else _ends(run.steps)
    own = _hash(run, table)
    with tempfile.TemporaryDirectory(dir=root, prefix=".publishing-") as part:
        new = Path(part) / run.id
        new.mkdir()
        for name in pack.VALUES:
            write_atomic(new / f"{name}.json", as_json(run.reader.values(name)))
        step_table.write(table, new / "steps.parquet")
        write_atomic(new / "checksum", own + "\n")
        public = at(run.id, root)
        if public.folder.parent == root and not public.folder.exists():
            os.rename(new, public.folder)
    if not public.finished or digest(public) != own:
        raise BadInput(
            f"run {run.id} has another record in {shown(public.folder)}, but must have "
            "this one to be published here: remove one of the two."
        )
    return public


def _ends(table: pd.DataFrame) -> pd.DataFrame:
    """Of what was measured by layer: the gradients of the first and last that learn."""
    layered = [name for name in table if "/" in name]
    gradients = [
        name
        for name in layered
        if name.startswith("grad_inf/") and table[name].notna().any()
    ]
    return table.drop(columns={*layered} - {*gradients[:1], *gradients[-1:]})


def digest(run: Run) -> str:
    """One hash over what is published of a run, wherever it is kept."""
    return _hash(run, run.steps)


def _hash(run: Run, table: pd.DataFrame) -> str:
    table = step_table.kept(table)
    told = [run.reader.values(name) for name in pack.VALUES]
    found = hashlib.sha256(json.dumps([*told, list(table)], sort_keys=True).encode())
    numbers = table.to_numpy("<f8")  # holds each of them exactly
    missing = np.isnan(numbers)
    found.update(missing.tobytes())
    found.update(np.where(missing, 0, numbers).tobytes())  # there are many kinds of nan
    return found.hexdigest()[:32]


def verify(run: Run) -> list[str]:
    """What is wrong with a run's record, a sentence each; empty when it is sound."""
    try:
        if not run.finished:
            return [*_name_faults(run), f"{run.id}: unfinished."]
        return [*_name_faults(run), *_content_faults(run), *_file_faults(run)]
    except Exception as error:  # damage has no end of forms
        told = str(error) if isinstance(error, BadInput) else f"{error!r}."
        return [f"{run.id}: {' '.join(told.split())}"]


def _name_faults(run: Run):
    if run.recipe.id != run.id:
        yield f"{run.id}: its recipe has the id {run.recipe.id}."


def _content_faults(run: Run):
    """Whether step table, end and provenance fit each other and the recipe."""
    table, end = run.steps, run.end
    if list(table["step"]) != list(range(1, end["steps"] + 1)):
        yield f"{run.id}: its steps are not 1 to {end['steps']}."
    expected = [f"diverged at step {end['steps']}"]
    if end["steps"] == run.recipe.steps:
        expected.append("finished")
    if end["outcome"] not in expected:
        yield f"{run.id}: ended {end['outcome']!r} after {end['steps']} steps."
    missing = NEEDED - set(run.provenance)
    if missing:
        yield f"{run.id}: its provenance lacks {', '.join(sorted(missing))}."


def _file_faults(run: Run):
    """Whether the record is the one that was published, and the weights readable."""
    published = run.reader.checksum
    if published is not None and published != digest(run):
        yield f"{run.id}: its record is not the one of its checksum."
    weights = run.folder / "weights.safetensors"
    if weights.exists():  # not in the public set
        try:
            with safetensors.safe_open(weights, "pt"):
                pass
        except (OSError, safetensors.SafetensorError) as error:
            raise unreadable(weights, error) from None


def departures(run: Run, data: Dataset, steps: int = 8) -> list[float]:
    """How far the losses lie from a run's record when its start is trained again.

    Relative to the loss, or to 1 where it is smaller. Zeros where code, libraries and
    processor are those of the record. Elsewhere the first two stay within `ROUNDING`;
    from then on a departure may grow a hundredfold a step, and nothing can be said.
    """
    check_data(run, data, "only on those can it be trained again")
    recorded = run.steps["loss"]
    again = train(run.recipe, data, run.provenance["threads"])
    return [
        abs(step.loss - loss) / max(1, abs(loss))
        for step, loss in zip(again, recorded[:steps], strict=False)
    ]


def agrees(found: list[float]) -> bool:
    """Whether rounding explains these departures."""
    return all(d <= most for d, most in zip(found, ROUNDING, strict=False))


def trained_again(run: Run, data: Dataset) -> tuple[str, bool]:
    """What came of training its start again, in a sentence; whether it agrees."""
    found = departures(run, data)
    there, here = origin(run.provenance), origin(facts(data, 1))
    told = (
        f"its first losses are within {found[0]:.1g} and {found[1]:.1g} of the "
        f"record's, and rounding explains {ROUNDING[0]:.1g} and {ROUNDING[1]:.1g}"
    )
    if not any(found):
        told = f"its first {len(found)} steps are the record's, bit for bit"
    made = f"recorded on {there}" + (f", here {here}" if here != there else "")
    return f"{run.id} trained again: {told} ({made}).", agrees(found)


def origin(provenance: dict) -> str:
    """Processor and library of a record, the two that its last digits come from."""
    machine = provenance.get("machine", "an unknown machine")
    return f"{machine}, torch {provenance.get('torch', 'unknown')}"
