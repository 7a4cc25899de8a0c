"""The picture of one step shows the model's own loss and leaves the model alone."""

import numpy as np
import pytest
import torch

from mocolib import lab
from mocolib.lab.matching import CELL
from mocolib.moco import contrast
from mocolib.recipe import Recipe
from tests.tiny import blobs

AT = (0, 3)


@pytest.fixture(scope="module")
def recipe():
    return Recipe(
        width=8, depth=1, heads=1, patch_size=4, image_size=8, batch_size=32,
        head_hidden=16, head_dim=8, steps=4, warmup_steps=0, knn_every=0,
    )  # fmt: skip


@pytest.fixture(scope="module")
def seen(recipe):
    return lab.matches(recipe, blobs(), AT)


def test_probabilities_are_a_softmax_over_keys(seen):
    for tau in (0.05, 1.0):
        shares = seen.probabilities(3, tau)
        assert shares.sum(1) == pytest.approx(1)
    sharp, soft = seen.probabilities(3, 0.05), seen.probabilities(3, 1.0)
    assert sharp.max() > soft.max()


def test_the_loss_is_the_models(seen):
    """Vectors with the picture's cosines, through the model's own contrast."""
    cosines = torch.as_tensor(seen.cosines[3])
    for tau in (0.1, 0.5):
        target = torch.arange(len(cosines))
        expected = torch.nn.functional.cross_entropy(cosines / tau, target) * 2 * tau
        assert seen.loss(3, tau) == pytest.approx(expected.item(), rel=1e-4)
    eye = torch.eye(4)
    known = type(seen)(views=seen.views, cosines={0: eye.numpy()})
    assert known.loss(0, 0.2) == pytest.approx(contrast(eye, eye, 0.2).item(), rel=1e-5)


def test_the_picture_is_black_where_a_query_is_certain(seen):
    n = len(seen.views[0])
    certain = type(seen)(views=seen.views, cosines={0: np.eye(n, dtype=np.float32)})
    shown = certain.picture(0, 0.01)
    assert shown.shape == ((n + 1) * CELL,) * 2
    assert shown[CELL:, CELL:][:CELL, :CELL].max() <= 1
    assert shown[CELL:, CELL:][:CELL, CELL:].min() >= 254
    assert (shown[CELL : 2 * CELL, :CELL] == seen.views[0][0]).all()
    assert (shown[:CELL, CELL : 2 * CELL] == seen.views[1][0]).all()


def test_looking_does_not_change_the_training(recipe, seen):
    """The same cosines where nobody looked in between."""
    unseen = lab.matches(recipe, blobs(), AT[1:])
    assert (unseen.cosines[3] == seen.cosines[3]).all()
