"""Schedules at points worked by hand, and each optimizer's step."""

import math

import pytest
import torch

from mocolib import schedules
from mocolib.moco import MoCo
from mocolib.optim import (
    OPTIMIZERS,
    PROJECTION,
    build_optimizer,
    clip,
    set_hyperparameters,
)
from mocolib.schedules import rate
from tests.tiny import CHOICES, tiny

pytestmark = pytest.mark.numeric


# ---- schedules


def test_warmup_is_linear_and_ends_at_the_full_rate():
    recipe = tiny(base_lr=0.16, batch_size=32, warmup_steps=4, steps=20)  # lr 0.02
    rates = [rate(recipe, step) for step in range(20)]
    assert rates[:6] == pytest.approx([0.005, 0.01, 0.015, 0.02, 0.02, 0.02])
    assert set(rates[4:]) == {recipe.lr}


def test_the_cosine_goes_from_the_full_rate_to_zero():
    recipe = tiny(
        base_lr=0.16, batch_size=32, warmup_steps=4, steps=20, schedule="cosine"
    )
    assert rate(recipe, 3) == pytest.approx(0.02)
    assert rate(recipe, 4) == pytest.approx(0.02)
    assert rate(recipe, 8) == pytest.approx(0.02 * (1 + math.sqrt(0.5)) / 2)
    assert rate(recipe, 12) == pytest.approx(0.01)
    assert 0 < rate(recipe, 19) < 0.001


def test_no_warmup_and_nothing_but_warmup():
    assert rate(tiny(base_lr=0.16, warmup_steps=0), 0) == pytest.approx(0.01)
    only = tiny(base_lr=0.16, warmup_steps=12, steps=12, schedule="cosine")
    assert rate(only, 11) == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [0.2, 0.2, 0.2, 0.2]),
        ("step", [0.2, 0.1, 0.1, 0.1]),
        ("warmup", [0.12, 0.1, 0.1, 0.1]),
        ("ramp", [0.2, 0.2, 0.15, 0.1]),
    ],
)
def test_temperature_schedules(schedule, expected):
    recipe = tiny(
        temperature_schedule=schedule,
        temperature_end=0.1,
        temperature_step=5,
        steps=16,
    )
    found = [schedules.temperature(recipe, step) for step in (4, 5, 10, 15)]
    assert found == pytest.approx(expected)


def test_a_warmup_of_the_temperature_goes_up_on_a_line_and_stays():
    """DINO's teacher: .04 at first, .07 after its warmup."""
    tau = dict(temperature=0.04, temperature_end=0.07, temperature_step=3, steps=16)
    recipe = tiny(temperature_schedule="warmup", **tau)
    found = [schedules.temperature(recipe, step) for step in range(6)]
    assert found == pytest.approx([0.04, 0.05, 0.06, 0.07, 0.07, 0.07])
    at_once = recipe.replace(temperature_step=0)
    assert schedules.temperature(at_once, 0) == 0.07


def test_a_ramp_from_the_last_step_on():
    recipe = tiny(
        temperature_schedule="ramp", temperature_end=0.1, temperature_step=15, steps=16
    )
    assert schedules.temperature(recipe, 14) == 0.2
    assert schedules.temperature(recipe, 15) == 0.2


def test_momentum_schedules():
    constant = tiny(momentum=0.9, steps=100)
    assert {schedules.momentum(constant, step) for step in range(100)} == {0.9}
    cosine = constant.replace(momentum_schedule="cosine")
    found = [schedules.momentum(cosine, step) for step in (0, 25, 50, 100)]
    quarter = 1 - 0.1 * (1 + math.sqrt(0.5)) / 2
    assert found == pytest.approx([0.9, quarter, 0.95, 1.0])


# ---- the registry


def test_a_recipe_may_name_what_can_be_built_and_nothing_else():
    assert tuple(OPTIMIZERS) == CHOICES["optimizer"]


@pytest.mark.parametrize("name", CHOICES["optimizer"])
def test_an_entry_says_whether_there_is_a_second_moment(name):
    """So a replay with another beta2 is tried where that changes something."""
    named = parameters(weight=(3, 4))
    optimizer = build_optimizer(tiny(optimizer=name), named.items())
    named["weight"].grad = torch.ones(3, 4)
    optimizer.step()
    kept = optimizer.state[named["weight"]]
    assert ("exp_avg_sq" in kept) == OPTIMIZERS[name].adam


# ---- which parameters decay


def parameters(**shapes):
    generator = torch.Generator().manual_seed(0)
    return {
        name: torch.nn.Parameter(torch.randn(shape, generator=generator))
        for name, shape in shapes.items()
    }


PATCHES = "query.backbone.patch_projection"
SHAPES = {"weight": (3, 4), "bias": (4,), "log_temperature": ()}
SHAPES |= {f"{PATCHES}.weight": (3, 4), f"{PATCHES}.bias": (4,)}
DECAYED = {
    "all": SHAPES.keys() - {"log_temperature"},
    "matrices": {"weight", f"{PATCHES}.weight"},
    "vectors": {"bias", f"{PATCHES}.bias"},
    "patch_projection": {f"{PATCHES}.weight", f"{PATCHES}.bias"},
    "rest": {"weight", "bias"},
}


@pytest.mark.parametrize("decay", CHOICES["decay"])
@pytest.mark.parametrize("name", CHOICES["optimizer"])
def test_what_decays(name, decay):
    """Seen in the weights themselves: without a gradient's pull they shrink or stay."""
    named = parameters(**SHAPES)
    recipe = tiny(optimizer=name, decay=decay, weight_decay=0.5, base_lr=1.6, beta1=0.0)
    optimizer = build_optimizer(recipe, named.items())
    before = {n: p.detach().clone() for n, p in named.items()}
    for p in named.values():
        p.grad = torch.zeros_like(p)
    optimizer.step()
    shrunk = {n for n, p in named.items() if not torch.equal(p, before[n])}
    assert shrunk == DECAYED[decay]
    assert all(named[n].norm() < before[n].norm() for n in shrunk)


# ---- steps


def test_an_adamw_step_against_its_formula():
    recipe = tiny(weight_decay=0.3, base_lr=0.16, beta1=0.8, beta2=0.95, eps=1e-3)
    named = parameters(weight=(3, 4))
    optimizer = build_optimizer(recipe, named.items())
    (w,) = (p.detach().double() for p in named.values())
    first, second, lr = 0.0, 0.0, recipe.lr
    for t in range(1, 6):
        grad = torch.sin(torch.arange(12.0) * t).view(3, 4)
        named["weight"].grad = grad.clone()
        optimizer.step()
        first = 0.8 * first + 0.2 * grad.double()
        second = 0.95 * second + 0.05 * grad.double() ** 2
        corrected = (second / (1 - 0.95**t)).sqrt() + 1e-3
        w = w * (1 - lr * 0.3) - lr * first / (1 - 0.8**t) / corrected
        assert torch.allclose(named["weight"].double(), w, atol=1e-6)


def test_a_muon_step_is_torchs_on_hidden_matrices_and_adamws_on_the_rest():
    """Rates matched by the root mean square of a step, as torch has it by that name."""
    recipe = tiny(optimizer="muon", weight_decay=0.3, base_lr=0.16, beta2=0.95)
    shapes = {f"{PATCHES}.weight": (4, 6), "query.backbone.blocks.0.fc1.weight": (8, 4)}
    shapes |= {"query.backbone.blocks.0.fc1.bias": (8,), "predictor.0.weight": (4, 8)}
    named, alone = parameters(**shapes), parameters(**shapes)
    optimizer = build_optimizer(recipe, named.items())
    hidden = [n for n in shapes if n.endswith("weight") and n != f"{PATCHES}.weight"]
    rest = [p for n, p in alone.items() if n not in hidden]
    muon = torch.optim.Muon(
        [alone[n] for n in hidden],
        lr=recipe.lr,
        weight_decay=0.3,
        momentum=0.95,
        nesterov=True,
        adjust_lr_fn="match_rms_adamw",
    )
    adamw = torch.optim.AdamW(rest, lr=recipe.lr, betas=(0.9, 0.95), weight_decay=0.3)
    for t in range(1, 4):
        set_hyperparameters(optimizer, recipe, rate(recipe, recipe.warmup_steps))
        for name, parameter in named.items():
            numbers = torch.arange(float(parameter.numel())).view_as(parameter)
            parameter.grad = torch.sin(numbers * t + len(name))
            alone[name].grad = parameter.grad.clone()
        for one in (optimizer, muon, adamw):
            one.step()
    for name in shapes:
        # both orthogonalize by five products of matrices, torch in bfloat16
        tolerance = 2e-2 if name in hidden else 1e-6
        moved = (named[name] - alone[name]).norm() / alone[name].norm()
        assert moved < tolerance, name


def test_a_lamb_step_against_its_formula():
    """The Adam direction plus decay, scaled to the weight's own length."""
    recipe = tiny(optimizer="lamb", weight_decay=0.3, base_lr=0.16, beta2=0.95)
    named = parameters(weight=(3, 4))
    optimizer = build_optimizer(recipe, named.items())
    w = named["weight"].detach().double()
    first, second = 0.0, 0.0
    for t in range(1, 4):
        grad = 100 * torch.sin(torch.arange(12.0) * t).view(3, 4)  # not clipped
        named["weight"].grad = grad.clone()
        optimizer.step()
        first = 0.9 * first + 0.1 * grad.double()
        second = 0.95 * second + 0.05 * grad.double() ** 2
        direction = first / (1 - 0.9**t) / ((second / (1 - 0.95**t)).sqrt() + 1e-8)
        direction = direction + 0.3 * w
        w = w - recipe.lr * direction * w.norm() / direction.norm()
        assert torch.allclose(named["weight"].double(), w, atol=1e-5)


def test_stableadamw_is_adamw_until_the_second_moment_is_surprised():
    """A gradient 100 times larger than those before moves the weight lr / RMS."""
    moved = {}
    for name in ("adamw", "stableadamw"):
        recipe = tiny(optimizer=name, weight_decay=0.0, base_lr=0.016, beta1=0.0)
        named = parameters(weight=(3, 4))
        optimizer = build_optimizer(recipe, named.items())
        for scale in (1.0, 1.0, 100.0):
            before = named["weight"].detach().clone()
            named["weight"].grad = torch.full((3, 4), scale)
            optimizer.step()
        moved[name] = (named["weight"] - before).abs().max().item()
    # v after the surprise, corrected for its start, and g^2 / v
    v = (0.001 * (0.999**2 + 0.999) + 0.001 * 100**2) / (1 - 0.999**3)
    rms = math.sqrt(100**2 / v)
    assert rms > 1.7
    assert moved["adamw"] == pytest.approx(0.001 * rms, rel=1e-3)
    assert moved["stableadamw"] == pytest.approx(0.001, rel=1e-3)


@pytest.mark.parametrize("name", CHOICES["optimizer"])
def test_every_optimizer_finds_a_minimum(name):
    """Distance to a target, from weights of another size; each gets well nearer."""
    rates = dict(adamw=0.5, stableadamw=0.5, lamb=0.5, muon=0.5, sgd=0.5, lars=30.0)
    recipe = tiny(optimizer=name, base_lr=rates[name], weight_decay=1e-4, steps=200)
    named = parameters(weight=(5, 5), bias=(5,))
    target = [torch.ones(5, 5), torch.full((5,), 2.0)]
    optimizer = build_optimizer(recipe, named.items())

    def loss():
        pairs = zip(named.values(), target, strict=True)
        return sum((p - t).square().sum() for p, t in pairs)

    start = loss().item()
    for step in range(200):
        set_hyperparameters(optimizer, recipe, rate(recipe, step))
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
    assert loss().item() < 0.05 * start


@pytest.mark.parametrize("name", CHOICES["optimizer"])
def test_a_step_leaves_the_gradient_as_it_was(name):
    """The probe reads it afterwards."""
    named = parameters(weight=(5, 5))
    optimizer = build_optimizer(tiny(optimizer=name), named.items())
    grad = torch.arange(25.0).view(5, 5)
    for _ in range(3):
        named["weight"].grad = grad.clone()
        optimizer.step()
        assert torch.equal(named["weight"].grad, grad)


@pytest.mark.parametrize("name", CHOICES["optimizer"])
def test_new_values_reach_the_optimizer(name):
    """An optimizer set to a recipe in mid-run goes on as one built with it."""
    old = tiny(optimizer=name, warmup_steps=0, weight_decay=0.0)
    changes = dict(base_lr=0.05, weight_decay=0.4, beta1=0.5, beta2=0.9)
    new = old.replace(**changes)
    weights = []
    for start in (old, new):
        named = parameters(**SHAPES)
        optimizer = build_optimizer(start, named.items())
        for step in range(3):
            set_hyperparameters(optimizer, new, rate(new, step))
            for p in named.values():
                p.grad = torch.ones_like(p) * (step + 1)
            optimizer.step()
        weights.append({n: p.detach() for n, p in named.items()})
    for n, weight in weights[0].items():
        assert torch.equal(weight, weights[1][n]), n


@pytest.mark.parametrize("name", CHOICES["optimizer"])
def test_a_parameter_without_a_gradient_is_passed_by(name):
    named = parameters(weight=(3, 4), frozen=(3, 4))
    optimizer = build_optimizer(tiny(optimizer=name, weight_decay=1.0), named.items())
    before = named["frozen"].detach().clone()
    for _ in range(3):
        named["weight"].grad = torch.ones(3, 4)
        optimizer.step()
    assert torch.equal(named["frozen"], before)


# ---- a rate of its own

WEIGHT = f"{PROJECTION}.weight"
SLOW = {WEIGHT: (3, 4), f"{PROJECTION}.bias": (4,), "weight": (3, 4), "bias": (4,)}


def moved(name: str, factor: float, recipe_now=None, steps=3, **changes) -> dict:
    """Where parameters stand after some steps; those of the projection go slower."""
    settings = dict(optimizer=name, patch_projection_lr=factor, **changes)
    recipe = tiny(base_lr=0.16, warmup_steps=2, **settings)
    named = parameters(**SLOW)
    optimizer = build_optimizer(recipe, named.items())
    for step in range(steps):
        set_hyperparameters(
            optimizer, recipe_now or recipe, rate(recipe_now or recipe, step)
        )
        for i, p in enumerate(named.values()):
            p.grad = torch.full_like(p, 0.1 + i + step)
        optimizer.step()
    return {n: p.detach() for n, p in named.items()}


@pytest.mark.parametrize("decay", ["all", "matrices"])
@pytest.mark.parametrize("name", CHOICES["optimizer"])
def test_a_slow_projection_goes_as_all_would_at_its_rate(name, decay):
    """Decay included; what is not the projection does not notice."""
    slow = moved(name, 0.25, decay=decay)
    plain = moved(name, 1.0, decay=decay)
    at_its_rate = moved(name, 1.0, tiny(base_lr=0.04, warmup_steps=2), decay=decay)
    for n, value in slow.items():
        its = at_its_rate if n.startswith(PROJECTION) else plain
        assert torch.equal(value, its[n]), n
        assert not torch.equal(plain[n], at_its_rate[n]), n


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_a_slow_projection_follows_every_rate(schedule):
    recipe = tiny(patch_projection_lr=0.2, schedule=schedule)
    optimizer = build_optimizer(recipe, parameters(**SLOW).items())
    for now in (recipe, recipe.replace(base_lr=0.5)):
        for step in range(recipe.steps):
            set_hyperparameters(optimizer, now, rate(now, step))
            main, slow = (group["lr"] for group in optimizer.param_groups)
            assert main == rate(now, step)
            assert slow == pytest.approx(0.2 * main, rel=1e-12)


def test_a_state_saved_without_the_factor_goes_on_at_the_main_rate():
    recipe = tiny()
    optimizer = build_optimizer(recipe, parameters(**SLOW).items())
    for group in optimizer.param_groups:
        del group["lr_scale"]
    set_hyperparameters(optimizer, recipe, rate(recipe, 5))
    assert {group["lr"] for group in optimizer.param_groups} == {recipe.lr}


# ---- clipping


def norm(parameters) -> float:
    return torch.stack([p.grad.norm() for p in parameters if p.requires_grad]).norm()


@pytest.mark.parametrize(("limit", "expected"), [(0.0, 10.0), (20.0, 10.0), (2.5, 2.5)])
def test_only_the_projections_gradient_is_clipped(limit, expected):
    model = MoCo(tiny(), 3)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    projection = model.query.backbone.patch_projection
    count = sum(p.numel() for p in projection.parameters())
    for parameter in projection.parameters():  # weight and bias count together
        parameter.grad *= 10 / count**0.5
    clip(model, tiny(patch_projection_clip=limit))
    assert norm(projection.parameters()).item() == pytest.approx(expected, rel=1e-4)
    assert (model.query.backbone.blocks[0].fc1.weight.grad == 1).all()


@pytest.mark.parametrize("backbone", ["vit", "resnet8"])
@pytest.mark.parametrize(("limit", "share"), [(0.0, 1.0), (30.0, 1.0), (2.0, 0.1)])
def test_all_of_the_gradient_is_shortened_alike(backbone, limit, share):
    model = MoCo(tiny(backbone=backbone, temperature_schedule="learned"), 3)
    trained = [p for p in model.parameters() if p.requires_grad]
    for p in trained:
        p.grad = torch.ones_like(p)
    length = norm(trained)
    for p in trained:
        p.grad *= 20 / length
    clip(model, tiny(grad_clip=limit))
    for p in trained:  # one factor for all, the learned temperature's included
        assert torch.allclose(p.grad, torch.ones(()) * 20 * share / length, rtol=1e-4)
    assert all(p.grad is None for p in model.key.parameters())


def test_the_projection_is_clipped_before_all_of_it_is():
    model = MoCo(tiny(), 3)
    trained = [p for p in model.parameters() if p.requires_grad]
    for p in trained:
        p.grad = torch.ones_like(p)
    projection = list(model.query.backbone.patch_projection.parameters())
    rest = [p for p in trained if all(p is not q for q in projection)]
    limit = norm(rest).item()
    clip(model, tiny(patch_projection_clip=1e-3, grad_clip=limit))
    assert norm(projection).item() == pytest.approx(1e-3, rel=1e-3)
    assert norm(rest).item() == pytest.approx(limit, rel=1e-3)
