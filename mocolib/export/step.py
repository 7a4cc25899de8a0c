"""mocolib's training step as a function of tensors alone, to be traced into a graph.

Model, loss and augmentation are mocolib's own; only what a loop does in place is
written anew: state goes in as flat vectors and comes out as new ones, and every
number that may change while a run goes on is an input.
"""

import copy
from dataclasses import fields

import torch
from torch.func import functional_call

from mocolib import augment
from mocolib.export.layout import PROJECTION, Layout
from mocolib.export.update import UPDATES, moments
from mocolib.probe import MEASURES
from mocolib.recipe import Recipe

STATE = ("query", "key", "first", "second")
SHOWN = 8  # images whose views a page may look at


def view_inputs(strength: augment.Strength) -> list[str]:
    """The fields of `augment.Params` that act on small grey images at this strength."""
    idle = {"hue", "grey", "sigma"}
    idle |= set() if strength.jitter else {"factors", "orders"}
    idle |= set() if strength.solarize else {"solarize"}
    return [f.name for f in fields(augment.Params) if f.name not in idle]


def view(images, p: dict, size: int, mean, std):
    """`augment.apply` for small grey images, without a branch on a number."""
    idle = dict.fromkeys(f.name for f in fields(augment.Params))
    params = augment.Params(**idle | p | {"flip": p["flip"] > 0})
    seen = augment.crop(images, params, size)
    if "factors" in p:
        # the order counts, and is one for a chunk of images
        one, other = (augment.jitter(seen.clone(), params, o) for o in ((0, 1), (1, 0)))
        turned = p["orders"].repeat_interleave(augment.CHUNK)[: len(images)] > 0
        seen = torch.where(turned[:, None, None, None], other, one)
    if "solarize" in p:
        seen = augment.solarize(seen, p["solarize"] > 0)
    return (seen - mean) / std


class Step:
    """Callable: named inputs (see `inputs_of`) to named outputs, one training step.

    It works on a copy of the model, which it cuts down to what a graph needs.
    """

    def __init__(self, model, recipe: Recipe):
        model = copy.deepcopy(model)
        self.model, self.recipe, self.layout = model, recipe, Layout(model)
        self.update = UPDATES[recipe.optimizer]
        for side in (model.query, model.key):
            side.chunk = 2 * recipe.batch_size  # a graph is the smaller for one chunk
        # the key side moves here, as one vector, before the model looks at it
        model.update_key = lambda momentum: None
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm1d):
                module.track_running_stats = False  # nothing ever reads them

    def __call__(self, given: dict) -> dict:
        query, key = given["query"], given["key"]
        key = key + given["rest_momentum"] * (query[: len(key)] - key)
        views = self.views(given)
        loss, gradient = self.differentiate(views, given, query, key)
        first, second = moments(gradient, given["first"], given["second"], given)
        moved = self.update(self.layout, query, first, second, given)
        after = {"query": moved, "key": key, "first": first, "second": second}
        frozen, own = given["freeze"] > 0, self.layout.projection
        for name in ("query", "first", "second"):
            new, old = after[name], given[name]
            kept = torch.where(frozen, old[own], new[own])
            after[name] = torch.cat([new[: own.start], kept, new[own.stop :]])
        table = self.measure(gradient, query, after, given)
        after = {f"next_{name}": vector for name, vector in after.items()}
        return {**after, "loss": loss, **table, "views": views[:, :SHOWN]}

    def views(self, given: dict):
        """Both views of the batch, [2, B, C, S, S]."""
        mean, std = (given[f"pixel_{name}"][:, None, None] for name in ("mean", "std"))
        chosen = []
        for i, strength in enumerate(augment.STRENGTHS[self.recipe.augmentation], 1):
            p = {name: given[f"view{i}.{name}"] for name in view_inputs(strength)}
            chosen.append(view(given["images"], p, self.recipe.image_size, mean, std))
        return torch.stack(chosen)

    def differentiate(self, views, given, query, key):
        """The loss, and its gradient [P]."""
        weights = self.layout.split(query)
        weights = {n: w.detach().requires_grad_() for n, w in weights.items()}
        sides = weights | self.layout.split_key(key)
        asked = (views, given["temperature"], None)
        output = functional_call(self.model, sides, asked)
        gradients = torch.autograd.grad(output.loss, list(weights.values()))
        flat = torch.cat([g.flatten() for g in gradients])
        return output.loss.detach(), flat

    def measure(self, gradient, before, after, h):
        """The tables of `mocolib.probe`, each [L]."""
        table = {name: [] for name in MEASURES}
        for segment in self.layout.layers.values():
            g, old = gradient[segment.part], before[segment.part]
            moved = after["query"][segment.part] - old
            length, size = g.norm(), moved.norm()
            own = segment.name.startswith(PROJECTION) and "projection_root2" in h
            start2 = h["projection_root2" if own else "root2"].square()
            second = after["second"][segment.part] / start2
            square = g.square() / second.clamp(min=1e-30)
            table["grad_inf"].append(g.abs().max())
            table["grad_l2"].append(length)
            table["adam_rms"].append(square.mean().sqrt())
            table["update"].append(size / old.norm().clamp(min=1e-30))
            down = -(moved * g).sum()
            table["cosine"].append(down / (size * length).clamp(min=1e-30))
        return {name: torch.stack(values) for name, values in table.items()}


class Features:
    """Callable: clean images to normalized features [n, d], for the kNN monitor."""

    def __init__(self, model, recipe: Recipe):
        self.recipe, self.layout = recipe, Layout(model)
        self.backbone = copy.deepcopy(model.query.backbone).eval()

    def __call__(self, given: dict) -> dict:
        prefix = "query.backbone."
        weights = self.layout.split(given["query"]).items()
        own = {n[len(prefix) :]: w for n, w in weights if n.startswith(prefix)}
        images = augment.resized(given["images"], self.recipe.image_size)
        images = augment.normalize(images, given["pixel_mean"], given["pixel_std"])
        features, _ = functional_call(self.backbone, own, (images,))
        return {"features": torch.nn.functional.normalize(features, dim=1)}
