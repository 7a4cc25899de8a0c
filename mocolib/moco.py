"""MoCo v3: query and key, heads, momentum, InfoNCE (paper, algorithm 1).

    view1, view2 --query encoder--> q1, q2      trained by gradient
    view1, view2 ---key encoder---> k1, k2      a moving average of the query encoder
    loss = contrast(q1, k2) + contrast(q2, k1)

The query encoder is backbone + projector + predictor, the key encoder backbone +
projector. The momentum update happens before the keys are computed, as in the
authors' code; BatchNorm buffers of the key side are its own running statistics.
"""

import copy
import itertools
import math
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import nn

from mocolib.execution import CHUNK, distributed
from mocolib.recipe import Recipe
from mocolib.vit import build_backbone


def mlp(sizes: list, norm: str, last_norm: bool = True) -> nn.Sequential:
    """Linear layers of these sizes, [B, first] to [B, last], with ReLU between them.

    norm: `batch` for BatchNorm behind each, the last without an affine part; or `none`.
    """
    layers = []
    for i, (inside, outside) in enumerate(itertools.pairwise(sizes)):
        last = i == len(sizes) - 2
        layers.append(nn.Linear(inside, outside, bias=False))
        if norm == "batch" and (not last or last_norm):
            layers.append(nn.BatchNorm1d(outside, affine=not last))
        if not last:
            layers.append(nn.ReLU())
    return nn.Sequential(*layers)


class Encoder(nn.Module):
    """Backbone and projector: images to (embedding [B, dim], features [B, d])."""

    def __init__(self, recipe: Recipe, channels: int):
        super().__init__()
        self.backbone = build_backbone(recipe, channels)
        # three layers for the ViT, two for the ResNet, as in the paper
        hidden = [recipe.head_hidden] * (2 if recipe.backbone == "vit" else 1)
        sizes = [self.backbone.width, *hidden, recipe.head_dim]
        self.projector = mlp(sizes, recipe.head_norm)
        # without BatchNorm in it a backbone may split and join batches, exactly
        norm = recipe.patch_projection_norm
        self.splits = recipe.backbone == "vit" and norm != "batch"
        self.chunk = CHUNK

    def forward(self, views):
        """views [2, B, C, S, S] -> embeddings [2, B, dim], features [2, B, d]."""
        if self.splits:
            chunks = views.flatten(0, 1).split(self.chunk)
            features = torch.cat([self.backbone(chunk)[0] for chunk in chunks])
            features = features.unflatten(0, views.shape[:2])  # [2, B, d]
        else:
            features = torch.stack([self.backbone(view)[0] for view in views])
        # BatchNorm sees each view on its own
        return torch.stack([self.projector(f) for f in features]), features


@dataclass(frozen=True)
class Output:
    """One forward pass: the loss and what a monitor may want of it."""

    loss: torch.Tensor
    features: torch.Tensor  # [2, B, d], before the heads, query side
    temperature: torch.Tensor | float
    monitors: dict = field(default_factory=dict)  # what its framework watches


class Framework(nn.Module):
    """What a model must have for the loop to train it; `frameworks` lists them.

    query      the side that learns. `query.backbone` gives (features [B, d], out) and
               has a `width`; a `query.chunk` is how many images it sees at once
    key        its moving average, and
    predictor  a head behind the query side, where a framework has them
    forward(views [2, B, C, S, S], temperature, momentum, images=, generator=)
               gives an `Output`. `images` [B] are places in the training set,
               `generator` draws what a step needs at random

    Made from (recipe, channels, images), the last one the number of training images.
    Parameters that take a gradient are trained; a learned tau is here already.
    """

    whole_batch = False  # must see all of a batch at once, in one process
    compares_negatives = True  # otherwise tau has no part in the loss

    def __init__(self, recipe: Recipe):
        super().__init__()
        start = None
        if recipe.temperature_schedule == "learned":
            logarithm = torch.tensor(recipe.temperature).log()
            start = nn.Parameter(logarithm, requires_grad=self.compares_negatives)
        self.register_parameter("log_temperature", start)

    def tau(self, given: float):
        """The learned temperature, or the one that the schedule gives."""
        return given if self.log_temperature is None else self.log_temperature.exp()

    @torch.no_grad()
    def update_key(self, momentum: float):
        """key <- m key + (1 - m) query (equation of section 3.1 of MoCo v1)."""
        torch._foreach_lerp_(
            list(self.key.parameters()), list(self.query.parameters()), 1 - momentum
        )

    @staticmethod
    def chance_loss(recipe: Recipe) -> float:
        """The loss where all cosines of a query are equal: about where a run starts."""
        raise NotImplementedError


class MoCo(Framework):
    """Both sides of MoCo v3 (2104.02057, algorithm 1), loss symmetric in two views."""

    def __init__(self, recipe: Recipe, channels: int, images: int | None = None):
        super().__init__(recipe)
        self.scaled = recipe.loss_factor == "2tau"
        self.query = Encoder(recipe, channels)
        self.key = copy.deepcopy(self.query).requires_grad_(False)
        sizes = [recipe.head_dim, recipe.head_hidden, recipe.head_dim]
        # the ViT's predictor ends in BatchNorm, the ResNet's does not
        self.predictor = (
            mlp(sizes, recipe.head_norm, last_norm=recipe.backbone == "vit")
            if recipe.predictor
            else nn.Identity()
        )

    def forward(self, views, temperature: float, momentum: float, **_) -> Output:
        """views [2, B, C, S, S]; a learned temperature replaces the one given.

        `images` and `generator`, which `train` hands on too, are for MoCo v1.
        """
        embeddings, features = self.query(views)
        queries = [self.predictor(e) for e in embeddings]
        with torch.no_grad():
            self.update_key(momentum)
            keys, _ = self.key(views)
        temperature = self.tau(temperature)
        loss = self.compare(queries[0], keys[1], temperature)
        loss = loss + self.compare(queries[1], keys[0], temperature)
        if not self.scaled:  # then a small tau means a large gradient
            loss = loss / (2 * temperature)
        return Output(loss, features, temperature)

    @staticmethod
    def compare(query, key, temperature):
        """The loss of one direction; BYOL has another."""
        return contrast(query, key, temperature)

    @staticmethod
    def chance_loss(recipe: Recipe) -> float:
        scale = 2 * recipe.temperature if recipe.loss_factor == "2tau" else 1
        return 2 * scale * math.log(recipe.batch_size)


def contrast(query, key, temperature):
    """InfoNCE x 2 tau: each query's positive is the key of the same row; [B, dim].

    Equation 1 of 2104.02057. The factor makes the gradient's scale less dependent on
    tau; an untrained pair starts near 2 tau ln B. Keys of all processes are compared.

    >>> round(contrast(torch.eye(4), torch.eye(4), temperature=1.0).item(), 3)
    1.487
    """
    query, key = F.normalize(query, dim=1), F.normalize(key, dim=1)
    keys = distributed.all_gather(key)
    logits = query @ keys.t() / temperature  # [B, all keys]
    first = distributed.rank() * len(query)
    target = torch.arange(first, first + len(query), device=query.device)
    return F.cross_entropy(logits, target) * (2 * temperature)
