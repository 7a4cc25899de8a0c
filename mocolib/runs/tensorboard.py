"""A run's record as TensorBoard shows it; needs the extra: mocolib[tensorboard]."""

from pathlib import Path

from mocolib.errors import BadInput
from mocolib.execution import distributed


def shown(steps, folder: Path):
    """Pass the steps on; each number of their rows becomes a curve in the folder."""
    if distributed.rank() > 0:
        return steps
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise BadInput(
            "tensorboard is asked for, but must be installed: "
            "pip install 'mocolib[tensorboard]'."
        ) from None
    return _written(steps, SummaryWriter(str(folder / "tensorboard")))


def _written(steps, writer):
    with writer:
        for step in steps:
            for name, value in step.row().items():
                if value is not None and name != "step":
                    writer.add_scalar(name, value, step.index)
            yield step
