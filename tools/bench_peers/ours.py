"""mocolib's own step, with clocks around its parts."""

import torch

from mocolib.recipe import Recipe
from mocolib.train import train
from tools import bench_peers as work
from tools.bench import random_data
from tools.bench_peers.clock import Clock


def measure(steps: int) -> dict:
    sizes = dict(image_size=work.SIDE, patch_size=work.PATCH, width=work.WIDTH)
    sizes |= dict(depth=work.DEPTH, heads=work.HEADS, batch_size=work.BATCH)
    heads = dict(head_hidden=work.HIDDEN, head_dim=work.DIM, momentum=work.MOMENTUM)
    heads |= dict(temperature=work.TEMPERATURE)
    steps_of = dict(steps=steps + 1, warmup_steps=0, knn_every=0, dataset="random")
    steps_of |= dict(base_lr=work.RATE, weight_decay=work.DECAY)
    recipe = Recipe(**sizes, **heads, **steps_of)
    training, clock = train(recipe, random_data(work.BATCH * (steps + 1))), Clock()
    clock.wrap(training.batches, "batch", "augmentation")
    clock.wrap(training.model, "forward", "forward")
    clock.wrap(training.model, "update_key", "update", out_of="forward")
    clock.wrap(torch.Tensor, "backward", "backward")
    clock.wrap(training.optimizer, "step", "update")
    return clock.measure(lambda: next(training), steps)
