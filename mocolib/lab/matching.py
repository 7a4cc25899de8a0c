"""One step of MoCo v3 as a picture: which key each query takes for its own."""

import copy
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from mocolib.batches import views_of
from mocolib.data import Dataset
from mocolib.recipe import Recipe
from mocolib.train import train

CELL = 14  # pixels a side of one thumbnail or one probability


@dataclass(frozen=True, kw_only=True)
class Matches:
    """Queries and keys of a few images, each of length 1, at some steps of a run."""

    views: np.ndarray  # uint8 [2, n, CELL, CELL]: what query and key side saw
    cosines: dict  # {steps trained: [n, n]}, rows queries of view 1, columns keys

    def probabilities(self, step: int, temperature: float) -> np.ndarray:
        """Softmax over the keys, [n, n]; the right ones on the diagonal."""
        logits = torch.as_tensor(self.cosines[step]) / temperature
        return logits.softmax(1).numpy()

    def loss(self, step: int, temperature: float) -> float:
        """One direction: 2 tau x cross entropy; 2 tau ln n if all keys look alike."""
        right = np.diag(self.probabilities(step, temperature))
        return float(-2 * temperature * np.log(np.maximum(right, 1e-30)).mean())

    def picture(self, step: int, temperature: float) -> np.ndarray:
        """uint8 [(n+1) CELL, (n+1) CELL]: views beside and above, black for certain."""
        n = len(self.views[0])
        shown = np.full(((n + 1) * CELL,) * 2, 255, np.uint8)
        shown[CELL:, :CELL] = self.views[0].reshape(n * CELL, CELL)
        shown[:CELL, CELL:] = np.concatenate(list(self.views[1]), axis=1)
        dark = 255 * (1 - self.probabilities(step, temperature))
        shown[CELL:, CELL:] = np.kron(dark, np.ones((CELL, CELL))).astype(np.uint8)
        return shown


def matches(recipe: Recipe, data: Dataset, at: tuple) -> Matches:
    """Train `recipe` and look at one image of each class before and after some steps.

    The images are the first of their class among the first of the training set, as
    many as a batch, so that BatchNorm sees a whole one.
    """
    size, training = recipe.batch_size, train(recipe, data)
    generator = torch.Generator().manual_seed(recipe.seed)
    views = views_of(data.train_images[:size], recipe, data, generator)
    labels = data.train_labels[:size]
    picked = [int((labels == c).nonzero()[0]) for c in range(len(data.classes))]
    cosines = {}
    for done in range(max(at) + 1):
        if done in at:
            cosines[done] = _cosines(training.model, views)[picked][:, picked].numpy()
        if done < max(at):
            next(training)
    pixels = views[:, picked] * data.std[:, None, None] + data.mean[:, None, None]
    small = F.adaptive_avg_pool2d(pixels.mean(2), CELL)
    small = (255 * small.clamp(0, 1)).byte().numpy()
    return Matches(views=small, cosines=cosines)


@torch.no_grad()
def _cosines(model, views) -> torch.Tensor:
    """Queries of view 1 against keys of view 2, [B, B]; the model stays as it was."""
    model = copy.deepcopy(model)  # a forward pass moves BatchNorm's running statistics
    query = model.predictor(model.query(views)[0][0])
    key = model.key(views)[0][1]
    return F.normalize(query, dim=1) @ F.normalize(key, dim=1).t()
