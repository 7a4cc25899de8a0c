"""The probe in anybody's loop: right numbers, or a sentence that says what is not."""

import copy

import pytest
import timm
import torch
from timm.optim import create_optimizer_v2
from torch import nn
from torch.nn.utils import parametrizations, weight_norm

from mocolib.errors import BadInput
from mocolib.probe import MEASURES, Probe, layers

pytestmark = pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
IMAGES = torch.randn(8, 6, generator=torch.Generator().manual_seed(0))


def net(*modules) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(*(modules or (nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))))


def lose(model, images=IMAGES):
    return model(images).square().mean()


def adamw(model, **how):
    return torch.optim.AdamW(model.parameters(), **how)


def told(probe, *optimizers, between=lambda: None) -> dict:
    """The table of a step on the gradients that are there."""
    probe.before()
    between()
    for optimizer in optimizers:
        optimizer.step()
    return probe.after()


def step_of(model, *optimizers) -> dict:
    lose(model).backward()
    return told(Probe(model, *optimizers), *optimizers)


# ---- names


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        for name in ("query", "key", "value", "dense"):
            setattr(self, name, nn.Linear(2, 2))


class Block(nn.Module):
    """Names as in BERT, where one without `attention.` would be the other."""

    def __init__(self):
        super().__init__()
        self.attention, self.dense = Attention(), nn.Linear(2, 2)


@pytest.mark.parametrize(
    "model",
    [
        nn.ModuleDict({"backbone": Block(), "body": Block(), "projector": Block()}),
        nn.ModuleDict({"key": nn.Linear(2, 2), "query": Block(), "attention": Block()}),
        nn.ModuleDict({"module": Block(), "attention": Block()}),
    ],
)
def test_no_matrix_is_lost_to_a_name(model):
    matrices = [p for p in model.parameters() if p.ndim > 1]
    assert [*map(id, layers(model).values())] == [*map(id, matrices)]


def test_a_foreign_model_keeps_its_own_names():
    model = nn.ModuleDict({"student_backbone": Block()})
    assert "student_backbone.attention.query" in layers(model)


def test_wrappers_leave_no_trace_in_names():
    from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import (
        checkpoint_wrapper,
    )

    model = net(nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 2)))
    names = list(layers(model))
    assert names == ["0", "1.0"]
    assert list(layers(torch.compile(model))) == names
    assert list(layers(nn.DataParallel(torch.compile(model)))) == names
    assert list(layers(torch.optim.swa_utils.AveragedModel(model))) == names
    model[1] = torch.compile(checkpoint_wrapper(model[1]))
    assert list(layers(model)) == names


# ---- what is not seen


def test_what_is_not_measured_is_named():
    model = timm.create_model("vit_tiny_patch16_224", img_size=8, patch_size=4, depth=1)
    model.blocks[0].requires_grad_(False)
    probe = Probe(model, torch.optim.SGD(model.patch_embed.parameters(), lr=1))
    assert set(probe.unseen) == {"cls_token", "pos_embed", "head"}
    assert repr(probe) == (
        "Probe of 6 layers, patch_embed.proj to head; not seen: cls_token, pos_embed "
        "(no weight by its name); not seen: head (no adam_rms: in no "
        "optimizer that the probe was given)"
    )


@pytest.mark.parametrize(
    ("normed", "name"),
    [
        (weight_norm, "2.weight_v"),
        (parametrizations.weight_norm, "2.weight.original1"),
    ],
)
def test_of_a_weight_normed_layer_the_direction_is_measured(normed, name):
    model = net()
    normed(model[2])
    own = dict(model[2].named_parameters())
    length, direction = (own[n] for n in own if n != "bias")
    optimizer = adamw(model)
    probe = Probe(model, optimizer)
    assert probe.layers[name] is direction
    [(unseen, why)] = probe.unseen.items()
    assert own[unseen.removeprefix("2.")] is length
    assert "whose direction is measured" in why
    before = direction.detach().clone()
    table = step_of(model, optimizer)
    assert table["grad_l2"][name] == pytest.approx(direction.grad.norm().item())
    moved = (direction.detach() - before).norm() / before.norm()
    assert table["update"][name] == pytest.approx(moved.item(), rel=1e-4)


def test_other_parametrizations_are_layers_under_their_own_names():
    model = net()
    parametrizations.spectral_norm(model[0])
    assert list(layers(model)) == ["0.weight.original", "2"]


# ---- second moments


def test_a_hybrid_tells_layer_by_layer():
    """timm's Muon steps matrices, and falls back to AdamW on a convolution's kernel."""
    model = net(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(4 * 16, 4))
    optimizer = create_optimizer_v2(model, "muon", lr=1e-3)
    lose(model, IMAGES[:, :1, None, None].expand(8, 1, 6, 6)).backward()
    table = told(Probe(model, optimizer), optimizer)
    assert table["adam_rms"] == {"0": pytest.approx(1), "2": None}
    assert None not in table["update"].values()


def test_several_optimizers_each_with_its_layers():
    model = net()
    one = torch.optim.SGD(model[0].parameters(), lr=0.1)
    table = step_of(model, one, adamw(model[2]))
    assert table["adam_rms"] == {"0": None, "2": pytest.approx(1)}
    assert table["cosine"]["0"] == pytest.approx(1)
    assert table["update"]["2"] > 0


def test_a_group_has_betas_of_its_own():
    model = net()
    groups = [{"params": [*m.parameters()]} for m in (model[0], model[2])]
    groups[1]["betas"] = (0.9, 0.5)
    optimizer = torch.optim.AdamW(groups)
    probe, weight = Probe(model, optimizer), model[2].weight
    squares = []
    for scale in (1, 2, 3):
        optimizer.zero_grad()
        (scale * lose(model)).backward()
        squares.append(weight.grad.double().square())
        table = told(probe, optimizer)
    second = (0.25 * squares[0] + 0.5 * squares[1] + squares[2]) / 1.75
    expected = (squares[2] / second).mean().sqrt().item()
    assert table["adam_rms"]["2"] == pytest.approx(expected, rel=1e-4)


NO_ADAM = ("adafactor", "adamuon", "adan", "adopt", "lamb", "lion", "mars", "rmsprop")


@pytest.mark.parametrize("name", NO_ADAM)
def test_what_is_no_average_of_squares_is_none(name):
    """Others keep something else as `exp_avg_sq`; timm's LAMB clips for itself."""
    model = net()
    optimizer = create_optimizer_v2(model, name, lr=1e-3)
    for _ in range(2):
        assert step_of(model, optimizer)["adam_rms"]["0"] is None


@pytest.mark.parametrize("name", ["adamw", "nadam", "radam", "adamp", "laprop"])
def test_relatives_of_adam_have_a_ratio(name):
    """One gradient, ever again: v is its square."""
    model = net()
    optimizer = create_optimizer_v2(model, name, lr=1e-5)
    for _ in range(3):
        model.zero_grad()
        lose(model).backward()
        table = told(Probe(model, optimizer), optimizer)
        assert table["adam_rms"] == pytest.approx({"0": 1, "2": 1}, rel=1e-2)


def test_the_optimizer_is_only_looked_at():
    """A defaultdict that is read has an entry more, and a checkpoint fails on it."""
    model = net()
    model[0].requires_grad_(False)
    optimizer = adamw(model)
    probe = Probe(model, optimizer)
    lose(model).backward()
    probe.before()
    probe.after()  # a GradScaler has left the step out
    assert not optimizer.state
    optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    assert told(probe, optimizer)["adam_rms"] == {"0": None, "2": pytest.approx(1)}


# ---- order, and what is not there


def test_without_a_gradient_there_is_none():
    model = net()
    optimizer = adamw(model)
    assert told(Probe(model, optimizer), optimizer) == {
        measure: {"0": None, "2": None} for measure in MEASURES
    }


def test_a_call_at_the_wrong_time_is_told_so():
    model = net()
    optimizer = adamw(model)
    probe = Probe(model, optimizer)
    with pytest.raises(BadInput, match=r"after\(\) must follow a before\(\)"):
        probe.after()
    lose(model).backward()
    told(probe, optimizer)
    with pytest.raises(BadInput, match=r"after\(\) must follow a before\(\)"):
        probe.after()
    for nothing in (True, False):
        lose(model).backward()
        with pytest.raises(BadInput, match=r"gradients are gone.*zero_grad"):
            told(probe, between=lambda n=nothing: optimizer.zero_grad(n))


def test_a_probe_made_too_early_is_told_so():
    model = net()
    optimizer = adamw(model)
    probe = Probe(model, optimizer)
    model[0] = nn.Linear(6, 5)  # as wrapping may do
    lose(model).backward()
    with pytest.raises(BadInput, match="0 is another parameter than when the probe"):
        probe.before()


def test_bad_input_is_one_sentence():
    model = net()
    with pytest.raises(BadInput, match="optimizer is a list, but each must have"):
        Probe(model, [adamw(model)])
    with pytest.raises(BadInput, match="model has no weight matrix"):
        Probe(nn.LayerNorm(3), adamw(model))
    with pytest.raises(BadInput, match="layers without a shape"):
        Probe(nn.LazyLinear(3), adamw(model))


# ---- gradients that are scaled, summed up, sparse, short or written into


def after_scaling(way: str) -> dict:
    """The table of a step under a GradScaler that has, or has not, unscaled before."""
    model, scaler = net(), torch.amp.GradScaler("cpu")
    optimizer = adamw(model)
    probe = Probe(model, optimizer)
    scaler.scale(lose(model)).backward()
    if way == "unscaled":
        scaler.unscale_(optimizer)
    probe.before(**{"scale": scaler.get_scale()} if way == "said" else {})
    scaler.step(optimizer)
    return probe.after()


@pytest.mark.parametrize("way", ["unscaled", "said"])
def test_scaled_gradients_are_told_as_they_are(way):
    table, model = after_scaling(way), net()
    for measure, expected in step_of(model, adamw(model)).items():
        assert table[measure] == pytest.approx(expected, rel=1e-5)


def test_gradients_that_are_scaled_unsaid_are_noticed():
    with pytest.warns(UserWarning, match="were 65536 times as large in before"):
        after_scaling("unsaid")


def test_gradients_are_those_of_all_that_a_step_has_summed_up():
    whole, parts = net(), net()
    table = step_of(whole, adamw(whole))
    optimizer = adamw(parts)
    for part in IMAGES.split(2):
        (lose(parts, part) / 4).backward()
    for measure, values in told(Probe(parts, optimizer), optimizer).items():
        assert values == pytest.approx(table[measure], rel=1e-3)


def test_clipping_by_norm_is_no_surprise():
    model = net()
    optimizer = adamw(model)
    lose(model).backward()
    before = model[2].weight.grad.norm().item()
    probe = Probe(model, optimizer)
    clip = torch.nn.utils.clip_grad_norm_
    table = told(probe, optimizer, between=lambda: clip(model.parameters(), 1e-3))
    assert table["grad_l2"]["2"] == pytest.approx(before)
    assert table["adam_rms"]["2"] == pytest.approx(1)


class Scratch(torch.optim.SGD):
    """Takes gradients for its own memory, as some foreach forms do."""

    def step(self):
        super().step()
        for parameter in self.param_groups[0]["params"]:
            parameter.grad.add_(parameter.detach())


def test_an_optimizer_that_writes_into_gradients_is_noticed_once():
    model = net()
    optimizer = Scratch(model.parameters(), lr=0.1)
    probe = Probe(model, optimizer)
    lose(model).backward()
    with pytest.warns(UserWarning, match="gradients point elsewhere behind the step"):
        told(probe, optimizer)
    model.zero_grad()
    lose(model).backward()
    told(probe, optimizer)  # a second warning would be an error


def test_a_half_precise_layer_has_all_digits():
    model = net(nn.Linear(64, 64)).bfloat16()
    model[0].weight.grad = torch.rand(64, 64).bfloat16()
    table = told(Probe(model), between=lambda: model[0].weight.data.mul_(1.5))
    wide = model[0].weight.grad.double()
    assert table["grad_l2"]["0"] == pytest.approx(wide.norm().item(), rel=1e-6)
    assert table["update"]["0"] == pytest.approx(0.5, rel=1e-2)


def test_a_sparse_gradient_is_read_like_a_dense_one():
    tables = []
    for sparse in (True, False):
        torch.manual_seed(0)
        model = nn.Embedding(5, 3, sparse=sparse)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        model(torch.tensor([1, 1, 3])).square().sum().backward()
        tables.append(told(Probe(model, optimizer), optimizer))
    for measure in ("grad_inf", "grad_l2", "update", "cosine"):
        assert tables[0][measure] == pytest.approx(tables[1][measure])
