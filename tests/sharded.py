"""What the probe tells of one network, in the wraps that spread it over processes.

`tables` is called alone, with a whole batch, and by each of two processes, with half of
it; `tests.ranks` starts them.
"""

import math
import warnings
from functools import partial

import torch
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FullyShardedDataParallel, ShardingStrategy
from torch.distributed.fsdp import fully_shard as cut
from torch.nn.parallel import DistributedDataParallel

from mocolib.execution import distributed
from mocolib.probe import Probe


class Net(nn.Module):
    """Sides that two processes cannot halve, and a frozen block."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(7, 5)
        self.blocks = nn.ModuleList(nn.Linear(5, 5) for _ in range(3))
        self.head = nn.Linear(5, 1, bias=False)
        self.blocks[1].requires_grad_(False)

    def forward(self, x):
        x = self.first(x)
        for block in self.blocks:
            x = x + block(x).tanh()
        return self.head(x)


def fsdp1(model, blocks=True, **how):
    how = dict(device_id=torch.device("cpu"), **how)
    with warnings.catch_warnings():  # an option that torch would rather not have
        warnings.simplefilter("ignore", FutureWarning)
        for i in range(3) if blocks else ():
            model.blocks[i] = FullyShardedDataParallel(model.blocks[i], **how)
        return FullyShardedDataParallel(model, **how)


def fsdp2(model, **mesh):
    mesh = init_device_mesh("cpu", **mesh)
    for block in model.blocks:
        cut(block, mesh=mesh)
    return cut(model, mesh=mesh)


WRAPS = {
    "ddp": DistributedDataParallel,
    "fsdp1": fsdp1,
    "fsdp1_own_parameters": partial(fsdp1, use_orig_params=True),
    "fsdp1_in_one": partial(fsdp1, use_orig_params=True, blocks=False),
    "fsdp1_not_cut": partial(fsdp1, sharding_strategy=ShardingStrategy.NO_SHARD),
    "fsdp2": partial(fsdp2, mesh_shape=(2,)),
    "fsdp2_copied": partial(fsdp2, mesh_shape=(2, 1), mesh_dim_names=("copy", "cut")),
}


def tables(wrap=lambda model: model) -> list:
    """The probe's tables of three steps; in the last the loss is no number."""
    torch.manual_seed(0)
    model, images = wrap(Net().double()), torch.randn(8, 7, dtype=torch.float64)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, betas=(0.9, 0.95))
    probe, told = Probe(model, optimizer), []
    for scale in (1, 3, math.nan):
        optimizer.zero_grad()
        model(images[distributed.shard(8)] * scale).square().mean().backward()
        probe.before()
        optimizer.step()
        told.append(probe.after())
    return told
