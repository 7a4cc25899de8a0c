"""The page in examples/ timed, on random pictures in the paper's views."""

import time

import numpy as np
import torch
from PIL import Image
from torchvision import transforms as T

from examples.moco_v3_in_one_page import BATCH, MoCo, loader, train

SIDE, PATCH, CHANNELS, WIDTH, DEPTH, HEADS = 32, 8, 3, 64, 4, 2
_BEFORE = [
    T.RandomResizedCrop(SIDE, scale=(0.08, 1)),
    T.RandomApply([T.ColorJitter(0.4, 0.4, 0.2, 0.1)], 0.8),
    T.RandomGrayscale(0.2),
]
_BEHIND = [T.RandomHorizontalFlip(), T.ToTensor(), T.Normalize([0.5] * 3, [0.25] * 3)]
VIEWS = (
    T.Compose([*_BEFORE, *_BEHIND]),
    T.Compose([*_BEFORE, T.RandomSolarize(128, 0.2), *_BEHIND]),
)


def pictures(count: int) -> list:
    """CIFAR's shape with random pixels."""
    shape = (count, SIDE, SIDE, CHANNELS)
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    return [Image.fromarray(one) for one in pixels]


def images_per_second(steps: int = 5) -> float:
    """Speed of the whole step on one thread, loading included."""
    torch.set_num_threads(1)
    batches = loader(pictures(BATCH * (steps + 1)), *VIEWS)
    training = train(MoCo(SIDE, PATCH, CHANNELS, WIDTH, DEPTH, HEADS), batches)
    next(training)  # the first step warms up
    start = time.perf_counter()
    done = len(list(training))
    return BATCH * done / (time.perf_counter() - start)
