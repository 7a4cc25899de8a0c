"""A run's record as TensorBoard shows it; needs the extra: mocolib[tensorboard]."""

import itertools
import math
from pathlib import Path

from mocolib.errors import BadInput
from mocolib.execution import distributed
from mocolib.runs import Run

AGAIN = 100  # steps that are written once more where a run goes on


def shown(steps, folder: Path):
    """Pass the steps on; each number of their rows becomes a curve in the folder.

    Where a run goes on, its last steps are written again: a kill may have come between
    the record of a step and its points.
    """
    return steps if distributed.rank() > 0 else _written(steps, folder, _writer())


def recorded(run: Run, folder: Path):
    """The curves of a finished run, as if they had been shown all along."""
    kind, place = _writer(), folder / "tensorboard"
    for file in place.glob("events.out.*"):
        file.unlink()
    with kind(str(place)) as writer:
        _add(writer, run.steps.to_dict("records"))


def _writer():
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise BadInput(
            "tensorboard is asked for, but must be installed: "
            "pip install 'mocolib[tensorboard]'."
        ) from None
    return SummaryWriter


def _written(steps, folder: Path, kind):
    first = next(steps, None)
    table = Run(folder).steps
    known = table[: first.index - 1] if first else table
    again = known.tail(AGAIN).to_dict("records")
    begin = again[0]["step"] if again else None
    with kind(str(folder / "tensorboard"), purge_step=begin) as writer:
        _add(writer, again)
        for step in itertools.chain([first] if first else [], steps):
            _add(writer, [step.row()])
            writer.flush()
            yield step


def _add(writer, rows: list[dict]):
    for row in rows:
        for name, value in row.items():
            missing = value is None or math.isnan(value)
            if name != "step" and not missing:
                writer.add_scalar(name, value, int(row["step"]))
