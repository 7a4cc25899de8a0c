"""mocolib's own step, with clocks around its parts."""

import torch

from mocolib.recipe import Recipe
from mocolib.train import train
from tools.bench import random_data
from tools.bench_peers import (
    BATCH,
    DECAY,
    DEPTH,
    DIM,
    HEADS,
    HIDDEN,
    MOMENTUM,
    PATCH,
    RATE,
    SIDE,
    TEMPERATURE,
    WIDTH,
)
from tools.bench_peers.clock import Clock


def measure(steps: int) -> dict:
    recipe = Recipe(
        dataset="random", image_size=SIDE, patch_size=PATCH, width=WIDTH, depth=DEPTH,
        heads=HEADS, head_hidden=HIDDEN, head_dim=DIM, batch_size=BATCH, base_lr=RATE,
        weight_decay=DECAY, temperature=TEMPERATURE, momentum=MOMENTUM, steps=steps + 1,
        warmup_steps=0, knn_every=0,
    )  # fmt: skip
    training, clock = train(recipe, random_data(BATCH * (steps + 1))), Clock()
    clock.wrap(training.batches, "batch", "augmentation")
    clock.wrap(training.model, "forward", "forward")
    clock.wrap(training.model, "update_key", "update", out_of="forward")
    clock.wrap(torch.Tensor, "backward", "backward")
    clock.wrap(training.optimizer, "step", "update")
    return clock.measure(lambda: next(training), steps)
