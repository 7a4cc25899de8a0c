"""Preconditioned sharpness: how steep the loss is in the metric that AdamW steps in.

Adam divides each gradient entry by P = sqrt(v) + eps. At a fixed P it is gradient
descent with momentum on the Hessian P^-1/2 H P^-1/2, stable up to the eigenvalue
(2 + 2 beta1) / ((1 - beta1) lr), 38 / lr at beta1 = .9; training tends to settle there
("Adaptive gradient methods at the edge of stability", 2207.14484).

    sharpness = preconditioned_sharpness(training)
    threshold(training)                       # what it is compared with
    along(run, data, steps=[100, 150, 200])   # both, at states of a recorded run

and for any network in any loop, once in some hundred steps:

    loss = lambda model: F.cross_entropy(model(images), labels)
    sharpness_of(model, optimizer, loss) / threshold_of(optimizer)
"""

import copy

import numpy as np
import pandas as pd
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.parallel import DistributedDataParallel

from mocolib import schedules
from mocolib.errors import BadInput
from mocolib.execution import shards
from mocolib.probe import second_moment
from mocolib.train import Training


def preconditioned_sharpness(
    training: Training,
    iterations: int = 20,
    dtype=torch.float32,
    later: int = 0,
    constant: tuple = (),
) -> float:
    """`sharpness_of` a training: of the loss that its next step would see.

    Its batch and views, or those of a `later` step; keys held constant, BatchNorm in
    train mode. BadInput where it is not AdamW at one rate.
    """
    _check(training)
    index = training.done + later
    views = training.batches.batch(index)[0].to(dtype)
    now = schedules.at(training.recipe, training.done)

    def loss(model):
        return training.forward(index, now, views, model).loss

    model, optimizer = training.model, training.optimizer
    return sharpness_of(model, optimizer, loss, iterations, dtype, constant)


def sharpness_of(
    model,
    optimizer,
    loss,
    iterations: int = 20,
    dtype=torch.float32,
    constant: tuple = (),
) -> float:
    """Largest eigenvalue of P^-1/2 H P^-1/2 at the state of an optimizer (2207.14484).

    `loss(model)` is the loss of one batch, a scalar; H is its Hessian in what the
    optimizer steps, Adam without weight decay in its gradient or AdamW. Where groups
    have rates of their own, P is divided by their share of the largest. Parameters
    whose names begin as one of `constant` are left out of H. `loss` is called once,
    with a copy of the model in `dtype`: the model stays as it is, and so does the
    random state. Costs about 3 x `iterations` steps of that batch, and the memory of a
    step that keeps its graph, of the copy, and of `iterations` vectors of float64 as
    long as all weights.
    """
    if iterations < 1:
        raise BadInput(f"iterations is {iterations}, but must be at least 1.")
    if any(piece.holders or piece.part for piece in shards.pieces(model).values()):
        raise BadInput("model lies in pieces over processes, but must be whole.")
    found = _linearised(model, optimizer, loss, dtype, constant)
    gradients, parameters, precondition = found
    sizes = [p.numel() for p in parameters]

    def product(vector):
        """P^-1/2 H P^-1/2 times a vector, [n] to [n]."""
        direction = (vector / precondition).split(sizes)
        shaped = [
            d.view_as(p).to(dtype) for d, p in zip(direction, parameters, strict=True)
        ]
        parts = torch.autograd.grad(gradients, parameters, shaped, retain_graph=True)
        return torch.cat([part.flatten() for part in parts]).double() / precondition

    return largest_eigenvalue(product, sum(sizes), iterations)


def threshold(training: Training) -> float:
    """The eigenvalue up to which the next step would be stable (2207.14484).

    (2 + 2 beta1) / ((1 - beta1) lr), at the rate of that step.
    """
    rate = schedules.rate(training.recipe, training.done)
    return edge(training.recipe.beta1) / rate


def edge(beta1: float) -> float:
    """That eigenvalue times the rate: 38 at beta1 = .9."""
    return (2 + 2 * beta1) / (1 - beta1)


def threshold_of(optimizer) -> float:
    """The same for any optimizer, at its largest rate as it stands."""
    group = max(optimizer.param_groups, key=lambda one: one["lr"])
    return edge(group["betas"][0]) / float(group["lr"])


def along(run, data, steps, iterations: int = 20) -> pd.DataFrame:
    """step, sharpness, threshold and their ratio at states of a recorded run.

    The table's attrs["departures"] holds sentences where the record was not met.
    """
    from mocolib.runs.replay import replay  # curvature of a training needs no records

    rows, departures = [], set()
    for step in sorted(steps):  # in order, so that each start is the last one's end
        again = replay(run, step, data)
        departures |= {again.departure} - {""}
        training = again.training
        sharpness = preconditioned_sharpness(training, iterations)
        limit = threshold(training)
        rows.append({"step": step, "sharpness": sharpness, "threshold": limit})
    table = pd.DataFrame(rows)
    table["ratio"] = table["sharpness"] / table["threshold"]
    table.attrs["departures"] = sorted(departures)
    return table


def largest_eigenvalue(product, size: int, iterations: int, seed: int = 0) -> float:
    """Largest (not largest absolute) eigenvalue of a symmetric [size, size] operator.

    Lanczos: power iteration that keeps the vectors it passes and takes the best of
    their span. From the same products it is never further off, and a large negative
    eigenvalue cannot stand in for the positive one.
    """
    vector = torch.randn(size, generator=torch.Generator().manual_seed(seed)).double()
    basis, diagonal, beside = [vector / vector.norm()], [], []
    for _ in range(min(iterations, size)):
        image = product(basis[-1])
        diagonal.append(float(image @ basis[-1]))
        known = torch.stack(basis)
        for _ in range(2):  # once is not enough in floating point
            image = image - known.T @ (known @ image)
        beside.append(float(image.norm()))
        if beside[-1] <= 1e-10 * max(map(abs, diagonal)):
            break  # the span is closed: the eigenvalues in it are exact
        basis.append(image / beside[-1])
    off = np.diag(beside[: len(diagonal) - 1], 1)
    return float(np.linalg.eigvalsh(np.diag(diagonal) + off + off.T)[-1])


def _linearised(model, optimizer, loss, dtype, constant):
    """(gradients with a graph, parameters, sqrt(P) [n]) on a copy of the model."""
    while hasattr(model, "_orig_mod") or isinstance(model, DistributedDataParallel):
        model = model._orig_mod if hasattr(model, "_orig_mod") else model.module
    for beginning in constant:
        if not any(name.startswith(beginning) for name, _ in model.named_parameters()):
            raise BadInput(f"constant has {beginning!r}, but must begin a parameter.")
    own = copy.deepcopy(model).to(dtype)
    roots = _preconditioner(optimizer)
    pairs = [  # what is not trained is held constant
        (copied, roots[id(one)])
        for (name, one), copied in zip(
            model.named_parameters(), own.parameters(), strict=True
        )
        if one.requires_grad and id(one) in roots and not name.startswith(constant)
    ]
    where = {p.device for p in own.parameters() if p.is_cuda}
    # attention's fast kernels have no second derivative
    with sdpa_kernel(SDPBackend.MATH), torch.random.fork_rng(devices=where):
        value = loss(own)
    if value.ndim or not value.isfinite():
        raise BadInput(f"loss is {value.tolist()}, but must be one finite number.")
    found = torch.autograd.grad(
        value, [p for p, _ in pairs], create_graph=True, allow_unused=True
    )
    used = [(g, *pair) for g, pair in zip(found, pairs, strict=True) if g is not None]
    if not used:
        raise BadInput("loss does not depend on the model that it was called with.")
    gradients, parameters, scale = map(list, zip(*used, strict=True))
    return gradients, parameters, torch.cat(scale).sqrt()


def _preconditioner(optimizer) -> dict:
    """{id of a parameter: sqrt(v) + eps as in its step [n]}; float64.

    Times the largest rate over its own.
    """
    decays = any(group.get("weight_decay") for group in optimizer.param_groups)
    if not isinstance(optimizer, torch.optim.AdamW) and (
        decays or not isinstance(optimizer, torch.optim.Adam)
    ):
        raise BadInput(
            f"optimizer is {type(optimizer).__name__}, but must be AdamW, or Adam "
            "without weight decay."
        )
    most = max(float(group["lr"]) for group in optimizer.param_groups)
    roots = {}
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            kept = second_moment(optimizer, group, parameter)
            if kept and group["lr"] > 0:
                root = (kept[0].double() / kept[1]).sqrt() + group["eps"]
                roots[id(parameter)] = (root * (most / float(group["lr"]))).flatten()
    if not roots:
        raise BadInput(
            "optimizer has no second moments yet, but must have taken a step."
        )
    return roots


def _check(training: Training):
    if training.recipe.optimizer != "adamw":
        raise BadInput(
            f"optimizer is {training.recipe.optimizer!r}, but must be adamw to have "
            "this preconditioner."
        )
    if training.recipe.patch_projection_lr != 1:
        raise BadInput(
            f"patch_projection_lr is {training.recipe.patch_projection_lr}, but must "
            "be 1.0 for one rate to have a threshold."
        )
    if training.done < 1:
        raise BadInput("step is 0, but must be at least 1 to have second moments.")
    if training.outcome.startswith("diverged"):
        raise BadInput(f"the run has {training.outcome}, but its loss must be finite.")
