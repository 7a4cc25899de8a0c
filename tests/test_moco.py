"""Query and key, the loss and the momentum, against numbers worked by hand."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mocolib.execution import CHUNK
from mocolib.moco import Encoder, MoCo, contrast, mlp
from tests.near import SAME, distance
from tests.tiny import random_images, tiny

pytestmark = pytest.mark.numeric


def build(seed=0, **changes) -> MoCo:
    torch.manual_seed(seed)
    return MoCo(tiny(**changes), 3)


def views(n=16, seed=0):
    return random_images(2 * n, 3, 8, seed).view(2, n, 3, 8, 8) / 64 - 2


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# ---- the loss


def test_the_loss_by_hand():
    """Two queries, two keys, tau 1/2.

    Cosines are [[1, 0], [0.6, 0.8]]; over tau [[2, 0], [1.2, 1.6]]. The rows' losses
    are ln(1 + e^-2) = 0.126928 and ln(1 + e^-0.4) = 0.513015; their mean times 2 tau
    is 0.319972.
    """
    query = torch.tensor([[3.0, 0.0], [6.0, 8.0]])  # lengths don't matter
    key = torch.tensor([[2.0, 0.0], [0.0, 5.0]])
    assert contrast(query, key, 0.5).item() == pytest.approx(0.319972, abs=1e-6)


@pytest.mark.parametrize("tau", [0.05, 0.2, 1.0])
def test_the_loss_against_its_definition(tau):
    query, key = noise(6, 5), noise(6, 5, seed=1)
    total = 0.0
    for i in range(6):
        cosines = [F.cosine_similarity(query[i], k, dim=0).item() for k in key]
        shares = [math.exp(c / tau) for c in cosines]
        total -= math.log(shares[i] / sum(shares))
    assert contrast(query, key, tau).item() == pytest.approx(
        2 * tau * total / 6, rel=1e-5
    )


def test_a_perfect_match_among_opposites_costs_nothing():
    query = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    assert contrast(query, query, 0.05).item() == pytest.approx(0, abs=1e-6)
    assert contrast(query, -query, 0.05).item() == pytest.approx(4.0, abs=1e-4)


@pytest.mark.parametrize("n", [32, 256])
def test_an_untrained_model_starts_near_4_tau_ln_n(n):
    model = build(head_hidden=64, head_dim=64, width=32)
    loss = model(views(n), 0.2, 0.99).loss.item()
    assert loss == pytest.approx(4 * 0.2 * math.log(n), rel=0.1)


def test_the_loss_pairs_each_view_with_the_other():
    model = build()
    both = views()
    output = model(both, 0.2, 1.0)
    queries = [model.predictor(e) for e in model.query(both)[0]]
    keys, _ = model.key(both)
    expected = contrast(queries[0], keys[1], 0.2) + contrast(queries[1], keys[0], 0.2)
    assert output.loss.item() == pytest.approx(expected.item(), rel=1e-6)
    swapped = model(both.flip(0), 0.2, 1.0).loss.item()
    assert swapped == pytest.approx(output.loss.item(), rel=1e-6)


def test_features_come_from_before_the_heads():
    model = build().double()
    both = views().double()
    features = model(both, 0.2, 0.99).features
    assert features.shape == (2, 16, 8)
    assert distance(features[1], model.query.backbone(both[1])[0]) < SAME


# ---- momentum


@pytest.mark.parametrize("m", [0.0, 0.5, 0.9, 0.99, 1.0])
def test_the_momentum_update_is_exact(m):
    """key <- m key + (1 - m) query, to the last rounding; 0 copies, 1 keeps."""
    model = build()
    with torch.no_grad():
        for parameter in model.query.parameters():
            parameter.add_(noise(*parameter.shape))
    before = [p.double() for p in model.key.parameters()]
    model.update_key(m)
    for old, key, query in zip(
        before, model.key.parameters(), model.query.parameters(), strict=True
    ):
        expected = m * old + (1 - m) * query.double()
        assert torch.allclose(key.double(), expected, rtol=1e-6, atol=1e-7)
        if m in (0.0, 1.0):
            assert torch.equal(key.double(), expected)


def test_the_key_moves_before_the_keys_are_computed():
    model = build(momentum=0.0)
    with torch.no_grad():
        for parameter in model.query.parameters():
            parameter.mul_(1.5)
    model(views(), 0.2, 0.0)
    for key, query in zip(
        model.key.parameters(), model.query.parameters(), strict=True
    ):
        assert torch.equal(key, query)


def test_the_loss_without_its_factor_is_the_cross_entropy_itself():
    """Both directions summed; an untrained one starts near 2 ln N whatever tau is."""
    for tau in (0.05, 0.2):
        scaled = build()(views(), tau, 0.99).loss
        plain = build(loss_factor="one")(views(), tau, 0.99).loss
        assert plain.item() == pytest.approx(scaled.item() / (2 * tau), rel=1e-5)
    one, other = (
        MoCo.chance_loss(tiny(loss_factor="one", temperature=tau)) for tau in (0.1, 0.2)
    )
    assert one == other == pytest.approx(2 * math.log(tiny().batch_size))


def test_both_sides_start_equal_and_share_nothing():
    model = build()
    pairs = zip(model.key.parameters(), model.query.parameters(), strict=True)
    for key, query in pairs:
        assert torch.equal(key, query)
        assert key.data_ptr() != query.data_ptr()


def test_only_the_query_side_gets_a_gradient():
    model = build()
    model(views(), 0.2, 0.99).loss.backward()
    assert all(p.grad is None for p in model.key.parameters())
    assert all(not p.requires_grad for p in model.key.parameters())
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad.abs().max() > 0, name


def test_each_side_keeps_batch_statistics_of_its_own():
    model = build()
    with torch.no_grad():
        for parameter in model.query.parameters():
            parameter.add_(noise(*parameter.shape))
    model(views(), 0.2, 0.99)
    query, key = (dict(side.named_buffers()) for side in (model.query, model.key))
    names = [n for n in query if n.endswith("running_var")]
    assert names
    for name in names:
        assert not torch.allclose(query[name], key[name])


# ---- heads


def test_batch_norm_sees_each_view_on_its_own():
    model = build()
    both = views()
    both[1] *= 3
    embeddings, features = model.query(both)
    alone = model.query.projector(features[1])
    assert torch.allclose(embeddings[1], alone, atol=1e-5)
    joined = model.query.projector(features.flatten(0, 1)).unflatten(0, (2, 16))
    assert not torch.allclose(embeddings, joined, atol=1e-2)


def test_a_large_batch_is_split_without_a_trace():
    model = build().double()
    n = CHUNK // 2 + 13  # 2 n images make one whole chunk and a rest
    both = views(n).double()
    _, features = model.query(both)
    whole = model.query.backbone(both.flatten(0, 1))[0].unflatten(0, (2, n))
    assert distance(features, whole) < SAME


def shape_of(head) -> list:
    """A head in words: linear sizes, norms with or without affine part, relu."""
    words = []
    for layer in head:
        if isinstance(layer, nn.Linear):
            assert layer.bias is None
            words.append((layer.in_features, layer.out_features))
        elif isinstance(layer, nn.BatchNorm1d):
            words.append("norm affine" if layer.affine else "norm")
        else:
            words.append(type(layer).__name__.lower())
    return words


def test_heads_of_the_vit():
    model = build(head_hidden=16, head_dim=6)
    hidden = ["norm affine", "relu"]
    assert shape_of(model.query.projector) == [
        *((8, 16), *hidden, (16, 16), *hidden),
        *((16, 6), "norm"),
    ]
    assert shape_of(model.predictor) == [(6, 16), *hidden, (16, 6), "norm"]


def test_heads_of_the_resnet():
    model = build(backbone="resnet18", head_hidden=16, head_dim=6)
    hidden = ["norm affine", "relu"]
    projector = [(512, 16), *hidden, (16, 6), "norm"]
    assert shape_of(model.query.projector) == projector
    assert shape_of(model.predictor) == [(6, 16), *hidden, (16, 6)]


def test_a_head_against_plain_layers():
    torch.manual_seed(0)
    head = mlp([5, 7, 3], "batch")
    x = noise(11, 5)

    def normal(y):
        return (y - y.mean(0)) / (y.var(0, correction=0) + 1e-5).sqrt()

    hidden = normal(x @ head[0].weight.t()).clamp(min=0)
    assert torch.allclose(head(x), normal(hidden @ head[3].weight.t()), atol=1e-5)


def test_heads_without_norm():
    model = build(head_norm="none")
    assert not any(isinstance(m, nn.BatchNorm1d) for m in model.modules())
    assert model(views(), 0.2, 0.99).loss.isfinite()


def test_without_a_predictor_the_embedding_is_the_query():
    model = build(predictor=False)
    assert not list(model.predictor.parameters())
    both = views()
    loss = model(both, 0.2, 1.0).loss
    embeddings, _ = model.query(both)
    keys, _ = model.key(both)
    expected = contrast(embeddings[0], keys[1], 0.2) + contrast(
        embeddings[1], keys[0], 0.2
    )
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_a_resnet_sees_each_view_on_its_own():
    torch.manual_seed(0)
    encoder = Encoder(tiny(backbone="resnet18"), 3)
    both = views(4)
    _, features = encoder(both)
    assert torch.allclose(features[1], encoder.backbone(both[1])[0], atol=1e-4)


# ---- temperature


def test_a_learned_temperature_starts_as_given_and_gets_a_gradient():
    model = build(temperature_schedule="learned", temperature=0.3)
    output = model(views(), 99.0, 0.99)  # what is handed in does not count
    assert output.temperature.item() == pytest.approx(0.3, rel=1e-6)
    output.loss.backward()
    step = 1e-3
    losses = []
    for sign in (1, -1):
        again = build(temperature_schedule="learned", temperature=0.3)
        with torch.no_grad():
            again.log_temperature += sign * step
        losses.append(again(views(), 99.0, 0.99).loss.item())
    slope = (losses[0] - losses[1]) / (2 * step)
    assert model.log_temperature.grad.item() == pytest.approx(slope, rel=0.01)


def test_a_fixed_temperature_is_no_parameter():
    assert "log_temperature" not in dict(build().named_parameters())
    assert build()(views(), 0.7, 0.99).temperature == 0.7
