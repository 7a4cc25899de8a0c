"""What one process of several does in a test; torchrun starts it as a module.

python -m tests.ranks FOLDER PORT   four train the first cases, then two of them all,
                                    and probe networks in pieces; the first leaves the
                                    results in FOLDER/4 and /2
"""

import json
import os
import sys
from pathlib import Path

import safetensors.torch
import torch

from mocolib.execution import Execution, distributed
from mocolib.runs import checkpoint
from mocolib.train import train
from tests import sharded
from tests.tiny import blobs, tiny

# a chunk of the augmentation ends inside a share: 80 images over 4 processes
SHARED = dict(batch_size=80, steps=20, base_lr=0.01, knn_memory_size=70, knn_every=20)
DOUBLE = Execution(device="cpu", precision="fp64")
FRUGAL = Execution(
    device="cpu", precision="fp64", chunk=7, activation_checkpointing="chunks"
)
CASES = {
    "whole": dict(steps=20),
    # rounding grows from step to step, and AdamW moves by its sign what has none
    "fp32": dict(steps=20, optimizer="sgd", base_lr=0.1),
    "simclr": dict(framework="simclr", temperature_schedule="learned"),
    "byol": dict(framework="byol", temperature_schedule="learned"),
    "normed": dict(patch_projection_norm="batch", optimizer="lamb", pool="average"),
    "resnet": dict(backbone="resnet8", optimizer="sgd"),
    "clipped": dict(grad_clip=0.05, patch_projection_lr=0.2, optimizer="sgd"),
    "frugal": {},
    "moved": dict(patch_projection="fixed"),
}
BY_FOUR = ("whole", "fp32")


def outcome(name: str) -> dict:
    """Losses and the last state of a case, to the end or for a few steps."""
    recipe = tiny(**{**SHARED, **CASES[name]})
    how = {"fp32": Execution(device="cpu"), "frugal": FRUGAL}.get(name, DOUBLE)
    training = train(recipe, blobs(), execution=how)
    count = {"whole": 20, "fp32": 1}.get(name, 4)
    losses = []
    for _ in range(count):
        losses.append(next(training).loss)
        if name == "moved" and training.done == 2:
            training.change(patch_projection="learned")
    done = {"losses": torch.tensor(losses, dtype=torch.float64)}
    if name == "whole":
        accuracy = [training.monitor.final_knn(), training.monitor.linear_probe()]
        done["accuracy"] = torch.tensor(accuracy, dtype=torch.float64)
    return done | {k: v.clone() for k, v in checkpoint.state(training)[0].items()}


def take_part(folder: Path, names, wraps=()):
    folder.mkdir(exist_ok=True)
    with distributed.process_group(torch.device("cpu"), 120):
        for name in names:
            tensors = outcome(name)
            if distributed.rank() == 0:
                safetensors.torch.save_file(tensors, folder / f"{name}.safetensors")
        for name in wraps:
            told = json.dumps(sharded.tables(sharded.WRAPS[name]))
            (folder / f"{name}.{distributed.rank()}.json").write_text(told)


def main(folder: Path, port: str):
    torch.set_num_threads(1)
    take_part(folder / "4", BY_FOUR)
    if int(os.environ["RANK"]) < 2:  # the same processes, as torch takes time to load
        here = dict(WORLD_SIZE="2", MASTER_PORT=port, TORCHELASTIC_USE_AGENT_STORE="")
        os.environ.update(here, MASTER_ADDR="127.0.0.1")
        take_part(folder / "2", CASES, sharded.WRAPS)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
