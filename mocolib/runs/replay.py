"""Counterfactual replay: the same run again from some step on, with one thing changed.

    run = read("af3d", public_root())
    for step in replay(run, 120, data, until=150, patch_projection="fixed"):
        print(step.index, step.grad_inf["patch_projection"], step.knn)

Every random number comes from (seed, purpose, step), so a replay meets the batches
and views of the record by itself. Recorded runs keep no states on the way; the steps
before a replay are trained again, once, and held against the record loss by loss.
The states they pass stay in a cache folder that may be deleted at any time.
"""

import contextlib
import hashlib
import math
from collections.abc import Iterator
from pathlib import Path

import torch

from mocolib.data import Dataset, user_root
from mocolib.errors import BadInput
from mocolib.runs import Run, check_data, checkpoint
from mocolib.train import Step, Training, train

EVERY = 25  # steps between the states in the cache


class Replay(Iterator):
    """An iterator of `Step` from the one behind `start` on.

    `departure` says in a sentence from which step, and by how much, what was trained
    again is not the record; it is empty where it is the record bit for bit.
    """

    def __init__(self, run: Run, training: Training, until: int, departure: str):
        self.training, self.until, self.start = training, until, training.done
        self.departure, self.changed = departure, False
        self._run, self._losses = run, run.steps["loss"]

    def __next__(self) -> Step:
        if self.training.done >= self.until:
            raise StopIteration
        step = next(self.training)
        if not self.changed:
            self.departure = self.departure or _departs(self._run, self._losses, step)
        return step


def replay(run: Run, step: int, data: Dataset, until: int | None = None, **changes):
    """Go on from the state behind `step` (0: the start) up to step `until`.

    `changes` are fields that may change in mid-run, or `seed`: other images in other
    views from here on. A projection that is fixed here still has its gradient read, so
    that the same layer can be compared. Gives an iterator of `Step`; its `departure` is
    a sentence where the record was not met on the way to `step`. BadInput where step or
    until lie outside the run, a change cannot be made, or `data` is not the run's.
    """
    until = run.recipe.steps if until is None else until
    _check(run, step, data, until, changes)
    training, departure = _trained_again(run, step, data)
    again = Replay(run, training, until, departure)
    again.changed = bool(changes)
    if changes.get("patch_projection") == "fixed":
        _hold_projection(training)
        changes = {k: v for k, v in changes.items() if k != "patch_projection"}
    if "seed" in changes:
        training.reseed(changes["seed"])
        changes = {k: v for k, v in changes.items() if k != "seed"}
    if changes:
        training.change(**changes)
    return again


def _check(run: Run, step: int, data: Dataset, until: int, changes: dict):
    if not run.finished:
        raise BadInput(f"run {run.id} is unfinished, but must be finished to replay.")
    last = run.end["steps"]
    if not 0 <= step < last:
        raise BadInput(f"step is {step!r}, but must be from 0 to {last - 1}.")
    if not step < until <= run.recipe.steps:
        raise BadInput(
            f"until is {until!r}, but must be from {step + 1} to {run.recipe.steps}."
        )
    check_data(run, data, "only on those can it be replayed")
    if "patch_projection" in changes and run.recipe.backbone != "vit":
        raise BadInput(
            f"backbone is {run.recipe.backbone!r}, but must be vit to change "
            "patch_projection."
        )


def _hold_projection(training: Training):
    """Put the patch projection back behind each update: fixed, its gradient seen.

    The steps are those of a projection without gradient (tests hold the two
    together), since no optimizer here lets one layer's update depend on another's.
    """
    held = list(training.model.query.backbone.patch_projection.parameters())
    kept = [p.detach().clone() for p in held]
    training.optimizer.register_step_post_hook(
        lambda *_: torch._foreach_copy_([p.data for p in held], kept)
    )


# --- the steps before -------------------------------------------------------------


def _trained_again(run: Run, step: int, data: Dataset) -> tuple[Training, str]:
    """A training that has done `step` steps, and how it departs from the record."""
    folder = cache_folder(run)
    training, departure = _nearest(folder, run, step, data)
    losses = run.steps["loss"]
    training.monitor.pauses = True  # a reading changes no state
    while training.done < step:
        record = next(training)
        departure = departure or _departs(run, losses, record)
        if training.outcome != "running":
            raise BadInput(
                f"run {run.id} {training.outcome} when trained again, but must reach "
                f"step {step}. {departure}"
            )
        if training.done % EVERY == 0 or training.done == step:
            folder.mkdir(parents=True, exist_ok=True)
            file = folder / f"{training.done:06}.safetensors"
            checkpoint.save(file, training, departure=departure)
    training.monitor.pauses = False
    return training, departure


def cache_folder(run: Run) -> Path:
    """Where states of a run are kept: in its folder, but outside of what is published.

    Another torch has other last digits. And a state says whether it met the record, so
    a run that was recorded anew, on another machine say, has another folder.
    """
    published = run.reader.checksum is not None
    base = user_root() / "replay" / run.id if published else run.folder / "replay"
    record = hashlib.sha256(run.steps["loss"].to_numpy().tobytes()).hexdigest()[:8]
    return base / f"torch-{torch.__version__}-{record}"


def _departs(run: Run, losses, step: Step) -> str:
    """A sentence where a step's loss is not the recorded one, else nothing.

    The loss is what the record keeps to the last bit.
    """
    recorded = losses.get(step.index - 1, math.nan)
    if step.loss == recorded or (math.isnan(step.loss) and math.isnan(recorded)):
        return ""
    return (
        f"Trained again, run {run.id} departs from its record at step {step.index}: "
        f"loss {step.loss!r} in place of {float(recorded)!r} (torch "
        f"{torch.__version__} here, {run.provenance['torch']} there)."
    )


def _nearest(folder: Path, run: Run, step: int, data: Dataset) -> tuple[Training, str]:
    """The latest cached state that is not behind `step`; without one, the start."""
    for file in sorted(folder.glob("*.safetensors"), reverse=True):
        if int(file.stem) > step:
            continue
        training = train(run.recipe, data, run.provenance["threads"])
        # a state that can't be read is made anew
        with contextlib.suppress(*checkpoint.DAMAGED):
            return training, checkpoint.load(file, training)["departure"]
    return train(run.recipe, data, run.provenance["threads"]), ""
