"""MoCo v3's relatives, on the same loop: SimCLR, BYOL, MoCo v1, and DINO (`dino`).

    SimCLR   one encoder; each view's positive is the other, all else is negative
    BYOL     MoCo v3's two sides and predictor, but no negatives
    MoCo v1  one direction, a linear head, and K negatives from a queue, from a memory
             bank, or from the batch itself (figure 2 of its paper)

On a ViT the first two keep MoCo v3's heads, so that only the loss differs.
"""

import copy
import math
import re

import torch
import torch.nn.functional as F
from torch import nn

from mocolib.dino import DINO
from mocolib.errors import BadInput
from mocolib.execution import Execution, distributed
from mocolib.execution.distributed import all_gather_with_grad
from mocolib.moco import Encoder, Framework, MoCo, Output
from mocolib.recipe import Recipe
from mocolib.vit import build_backbone

BANK_MOMENTUM = 0.5  # of a stored feature, as in InstDisc (1805.01978)


class SimCLR(Framework):
    """No key side, no predictor, no momentum (2002.05709)."""

    def __init__(self, recipe: Recipe, channels: int, images: int | None = None):
        super().__init__(recipe)
        self.query = Encoder(recipe, channels)

    def forward(self, views, temperature: float, momentum: float, **_) -> Output:
        """views [2, B, C, S, S]; there is nothing for the momentum to move."""
        embeddings, features = self.query(views)
        temperature = self.tau(temperature)
        loss = nt_xent(all_gather_with_grad(embeddings), temperature)
        return Output(loss, features, temperature)

    @staticmethod
    def chance_loss(recipe: Recipe) -> float:
        return math.log(2 * recipe.batch_size - 1)


def nt_xent(embeddings, temperature):
    """Cross entropy of each of 2 B embeddings against the 2 B - 1 others.

    embeddings [2, B, dim]; an untrained encoder starts near ln(2 B - 1). Equation 1 of
    2002.05709.
    """
    flat = F.normalize(embeddings.flatten(0, 1), dim=1)
    logits = flat @ flat.t() / temperature  # [2B, 2B]
    itself = torch.eye(len(flat), dtype=torch.bool, device=flat.device)
    logits = logits.masked_fill(itself, -torch.inf)
    partner = torch.arange(len(flat), device=flat.device).roll(len(flat) // 2)
    return F.cross_entropy(logits, partner)


class BYOL(MoCo):
    """MoCo v3 without negatives: only the positives' cosine counts (2006.07733)."""

    compares_negatives = False

    @staticmethod
    def compare(query, key, temperature):
        """2 - 2 cos, the squared distance of the directions; [B, dim], no tau."""
        return (2 - 2 * F.cosine_similarity(query, key, dim=1)).mean()

    @staticmethod
    def chance_loss(recipe: Recipe) -> float:
        return 4.0  # of two directions, at cosine 0


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
    """Query from view 1, key from view 2, and K negatives by one of three mechanisms.

    queue        keys of the momentum encoder: the last K of the steps before
    memory_bank  a feature stored for each training image, from when it was last seen
    end_to_end   keys of the batch, from the query encoder itself, with gradient
    """

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


FRAMEWORKS = {
    "moco_v3": MoCo,
    "moco_v1": MoCoV1,
    "simclr": SimCLR,
    "byol": BYOL,
    "dino": DINO,
}


def build_model(recipe: Recipe, channels: int, images: int) -> Framework:
    """The model of a recipe's framework, for images of so many channels.

    images: how many there are to train on; MoCo v1's memory bank holds them all.
    """
    model = FRAMEWORKS[recipe.framework](recipe, channels, images)
    if recipe.frozen != "none":
        freeze(model, recipe.frozen)
    return model


def freeze(model: Framework, beginning: str):
    """Fix the trained layers whose names begin so, as in `blocks.0.fc`.

    BadInput where there is none: the sentence names the layers that there are.
    """
    trained = {
        re.sub(r"^query\.|backbone\.|attention\.", "", name): parameter
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }
    chosen = [p for name, p in trained.items() if name.startswith(beginning)]
    if not chosen:
        layers = dict.fromkeys(name.rpartition(".")[0] or name for name in trained)
        raise BadInput(
            f"frozen is {beginning!r}, but must be none or begin one of "
            f"{', '.join(layers)}."
        )
    for parameter in chosen:
        parameter.requires_grad_(False)


def check(recipe: Recipe, execution: Execution):
    """BadInput where a batch would be divided that must be seen whole."""
    if not FRAMEWORKS[recipe.framework].whole_batch:
        return
    if distributed.world_size() > 1:
        able = [name for name, kind in FRAMEWORKS.items() if not kind.whole_batch]
        raise BadInput(
            f"framework is {recipe.framework!r}, but must be one of {', '.join(able)} "
            "over several processes."
        )
    execution.check_whole_batch()
