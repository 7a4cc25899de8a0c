"""Train and record: what goes into a run folder, and in which order.

Every file but steps.jsonl appears whole or not at all. A run that was killed goes
on from its last checkpoint and redoes the steps behind it, bit for bit; a finished
run is read, never trained again. Of many processes the first writes; the others take
the same steps.
"""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import filelock
import safetensors.torch

from mocolib.data import Dataset
from mocolib.errors import BadInput
from mocolib.execution import PLAIN, Execution, distributed
from mocolib.files import as_json, naming, unreadable, whole_lines, write_atomic
from mocolib.recipe import Recipe
from mocolib.runs import (
    Run,
    check_data,
    check_recipe,
    checkpoint,
    default_root,
    find,
    step_table,
)
from mocolib.runs.provenance import commit, facts
from mocolib.train import Step, Training, check, train

EVERY = 25  # steps between checkpoints
CHECKPOINT = "checkpoint.safetensors"


def record(
    recipe: Recipe, data: Dataset, root=None, threads: int = 1, execution=PLAIN
) -> Iterator[Step]:
    """Train and record; yields each new step. Ends at once where the run is finished.

    The run's folder is `root`/recipe.id; without a root, where MOCOLIB_RUNS says, as
    `runs.default_root` has it. BadInput where that holds a run of other images.

    Continues a stopped run, with the number of threads that it was started with; the
    execution may be another than before. Closing the iterator leaves a run that can be
    continued.
    """
    if distributed.rank() > 0:
        yield from _follow(recipe, data, execution)
        return
    root = Path(root or default_root())
    folder = root / recipe.id
    if not find(recipe, root):
        check(recipe, data, threads, execution)  # before a folder is made for it
    with _alone(folder):
        known = find(recipe, root)
        if distributed.broadcast(known is not None):
            check_recipe(known, recipe)
            check_data(known, data)
            _clear(folder)
            return
        training, table = _open(folder, recipe, data, threads, execution)
        distributed.broadcast((training.threads, table.rows, _state(training)))
        with table, naming(folder / "steps.jsonl"):
            for step in training:
                if step.index > table.rows:
                    table.append(step.row())
                    yield step
                if step.index % EVERY == 0:
                    table.sync()
                    checkpoint.save(folder / CHECKPOINT, training)
        _finish(folder, training)


def _follow(recipe: Recipe, data: Dataset, execution: Execution) -> Iterator[Step]:
    """`record` in a process that does not write: the same steps and readings."""
    if distributed.broadcast(None):
        return
    threads, known, state = distributed.broadcast(None)
    training = train(recipe, data, threads, execution)
    if state:
        checkpoint.restore(training, *state)
    for step in training:
        if step.index > known:
            yield step
    _readings(training)


def _open(
    folder: Path, recipe: Recipe, data: Dataset, threads: int, execution: Execution
):
    """The training where it stood, and its step table."""
    made = folder / "provenance.json"
    if made.exists():
        provenance = Run(folder).provenance
        check_data(Run(folder), data)
    else:
        provenance = facts(data, threads) | {"execution": execution.facts()}
    asked = folder / "recipe.json"
    if asked.exists():
        check_recipe(Run(folder), recipe)
    _check_lines(folder / "steps.jsonl")
    training = train(recipe, data, provenance.get("threads", threads), execution)
    # nothing is written of a run that could not begin
    if not made.exists():
        write_atomic(made, as_json(provenance))
    if not asked.exists():
        write_atomic(asked, recipe.to_json())
    saved = folder / CHECKPOINT
    if saved.exists():
        try:
            checkpoint.load(saved, training)
        except BadInput:
            raise
        except checkpoint.DAMAGED as error:
            raise unreadable(saved, error) from None
    table = step_table.StepTable(folder / "steps.jsonl")
    if table.rows < training.done:
        table.file.close()
        raise BadInput(
            f"file {folder / 'steps.jsonl'} has {table.rows} steps, but must have at "
            f"least the {training.done} of the checkpoint beside it."
        )
    _note_change(folder, execution, training.done)
    return training, table


def _check_lines(path: Path):
    """BadInput for a line that is not its step's record: said before the work."""
    for number, line in enumerate(whole_lines(path), 1):
        with contextlib.suppress(ValueError, TypeError, KeyError, RecursionError):
            if json.loads(line)["step"] == number:
                continue
        raise unreadable(
            path,
            f"line {number} is no record of step {number}; without its folder the run "
            "would be trained anew",
        )


def _note_change(folder: Path, execution: Execution, done: int):
    """Provenance says from which step on a run was carried out in another way."""
    provenance = Run(folder).provenance
    now = {"commit": commit(), **execution.facts()}
    later = provenance.get("continued", [])
    first = {name: provenance[name] for name in ("commit",) if name in provenance}
    last = later[-1] if later else {**first, **provenance.get("execution", now)}
    # an older record has other words for some of it, or none
    if any(last[name] != now[name] for name in now.keys() & last.keys()):
        later = [*later, {"step": done, **now}]
        changed = as_json({**provenance, "continued": later})
        write_atomic(folder / "provenance.json", changed)


def _state(training: Training):
    """What the other processes need of a run that goes on; None for a fresh one."""
    if training.done == 0:
        return None
    tensors, values = checkpoint.state(training)
    return {k: v.cpu() for k, v in tensors.items()}, values


def _finish(folder: Path, training: Training):
    """Final readings, then everything in its last form; end.json comes last."""
    last = json.loads(whole_lines(folder / "steps.jsonl")[-1])
    end = {
        "outcome": training.outcome,
        "steps": training.done,
        "loss": last["loss"] if training.outcome == "finished" else None,
        **_readings(training),
    }
    model = {k: v.contiguous() for k, v in training.model.state_dict().items()}
    write_atomic(folder / "weights.safetensors", safetensors.torch.save(model))
    step_table.write(Run(folder).steps, folder / "steps.parquet")
    write_atomic(folder / "end.json", as_json(end))
    _clear(folder)


def _readings(training: Training) -> dict:
    """What is read at the end; each process takes part."""
    good = training.outcome == "finished"
    return {
        "knn": training.monitor.final_knn() if good else None,
        "linear_probe": training.monitor.linear_probe() if good else None,
    }


def _clear(folder: Path):
    """What a finished run needs no more; a kill may have left it."""
    rest = [folder / "steps.jsonl", folder / CHECKPOINT]
    for file in (*rest, *folder.glob(".*.part")):
        file.unlink(missing_ok=True)


@contextlib.contextmanager
def _alone(folder: Path):
    """One process a run folder; the lock goes with the process.

    Where nothing came to be written, no empty folder stays.
    """
    folder.mkdir(parents=True, exist_ok=True)
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
        with contextlib.suppress(OSError):
            if [file.name for file in folder.iterdir()] in ([], ["lock"]):
                (folder / "lock").unlink(missing_ok=True)
                folder.rmdir()


def is_trained(folder: Path) -> bool:
    """Whether a process is training the run of this folder now."""
    if not folder.exists():
        return False
    try:
        with filelock.FileLock(folder / "lock").acquire(timeout=0):
            return False
    except filelock.Timeout:
        return True
