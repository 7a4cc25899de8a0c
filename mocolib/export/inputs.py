"""What the graphs are fed: the state, the random numbers and the scalars of a step."""

import math

import torch

from mocolib import augment, schedules
from mocolib.batches import generator_of
from mocolib.export.layout import PROJECTION, Layout
from mocolib.export.step import view_inputs
from mocolib.train import Training


def state_of(training: Training, layout: Layout) -> dict:
    """Weights, key weights and Adam's two moments of a run, as four flat vectors."""
    named = dict(training.model.named_parameters())
    kept = training.optimizer.state

    def moment(name):
        zero = torch.zeros_like
        own = {n: kept.get(p, {}).get(name, zero(p)) for n, p in named.items()}
        return layout.join(own)

    keys = [named[s.name.replace("query.", "key.", 1)] for s in layout.twins]
    return {
        "query": layout.join(named).detach(),
        "key": torch.cat([key.flatten() for key in keys]).detach(),
        "first": moment("exp_avg"),
        "second": moment("exp_avg_sq"),
    }


def inputs_of(training: Training, layout: Layout, state: dict) -> dict:
    """All inputs of the step that a run is about to take, from the state given."""
    data, recipe, index = training.data, training.recipe, training.done
    side = data.train_images.shape[2:]
    generator = generator_of(recipe, "views", index)
    return {
        "images": data.train_images[training.batches.places(index)],
        "pixel_mean": data.mean,
        "pixel_std": data.std,
        **view_params(recipe, side, generator),
        **state,
        **scalars(recipe, index, projection_step(training)),
    }


def projection_step(training: Training) -> int:
    """The number that the patch projection's next update has; torch counts them."""
    projection = dict(training.model.named_parameters())[f"{PROJECTION}weight"]
    return int(training.optimizer.state.get(projection, {}).get("step", 0)) + 1


def view_params(recipe, side: tuple, generator) -> dict:
    """Both views' random numbers for one batch, as `augment.two_views` draws them."""
    given = {}
    for i, strength in enumerate(augment.STRENGTHS[recipe.augmentation], 1):
        params = augment.draw(strength, recipe.batch_size, side, generator)
        places = params.orders.argsort(1)  # where in its order each jitter stands
        values = vars(params) | {"orders": places[:, 1] < places[:, 0]}
        names = view_inputs(strength)
        given |= {f"view{i}.{name}": values[name].float() for name in names}
    return given


def scalars(recipe, index: int, projection_step: int) -> dict:
    """What the hyperparameters of a step make of it; 0 is the first. All float32."""
    now = schedules.at(recipe, index)
    values = factors(
        {
            "lr": now.rate,
            "weight_decay": recipe.weight_decay,
            "temperature": now.temperature,
            "momentum": now.momentum,
            "beta1": recipe.beta1,
            "beta2": recipe.beta2,
            "eps": recipe.eps,
            "step": index + 1,
            "projection_step": projection_step,
            "freeze": recipe.patch_projection == "fixed",
        }
    )
    return {name: torch.tensor(float(value)) for name, value in values.items()}


def factors(h: dict) -> dict:
    """The numbers of the update, from the hyperparameters, in doubles.

    1 - 0.999 in float32 is wrong in the fifth digit, and a graph that takes doubles
    cannot run on WebGPU. So each difference is taken here, and rounded when it is
    whole. assets/inpage/factors.js has the same formulas.
    """
    beta1, beta2 = h["beta1"], h["beta2"]
    step, own = h["step"], h["projection_step"]
    return {
        "lr": h["lr"],
        "weight_decay": h["weight_decay"],
        "kept": 1 - h["lr"] * h["weight_decay"],
        "temperature": h["temperature"],
        "rest_momentum": 1 - h["momentum"],
        "rest1": 1 - beta1,
        "beta2": beta2,
        "rest2": 1 - beta2,
        "eps": h["eps"],
        "start1": 1 - beta1**step,
        "root2": math.sqrt(1 - beta2**step),
        "projection_start1": 1 - beta1**own,
        "projection_root2": math.sqrt(1 - beta2**own),
        "freeze": h["freeze"],
    }
