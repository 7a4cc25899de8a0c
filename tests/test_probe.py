"""What the probe reads, against the same quantities worked out beside it."""

import pytest
import torch
from torch import nn

from mocolib.optim import build_optimizer, set_hyperparameters
from mocolib.probe import MEASURES, Probe, layers
from mocolib.schedules import rate
from mocolib.train import train
from tests.tiny import ADAM, CHOICES, blobs, rows, tiny

pytestmark = pytest.mark.numeric


class Toy(nn.Module):
    """Two matrices, and gradients of our choice."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.projector = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3))


def gradient(shape, t):
    """Different at each step, with zeros and sizes over some orders of magnitude."""
    generator = torch.Generator().manual_seed(t)
    sizes = 10 ** (-3 * torch.rand(shape, generator=generator))
    grad = torch.randn(shape, generator=generator) * sizes * t
    grad.view(-1)[0] = 0
    return grad


def measured(name, steps=4, **changes):
    """Tables of a toy's steps, and what was before and behind each of them."""
    recipe = tiny(**{"optimizer": name, "base_lr": 0.1, "warmup_steps": 0, **changes})
    model = Toy()
    optimizer = build_optimizer(recipe, model.named_parameters())
    probe = Probe(model, optimizer)
    weights = {"projector.0": model.projector[0].weight}
    weights["projector.2"] = model.projector[2].weight
    for t in range(1, steps + 1):
        set_hyperparameters(optimizer, recipe, rate(recipe, t))
        for parameter in model.parameters():
            parameter.grad = gradient(parameter.shape, t)
        before = {n: w.detach().clone() for n, w in weights.items()}
        grads = {n: w.grad.clone() for n, w in weights.items()}
        probe.before()
        optimizer.step()
        moved = {n: w.detach() - before[n] for n, w in weights.items()}
        yield t, probe.after(), grads, before, moved


@pytest.mark.parametrize("name", CHOICES["optimizer"])
def test_norms_update_and_direction(name):
    for _, table, grads, before, moved in measured(name):
        for layer, g in grads.items():
            d, w = moved[layer], before[layer]
            expected = {
                "grad_inf": g.abs().max(),
                "grad_l2": g.square().sum().sqrt(),
                "update": d.square().sum().sqrt() / w.square().sum().sqrt(),
                "cosine": -(d * g).sum() / d.norm() / g.norm(),
            }
            for measure, value in expected.items():
                found = table[measure][layer]
                assert found == pytest.approx(value.item(), rel=1e-4), measure


@pytest.mark.parametrize("name", ADAM)
@pytest.mark.parametrize("beta2", [0.9, 0.999])
@pytest.mark.parametrize("decay", ["all", "matrices"])
def test_adam_rms_by_hand(name, beta2, decay):
    """sqrt(mean(g^2 / v)), v a plain average of g^2 with Adam's weights.

    The three optimizers keep v raw, or already corrected, and count steps by
    parameter or by group; the number must be the same.
    """
    squares = {"projector.0": [], "projector.2": []}
    for t, table, grads, *_ in measured(name, beta2=beta2, decay=decay):
        for layer, g in grads.items():
            squares[layer].append(g.double().square())
            weights = [beta2 ** (t - 1 - i) for i in range(t)]
            parts = zip(weights, squares[layer], strict=True)
            v = sum(w * s for w, s in parts) / sum(weights)
            ratio = torch.where(v > 0, squares[layer][-1] / v, 0.0)
            expected = ratio.mean().sqrt().item()
            assert table["adam_rms"][layer] == pytest.approx(expected, rel=1e-4)
    assert t == 4


@pytest.mark.parametrize("name", ADAM)
def test_adam_rms_sees_both_triggers(name):
    """Above 1 after a gradient larger than those before, below 1 after a smaller."""
    readings = {}
    for scale in (10.0, 1.0, 0.1):
        model = Toy()
        optimizer = build_optimizer(tiny(optimizer=name), model.named_parameters())
        probe = Probe(model, optimizer)
        for size in (1.0, 1.0, 1.0, 1.0, scale):
            for parameter in model.parameters():
                parameter.grad = torch.full_like(parameter, size)
            probe.before()
            optimizer.step()
            readings[scale] = probe.after()["adam_rms"]["projector.0"]
    assert readings[10.0] > 1.5
    assert readings[1.0] == pytest.approx(1, rel=1e-3)
    assert readings[0.1] < 0.5


@pytest.mark.parametrize("name", sorted({*CHOICES["optimizer"]} - {*ADAM, "muon"}))
def test_without_a_second_moment_there_is_no_rms(name):
    for _, table, *_ in measured(name):
        assert table["adam_rms"] == {"projector.0": None, "projector.2": None}


def test_plain_sgd_goes_down_the_gradient():
    steps = measured("sgd", beta1=0.0, weight_decay=0.0)
    for _, table, *_ in steps:
        assert list(table["cosine"].values()) == pytest.approx([1, 1], abs=1e-5)


def test_layers_of_a_model_first_to_last():
    model = train(tiny(depth=2, position="learned"), blobs()).model
    blocks = [f"blocks.{i}.{n}" for i in (0, 1) for n in ("qkv", "proj", "fc1", "fc2")]
    heads = [*(f"projector.{i}" for i in range(3)), "predictor.0", "predictor.1"]
    found = layers(model)
    assert list(found) == ["patch_projection", *blocks, *heads]
    assert found["blocks.1.qkv"] is model.query.backbone.blocks[1].attention.qkv.weight
    assert found["predictor.1"] is model.predictor[3].weight
    assert found["projector.2"] is model.query.projector[6].weight


@pytest.mark.parametrize(
    "changes",
    [
        {"stem": "conv"},
        {"backbone": "resnet18"},
        {"backbone": "resnet8"},
        {"predictor": False},
    ],
)
def test_layers_of_other_models_have_names_of_their_own(changes):
    model = train(tiny(**changes), blobs()).model
    found = layers(model)
    query = [n for n, p in model.named_parameters() if n[:3] != "key" and p.ndim > 1]
    assert len(found) == len([n for n in query if "position" not in n])
    assert not any("query" in name or "body" in name for name in found)


def test_a_normed_weight_is_one_layer():
    found = layers(train(tiny(patch_projection_norm="weight"), blobs()).model)
    assert list(found) == list(layers(train(tiny(), blobs()).model))


@pytest.mark.parametrize("name", ADAM)
def test_a_slow_projection_steps_by_its_rate(name):
    """The first step: all but its length is as at the main rate."""
    plain = dict(optimizer=name, warmup_steps=0, weight_decay=0.0)
    one, slow = (
        rows(train(tiny(**plain, patch_projection_lr=factor), blobs()), 1)[0]
        for factor in (1.0, 0.2)
    )
    assert slow["lr"] == one["lr"]
    for measure, share in {"update": 0.2, "cosine": 1.0, "adam_rms": 1.0}.items():
        name = f"{measure}/patch_projection"
        assert slow[name] == pytest.approx(share * one[name], rel=1e-3)
        name = f"{measure}/blocks.0.qkv"
        assert slow[name] == pytest.approx(one[name], rel=1e-5)


def test_a_frozen_layer_gives_none():
    row = rows(train(tiny(patch_projection="fixed"), blobs()), 1)[0]
    for measure in MEASURES:
        assert row[f"{measure}/patch_projection"] is None
        assert row[f"{measure}/blocks.0.qkv"] > -1


def test_measuring_changes_nothing(monkeypatch):
    def weights():
        training = train(tiny(), blobs())
        rows(training)
        return training.model.state_dict()

    measured = weights()
    nothing = {measure: {} for measure in MEASURES}
    monkeypatch.setattr(Probe, "before", lambda self: None)
    monkeypatch.setattr(Probe, "after", lambda self: nothing)
    for name, value in weights().items():
        assert torch.equal(value, measured[name]), name


def test_the_whole_gradient_is_read_before_it_is_clipped():
    plain = dict(optimizer="sgd", beta1=0.0, weight_decay=0.0, warmup_steps=0)
    plain |= dict(base_lr=16)
    free, held = (train(tiny(**plain, grad_clip=c), blobs()) for c in (0.0, 1e-2))
    trained = [p for p in held.model.parameters() if p.requires_grad]
    before = [p.detach().clone() for p in trained]
    one, other = rows(free, 1)[0], rows(held, 1)[0]
    for name in one:
        if name.startswith(("grad_inf", "grad_l2")):
            assert other[name] == pytest.approx(one[name], rel=1e-5)
    steps = [(p - b).norm() for p, b in zip(trained, before, strict=True)]
    moved = torch.stack(steps).norm().item()
    assert moved == pytest.approx(held.recipe.lr * 1e-2, rel=1e-3)


def test_the_gradient_is_read_before_it_is_clipped():
    """Plain SGD without momentum: the step shows the clipped gradient."""
    plain = dict(optimizer="sgd", beta1=0.0, weight_decay=0.0, warmup_steps=0)
    plain |= dict(base_lr=16)  # lr 1, so that rounding doesn't cover the step
    free = train(tiny(**plain), blobs())
    held = train(tiny(**plain, patch_projection_clip=1e-2), blobs())
    weights = held.model.query.backbone.patch_projection
    before = [p.detach().clone() for p in weights.parameters()]
    one, other = rows(free, 1)[0], rows(held, 1)[0]
    for measure in ("grad_inf", "grad_l2", "cosine"):
        name = f"{measure}/patch_projection"
        assert other[name] == pytest.approx(one[name], rel=1e-4)
    assert other["cosine/patch_projection"] == pytest.approx(1, abs=1e-3)
    steps = [p - b for p, b in zip(weights.parameters(), before, strict=True)]
    moved = torch.cat([s.detach().flatten() for s in steps]).norm().item()
    assert moved == pytest.approx(held.recipe.lr * 1e-2, rel=1e-3)


def test_a_timm_vit_in_a_plain_loop_is_read_like_ours():
    """First layer to last under timm's own names, against the gradients themselves."""
    import timm

    torch.manual_seed(0)
    model = timm.create_model(
        "vit_tiny_patch16_224", img_size=8, patch_size=4, in_chans=1, num_classes=3
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    probe = Probe(model, optimizer)
    for _ in range(2):
        optimizer.zero_grad()
        model(torch.randn(4, 1, 8, 8)).square().mean().backward()
        probe.before()
        largest = model.patch_embed.proj.weight.grad.abs().max().item()
        optimizer.step()
        table = probe.after()
    names = list(table["grad_inf"])
    assert names[0] == "patch_embed.proj"
    assert names[-1] == "head"
    assert "blocks.11.attn.qkv" in names
    assert table["grad_inf"]["patch_embed.proj"] == largest
    assert 0 < table["adam_rms"]["patch_embed.proj"] < 10
