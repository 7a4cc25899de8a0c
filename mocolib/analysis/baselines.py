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

KINDS = ("untrained", "pixels", "components")
COMPONENTS = 32
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


def of(recipe: Recipe) -> dict:
    """{kind: {"knn": share, "linear_probe": share}} for a run of this recipe."""
    return _of_start(start_of(recipe))


def lines(runs) -> dict:
    """The same, the mean over what these runs start from; empty of no run."""
    starts = {start_of(run.recipe) for run in runs}
    found = [pd.DataFrame(_of_start(start)) for start in sorted(starts, key=id_of)]
    return (sum(found) / len(found)).to_dict() if found else {}


def id_of(recipe: Recipe) -> str:
    return recipe.id


@functools.lru_cache(maxsize=4096)
def _of_start(start: Recipe) -> dict:
    known = _recorded().get(start.id)
    return known or measured(start, load(start.dataset, start.image_size))


@functools.lru_cache(maxsize=1)
def _recorded() -> dict:
    """{id of a start: baselines} of the table; empty where there is none."""
    path = data_root() / "tables" / "baselines.parquet"
    if not path.exists():
        return {}
    table = pd.read_parquet(path).set_index("kind")[["part", "knn", "linear_probe"]]
    return {
        part: rows.drop(columns="part").T.to_dict()
        for part, rows in table.groupby("part")
    }


def table_of(start: Recipe, data: Dataset) -> pd.DataFrame:
    """A row a kind: what the table `baselines` has of a start."""
    found = pd.DataFrame(measured(start, data)).T.rename_axis("kind").reset_index()
    return found.assign(dataset=start.dataset, seed=start.seed)


def measured(recipe: Recipe, data: Dataset) -> dict:
    """The baselines, read before the first step."""
    training = train(start_of(recipe), data)
    ways = {
        "untrained": training.features,
        "pixels": functools.partial(pixels, data=data, size=recipe.image_size),
    }
    ways["components"] = components(ways["pixels"](data.train_images), ways["pixels"])
    found = {}
    for kind, features_of in ways.items():
        monitor = Monitor(start_of(recipe), data, 1, features_of, torch.device("cpu"))
        found[kind] = {
            "knn": monitor.final_knn(),
            "linear_probe": monitor.linear_probe(),
        }
    return found


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
