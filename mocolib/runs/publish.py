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
# How far the first two losses may lie from the record's on another processor, relative
# to the loss or to 1. The first is one forward pass: some last places of a float32. The
# second is one update on, and AdamW gives a weight whose gradient is all rounding a
# whole step as well, to either side: at large rates that moved a loss by 4e-4.
ROUNDING = (64 * 2**-23, 1e-2)
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
