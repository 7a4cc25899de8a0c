"""MoCo v3's relatives, on the same loop, and the register of them all.

    SimCLR   one encoder; each view's positive is the other, all else is negative
    BYOL     MoCo v3's two sides and predictor, but no negatives
    DINO     a student that predicts what its slow teacher says, see `dino`
    MoCo v1  a linear head, and K negatives by one of three mechanisms, see `moco_v1`

On a ViT the first three keep MoCo v3's heads, so that only the loss differs.
"""

import math
import re

import torch
import torch.nn.functional as F

from mocolib.errors import BadInput
from mocolib.execution import Execution, distributed
from mocolib.execution.distributed import all_gather_with_grad
from mocolib.frameworks.dino import DINO
from mocolib.frameworks.moco_v1 import MoCoV1
from mocolib.moco import Encoder, Framework, MoCo, Output
from mocolib.recipe import Recipe


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
