"""The smallest recipe and data sets on which everything still happens."""

import numpy as np
import torch
from PIL import Image

from mocolib.data import Dataset
from mocolib.optim import OPTIMIZERS
from mocolib.recipe import FIELDS, Recipe
from mocolib.train import Training

SIZES = dict(
    image_size=8,
    patch_size=4,
    width=8,
    depth=1,
    heads=2,
    head_hidden=16,
    head_dim=8,
    batch_size=16,
    steps=12,
    warmup_steps=2,
    knn_every=5,
    knn_memory_size=20,
)

CHOICES = {name: field.metadata["choices"] for name, field in FIELDS.items()}
# Muon is one on some layers only
ADAM = [name for name, kind in OPTIMIZERS.items() if kind.adam and name != "muon"]

SWEEP = """
recipe = "mini"
[[points]]
width = 8
depth = 1
batch_size = 16
steps = {steps}
warmup_steps = 2
knn_every = 0
head_hidden = 8
dataset = "folder:{folder}"
[grid]
"""


def tiny(**changes) -> Recipe:
    """A recipe whose step takes milliseconds."""
    return Recipe(**{"dataset": "blobs", **SIZES, **changes})


def flags(recipe: Recipe) -> list[str]:
    """Every field of a recipe as typed on the command line."""
    words = []
    for name, value in vars(recipe).items():
        spelled = str(value).lower() if isinstance(value, bool) else str(value)
        words += [f"--{name.replace('_', '-')}", spelled]
    return words


def random_images(n: int, channels: int = 3, side: int = 8, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    shape = (n, channels, side, side)
    return torch.randint(0, 256, shape, generator=generator).to(torch.uint8)


def blobs(channels: int = 3, side: int = 8) -> Dataset:
    """Noise that is brighter by class, so that features can tell classes apart."""

    def part(n, seed):
        labels = torch.arange(n) % 3
        noise = random_images(n, channels, side, seed) // 3
        return noise + (labels * 80).to(torch.uint8)[:, None, None, None], labels

    train_images, train_labels = part(96, 1)
    test_images, test_labels = part(30, 2)
    return Dataset(
        name="blobs",
        train_images=train_images,
        train_labels=train_labels,
        test_images=test_images,
        test_labels=test_labels,
        classes=("dark", "middle", "bright"),
    )


def write_images(folder, count: int, mode: str = "RGB", side=(8, 8), seed: int = 0):
    """`count` PNG images under `folder`, made on the way; noise of a fixed seed."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    channels = {"RGB": (3,), "L": ()}[mode]
    for i in range(count):
        pixels = rng.integers(0, 256, (*side[::-1], *channels), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i:03}.png")


def three_classes(folder):
    """Sixteen images each of three classes under `folder`; returns it."""
    for i, name in enumerate(("ant", "bee", "cow")):
        write_images(folder / name, 16, seed=i)
    return folder


def tiny_sweep(root, steps: int, grid: str):
    """A sweep file of runs of a second or so, on two classes of noise beside it."""
    for name in ("left", "right"):
        write_images(root / "images" / name, 40, "L")
    file = root / "tiny.toml"
    file.write_text(SWEEP.format(folder=root / "images", steps=steps) + grid)
    return file


def rows(training: Training, steps: int | None = None) -> list[dict]:
    """The next `steps` records as flat rows; all that are left without a number."""
    limit = range(steps) if steps else iter(int, 1)
    return [step.row() for _, step in zip(limit, training, strict=False)]
