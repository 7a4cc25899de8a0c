"""What a backbone is worth: a linear classifier by SGD, and fine-tuning.

The linear probe is the paper's protocol, a linear layer on frozen features trained by
SGD with momentum 0.9 and no weight decay. Batch, rate and length are ours, and so is
that it sees each image once, clean, with standardized features: then they need to be
computed only once. Fine-tuning is ours throughout: AdamW, crops and colour jitter.
Neither rate is tuned by data set.
"""

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import nn

from mocolib import augment, evaluate, optim, schedules
from mocolib.data import Dataset
from mocolib.data.decode import taken
from mocolib.errors import BadInput
from mocolib.recipe import Recipe

PROBE = dict(optimizer="sgd", base_lr=0.1, weight_decay=0.0, batch_size=256)
FINETUNE = dict(base_lr=1e-3, weight_decay=0.05, decay="matrices", batch_size=128)
LONGEST = 10_000  # epochs


def plan(settings: dict, data: Dataset, epochs: int, warmup: int = 0, **changes):
    """The recipe of a training with labels; its lengths are given in epochs."""
    if not 1 <= epochs <= LONGEST:
        raise BadInput(f"epochs is {epochs}, but must be 1 to {LONGEST}.")
    images = len(data.train_images)
    first = Recipe(**{**settings, **changes}, schedule="cosine", warmup_steps=0)
    if first.batch_size > images:
        raise BadInput(
            f"batch_size is {first.batch_size}, but must be at most {images}, the "
            f"training images of {data.name}."
        )
    each = images // first.batch_size
    return first.replace(steps=epochs * each, warmup_steps=min(warmup, epochs) * each)


def check_channels(loaded, data: Dataset):
    if loaded.channels != data.channels:
        raise BadInput(
            f"dataset {data.name} has {data.channels} colour channels, but must have "
            f"{loaded.channels}, as the weights do."
        )


def features(loaded, data: Dataset) -> tuple[torch.Tensor, torch.Tensor]:
    """Features [N, d] of all clean training images and of all test images."""
    check_channels(loaded, data)
    size, moments = loaded.recipe.image_size, (data.mean, data.std)
    return tuple(
        evaluate.features(loaded.backbone, images, size, *moments)
        for images in (data.train_images, data.test_images)
    )


def knn(loaded, data: Dataset) -> float:
    """kNN accuracy of the test images among all training images."""
    memory, tests = features(loaded, data)
    labels, classes = (data.train_labels, data.test_labels), len(data.classes)
    return evaluate.knn_accuracy(memory, labels[0], tests, labels[1], classes)


def linear_probe(loaded, data: Dataset, recipe: Recipe) -> float:
    """Test accuracy of a linear classifier that SGD has trained on the features."""
    train, test = evaluate.standardized(*features(loaded, data))
    head = _head(train.shape[1], data, recipe.seed)
    optimizer = optim.build_optimizer(recipe, head.named_parameters())
    for step, chosen in enumerate(_batches(recipe, len(train))):
        loss = F.cross_entropy(head(train[chosen]), data.train_labels[chosen])
        _update(optimizer, recipe, step, loss)
    return _accuracy(head(test), data.test_labels)


def finetune(loaded, head, data: Dataset, recipe: Recipe) -> Iterator[tuple]:
    """Train backbone and head [d -> classes] in place; (epoch, loss, accuracy) each.

    Fixed positions stay fixed; a patch projection that was fixed is freed.
    """
    check_channels(loaded, data)
    backbone, size = loaded.backbone, loaded.recipe.image_size
    if hasattr(backbone, "patch_projection"):
        backbone.patch_projection.requires_grad_(True)
    model = nn.ModuleDict({"backbone": backbone, "head": head})
    trained = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    optimizer = optim.build_optimizer(recipe, trained)
    each = len(data.train_images) // recipe.batch_size
    side, moments = data.train_images.shape[2:], (data.mean, data.std)
    broad = [m[:, None, None] for m in moments]
    losses = []
    for step, chosen in enumerate(_batches(recipe, len(data.train_images))):
        generator = torch.Generator().manual_seed((recipe.seed << 32) + step)
        strength = augment.STRENGTHS["medium"][0]
        params = augment.draw(strength, len(chosen), side, generator)
        images = augment.apply(taken(data.train_images, chosen), params, size, *broad)
        backbone.train()
        loss = F.cross_entropy(head(backbone(images)[0]), data.train_labels[chosen])
        _update(optimizer, recipe, step, loss)
        losses.append(loss.item())
        if (step + 1) % each == 0:
            tests = evaluate.features(backbone, data.test_images, size, *moments)
            right = _accuracy(head(tests), data.test_labels)
            yield (step + 1) // each, sum(losses[-each:]) / each, right


def _head(width: int, data: Dataset, seed: int) -> nn.Linear:
    """A linear classifier with small weights and no bias at the start."""
    generator = torch.Generator().manual_seed(seed)
    head = nn.Linear(width, len(data.classes))
    nn.init.normal_(head.weight, std=0.01, generator=generator)
    nn.init.zeros_(head.bias)
    return head


def new_head(loaded, data: Dataset, seed: int) -> nn.Linear:
    """The classifier that `finetune` starts from."""
    return _head(loaded.backbone.width, data, seed)


def _batches(recipe: Recipe, images: int) -> Iterator[torch.Tensor]:
    """Indices [B] of each step; a new order each epoch."""
    generator = torch.Generator().manual_seed(recipe.seed)
    size, done = recipe.batch_size, 0
    while True:
        for chosen in torch.randperm(images, generator=generator).split(size):
            if len(chosen) == size:
                yield chosen
                done += 1
            if done == recipe.steps:
                return


def _update(optimizer, recipe: Recipe, step: int, loss):
    if not math.isfinite(loss.item()):
        raise BadInput(
            f"base_lr is {recipe.base_lr}, but must be lower: the loss is "
            f"{loss.item()} at step {step + 1}."
        )
    optim.set_hyperparameters(optimizer, recipe, schedules.rate(recipe, step))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def _accuracy(scores, labels) -> float:
    return (scores.argmax(1) == labels).float().mean().item()
