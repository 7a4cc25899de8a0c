"""The public set of runs: what is copied there, and whether it is still sound."""

import hashlib
from pathlib import Path

import safetensors

from mocolib.data import Dataset
from mocolib.errors import BadInput
from mocolib.files import as_json, read_json, unreadable, write_whole
from mocolib.runs import Run, public_root
from mocolib.train import train

FILES = ("recipe.json", "provenance.json", "steps.parquet", "end.json")
CHECKSUMS = "checksums.json"  # beside the runs: the digest of each run's files
NEEDED = {"data", "threads", "torch", "mocolib", "date"}


def publish(run: Run, root: Path | None = None) -> Run:
    """Copy a finished run, without its weights, to the public set."""
    root = Path(root or public_root())
    if not run.finished:
        raise BadInput(f"run {run.id} is unfinished, but must be finished to publish.")
    (root / run.id).mkdir(parents=True, exist_ok=True)
    for name in FILES:
        write_whole(root / run.id / name, (run.folder / name).read_bytes())
    known = read_json(root / CHECKSUMS) if (root / CHECKSUMS).exists() else {}
    known[run.id] = digest(run.folder)
    write_whole(root / CHECKSUMS, as_json(dict(sorted(known.items()))))
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
    except (BadInput, KeyError) as error:
        return [f"{run.id}: {error}"]


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


def retrained(run: Run, data: Dataset, steps: int = 40) -> float:
    """Train the first steps of a recorded run again; the largest departure in loss.

    Zero where code, libraries and processor are those of the record. Elsewhere
    rounding differs and grows from step to step, the faster the more a run shakes.
    """
    if run.provenance["data"] != data.fingerprint:
        raise BadInput(
            f"dataset {data.name} has fingerprint {data.fingerprint}, but must have "
            f"{run.provenance['data']} to train run {run.id} again."
        )
    recorded = run.steps["loss"]
    again = train(run.recipe, data, run.provenance["threads"])
    return max(
        abs(step.loss - loss)
        for step, loss in zip(again, recorded[:steps], strict=False)
    )
