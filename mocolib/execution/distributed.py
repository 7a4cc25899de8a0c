"""One run over many processes, as torchrun starts them; one alone notices nothing.

    torchrun --nproc-per-node=8 -m mocolib train --recipe vit_b --data folder:imagenet

Each process holds the whole model and an equal share of every batch. Its loss is the
mean over its own queries, against the keys of all; DistributedDataParallel averages
the gradients, BatchNorm sees all shares at once. So N processes take the step that
one would take with the whole batch, but for rounding.

Convention: gradients are those of the *sum* of the processes' losses until
DistributedDataParallel divides by their number. Whatever sums over processes on the
way forward therefore sums its gradient over processes on the way back.
"""

import contextlib
import datetime
import os
import signal

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from mocolib.errors import BadInput, PeerLost

TORCHRUN = ("RANK", "MASTER_ADDR", "MASTER_PORT")  # what it tells each process


def rank() -> int:
    """Which of the processes this is; 0 writes, prints and saves."""
    return dist.get_rank() if _several() else 0


def world_size() -> int:
    return dist.get_world_size() if _several() else 1


def _several() -> bool:
    return dist.is_available() and dist.is_initialized()


def number(name: str, default: int) -> int:
    """A count that torchrun leaves in the environment; BadInput where it is none."""
    text = os.environ.get(name) or str(default)
    if not text.isdecimal():
        raise BadInput(
            f"{name} is {text!r}, but must be a number, as torchrun sets it."
        )
    return int(text)


def _started() -> int:
    """How many processes torchrun has started, this one among them."""
    count = number("WORLD_SIZE", 1)
    if count > 1:
        missing = [name for name in TORCHRUN if not os.environ.get(name)]
        if missing:
            raise BadInput(
                f"WORLD_SIZE is {count}, but must come with {', '.join(missing)}, as "
                "torchrun sets them, or be unset."
            )
        if number("RANK", 0) >= count:
            rank = os.environ["RANK"]
            raise BadInput(f"RANK is {rank}, but must be below WORLD_SIZE, {count}.")
    return max(1, count)


@contextlib.contextmanager
def process_group(device: torch.device, timeout: float):
    """Join the processes that torchrun started; `PeerLost` where one of them is gone.

    `timeout` is how many seconds to wait for a sign of them. Nothing happens in a
    process that was started alone.
    """
    if _started() == 1:
        yield
        return
    before = signal.signal(signal.SIGTERM, _told_to_end)
    try:
        if device.type == "cuda":
            torch.cuda.set_device(device)
        dist.init_process_group(
            "nccl" if device.type == "cuda" else "gloo",
            timeout=datetime.timedelta(seconds=timeout),
        )
        yield
        dist.barrier()  # the first to be done does not look lost to the others
        dist.destroy_process_group()
    except RuntimeError as error:
        if isinstance(error, dist.DistError) or "gloo" in str(error):
            raise PeerLost from error
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def _told_to_end(*_):
    """torchrun ends the rest when one is gone, maybe before they have noticed."""
    raise PeerLost


# --- what one process has and the others need ----------------------------------------


def shard(count: int) -> slice:
    """This process's rows of `count`; the processes' shares follow by rank."""
    each = -(-count // world_size())
    return slice(min(count, rank() * each), min(count, (rank() + 1) * each))


def broadcast(value):
    """The value that rank 0 has, in every process."""
    if world_size() == 1:
        return value
    box = [value]
    dist.broadcast_object_list(box)
    return box[0]


@torch.no_grad()
def all_gather(rows, count: int | None = None):
    """The rows [n, ...] of all processes in the order of their ranks; no gradient.

    `count` is how many there are, where the last processes may have fewer.
    """
    if world_size() == 1:
        return rows
    each = len(rows) if count is None else -(-count // world_size())
    padded = rows.new_zeros(each, *rows.shape[1:])
    padded[: len(rows)] = rows
    parts = [torch.empty_like(padded) for _ in range(world_size())]
    dist.all_gather(parts, padded)
    return torch.cat(parts)[:count]


@torch.no_grad()
def mean(value):
    """The mean over the processes of a number that each has."""
    if world_size() == 1:
        return value
    total = value.clone()
    dist.all_reduce(total)
    return total / world_size()


class _Sum(torch.autograd.Function):
    """The sum over all processes, in each; so is its gradient."""

    @staticmethod
    def forward(_, value):
        total = value.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(_, gradient):
        return _Sum.forward(_, gradient)


def all_gather_with_grad(views):
    """views [2, b, d] of each process to [2, B, d] of all, with gradient."""
    if world_size() == 1:
        return views
    own = views.shape[1]
    rest = views.new_zeros(2, own * world_size(), views.shape[2])
    place = slice(rank() * own, (rank() + 1) * own)
    return _Sum.apply(rest.slice_scatter(views, 1, place.start, place.stop))


# --- the model ------------------------------------------------------------------------


class BatchNorm(nn.BatchNorm1d):
    """BatchNorm over the batches of all processes, on any device.

    torch's SyncBatchNorm does the same, on GPUs only.
    """

    def _check_input_dim(self, input):
        """Any [B, C, ...]."""

    def forward(self, x):
        if not self.training:
            return super().forward(x)
        dims = [0, *range(2, x.ndim)]
        shape = [1, -1, *[1] * (x.ndim - 2)]
        count = world_size() * x.numel() / x.shape[1]
        # about a point that all processes know, so that the squares cancel little
        shift = self.running_mean.clone()
        offset = x - shift.view(shape)
        sums = torch.stack([offset.sum(dims), offset.square().sum(dims)])
        centre, square = _Sum.apply(sums) / count
        variance = square - centre.square()
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(centre + shift, self.momentum)
            unbiased = variance * (count / (count - 1))
            self.running_var.lerp_(unbiased, self.momentum)
        scale = (variance + self.eps).rsqrt()
        out = (offset - centre.view(shape)) * scale.view(shape)
        if self.affine:
            out = out * self.weight.view(shape) + self.bias.view(shape)
        return out


def sync_batchnorm(model: nn.Module) -> nn.Module:
    """The same model, where every BatchNorm sees the batches of all processes."""
    if world_size() == 1:
        return model
    if next(model.parameters()).is_cuda:
        return nn.SyncBatchNorm.convert_sync_batchnorm(model)
    for module in model.modules():
        # a subclass that changes no attribute: parameters and buffers stay in place
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.__class__ = BatchNorm
    return model


def data_parallel(model: nn.Module) -> nn.Module:
    """What to call in place of the model: gradients become those of all processes.

    To be made anew when a parameter is fixed or freed.
    """
    if world_size() == 1:
        return model
    return DistributedDataParallel(model)


def check(batch_size: int):
    """BadInput where a batch cannot be shared."""
    if batch_size % world_size():
        raise BadInput(
            f"batch_size is {batch_size}, but must be a multiple of the "
            f"{world_size()} processes."
        )
