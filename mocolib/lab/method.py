"""One step of MoCo v3 as a figure: each part opens on its code and on its numbers.

    lab.method(taken(named_recipe("page"), load("fashion-mnist")))

The numbers are those of one real step on a few images, computed when the page is built,
and the lines that stand out in a part's code are lines which that step went through.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from IPython.display import HTML

from mocolib import augment, moco
from mocolib.batches import views_of
from mocolib.data import Dataset
from mocolib.lab import watched
from mocolib.lab.chapter import listing
from mocolib.lab.page import figure
from mocolib.lab.pictures import pixels
from mocolib.recipe import Recipe
from mocolib.train import train
from mocolib.words import said, table

LOW, HIGH = np.array([222, 143, 5]), np.array([1, 115, 178])  # below and above zero


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A step on N images: what passed through each part of the model."""

    views: np.ndarray  # uint8 [2, N, S, S]
    features: np.ndarray  # [N, d], of the first view, query side
    projected: np.ndarray  # [N, dim]
    queries: np.ndarray  # [N, dim], of the first view, length 1
    keys: np.ndarray  # [N, dim], of the second view, length 1
    apart: tuple  # distance of both sides' weights before and after the key moved
    momentum: float
    temperature: float
    losses: tuple  # of both directions
    gradients: dict  # {part: L2 norm}; the key side has none
    ran: frozenset  # (file, line) of each line of mocolib that the step went through

    @property
    def cosines(self) -> np.ndarray:
        """Each query with each key, [N, N]."""
        return self.queries @ self.keys.T

    @property
    def probabilities(self) -> np.ndarray:
        """What a query gives each key, [N, N]; rows add up to 1."""
        logits = self.cosines / self.temperature
        raised = np.exp(logits - logits.max(1, keepdims=True))
        return raised / raised.sum(1, keepdims=True)


def taken(recipe: Recipe, data: Dataset, *, images: int = 8, after: int = 60) -> Taken:
    """One step of a run that has made `after` steps, on the first test images."""
    training = train(recipe.replace(knn_every=0), data)
    for _ in range(after):
        next(training)
    model, mean, std = training.model, data.mean, data.std
    generator = torch.Generator().manual_seed(recipe.seed)
    before = _distance(model)
    model.zero_grad()
    parts = ("query", "predictor", "key")
    with watched.lines() as ran, watched.outputs(model, *parts) as given:
        views = views_of(data.test_images[:images], recipe, data, generator)
        model(views, recipe.temperature, recipe.momentum).loss.backward()
    ([(embeddings, features)], queries, [(keys, _)]) = (given[part] for part in parts)
    pairs = ((queries[0], keys[1]), (queries[1], keys[0]))
    losses = [model.compare(q, k, recipe.temperature) for q, k in pairs]
    unit = torch.nn.functional.normalize
    shown = (views * std[:, None, None] + mean[:, None, None]).clamp(0, 1)
    return Taken(
        views=(255 * shown[:, :, 0]).round().to(torch.uint8).numpy(),
        features=features[0].detach().numpy(),
        projected=embeddings[0].detach().numpy(),
        queries=unit(queries[0].detach(), dim=1).numpy(),
        keys=unit(keys[1], dim=1).numpy(),
        apart=(before, _distance(model)),
        momentum=recipe.momentum,
        temperature=recipe.temperature,
        losses=tuple(loss.item() for loss in losses),
        gradients=_gradients(model),
        ran=frozenset(ran),
    )


def _distance(model) -> float:
    """How far the key side's weights are from the query side's, in L2."""
    pairs = zip(model.query.parameters(), model.key.parameters(), strict=True)
    with torch.no_grad():
        return math.sqrt(sum((q - k).square().sum().item() for q, k in pairs))


def _gradients(model) -> dict:
    backbone = model.query.backbone
    parts = {
        "patch projection": backbone.patch_projection,
        "blocks": backbone.blocks,
        "projector": model.query.projector,
        "predictor": model.predictor,
    }
    grads = {n: [p.grad for p in part.parameters()] for n, part in parts.items()}
    return {
        name: math.sqrt(sum(g.square().sum().item() for g in own if g is not None))
        for name, own in grads.items()
    }


# --- the figure -----------------------------------------------------------------------


def method(step: Taken, *, id="method", question=None, answer=None) -> HTML:
    """Boxes of the method in two columns, queries and keys; a press opens a part.

    Next and Back walk through one step in the order in which it is computed.
    """
    parts = [*_encoders(step), *_keys(step), *_comparison(step)]
    small = {
        "views": pixels(pairs(step.views), 1, "views"),
        "features": pixels(tiles(step.features), 2, "features"),
        "queries": pixels(tiles(step.queries), 1, "queries"),
        "keys": pixels(tiles(step.keys), 1, "keys"),
        "matrix": pixels(grey(step.probabilities), 6, "similarity matrix"),
    }
    plain = "".join(
        f"<p class='part'>{one['title']}</p>{one['shown']}" for one in parts
    )
    data = {"parts": parts, "small": small}
    asked = {"question": question, "answer": answer}
    return figure("why-method", f"method-{id}", data, plain=plain, **asked)


def _part(id: str, picture: str, code: str, **fields) -> dict:
    """A part with the words that words/method.toml has for it."""
    own = table("method")[id]
    shown = f"{picture}<p>{said(own['words'], **fields)}</p>"
    return {"id": id, "title": said(own["title"]), "shown": shown, "code": code}


def _encoders(step: Taken) -> list[dict]:
    """From images to queries."""
    (n, width), dim = step.features.shape, step.keys.shape[1]
    return [
        _part(
            "views",
            pixels(pairs(step.views), 2, "two rows of views"),
            listing(augment.two_views, "draw(", "apply(", ran=step.ran),
            count=n,
        ),
        _part(
            "query",
            pixels(tiles(step.features), 6, "features"),
            listing(moco.Encoder.forward, "self.backbone(", ran=step.ran),
            width=width,
        ),
        _part(
            "projector",
            pixels(tiles(step.projected), 4, "embeddings"),
            listing(moco.Encoder.forward, "self.projector", ran=step.ran),
            **{"width": width, "dim": dim},
        ),
        _part(
            "predictor",
            pixels(tiles(step.queries), 4, "queries"),
            listing(moco.MoCo.forward, "self.predictor", ran=step.ran),
        ),
    ]


def _keys(step: Taken) -> list[dict]:
    """From the query side to keys."""
    before, behind = step.apart
    return [
        _part(
            "momentum",
            "",
            listing(moco.MoCo.update_key, "lerp", "list(", ran=step.ran),
            momentum=f"{step.momentum:g}",
            rest=f"{1 - step.momentum:.2g}",
            before=f"{before:.4f}",
            behind=f"{behind:.4f}",
        ),
        _part(
            "key",
            pixels(tiles(step.keys), 4, "keys"),
            listing(
                moco.MoCo.forward, "no_grad", "update_key", "self.key(", ran=step.ran
            ),
        ),
    ]


def _comparison(step: Taken) -> list[dict]:
    """From queries and keys to the loss, and back."""
    n, (one, other) = len(step.keys), step.losses
    right = np.diag(step.probabilities).mean()
    return [
        _part(
            "similarity",
            pixels(grey(step.probabilities), 20, "matrix"),
            listing(moco.contrast, "normalize", "logits =", ran=step.ran),
            right=f"{right:.0%}",
            guess=f"{1 / n:.0%}",
            temperature=f"{step.temperature:g}",
        ),
        _part(
            "loss",
            "",
            listing(moco.contrast, "target =", "cross_entropy", ran=step.ran),
            one=f"{one:.3f}",
            other=f"{other:.3f}",
            both=f"{one + other:.3f}",
            guess=f"{4 * step.temperature * math.log(n):.3f}",
        ),
        _part(
            "gradient",
            _norms({**step.gradients, "key side": None}),
            listing(moco.MoCo.forward, "self.compare", "no_grad", ran=step.ran),
        ),
    ]


def _norms(gradients: dict) -> str:
    """A row a part, as HTML; None for one that gets no gradient."""
    norms = {n: said("none") if x is None else f"{x:.3g}" for n, x in gradients.items()}
    rows = (f"<tr><th>{said(n)}</th><td>{told}</td></tr>" for n, told in norms.items())
    return f"<table>{''.join(rows)}</table>"


def pairs(views) -> np.ndarray:
    """Views [2, N, S, S] in two rows, those of one image below each other."""
    return np.vstack([np.hstack(list(one)) for one in views])


def tiles(values) -> np.ndarray:
    """Numbers [N, d] as uint8 colours [N, d, 3]: white is zero."""
    share = np.clip(values / np.abs(values).max(), -1, 1)[..., None]
    ends = np.where(share < 0, LOW, HIGH)
    return np.round(255 + (ends - 255) * np.abs(share)).astype(np.uint8)


def grey(shares) -> np.ndarray:
    """Shares from 0 (white) to the largest (dark) as uint8 [N, M]."""
    return np.round(255 - 225 * shares / shares.max()).astype(np.uint8)
