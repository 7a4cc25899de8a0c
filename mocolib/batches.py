"""Which images a step sees, in which views; and where every random number comes from.

Every random number comes from (seed, purpose, step), never from a generator that runs
on, so that any step can be drawn anew without those before it.
"""

import hashlib

import torch

from mocolib import augment
from mocolib.data import Dataset
from mocolib.data.decode import Prefetcher
from mocolib.execution import Execution, distributed
from mocolib.recipe import Recipe


def seed_of(recipe: Recipe, *purpose) -> int:
    """A seed of 56 bits for one purpose of a recipe's run, such as ("views", step)."""
    text = "/".join(str(p) for p in (recipe.seed, *purpose))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big")


def generator_of(recipe: Recipe, *purpose) -> torch.Generator:
    """A fresh generator with that seed."""
    return torch.Generator().manual_seed(seed_of(recipe, *purpose))


def views_of(images, recipe: Recipe, data: Dataset, generator, **share):
    """Both views that a recipe has of some images of a data set: [2, b, C, S, S].

    share: `first` and `whole`, as in `augment.two_views`.
    """
    return augment.two_views(
        images,
        recipe.augmentation,
        recipe.image_size,
        mean=data.mean,
        std=data.std,
        generator=generator,
        **share,
    )


class Order:
    """Which images a step sees, by their places in the training set, [B].

    Each epoch goes through all of them in a new order.
    """

    def __init__(self, recipe: Recipe, images: int):
        self.recipe, self.images = recipe, images
        self._epoch, self._places = None, None

    def __call__(self, index: int) -> torch.Tensor:
        size = self.recipe.batch_size
        epoch, place = divmod(index, self.images // size)
        if self._epoch != epoch:
            generator = generator_of(self.recipe, "order", epoch)
            self._epoch = epoch
            self._places = torch.randperm(self.images, generator=generator)
        return self._places[place * size : (place + 1) * size]

    def share(self, index: int) -> torch.Tensor:
        """The places that are this process's share, [b]."""
        places = self(index)
        return places[distributed.shard(len(places))]


class Batches:
    """The batches of a run, by step: their `places` in the training set, their views.

    Over many processes each draws the numbers of the whole batch and makes the views
    of its own share.
    """

    def __init__(self, recipe: Recipe, data: Dataset, execution: Execution):
        self.recipe, self.data, self.execution = recipe, data, execution
        images = data.train_images
        self.places = order = Order(recipe, len(images))
        held = torch.is_tensor(images)
        self._ahead = None if held else Prefetcher(images, order.share, recipe.steps)

    def batch(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Views [2, b, C, S, S] of this process's share, labels [B] of all."""
        recipe, data = self.recipe, self.data
        places = self.places(index)
        images = (
            data.train_images[self.places.share(index)]
            if self._ahead is None
            else self._ahead(index)
        )
        views = views_of(
            images.to(self.execution.torch_device),
            recipe,
            data,
            generator_of(recipe, "views", index),
            first=distributed.shard(len(places)).start,
            whole=len(places),
        )
        return views, data.train_labels[places]
