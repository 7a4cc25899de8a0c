"""MoCo v1 on the same loop (1911.05722): one direction, a linear head, and K negatives.

queue        keys of the momentum encoder: the last K of the steps before
memory_bank  a feature stored for each training image, from when it was last seen
end_to_end   keys of the batch, from the query encoder itself, with gradient

Figure 2 of its paper compares the three.
"""

import copy
import math

import torch
import torch.nn.functional as F
from torch import nn

from mocolib.moco import Framework, Output
from mocolib.recipe import Recipe
from mocolib.vit import build_backbone

BANK_MOMENTUM = 0.5  # of a stored feature, as in InstDisc (1805.01978)


class LinearEncoder(nn.Module):
    """Backbone and one linear layer, with BatchNorm by groups of the batch."""

    def __init__(self, recipe: Recipe, channels: int):
        super().__init__()
        self.backbone = build_backbone(recipe, channels)
        self.projector = nn.Linear(self.backbone.width, recipe.head_dim)
        self.groups = recipe.bn_groups

    def forward(self, images):
        """images [B, C, S, S] -> directions [B, dim], features [B, d].

        Each group passes alone, as on a device of its own, so that BatchNorm sees no
        other group's images.
        """
        parts = [self.backbone(part)[0] for part in images.chunk(self.groups)]
        features = torch.cat(parts)
        return F.normalize(self.projector(features), dim=1), features


class MoCoV1(Framework):
    """Query from view 1, key from view 2, K negatives by one of three mechanisms."""

    whole_batch = True

    def __init__(self, recipe: Recipe, channels: int, images: int):
        super().__init__(recipe)
        self.keys, self.negatives = recipe.keys, recipe.negatives
        self.shuffles = recipe.shuffle_bn
        self.query = LinearEncoder(recipe, channels)
        if self.keys == "queue":
            self.key = copy.deepcopy(self.query).requires_grad_(False)
            start = random_unit_vectors(self.negatives, recipe.head_dim)
            self.register_buffer("queue", start)
            self.register_buffer("pushed", torch.tensor(0))
        if self.keys == "memory_bank":
            self.register_buffer("bank", random_unit_vectors(images, recipe.head_dim))

    def forward(
        self, views, temperature: float, momentum: float, images=None, generator=None
    ) -> Output:
        """views [2, B, C, S, S]; `images` [B] are their places in the training set.

        The step's generator draws the shuffle, and the negatives from the bank.
        """
        queries, features = self.query(views[0])
        temperature = self.tau(temperature)
        if self.keys == "end_to_end":
            keys = self._encode(self.query, views[1], generator)
            logits = logits_in_batch(queries, keys, self.negatives)
        elif self.keys == "queue":
            with torch.no_grad():
                self.update_key(momentum)
                keys = self._encode(self.key, views[1], generator)
            logits = logits_against(queries, keys, self.queue.clone())
            self.enqueue(keys)
        else:
            choice = torch.randint(
                len(self.bank), (self.negatives,), generator=generator
            )
            logits = logits_against(queries, self.bank[images], self.bank[choice])
            self.store(images, queries)
        target = torch.zeros(len(queries), dtype=torch.long, device=queries.device)
        loss = F.cross_entropy(logits / temperature, target)
        return Output(loss, features[None], temperature)

    @staticmethod
    def chance_loss(recipe: Recipe) -> float:
        return math.log(1 + recipe.negatives)

    def _encode(self, encoder, images, generator):
        """Directions [B, dim]; shuffled, an image meets another group's statistics."""
        if not self.shuffles:
            return encoder(images)[0]
        order = torch.randperm(len(images), generator=generator)
        return encoder(images[order])[0][order.argsort()]

    @torch.no_grad()
    def enqueue(self, keys):
        """keys [B, dim] take the places of the oldest; of too many the last stay."""
        keys = keys[-self.negatives :]
        ahead = torch.arange(len(keys), device=keys.device)
        place = (self.pushed + ahead) % self.negatives
        self.queue[place] = keys
        self.pushed += len(keys)

    @torch.no_grad()
    def store(self, images, queries):
        """Move the images' stored features towards what they are now."""
        moved = torch.lerp(queries, self.bank[images], BANK_MOMENTUM)
        self.bank[images] = F.normalize(moved, dim=1)


def random_unit_vectors(count: int, dim: int) -> torch.Tensor:
    """Random unit vectors [count, dim], until there are features to put there."""
    return F.normalize(torch.randn(count, dim), dim=1)


def logits_against(queries, positives, negatives):
    """Cosines of each query with its positive, then with all negatives.

    queries and positives [B, dim], negatives [K, dim], all of length 1; [B, 1 + K].
    Algorithm 1 of 1911.05722, before it divides by tau.
    """
    own = (queries * positives).sum(1, keepdim=True)
    return torch.cat([own, queries @ negatives.t()], dim=1)


def logits_in_batch(queries, keys, negatives: int):
    """The same where row i's negatives are the keys of the next K rows, cyclically."""
    row = torch.arange(len(queries), device=queries.device)[:, None]
    ahead = torch.arange(negatives + 1, device=queries.device)
    return (queries @ keys.t()).gather(1, (row + ahead) % len(queries))
