"""What a run is learning, to be drawn: as assets/inpage/look.js gives it in a page."""

import base64

import numpy as np
import torch
import torch.nn.functional as F

from mocolib.batches import generator_of, views_of
from mocolib.data import Dataset
from mocolib.evaluate import knn_accuracy

VIEWS, ROWS, NEAR = 8, 10, 4  # images in two views, test images, neighbours of each
OWN = "folder:own-pictures"


def look(training, seen, axes: dict) -> dict:
    """Filters [n, size], both views of the last step's first images, and neighbours.

    seen: features of the monitor's memory [M, d] and of the test images [N, d], where
    it has read them. axes: by seed, those of its first reading, along which the test
    images lie; filled here. Views and images are uint8, flat.
    """
    weight = training.model.query.backbone.patch_projection.weight.detach()
    return {
        "filters": weight.flatten().numpy().copy(),
        "shape": [len(weight), weight[0].numel()],
        "side": list(training.data.train_images.shape[2:]),
        "views": _views(training) if training.done else np.zeros(0, np.uint8),
        "neighbours": _neighbours(training, *seen) if len(seen) == 2 else None,
        **(_embedded(training, seen[1], axes) if len(seen) == 2 else {"points": None}),
    }


def _embedded(training, tests, axes: dict) -> dict:
    """Where the test images lie, float32 [N, 2] flat, and their classes.

    Along the two directions in which they spread most at the first reading, in units of
    the furthest then: what moves later is the images, not the axes.
    """
    rows, seed = F.normalize(tests, dim=1), training.recipe.seed
    if seed not in axes:
        mean = rows.mean(0)
        directions = torch.linalg.svd(rows - mean, full_matrices=False).Vh[:2]
        reach = ((rows - mean) @ directions.T).abs().max().clamp(min=1e-9)
        axes[seed] = mean, directions.T / reach
    mean, directions = axes[seed]
    points = ((rows - mean) @ directions).flatten().numpy()
    labels = training.data.test_labels.to(torch.uint8).numpy()
    return {"points": points, "labels": labels}


def _views(training) -> np.ndarray:
    recipe, data, index = training.recipe, training.data, training.done - 1
    places = training.batches.places(index)
    views = views_of(
        data.train_images[places[:VIEWS]],
        recipe,
        data,
        generator_of(recipe, "views", index),
        first=0,
        whole=len(places),
    )
    pixels = views * data.std[:, None, None] + data.mean[:, None, None]
    return (255 * pixels).round().clamp(0, 255).byte().flatten().numpy()


def _neighbours(training, memory, tests) -> list[dict]:
    """A test image of each class with the nearest of the memory, its own first.

    Whether the vote is right, and which neighbours are of its class.
    """
    data = training.data
    memory, tests = F.normalize(memory, dim=1), F.normalize(tests, dim=1)
    places = training.monitor.memory_order()[: len(memory)]
    labels, found = data.train_labels[places], []
    for label, name in list(enumerate(data.classes)):
        own = (data.test_labels == label).nonzero()[:1, 0]
        if not len(own):
            continue
        asked = tests[own], data.test_labels[own]
        right = knn_accuracy(memory, labels, *asked, len(data.classes)) == 1
        near = (memory @ tests[own[0]]).topk(min(NEAR, len(memory))).indices
        close = places[near]
        images = [*data.test_images[own], *data.train_images[close]]
        row = {"name": name, "right": right, "images": [_flat(i) for i in images]}
        row["same"] = (data.train_labels[close] == label).tolist()
        found.append(row)
    return found[:ROWS]


def _flat(image) -> np.ndarray:
    return image.flatten().numpy()


def own_pictures(given: dict) -> Dataset:
    """The reader's pictures as assets/inpage/pictures.js decodes them, in base64."""

    def values(name: str, kind):
        raw = np.frombuffer(base64.b64decode(given[name]), kind)
        return torch.from_numpy(raw.copy())

    shape = -1, *given["shape"]
    return Dataset(
        name=OWN,
        train_images=values("train", np.uint8).view(shape),
        train_labels=values("trainLabels", np.int32).long(),
        test_images=values("test", np.uint8).view(shape),
        test_labels=values("testLabels", np.int32).long(),
        classes=tuple(given["classes"]),
    )
