"""Recorded runs: a folder a run, written so that nothing written is ever lost.

    recipe.json         what was asked for
    provenance.json     code and library versions, data fingerprint, threads, date
    steps.jsonl         a line a step, appended while the run goes on
    checkpoint.*        the state to continue from, replaced every n steps
    steps.parquet       the step table of a finished run (in place of steps.jsonl)
    end.json            outcome and final readings; its presence means finished
    weights.safetensors the model at the end

Every file but steps.jsonl appears whole or not at all. A run that was killed goes
on from its last checkpoint and redoes the steps behind it, bit for bit; a finished
run is read, never trained again. No pickle is ever written or read.
"""

import contextlib
import datetime
import json
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

import filelock
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import safetensors
import safetensors.torch
import torch

from mocolib import recipe as recipes
from mocolib.data import Dataset, data_root
from mocolib.errors import BadInput
from mocolib.recipe import Recipe
from mocolib.train import Step, Training, train

EVERY = 25  # steps between checkpoints
LIBRARIES = ("torch", "numpy", "timm", "torch-optimi")


def default_root() -> Path:
    """Where `mocolib train` puts runs: MOCOLIB_RUNS, else ./runs."""
    return Path(os.environ.get("MOCOLIB_RUNS", "runs"))


def public_root() -> Path:
    """The recorded runs behind the book's figures."""
    return data_root() / "runs"


@dataclass(frozen=True)
class Run:
    """One run folder; tables and values are read when asked for."""

    folder: Path

    @property
    def id(self) -> str:
        return self.folder.name

    @cached_property
    def recipe(self) -> Recipe:
        return recipes.from_file(self.folder / "recipe.json")

    @cached_property
    def provenance(self) -> dict:
        return _read_json(self.folder / "provenance.json")

    @property
    def finished(self) -> bool:
        return (self.folder / "end.json").exists()

    @cached_property
    def end(self) -> dict:
        """outcome, steps, loss, knn and linear_probe of a finished run."""
        return _read_json(self.folder / "end.json")

    @property
    def steps(self) -> pd.DataFrame:
        """The step table, one row a step; of an unfinished run what there is so far."""
        if self.finished:
            try:
                return pd.read_parquet(self.folder / "steps.parquet")
            except (OSError, ValueError) as error:
                raise _unreadable(self.folder / "steps.parquet", error) from None
        lines = _whole_lines(self.folder / "steps.jsonl")
        try:
            return pd.DataFrame([json.loads(line) for line in lines])
        except ValueError as error:
            raise _unreadable(self.folder / "steps.jsonl", error) from None


def read(id: str, root: Path | None = None) -> Run:
    """The run with this id (a unique beginning is enough) under `root`."""
    root = Path(root or default_root())
    matches = [run for run in all_runs(root) if run.id.startswith(id)]
    if len(matches) != 1:
        raise BadInput(
            f"run is {id!r}, but must begin exactly one id under {root}; "
            f"{len(matches)} fit."
        )
    return matches[0]


def all_runs(root: Path | None = None) -> list[Run]:
    """Every run under `root`, finished or not, by id."""
    root = Path(root or default_root())
    return [Run(f.parent) for f in sorted(root.glob("*/recipe.json"))]


def find(recipe: Recipe, *roots: Path) -> Run | None:
    """The finished run of a recipe, from the first root that has it."""
    for root in roots or (default_root(), public_root()):
        run = Run(Path(root) / recipe.id)
        if run.finished:
            return run
    return None


def record(
    recipe: Recipe, data: Dataset, root=None, threads: int = 1
) -> Iterator[Step]:
    """Train and record; yields each new step. Ends at once where the run is finished.

    Continues a stopped run, with the number of threads that it was started with.
    Closing the iterator leaves a run that can be continued.
    """
    folder = Path(root or default_root()) / recipe.id
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        if Run(folder).finished:
            _clear(folder)
            return
        training, table = _open(folder, recipe, data, threads)
        with table:
            for step in training:
                if step.index > table.rows:
                    table.append(step.row())
                    yield step
                if step.index % EVERY == 0:
                    table.sync()
                    _save_checkpoint(folder, training)
        _finish(folder, training)


def _open(folder: Path, recipe: Recipe, data: Dataset, threads: int):
    """The training where it stood, and its step table."""
    if not (folder / "provenance.json").exists():
        _write(folder / "provenance.json", _json(_provenance(data, threads)))
    if not (folder / "recipe.json").exists():
        _write(folder / "recipe.json", recipe.to_json())
    provenance = Run(folder).provenance
    if provenance["data"] != data.fingerprint:
        raise BadInput(
            f"dataset {data.name} has fingerprint {data.fingerprint}, but must have "
            f"{provenance['data']} to continue run {recipe.id}."
        )
    training = train(recipe, data, provenance["threads"])
    checkpoint = folder / "checkpoint.safetensors"
    if checkpoint.exists():
        try:
            with safetensors.safe_open(checkpoint, "pt") as file:
                tensors = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118
                values = json.loads(file.metadata()["values"])
            training.restore(tensors, values)
        except (
            safetensors.SafetensorError,
            KeyError,
            TypeError,
            ValueError,
            RuntimeError,
        ) as error:
            raise _unreadable(checkpoint, error) from None
    table = StepTable(folder / "steps.jsonl")
    if table.rows < training.done:
        table.file.close()
        raise BadInput(
            f"file {folder / 'steps.jsonl'} has {table.rows} steps, but must have at "
            f"least the {training.done} of the checkpoint beside it."
        )
    return training, table


class StepTable:
    """steps.jsonl, open for appending; a torn last line is cut off."""

    def __init__(self, path: Path):
        lines = _whole_lines(path)
        self.rows = len(lines)
        self.file = open(path, "ab")  # noqa: SIM115, closed by __exit__
        self.file.truncate(sum(len(line) for line in lines))

    def append(self, row: dict):
        self.file.write(json.dumps(row).encode() + b"\n")
        self.file.flush()  # survives the process; `sync` survives the machine
        self.rows += 1

    def sync(self):
        os.fsync(self.file.fileno())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()


def _whole_lines(path: Path) -> list[bytes]:
    if not path.exists():
        return []
    return [line for line in path.read_bytes().splitlines(True) if line.endswith(b"\n")]


def _save_checkpoint(folder: Path, training: Training):
    # tensors and plain values travel in one file, so they can't disagree
    tensors, values = training.state()
    tensors = {k: v.contiguous() for k, v in tensors.items()}
    raw = safetensors.torch.save(tensors, {"values": json.dumps(values)})
    _write(folder / "checkpoint.safetensors", raw)


def _finish(folder: Path, training: Training):
    """Final readings, then everything in its last form; end.json comes last."""
    last = json.loads(_whole_lines(folder / "steps.jsonl")[-1])
    good = training.outcome == "finished"
    end = {
        "outcome": training.outcome,
        "steps": training.done,
        "loss": last["loss"] if good else None,
        "knn": training.knn("clean") if good else None,
        "linear_probe": training.linear_probe() if good else None,
    }
    model = {k: v.contiguous() for k, v in training.model.state_dict().items()}
    _write(folder / "weights.safetensors", safetensors.torch.save(model))
    write_table(Run(folder).steps, folder / "steps.parquet")
    _write(folder / "end.json", _json(end))
    _clear(folder)


def _clear(folder: Path):
    """What a finished run needs no more; a kill may have left it."""
    for rest in ("steps.jsonl", "checkpoint.safetensors"):
        (folder / rest).unlink(missing_ok=True)


def write_table(table: pd.DataFrame, path: Path):
    """A step table as Parquet, small enough to publish by the hundred.

    Measures by layer keep bfloat16's precision (0.4 %): they are read on log axes,
    and their last digits would be nine tenths of the file.
    """
    columns = {}
    for name, values in table.items():
        if name in ("step", "samples"):
            columns[name] = pa.array(values, pa.int64())
        elif "/" in name:
            exact = torch.tensor(values.astype("float32").to_numpy())
            columns[name] = pa.array(exact.bfloat16().float().numpy(), from_pandas=True)
        else:
            columns[name] = pa.array(values, pa.float64(), from_pandas=True)
    split = [name for name in columns if "/" in name]
    part = path.with_suffix(".part")
    pq.write_table(
        pa.table(columns),
        part,
        compression="zstd",
        compression_level=12,
        use_dictionary=False,
        write_statistics=False,
        use_byte_stream_split=split,
    )
    os.replace(part, path)


def publish(run: Run, root: Path | None = None) -> Run:
    """Copy a finished run, without its weights, to the public set."""
    target = Path(root or public_root()) / run.id
    if not run.finished:
        raise BadInput(f"run {run.id} is unfinished, but must be finished to publish.")
    target.mkdir(parents=True, exist_ok=True)
    for name in ("recipe.json", "provenance.json", "steps.parquet", "end.json"):
        _write(target / name, (run.folder / name).read_bytes())
    return Run(target)


def verify(run: Run) -> list[str]:
    """What is wrong with a run folder, a sentence each; empty when it is sound."""
    try:
        faults = []
        if run.recipe.id != run.id:
            faults.append(f"{run.id}: its recipe has the id {run.recipe.id}.")
        if not run.finished:
            return [*faults, f"{run.id}: unfinished."]
        table, end = run.steps, run.end
        if list(table["step"]) != list(range(1, end["steps"] + 1)):
            faults.append(f"{run.id}: its steps are not 1 to {end['steps']}.")
        expected = [f"diverged at step {end['steps']}"]
        if end["steps"] == run.recipe.steps:
            expected.append("finished")
        if end["outcome"] not in expected:
            faults.append(
                f"{run.id}: ended {end['outcome']!r} after {end['steps']} steps."
            )
        missing = {"data", "threads", "torch", "mocolib", "date"} - set(run.provenance)
        if missing:
            faults.append(
                f"{run.id}: its provenance lacks {', '.join(sorted(missing))}."
            )
        weights = run.folder / "weights.safetensors"
        if weights.exists():  # not in the public set
            try:
                with safetensors.safe_open(weights, "pt"):
                    pass
            except (OSError, safetensors.SafetensorError) as error:
                raise _unreadable(weights, error) from None
        return faults
    except (BadInput, KeyError) as error:
        return [f"{run.id}: {error}"]


def _provenance(data: Dataset, threads: int) -> dict:
    from mocolib import __version__

    return {
        "mocolib": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in LIBRARIES},
        "data": data.fingerprint,
        "data_name": data.name,
        "threads": threads,
        "machine": f"{platform.system()} {platform.machine()}, {_processor()}",
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
    }


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":")[1].strip()
    return platform.processor() or "unknown processor"


@contextlib.contextmanager
def _alone(folder: Path):
    """One process a run folder; the lock goes with the process."""
    lock = filelock.FileLock(folder / "lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise BadInput(
            f"run {folder.name} is being trained by another process, but must be free."
        ) from None
    try:
        yield
    finally:
        lock.release()


def _write(path: Path, content: bytes | str):
    """A file whole or not at all, even when the machine stops."""
    part = path.with_suffix(".part")
    raw = content.encode() if isinstance(content, str) else content
    with open(part, "wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


def _json(value: dict) -> str:
    return json.dumps(value, indent=1) + "\n"


def _read_json(path: Path) -> dict:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(value, dict):
            raise ValueError("not a table of values")
        return value
    except (OSError, ValueError, RecursionError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error) -> BadInput:
    reason = " ".join(str(error).split())[:200]
    return BadInput(f"file {path} cannot be read: {reason}.")
