"""DINO's loss by hand, its centre, and what tells its collapse."""

import math

import pytest
import torch
import torch.nn.functional as F

from mocolib.frameworks.dino import CENTRE_MOMENTUM, DINO, Prototypes, spread
from mocolib.train import train
from tests.test_frameworks import CASES, call, model_of
from tests.test_moco import noise, views
from tests.tiny import blobs, rows, tiny

SETTING = CASES["dino"]


def dino(**changes) -> DINO:
    return model_of(**{**SETTING, **changes})


def test_the_loss_is_the_cross_entropy_with_the_other_views_teacher():
    model = dino()
    with torch.no_grad():
        model.centre.copy_(0.1 * noise(12))
        scores, _ = model.query(views())
        taught, _ = model.key(views())
    expected = 0.0
    for student, teacher in ((0, 1), (1, 0)):
        target = F.softmax((taught[teacher] - model.centre) / 0.04, -1)
        expected += F.cross_entropy(scores[student] / 0.1, target) / 2
    output = model(views(), 0.1, 1.0)
    assert output.loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_prototypes_are_directions():
    layer = Prototypes(6, 12)
    embeddings = noise(2, 5, 6)
    cosines = F.cosine_similarity(embeddings[..., None, :], layer.weight, dim=-1)
    assert torch.allclose(layer(3 * embeddings), cosines, atol=1e-6)


def test_the_centre_follows_the_teachers_scores():
    model = dino()
    with torch.no_grad():
        mean = model.key(views())[0].flatten(0, 1).mean(0)
    model(views(), 0.1, 1.0)
    assert torch.allclose(model.centre, (1 - CENTRE_MOMENTUM) * mean, atol=1e-7)


def test_the_teacher_is_slow_and_gets_no_gradient():
    model = dino()
    call(model).loss.backward()
    assert all(p.grad is None for p in model.key.parameters())
    assert model.query.prototypes.weight.grad.abs().max() > 0


def test_what_tells_a_collapse():
    """All alike, all on one prototype, or spread out: three numbers tell which."""
    flat, k = torch.full((2, 8, 4), 0.25), 4
    one = F.one_hot(torch.zeros(2, 8, dtype=torch.long), k).float()
    each = F.one_hot(torch.arange(16) % k, k).float().view(2, 8, k)
    alike, apart = torch.ones(2, 8, 16), torch.eye(16).view(2, 8, 16)
    for targets, features, own, batch, distance in (
        (flat, alike, math.log(k), math.log(k), 0),
        (one, alike, 0, 0, 0),
        (each, apart, 0, math.log(k), (1 - 1 / 16) ** 0.5),
    ):
        found = spread(targets, features)
        assert found["teacher_entropy"] == pytest.approx(own, abs=1e-6)
        assert found["batch_entropy"] == pytest.approx(batch, abs=1e-6)
        assert found["feature_spread"] == pytest.approx(distance, abs=1e-6)


def test_a_step_records_what_its_framework_watches():
    row = rows(train(tiny(**SETTING), blobs()), 1)[0]
    assert 0 < row["monitors/teacher_entropy"] < math.log(12)
    others = rows(train(tiny(), blobs()), 1)[0]
    assert not [name for name in others if name.startswith("monitors")]


def test_chance_says_nothing_of_an_image():
    assert DINO.chance_loss(tiny(**SETTING)) == pytest.approx(math.log(12))
