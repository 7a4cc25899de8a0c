"""How good the features are: weighted kNN while training, a linear probe at the end.

Both read the backbone's features from before the heads, without augmentation.
"""

import torch
import torch.nn.functional as F
from torch import nn

from mocolib.augment import normalize, resized
from mocolib.batches import generator_of
from mocolib.data import Dataset
from mocolib.errors import BadInput
from mocolib.execution import CHUNK, distributed
from mocolib.recipe import Recipe

NEIGHBOURS = 20  # the paper's monitor
SHARPNESS = 0.07  # temperature of the votes, as in 1805.01978


@torch.no_grad()
def features(backbone, images, size: int, mean, std) -> torch.Tensor:
    """uint8 [N, C, H, W] to features [N, d], in the backbone's evaluation mode.

    Images and moments may lie elsewhere than the backbone; the features are beside it.
    """
    was_training = backbone.training
    backbone.eval()
    own = next(backbone.parameters(), mean)  # a fixed backbone may have none
    mean, std = mean.to(own.device), std.to(own.device)
    parts = [
        backbone(normalize(resized(part.to(own.device), size), mean, std).to(own))[0]
        for part in images.split(CHUNK)
    ]
    backbone.train(was_training)
    return torch.cat(parts)


def shared_features(backbone, data, size: int, images) -> torch.Tensor:
    """Features of a data set's clean uint8 images, [N, d], as one process has them all.

    Each of many computes a share.
    """
    own = images[distributed.shard(len(images))]
    found = features(backbone, own, size, data.mean, data.std)
    return distributed.all_gather(found, len(images))


def mean_of_views(features) -> torch.Tensor:
    """Both views' features [2, B, d] as one direction an image, [B, d]."""
    return F.normalize(features, dim=2).mean(0)


class FeatureMemory:
    """The last features seen in training, one an image: the mean of its two views."""

    def __init__(self, size: int, width: int):
        self.features = torch.zeros(size, width)
        self.labels = torch.zeros(size, dtype=torch.long)
        self.pushed = 0

    def to(self, device):
        self.features, self.labels = self.features.to(device), self.labels.to(device)

    @torch.no_grad()
    def push(self, features, labels):
        """features [2, b, d], labels [B] of all processes; the oldest make room."""
        self.push_means(distributed.all_gather(mean_of_views(features)), labels)

    def push_means(self, mean, labels):
        """mean [B, d]: what `mean_of_views` gives."""
        size = len(self.features)
        mean = mean.to(self.features)[-size:]
        place = (self.pushed + torch.arange(len(mean))) % size
        self.features[place] = mean
        self.labels[place] = labels[-size:].to(self.labels.device)
        self.pushed += len(mean)

    def read(self):
        filled = min(self.pushed, len(self.features))
        return self.features[:filled], self.labels[:filled]

    def state(self) -> dict:
        pushed = torch.tensor(self.pushed)
        return {"features": self.features, "labels": self.labels, "pushed": pushed}

    def restore(self, state: dict):
        self.features.copy_(state["features"])
        self.labels.copy_(state["labels"])
        self.pushed = int(state["pushed"])


class Monitor:
    """What a run's recipe reads of its backbone: dense kNN, and the probe at the end.

    `features_of` gives features [N, d] of clean uint8 images: an exported graph has its
    own way to them.
    """

    def __init__(self, recipe: Recipe, data: Dataset, width: int, features_of, device):
        self.recipe, self.data, self.device = recipe, data, device
        self.features = features_of
        self.queue = FeatureMemory(recipe.knn_memory_size, width)
        self.queue.to(device)
        self.pauses = False  # while a run is trained again, say

    def due(self, done: int) -> bool:
        """Whether the recipe asks for a reading after so many steps."""
        every = 0 if self.pauses else self.recipe.knn_every
        return every > 0 and (done % every == 0 or done == self.recipe.steps)

    def knn(self) -> float:
        """A dense reading: kNN accuracy against the recipe's memory.

        On `knn_test_size` test images, the same at each reading.
        """
        size = self.recipe.knn_test_size
        asked = slice(None) if size == 0 else evenly_spread(self.data.test_images, size)
        return self._knn(self.recipe.knn_memory, asked)

    def final_knn(self) -> float:
        """kNN accuracy on all test images, against clean images."""
        return self._knn("clean", slice(None))

    def _knn(self, memory: str, asked) -> float:
        data = self.data
        if memory == "queue":
            stored, labels = self.queue.read()
        else:
            chosen = self.memory_order()[: self.recipe.knn_memory_size]
            stored = self.features(data.train_images[chosen])
            labels = data.train_labels[chosen]
        tests = self.features(data.test_images[asked])
        here = tests.device
        known, right = labels.to(here), data.test_labels[asked].to(here)
        return knn_accuracy(stored.to(tests), known, tests, right, len(data.classes))

    def memory_order(self) -> torch.Tensor:
        """Places [N] of the training images; the first of them are the clean memory."""
        generator = generator_of(self.recipe, "memory")
        return torch.randperm(len(self.data.train_images), generator=generator)

    def linear_probe(self) -> float:
        """Accuracy of a linear classifier on the features as they are now."""
        data = self.data
        return linear_probe(
            self.features(data.train_images),
            data.train_labels.to(self.device),
            self.features(data.test_images),
            data.test_labels.to(self.device),
            len(data.classes),
        )


def evenly_spread(images, size: int) -> torch.Tensor:
    """Places [size] of so many of the images, evenly spread; all where there are fewer.

    So a folder that is sorted by class gives as many of each.
    """
    chosen = min(size, len(images))
    return torch.arange(chosen) * len(images) // chosen


def knn_of(model: nn.Module, memory, memory_labels, tests, labels, embed=None) -> float:
    """The dense monitor for any network: kNN accuracy of its features, 0 to 1.

    memory and tests are images as the network takes them, [M, ...] and [N, ...], with
    labels [M] and [N], any whole numbers. `embed` gives features [B, d] of a batch
    where calling the model does not: `lambda x: model.forward_features(x)[:, 0]` for a
    timm ViT's class token. Read in evaluation mode and without gradients; the mode is
    put back. BadInput where shapes don't fit.
    """
    known, asked = _numbers(memory_labels, memory), _numbers(labels, tests)
    embed = embed or model
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            stored, queries = (
                torch.cat([embed(part) for part in images.split(CHUNK)])
                for images in (memory, tests)
            )
    finally:
        for module, mode in modes:
            module.training = mode
    here = stored.device
    # by their order: ids may be as large as they like
    names, both = torch.cat([known, asked]).unique(return_inverse=True)
    known, asked = both.to(here).split([len(known), len(asked)])
    return knn_accuracy(stored, known, queries, asked, len(names))


def knn_accuracy(memory, memory_labels, queries, labels, classes: int) -> float:
    """Share of queries whose 20 nearest memory features, by weighted vote, are right.

    memory [M, d], queries [N, d], labels [M] and [N] of 0 to classes - 1; nearness is
    the cosine, a vote weighs exp(cosine / 0.07) (1805.01978, section 3.4). In float32
    at least. BadInput where shapes don't fit.
    """
    memory_labels, labels = _fitting(memory, memory_labels, queries, labels, classes)
    memory, queries = (F.normalize(_wide(part), dim=1) for part in (memory, queries))
    neighbours = min(NEIGHBOURS, len(memory))
    right = 0
    for query, label in zip(queries.split(CHUNK), labels.split(CHUNK), strict=True):
        near, index = (query @ memory.t()).topk(neighbours, dim=1, sorted=False)
        votes = torch.zeros(len(query), classes, device=near.device, dtype=near.dtype)
        votes.scatter_add_(1, memory_labels[index], (near / SHARPNESS).exp())
        right += (votes.argmax(1) == label).sum().item()
    return right / len(labels)


def _wide(features):
    """In float32 at least: half a float holds no vote of a cosine above .77."""
    return features.to(torch.promote_types(features.dtype, torch.float32))


def _fitting(first, first_labels, second, labels, classes: int) -> list:
    """Both labels in int64; BadInput where one of the four is not as it should be."""
    for features in (first, second):
        if features.ndim != 2 or not len(features):
            raise BadInput(
                f"features have the shape {list(features.shape)}, but must have "
                "[images, width], of one image at least."
            )
    if first.shape[1] != second.shape[1]:
        raise BadInput(
            f"features have the widths {first.shape[1]} and {second.shape[1]}, but "
            "must have one."
        )
    found = [_numbers(first_labels, first), _numbers(labels, second)]
    low, high = min(int(x.min()) for x in found), max(int(x.max()) for x in found)
    if low < 0 or high >= classes:
        raise BadInput(
            f"labels go from {low} to {high}, but must lie in 0 to {classes - 1}, as "
            f"there are {classes} classes."
        )
    return found


def _numbers(labels, images):
    """Labels in int64; BadInput where they are not one whole number an image."""
    labels = labels if torch.is_tensor(labels) else torch.as_tensor(labels)
    whole = not (labels.is_floating_point() or labels.is_complex())
    if labels.shape != (len(images),) or not whole:
        kind = str(labels.dtype).removeprefix("torch.")
        raise BadInput(
            f"labels have the shape {list(labels.shape)} and the type {kind}, but must "
            f"be {len(images)} whole numbers, one an image, of the shape "
            f"[{len(images)}]."
        )
    return labels.long()


def standardized(train, test):
    """Both [N, d] with the mean and deviation of the first taken out."""
    mean, std = train.mean(0), train.std(0).clamp(min=1e-6)
    return (train - mean) / std, (test - mean) / std


def linear_probe(train, train_labels, test, test_labels, classes: int) -> float:
    """Test accuracy of a linear classifier on frozen features [N, d].

    Multinomial logistic regression on standardized features by L-BFGS; full batch
    and no random number, so there is nothing to seed. In float32 at least. BadInput
    where shapes don't fit.
    """
    labels = _fitting(train, train_labels, test, test_labels, classes)
    train_labels, test_labels = labels
    train, test = standardized(_wide(train), _wide(test))
    like = dict(device=train.device, dtype=train.dtype, requires_grad=True)
    weight = torch.zeros(train.shape[1], classes, **like)
    bias = torch.zeros(classes, **like)
    solver = torch.optim.LBFGS(
        [weight, bias], max_iter=100, line_search_fn="strong_wolfe"
    )

    def closure():
        solver.zero_grad()
        loss = F.cross_entropy(train @ weight + bias, train_labels)
        loss = loss + 1e-4 * weight.square().sum()
        loss.backward()
        return loss

    solver.step(closure)
    with torch.no_grad():
        guess = (test @ weight + bias).argmax(1)
    return (guess == test_labels).float().mean().item()
