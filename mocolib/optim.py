"""Optimizers by name, over groups of parameters by rate and decay.

AdamW and SGD are torch's, LAMB, LARS and Muon timm's, StableAdamW optimi's.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import torch

from mocolib.recipe import Recipe

PROJECTION = "query.backbone.patch_projection"
MUON = 0.95  # its momentum, as its authors have it


def trainable(model) -> list:
    """(name, parameter) of the query side, in the model's order.

    The patch projection is always among them, so that it can be fixed or freed while
    a run goes on; without a gradient an optimizer passes it by.
    """
    return [
        (name, parameter)
        for name, parameter in model.named_parameters()
        if parameter.requires_grad or name.startswith(PROJECTION)
    ]


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    """One entry of OPTIMIZERS; the recipe's field `optimizer` has the same names."""

    make: Callable  # (parameter groups, recipe) -> torch.optim.Optimizer
    adam: bool  # divides by a second moment, so that beta2 and eps mean something
    # what it wants of a parameter's group: (name, parameter) -> its settings
    wants: Callable = lambda name, parameter: {}


def _adamw(groups, recipe):
    return torch.optim.AdamW(groups, **_adam(recipe), fused=True)


def _stableadamw(groups, recipe):
    from optimi import StableAdamW

    # its foreach form uses the gradients as scratch space: no probe could read them
    return StableAdamW(groups, **_adam(recipe), triton=False, foreach=False)


def _lamb(groups, recipe):
    from timm.optim import Lamb

    return Lamb(groups, **_adam(recipe), max_grad_norm=None)


def _sgd(groups, recipe):
    return torch.optim.SGD(groups, lr=recipe.lr, momentum=recipe.beta1)


def _lars(groups, recipe):
    from timm.optim import Lars

    return Lars(groups, lr=recipe.lr, momentum=recipe.beta1)


def _muon(groups, recipe):
    from timm.optim import Muon

    # steps as long as AdamW's in the mean, so that a rate means the same for both
    return Muon(groups, **_adam(recipe), momentum=MUON, adjust_lr_fn="match_rms_adamw")


def _orthogonalized(name: str, parameter) -> dict:
    """Muon is for the matrices of blocks and heads; AdamW steps all the rest."""
    hidden = re.search(r"\bblocks\.|\b(projector|predictor)\.", name)
    muon = bool(hidden) and parameter.ndim == 2
    return {"use_fallback": not muon, "nesterov": muon}


def _adam(recipe: Recipe) -> dict:
    return dict(lr=recipe.lr, betas=(recipe.beta1, recipe.beta2), eps=recipe.eps)


OPTIMIZERS = {
    "adamw": Optimizer(make=_adamw, adam=True),
    "lamb": Optimizer(make=_lamb, adam=True),
    "stableadamw": Optimizer(make=_stableadamw, adam=True),
    "muon": Optimizer(make=_muon, adam=True, wants=_orthogonalized),
    "sgd": Optimizer(make=_sgd, adam=False),
    "lars": Optimizer(make=_lars, adam=False),
}


def build_optimizer(recipe: Recipe, named_parameters) -> torch.optim.Optimizer:
    """The recipe's optimizer over (name, parameter) pairs, which `trainable` gives.

    Its groups differ in rate and weight decay; the main rate comes first. Rate and
    decay of a step are set by `set_hyperparameters`.
    """
    groups = _groups(recipe, named_parameters)
    return OPTIMIZERS[recipe.optimizer].make(groups, recipe)


def _groups(recipe: Recipe, named_parameters) -> list:
    """Parameters by rate and decay: the main rate first, and what decays first."""
    found, wants = {}, OPTIMIZERS[recipe.optimizer].wants
    for name, parameter in named_parameters:
        slow = name.startswith(PROJECTION) and recipe.patch_projection_lr != 1
        spared = not decays(recipe, name, parameter)
        own = tuple(wants(name, parameter).items())
        found.setdefault((slow, spared, own), []).append(parameter)
    return [
        {
            "params": found[slow, spared, own],
            "weight_decay": 0.0 if spared else recipe.weight_decay,
            "decays": not spared,
            "lr_scale": recipe.patch_projection_lr if slow else 1.0,
            **dict(own),
        }
        for slow, spared, own in sorted(found)
    ]


def decays(recipe: Recipe, name: str, parameter) -> bool:
    """Whether weight decay acts on a parameter. A learned temperature never decays."""
    if name == "log_temperature":
        return False
    return {
        "all": True,
        "matrices": parameter.ndim >= 2,
        "vectors": parameter.ndim < 2,
        "patch_projection": name.startswith(PROJECTION),
        "rest": not name.startswith(PROJECTION),
    }[recipe.decay]


def clip(model, recipe: Recipe):
    """Shorten gradients, in place, to the norms that the recipe allows, if it does.

    First the patch projection's (patch_projection_clip), then all of them (grad_clip).
    """
    shorten = torch.nn.utils.clip_grad_norm_
    if recipe.patch_projection_clip:
        projection = model.query.backbone.patch_projection
        shorten(projection.parameters(), recipe.patch_projection_clip)
    if recipe.grad_clip:
        shorten(model.parameters(), recipe.grad_clip)


def set_hyperparameters(optimizer, recipe: Recipe, rate: float):
    """Bring the optimizer to `recipe`'s values, and to a step's rate."""
    for group in optimizer.param_groups:
        # a state that was saved before this factor was there does not have it
        group["lr"] = rate * group.get("lr_scale", 1.0)
        if group["decays"]:
            group["weight_decay"] = recipe.weight_decay
        if "momentum" in group and "betas" not in group:  # SGD and LARS
            group["momentum"] = recipe.beta1
        if "betas" in group:
            group["betas"] = (recipe.beta1, recipe.beta2)
        if "beta1" in group:  # optimi's spelling
            group["beta1"], group["beta2"] = recipe.beta1, recipe.beta2


def steps_averaged(group: dict, state: dict) -> float | None:
    """Over how many steps a parameter's raw moments have run since they were zero.

    None where the optimizer corrects for that start as it goes, as optimi does.
    """
    if "step" in state:  # torch counts by parameter
        return float(state["step"])
    return float(group["step"]) if "betas" in group else None  # timm counts by group


@torch.no_grad()
def carry_moments(optimizer, before: Recipe, after: Recipe):
    """Let the corrected moments be what they were when a beta changes in mid-run.

    Raw moments are divided by 1 - beta^t anew at each step. Without this, beta2 from
    .999 to .95 would shrink v, and lengthen steps several times, at once.
    """
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            state = optimizer.state.get(parameter, {})
            count = steps_averaged(group, state) if "exp_avg_sq" in state else None
            if not count:
                continue
            for moment, beta in (("exp_avg", "beta1"), ("exp_avg_sq", "beta2")):
                old, new = getattr(before, beta), getattr(after, beta)
                if old != new:
                    state[moment].mul_((1 - new**count) / (1 - old**count))
