"""The public set of runs: what is copied there, and whether it is still sound."""

import hashlib
from pathlib import Path

import safetensors

from mocolib.data import Dataset
from mocolib.errors import BadInput
from mocolib.files import as_json, read_json, unreadable, write_atomic
from mocolib.runs import Run, check_data
from mocolib.runs.record import facts
from mocolib.train import train

FILES = ("recipe.json", "provenance.json", "steps.parquet", "end.json")
CHECKSUMS = "checksums.json"  # beside the runs: the digest of each run's files
FIRST = 2  # steps that can be compared across processors
ROUNDING = 64 * 2**-23  # relative: that many last places of a float32
NEEDED = {"data", "threads", "torch", "mocolib", "date"}


def publish(run: Run, root: Path) -> Run:
    """Copy a finished run, without its weights, to a public set, the folder `root`."""
    root = Path(root)
    if not run.finished:
        raise BadInput(f"run {run.id} is unfinished, but must be finished to publish.")
    known = read_json(root / CHECKSUMS) if (root / CHECKSUMS).exists() else {}
    own = [fault for fault in verify(run) if CHECKSUMS not in fault]
    if own:
        raise BadInput(f"run {own[0][:-1]}, but must be sound to publish.")
    (root / run.id).mkdir(parents=True, exist_ok=True)
    for name in FILES:
        write_atomic(root / run.id / name, (run.folder / name).read_bytes())
    known[run.id] = digest(run.folder)
    write_atomic(root / CHECKSUMS, as_json(dict(sorted(known.items()))))
    return Run(root / run.id)


def digest(folder: Path) -> str:
    """One hash over the published files of a run."""
    parts = [hashlib.sha256((folder / name).read_bytes()).digest() for name in FILES]
    return hashlib.sha256(b"".join(parts)).hexdigest()[:32]


def verify(run: Run) -> list[str]:
    """What is wrong with a run folder, a sentence each; empty when it is sound."""
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
    """Whether the bytes are those that were published, and the weights readable."""
    checksums = run.folder.parent / CHECKSUMS
    if checksums.exists() and read_json(checksums).get(run.id) != digest(run.folder):
        yield f"{run.id}: its files are not those in {CHECKSUMS}."
    weights = run.folder / "weights.safetensors"
    if weights.exists():  # not in the public set
        try:
            with safetensors.safe_open(weights, "pt"):
                pass
        except (OSError, safetensors.SafetensorError) as error:
            raise unreadable(weights, error) from None


def retrained(run: Run, data: Dataset, steps: int = FIRST) -> float:
    """The first steps of a recorded run again: the largest relative departure in loss.

    Zero where code, libraries and processor are those of the record. Elsewhere
    rounding differs. The first loss is one forward pass, and the second one update
    further: there it stays within `ROUNDING`. From then on it may grow a hundredfold
    a step, so that nothing can be said.
    """
    return max(_departures(run, data, steps))


def _departures(run: Run, data: Dataset, steps: int) -> list[float]:
    check_data(run, data, "only on those can it be trained again")
    recorded = run.steps["loss"]
    again = train(run.recipe, data, run.provenance["threads"])
    return [
        abs(step.loss - loss) / abs(loss)
        for step, loss in zip(again, recorded[:steps], strict=False)
    ]


def trained_again(run: Run, data: Dataset) -> tuple[str, bool]:
    """What came of it in a sentence, and whether it agrees with the record."""
    departures = _departures(run, data, steps=4 * FIRST)
    first = max(departures[:FIRST])
    there, here = origin(run.provenance), origin(facts(data, 1))
    told = (
        f"its first {FIRST} losses are within {first:.1g} of the record's, and "
        f"rounding explains {ROUNDING:.1g}"
    )
    if not any(departures):
        told = f"its first {len(departures)} steps are the record's, bit for bit"
    made = f"recorded on {there}" + (f", here {here}" if here != there else "")
    return f"{run.id} trained again: {told} ({made}).", first <= ROUNDING


def origin(provenance: dict) -> str:
    """Processor and library of a record, the two that its last digits come from."""
    machine = provenance.get("machine", "an unknown machine")
    return f"{machine}, torch {provenance.get('torch', 'unknown')}"
