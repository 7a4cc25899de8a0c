"""DINO on the same loop (2104.14294): a student predicts what its slow teacher says.

    view1, view2 --student--> scores    softmax(scores / temperature)
    view1, view2 --teacher--> scores    softmax((scores - centre) / its temperature)
    loss = cross entropy of each view's student with the other view's teacher

The teacher is the student's moving average; the centre, of the teacher's scores over
batches, keeps one prototype from winning all, the low teacher temperature keeps all
from being alike. Ours has two views, no small crops, and MoCo v3's projector, so that
only the loss differs from its relatives; then come DINO's prototypes, unit vectors that
the projector's unit output is compared with.
"""

import copy
import math

import torch
import torch.nn.functional as F
from torch import nn

from mocolib.execution import distributed
from mocolib.moco import Encoder, Framework, Output
from mocolib.recipe import Recipe

CENTRE_MOMENTUM = 0.9  # the paper's, section 5.3


class Prototypes(nn.Linear):
    """Cosines of embeddings [..., dim] with K learned directions: [..., K].

    DINO's weight-normed last layer with its gain fixed at 1, as the authors' default.
    """

    def __init__(self, dim: int, count: int):
        super().__init__(dim, count, bias=False)

    def forward(self, embeddings):
        directions = F.normalize(self.weight, dim=1)
        return F.linear(F.normalize(embeddings, dim=-1), directions)


class Scorer(Encoder):
    """Backbone, projector and prototypes: images to (scores, features)."""

    def __init__(self, recipe: Recipe, channels: int):
        super().__init__(recipe, channels)
        self.prototypes = Prototypes(recipe.head_dim, recipe.prototypes)

    def forward(self, views):
        """views [2, B, C, S, S] -> scores [2, B, K], features [2, B, d]."""
        embeddings, features = super().forward(views)
        return self.prototypes(embeddings), features


class DINO(Framework):
    """Student and teacher (2104.14294, algorithm 1), symmetric in two views."""

    compares_negatives = False

    def __init__(self, recipe: Recipe, channels: int, images: int | None = None):
        super().__init__(recipe)
        self.query = Scorer(recipe, channels)
        self.key = copy.deepcopy(self.query).requires_grad_(False)
        self.teacher_temperature = recipe.teacher_temperature
        self.register_buffer("centre", torch.zeros(recipe.prototypes))

    def forward(self, views, temperature: float, momentum: float, **_) -> Output:
        """views [2, B, C, S, S]; `temperature` is the student's."""
        scores, features = self.query(views)
        with torch.no_grad():
            self.update_key(momentum)
            taught, _ = self.key(views)
            targets = ((taught - self.centre) / self.teacher_temperature).softmax(-1)
            self.move_centre(taught)
        said = (scores / temperature).log_softmax(-1)
        loss = -(targets.flip(0) * said).sum(-1).mean()
        return Output(loss, features, temperature, spread(targets, features))

    @torch.no_grad()
    def move_centre(self, scores):
        """scores [2, B, K] of this process's share; the mean is that of all."""
        mean = distributed.mean(scores.flatten(0, 1).mean(0))
        self.centre.lerp_(mean, 1 - CENTRE_MOMENTUM)

    @staticmethod
    def chance_loss(recipe: Recipe) -> float:
        return math.log(recipe.prototypes)


@torch.no_grad()
def spread(targets, features) -> dict:
    """What tells a collapse of this loss: both near 0 where all images look alike.

    teacher_entropy  of what the teacher says of an image, in nats: 0 where it is sure,
                     ln K where it says nothing
    batch_entropy    of its mean over the batch: ln K where all prototypes are used, 0
                     where one has won
    feature_spread   root mean square distance of unit features from their mean: 0 where
                     all are alike, near 1 where they point everywhere
    """
    own = -torch.special.xlogy(targets, targets).sum(-1).mean()
    mean = targets.flatten(0, 1).mean(0)
    unit = F.normalize(features.flatten(0, 1), dim=1)
    apart = (unit - unit.mean(0)).square().sum(1).mean().sqrt()
    return {
        "teacher_entropy": own.item(),
        "batch_entropy": -torch.special.xlogy(mean, mean).sum().item(),
        "feature_spread": apart.item(),
    }
