"""Crops under the reader's hand: two views of an image, and the row of similarities.

    lab.crops(cropped(recipe, data, ("Pullover", "Bag"), steps=120), question="Where?")

What a network makes of every crop of a grid is computed when the page is built, so the
page compares vectors and runs no network.
"""

import base64
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from mocolib import augment
from mocolib.data import Dataset
from mocolib.lab.describe import axis
from mocolib.lab.page import axis_data, figure
from mocolib.lab.pictures import data_uri, pixels
from mocolib.recipe import Recipe
from mocolib.train import train
from mocolib.words import said

SIZES = (14, 20, 28)  # pixels a side of a crop
STRIDE = 2  # pixels between crops
TEMPERATURES = (0.05, 0.1, 0.2, 0.5, 1.0)
KEPT = 24  # numbers a vector that a page is given; cosines keep two digits
PLAIN = "Moving the crops needs JavaScript; here are the images."


@dataclass(frozen=True, kw_only=True)
class Cropped:
    """n grey images, and each of C crops of each through both sides of a network.

    The crops are in the order of `boxes`; vectors have length 1.
    """

    names: tuple
    images: np.ndarray  # uint8 [n, S, S]
    queries: np.ndarray  # float32 [n, C, dim]
    keys: np.ndarray  # float32 [n, C, dim]


def boxes(side: int) -> list[tuple]:
    """Every crop of an image as (top, left, size): by size, then row, then column."""
    return [
        (top, left, size)
        for size in SIZES
        for top in range(0, side - size + 1, STRIDE)
        for left in range(0, side - size + 1, STRIDE)
    ]


def cropped(recipe: Recipe, data: Dataset, classes, *, steps: int) -> Cropped:
    """The first test image of each class, through a network trained for some steps."""
    training = train(recipe.replace(knn_every=0), data)
    for _ in range(steps):
        next(training)
    model = training.model.eval()  # BatchNorm with what it has seen in training
    found = [_through(model, recipe, data, data.first(name)) for name in classes]
    queries, keys = (np.stack(side) for side in zip(*found, strict=True))
    images = torch.cat([data.test_images[[data.first(name)]] for name in classes])
    return Cropped(
        names=tuple(classes), images=images[:, 0].numpy(), queries=queries, keys=keys
    )


@torch.no_grad()
def _through(model, recipe: Recipe, data: Dataset, number: int) -> tuple:
    """Queries and keys [C, dim] of all crops of a test image."""
    image = data.test_images[number : number + 1]
    all_boxes = boxes(image.shape[-1])
    views = _views(image.expand(len(all_boxes), -1, -1, -1), all_boxes, recipe)
    views = augment.normalize(views, data.mean, data.std)
    query = model.predictor(model.query.projector(model.query.backbone(views)[0]))
    key = model.key.projector(model.key.backbone(views)[0])
    return tuple(F.normalize(side, dim=1).numpy() for side in (query, key))


def _views(images, all_boxes: list, recipe: Recipe) -> torch.Tensor:
    """Each image cut out at its box, by the code that cuts views for training."""
    top, left, size = torch.tensor(all_boxes, dtype=torch.float32).T
    none = torch.zeros(len(all_boxes))
    params = augment.Params(
        **dict(top=top, left=left, height=size, width=size, flip=none.bool()),
        **dict(factors=none, hue=none, orders=none, grey=none),
        **dict(sigma=none, solarize=none),
    )
    return augment.crop(images, params, recipe.image_size)


def crops(given: Cropped, *, id="crops", start=None, question=None, answer=None):
    """The panel: two crops to drag, and how the query shares itself among the keys.

    The other images' keys are of their middle. start: by name a place on a control
    (image, query_crop, key_crop, temperature) or in pixels from the left and top
    (query, key).
    """
    axes = [
        axis("image", list(given.names)),
        axis("query_crop", list(SIZES)),
        axis("key_crop", list(SIZES)),
        axis("temperature", list(TEMPERATURES)),
    ]
    told = [axis_data(one) for one in axes]
    for one in told[:3]:
        one["kind"] = "switch"
    data = {
        "axes": told,
        "start": _start(axes, **(start or {})),
        "pictures": [data_uri(image) for image in given.images],
        **dict(side=given.images.shape[-1], sizes=SIZES, stride=STRIDE),
        "temperatures": TEMPERATURES,
        **_packed(given.queries, given.keys),
    }
    plain = said(PLAIN) + "".join(
        pixels(image, 2, name)
        for name, image in zip(given.names, given.images, strict=True)
    )
    shown = dict(plain=plain, question=question, answer=answer, own=("crops",))
    return figure("why-crops", f"crops-{id}", data, **shown)


def _start(axes: list, query=(0, 4), key=(10, 4), **places) -> list[int]:
    """The first state as the page keeps it: places on controls, then pixels."""
    at = [one.values.index(places.get(one.name, one.values[0])) for one in axes]
    return [*at, *query, *key]


def _packed(queries: np.ndarray, keys: np.ndarray) -> dict:
    """Vectors of length 1 as bytes in base64; the page brings them to length 1 again.

    Along the directions in which all of them lie most, which a page can carry.
    """
    both = np.stack([queries, keys]).reshape(2, -1, keys.shape[-1])
    directions = np.linalg.svd(both.reshape(-1, both.shape[-1]), full_matrices=False)[2]
    kept = both @ directions[:KEPT].T
    whole = np.round(127 * kept / np.abs(kept).max(-1, keepdims=True)).astype(np.int8)
    texts = (base64.b64encode(side.tobytes()).decode() for side in whole)
    return {"dim": kept.shape[-1], **dict(zip(("queries", "keys"), texts, strict=True))}
