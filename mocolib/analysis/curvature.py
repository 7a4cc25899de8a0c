"""Preconditioned sharpness: how steep the loss is in the metric that AdamW steps in.

Adam divides each gradient entry by P = sqrt(v) + eps. At a fixed P it is gradient
descent with momentum on the Hessian P^-1/2 H P^-1/2, stable up to the eigenvalue
(2 + 2 beta1) / ((1 - beta1) lr), 38 / lr at beta1 = .9; training tends to settle there
("Adaptive gradient methods at the edge of stability", 2207.14484).

    sharpness = preconditioned_sharpness(training)
    threshold(training)                       # what it is compared with
    along(run, data, steps=[100, 150, 200])   # both, at states of a recorded run
"""

import copy

import numpy as np
import pandas as pd
import torch

from mocolib import schedules
from mocolib.errors import BadInput
from mocolib.train import Training


def preconditioned_sharpness(
    training: Training, iterations: int = 20, dtype=torch.float32
) -> float:
    """Largest eigenvalue of P^-1/2 H P^-1/2 at the state of a training (2207.14484).

    H is the Hessian of the loss that the next step would see: its batch and views,
    keys held constant, BatchNorm in train mode. The training itself stays as it is.
    Costs about 3 x `iterations` steps. BadInput where it is not AdamW at one rate.
    """
    _check(training, iterations)
    gradients, parameters, precondition = _linearised(training, dtype)
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


def _linearised(training: Training, dtype):
    """(gradients with a graph, parameters, sqrt(P) [n]) on a copy of the model."""
    model = copy.deepcopy(training.model).to(dtype)
    views, _ = training.batches.batch(training.done)
    now = schedules.at(training.recipe, training.done)
    loss = training.forward(training.done, now, views.to(dtype), model).loss
    pairs = [  # a parameter that is not trained has no moments
        (copied, training.optimizer.state[own])
        for own, copied in zip(
            training.model.parameters(), model.parameters(), strict=True
        )
        if own.requires_grad and "exp_avg_sq" in training.optimizer.state.get(own, {})
    ]
    parameters = [p for p, _ in pairs]
    gradients = torch.autograd.grad(loss, parameters, create_graph=True)
    scale = [_preconditioner(state, training.recipe).flatten() for _, state in pairs]
    return gradients, parameters, torch.cat(scale).sqrt()


def _preconditioner(state: dict, recipe) -> torch.Tensor:
    """sqrt(v) + eps with v corrected for its start, as in the AdamW step; float64."""
    corrected = 1 - recipe.beta2 ** float(state["step"])
    return (state["exp_avg_sq"].double() / corrected).sqrt() + recipe.eps


def _check(training: Training, iterations: int):
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
    if iterations < 1:
        raise BadInput(f"iterations is {iterations}, but must be at least 1.")
