"""Preconditioned sharpness against the whole Hessian; the training stays as it was."""

import numpy as np
import pytest
import torch
from torch.func import functional_call

from mocolib import schedules
from mocolib.analysis.curvature import (
    along,
    largest_eigenvalue,
    preconditioned_sharpness,
    sharpness_of,
    threshold,
    threshold_of,
)
from mocolib.errors import BadInput
from mocolib.runs import Run, checkpoint
from mocolib.runs.record import record
from mocolib.train import train
from tests.tiny import blobs, rows, tiny

SMALL = dict(width=4, heads=1, head_hidden=4, head_dim=2, batch_size=8, base_lr=0.02)


def small(steps=4, **changes):
    training = train(tiny(**{**SMALL, **changes}), blobs(channels=1))
    rows(training, steps)
    return training


def whole_hessian(training) -> np.ndarray:
    """P^-1/2 H P^-1/2 entry by entry, with autograd's own Hessian, in float64."""
    recipe, index = training.recipe, training.done
    views = training.batches.batch(index)[0].double()
    model = training.model.double()
    model.update_key(schedules.momentum(recipe, index))
    named = {n: p for n, p in model.named_parameters() if p.requires_grad}
    shapes = [p.shape for p in named.values()]

    def loss(flat):
        parts = flat.split([shape.numel() for shape in shapes])
        own = {
            n: f.view(s) for n, f, s in zip(named, parts, shapes, strict=True)
        }  # keys are up to date: a momentum of 1 leaves them there
        arguments = (views, schedules.temperature(recipe, index), 1.0)
        return functional_call(model, own, arguments).loss

    flat = torch.cat([p.detach().flatten() for p in named.values()])
    hessian = torch.autograd.functional.hessian(loss, flat, vectorize=True)
    hessian = hessian.numpy()
    scale = []
    for parameter in named.values():
        state = training.optimizer.state[parameter]
        second = state["exp_avg_sq"] / (1 - recipe.beta2 ** state["step"].item())
        scale.append((second.double().sqrt() + recipe.eps).flatten().numpy())
    root = np.sqrt(np.concatenate(scale))
    return hessian / root[:, None] / root


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"patch_projection": "fixed"},
        {"temperature_schedule": "learned", "qk_norm": True, "position": "learned"},
        {"beta2": 0.9, "head_norm": "none", "pool": "average", "predictor": False},
    ],
)
def test_the_largest_eigenvalue_of_the_whole_hessian(changes):
    training = small(**changes)
    found = preconditioned_sharpness(training, 60, torch.float64)
    single = preconditioned_sharpness(training, 40)
    matrix = whole_hessian(training)
    assert np.abs(matrix - matrix.T).max() < 1e-6 * np.abs(matrix).max()
    largest = np.linalg.eigvalsh((matrix + matrix.T) / 2)[-1]
    assert found == pytest.approx(largest, rel=1e-6)
    assert single == pytest.approx(largest, rel=0.02)


@pytest.mark.parametrize(
    "part", [("query.backbone.patch_projection",), ("query.projector.", "predictor.")]
)
def test_what_is_constant_is_struck_out_of_the_hessian(part):
    training = small()
    found = preconditioned_sharpness(training, 60, torch.float64, constant=part)
    kept = np.concatenate(
        [
            np.full(p.numel(), not name.startswith(part))
            for name, p in training.model.named_parameters()
            if p.requires_grad
        ]
    )
    matrix = whole_hessian(training)[np.ix_(kept, kept)]
    largest = np.linalg.eigvalsh((matrix + matrix.T) / 2)[-1]
    assert found == pytest.approx(largest, rel=1e-6)
    with pytest.raises(BadInput, match="constant has 'x', but must begin a parameter"):
        preconditioned_sharpness(training, 1, constant=("x",))


def symmetric(values, seed=0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    size = (len(values), len(values))
    basis = torch.linalg.qr(torch.randn(size, generator=generator).double()).Q
    return basis @ torch.diag(torch.as_tensor(values).double()) @ basis.T


def test_a_known_spectrum():
    values = [*torch.linspace(-1, 1, 60).tolist(), 3.0]
    matrix = symmetric(values)
    assert largest_eigenvalue(matrix.mv, 61, 20) == pytest.approx(3, rel=1e-6)
    assert largest_eigenvalue(matrix.mv, 61, 61) == pytest.approx(
        np.linalg.eigvalsh(matrix.numpy())[-1], rel=1e-12
    )


def test_a_large_negative_eigenvalue_does_not_stand_in():
    matrix = symmetric([-50.0, *torch.linspace(-1, 1, 60).tolist(), 3.0])
    assert largest_eigenvalue(matrix.mv, 62, 20) == pytest.approx(3, rel=1e-5)


def test_no_worse_than_the_power_iteration_of_as_many_products():
    matrix = symmetric(torch.linspace(0, 1, 200).tolist())
    vector = torch.randn(200, generator=torch.Generator().manual_seed(0)).double()
    for _ in range(19):
        vector = matrix @ vector
        vector = vector / vector.norm()
    power = float(vector @ matrix @ vector)
    found = largest_eigenvalue(matrix.mv, 200, 20)
    assert power <= found <= 1 + 1e-12


@pytest.mark.parametrize("values", [[2.0] * 5, [0.0] * 5, [1.0, 1.0, 4.0], [7.0]])
def test_a_span_that_closes_early(values):
    matrix = symmetric(values)
    assert largest_eigenvalue(matrix.mv, len(values), 20) == pytest.approx(max(values))


def test_the_training_stays_as_it_was():
    def contents(training):
        tensors, values = checkpoint.state(training)
        gradients = [p.grad for p in training.model.parameters()]
        kept = [None if g is None else g.clone() for g in gradients]
        return {k: v.clone() for k, v in tensors.items()}, values, kept

    training, other = small(), small()
    before, random = contents(training), torch.get_rng_state()
    preconditioned_sharpness(training, 3)
    after = contents(training)
    assert before[0].keys() == after[0].keys()
    assert all(torch.equal(before[0][k], after[0][k]) for k in before[0])
    assert before[1] == after[1]
    for one, two in zip(before[2], after[2], strict=True):
        assert (one is None and two is None) or torch.equal(one, two)
    assert torch.equal(random, torch.get_rng_state())
    assert rows(training) == rows(other)  # and what follows is what would have


@pytest.mark.parametrize(
    "changes",
    [
        {"framework": "simclr"},
        {"framework": "byol"},
        {"framework": "moco_v1", "negatives": 12},
        {"framework": "moco_v1", "negatives": 12, "keys": "memory_bank"},
        {"backbone": "resnet8"},
    ],
)
def test_relatives_have_one_too(changes):
    training = small(**changes)
    before = {k: v.clone() for k, v in training.model.state_dict().items()}
    assert preconditioned_sharpness(training, 5) > 0
    after = training.model.state_dict()
    assert all(torch.equal(before[k], after[k]) for k in before)


def test_the_same_state_gives_the_same_number():
    training = small()
    first = preconditioned_sharpness(training, 5)
    assert preconditioned_sharpness(training, 5) == first
    assert preconditioned_sharpness(small(), 5) == first


def test_the_threshold_is_38_over_the_rate():
    training = small()
    assert threshold(training) == pytest.approx(38 / training.recipe.lr)
    warming = small(steps=1, warmup_steps=10)
    assert threshold(warming) == pytest.approx(38 / (training.recipe.lr * 0.2))


def test_along_a_recorded_run(tmp_path):
    data, recipe = blobs(channels=1), tiny(**SMALL)
    for _ in record(recipe, data, tmp_path):
        pass
    table = along(Run(tmp_path / recipe.id), data, [8, 4], iterations=5)
    assert table["step"].tolist() == [4, 8]
    assert table["sharpness"][0] == preconditioned_sharpness(small(4), 5)
    assert table["ratio"][1] == table["sharpness"][1] / table["threshold"][1]


# ---- any network and loss


def quadratic(**how):
    """A network whose loss is a parabola, two steps on; inputs, network, optimizer."""
    torch.manual_seed(0)
    images, model = torch.randn(9, 4), torch.nn.Linear(4, 1, bias=False)
    model = torch.nn.ModuleList([model, torch.nn.Linear(4, 1, bias=False)])
    groups = [{"params": [*part.parameters()]} for part in model]
    groups[1]["lr"] = how.pop("second", 0.1)
    optimizer = torch.optim.AdamW(groups, lr=0.1, **how)
    for _ in range(2):
        optimizer.zero_grad()
        summed(images)(model).backward()
        optimizer.step()
    return images, model, optimizer


def summed(images):
    return lambda model: (model[0](images) + 2 * model[1](images)).square().mean()


@pytest.mark.parametrize("second", [0.1, 0.02])
def test_a_parabola_by_hand(second):
    """A group at a fifth of the rate steps as if its P were five times as large."""
    images, model, optimizer = quadratic(second=second, betas=(0.8, 0.99))
    both = torch.cat([images, 2 * images], 1).double()
    hessian = 2 / len(both) * both.T @ both
    roots = []
    for group in optimizer.param_groups:
        [state] = [optimizer.state[p] for p in group["params"]]
        root = (state["exp_avg_sq"].double() / (1 - 0.99**2)).sqrt() + 1e-8
        roots.append(root.flatten() * 0.1 / group["lr"])
    root = torch.cat(roots).sqrt()
    expected = torch.linalg.eigvalsh(hessian / root[:, None] / root)[-1].item()
    found = sharpness_of(model, optimizer, summed(images), 8)
    assert found == pytest.approx(expected, rel=1e-4)
    assert threshold_of(optimizer) == pytest.approx(3.6 / 0.2 / 0.1)


def test_a_foreign_network_stays_as_it_was():
    """timm's attention, BatchNorm and dropout; wrapped by torch.compile."""
    import timm

    torch.manual_seed(0)
    shape = dict(img_size=8, patch_size=4, in_chans=1, num_classes=3, depth=1)
    model = timm.create_model("vit_tiny_patch16_224", **shape, drop_rate=0.5)
    model = torch.nn.Sequential(model, torch.nn.BatchNorm1d(3))
    optimizer = torch.optim.AdamW(model.parameters())
    images = torch.randn(6, 1, 8, 8)
    model(images).square().mean().backward()
    optimizer.step()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    random, wrapped = torch.get_rng_state(), torch.compile(model)
    found = sharpness_of(wrapped, optimizer, lambda m: m(images).square().mean(), 3)
    assert found > 0
    assert torch.equal(random, torch.get_rng_state())
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())


def test_what_is_no_adam_step_is_refused():
    images, model, optimizer = quadratic()
    parameters = list(model.parameters())
    for other in (
        torch.optim.SGD(parameters, lr=0.1),
        torch.optim.NAdam(parameters),
        torch.optim.Adam(parameters, weight_decay=0.1),
    ):
        with pytest.raises(BadInput, match="but must be AdamW, or Adam without"):
            sharpness_of(model, other, summed(images))
    with pytest.raises(BadInput, match="no second moments yet"):
        sharpness_of(model, torch.optim.Adam(parameters), summed(images))
    with pytest.raises(BadInput, match="loss does not depend on the model"):
        sharpness_of(model, optimizer, lambda _: summed(images)(model))
    with pytest.raises(BadInput, match=r"loss is .*, but must be one finite number"):
        sharpness_of(model, optimizer, lambda m: m[0](images))


def test_bad_input_is_one_sentence():
    with pytest.raises(BadInput, match="optimizer is 'lamb', but must be adamw"):
        preconditioned_sharpness(small(optimizer="lamb"))
    with pytest.raises(BadInput, match=r"patch_projection_lr is 5\.0, but must be 1"):
        preconditioned_sharpness(small(patch_projection_lr=5.0))
    with pytest.raises(BadInput, match="step is 0, but must be at least 1"):
        preconditioned_sharpness(train(tiny(), blobs()))
    with pytest.raises(BadInput, match="iterations is 0, but must be at least 1"):
        preconditioned_sharpness(small(), 0)
