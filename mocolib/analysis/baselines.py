"""What an accuracy is held against: an untrained network, pixels, 32 components.

    baselines.of(recipe)         # {"untrained": {"knn": .58, "linear_probe": .64}, ...}
    baselines.lines(runs)        # the same, the mean over what those runs started from

untrained   the run's own network before its first step
pixels      the images themselves, normalised as the network sees them, flat
components  their first 32 principal components over the training images

Each is read as a trained network is: kNN on all test images against the recipe's clean
memory, and the linear probe. What was read once stands in the table `baselines`.
"""

import functools

import pandas as pd
import torch

from mocolib.augment import normalize, resized
from mocolib.data import Dataset, data_root, load
from mocolib.evaluate import Monitor
from mocolib.recipe import Recipe
from mocolib.train import train

NAMES = {
    "untrained": "untrained network",
    "pixels": "pixels",
    "components": "32 principal components",
}
COMPONENTS = 32
IMAGES = ("dataset", "image_size", "knn_memory_size")
READINGS = ["knn", "linear_probe"]
CLOSE = 0.015  # of accuracy: labels would run into each other
# what decides an untrained network's features and how they are read; all else is for
# the steps that come
STARTS = (
    *("dataset", "image_size", "backbone", "patch_size", "width", "depth", "heads"),
    *("patch_projection_start", "patch_projection_norm", "stem", "position", "pool"),
    *("qk_norm", "knn_memory_size", "seed"),
)


def start_of(recipe: Recipe) -> Recipe:
    """What a recipe shares with all that start from the same features."""
    kept = {name: getattr(recipe, name) for name in STARTS}
    return Recipe(**kept, warmup_steps=0, steps=1, batch_size=2)


def images_of(recipe: Recipe) -> Recipe:
    """What it shares with all that see the same images."""
    kept = {name: getattr(recipe, name) for name in IMAGES}
    return Recipe(**kept, patch_size=recipe.image_size, warmup_steps=0, steps=1)


def of(recipe: Recipe) -> dict:
    """{kind: {"knn": share, "linear_probe": share}} for a run of this recipe."""
    return {"untrained": untrained(recipe)} | _kept(images_of(recipe))


def untrained(recipe: Recipe) -> dict:
    """{"knn": share, "linear_probe": share} of a run's network before any step."""
    return _kept(start_of(recipe))["untrained"]


@functools.lru_cache(maxsize=4096)
def _kept(start: Recipe) -> dict:
    """From the table, or read now."""
    table = _recorded()
    known = table[table["part"] == start.id] if len(table) else table
    if not len(known):
        known = measured(start, load(start.dataset, start.image_size))
    return known.set_index("kind")[READINGS].to_dict("index")


def known(recipe: Recipe) -> bool:
    """Whether the table has its untrained network, so that `of` reads nothing."""
    return start_of(recipe).id in set(_recorded().get("part", ()))


@functools.lru_cache(maxsize=1)
def _recorded() -> pd.DataFrame:
    """The table; empty where there is none."""
    path = data_root() / "tables" / "baselines.parquet"
    return pd.read_parquet(path) if path.exists() else pd.DataFrame()


def lines(runs) -> dict:
    """The recorded ones of these runs, the mean over their seeds; never read anew here.

    Without the untrained network where the runs start from unlike ones, since there is
    no one line, or from one that the table does not have; without any on other images.
    """
    starts = {start_of(run.recipe) for run in runs}
    if len({start.replace(seed=0) for start in starts}) != 1:
        starts = set()
    wanted = starts | {images_of(run.recipe) for run in runs}
    table = _recorded()
    if not len(table):
        return {}
    table = table[table["part"].isin([start.id for start in wanted])]
    images = table.groupby("dataset").ngroups == 1
    return table.groupby("kind")[READINGS].mean().to_dict("index") if images else {}


def named(runs, measure: str) -> list[tuple[float, str]]:
    """(accuracy, words) of `lines` by one measure, from low to high.

    What lies closer than a point and a half shares its words: two lines and one label.
    """
    levels = sorted((row[measure], NAMES[kind]) for kind, row in lines(runs).items())
    told: list = []
    for level, words in levels:
        if told and level - told[-1][0] < CLOSE:
            below, said = told.pop()
            told.append((below, ""))
            words = f"{said}, {words}"
        told.append((level, words))
    return told


def measured(start: Recipe, data: Dataset) -> pd.DataFrame:
    """What the table has of a start: a row a kind, read before any step."""
    if start == images_of(start):
        seen = functools.partial(pixels, data=data, size=start.image_size)
        first = components(seen(data.train_images), seen)
        ways = {"pixels": seen, "components": first}
    else:
        ways = {"untrained": train(start, data).features}
    rows = []
    for kind, features_of in ways.items():
        monitor = Monitor(start, data, 1, features_of, torch.device("cpu"))
        read = monitor.final_knn(), monitor.linear_probe()
        rows.append({"kind": kind, **dict(zip(READINGS, read, strict=True))})
    return pd.DataFrame(rows).assign(dataset=start.dataset, seed=start.seed)


def pixels(images, data: Dataset, size: int) -> torch.Tensor:
    """uint8 [N, C, H, W] as the network sees them, flat: [N, C size size]."""
    return normalize(resized(images, size), data.mean, data.std).flatten(1)


def components(train_features, features_of):
    """A way from images to the first COMPONENTS principal components of features."""
    mean = train_features.mean(0)
    covariance = (train_features - mean).double().T.cov(correction=0)
    _, vectors = torch.linalg.eigh(covariance)  # ascending
    first = vectors[:, -COMPONENTS:].to(train_features)

    def of(images):
        return (features_of(images) - mean) @ first

    return of
