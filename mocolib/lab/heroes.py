"""Panels that open a chapter: each shows what the library computes, setting by setting.

image = tokenise(recipe, data, number=data.first("Ankle boot"))
patch_to_token(image, question="Drag over the boot.")
"""

import math
from dataclasses import dataclass

import numpy as np
import torch

from mocolib import cost
from mocolib.analysis import completeness
from mocolib.augment import normalize, resized
from mocolib.data import Dataset
from mocolib.lab.pictures import Frame, beside, frames, meters, pixels, strips
from mocolib.recipe import Recipe
from mocolib.train import train
from mocolib.vit import patchify
from mocolib.words import said

# --- from patch to token ----------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Tokenised:
    """An image on its way into a network: T patches of p x p, width d."""

    image: np.ndarray  # uint8 [S, S] or [S, S, 3]
    patches: np.ndarray  # uint8 [T, p, p] or [T, p, p, 3]
    input: torch.Tensor  # what the network is given, [1, C, S, S]
    tokens: torch.Tensor  # [T, d], without position
    codes: torch.Tensor  # [T, d]
    layer: torch.nn.Module  # the patch projection


def tokenise(recipe: Recipe, data: Dataset, number: int) -> Tokenised:
    """A test image, and what the network of this recipe makes of it at the start."""
    backbone = train(recipe, data).model.query.backbone
    image, p = data.test_images[number : number + 1], recipe.patch_size
    given = normalize(resized(image, recipe.image_size), data.mean, data.std)
    with torch.no_grad():
        _, out = backbone(given)
    cut = patchify(image, p)[0].unflatten(1, (-1, p, p)).movedim(1, -1)
    return Tokenised(
        image=image[0].movedim(0, -1).squeeze(-1).numpy(),
        patches=cut.squeeze(-1).numpy(),
        input=given,
        tokens=out["patches"][0],
        codes=backbone.position.detach(),
        layer=backbone.patch_projection,
    )


def patch_to_token(image: Tokenised, *, start: int = 0, **asked):
    """Drag over an image: the patch, its token, its position code and their sum."""
    count, inside = len(image.tokens), image.patches[0].size
    grid = math.isqrt(count)
    sums = image.tokens + image.codes
    limit = float(sums.abs().max())

    def draw(patch: int) -> Frame:
        own, token, code = (
            x[patch] for x in (image.patches, image.tokens, image.codes)
        )
        bars = {
            said(
                "token: the {inside} numbers through the matrix", inside=inside
            ): token,
            "position code": code,
            "their sum, which enters the first block": sums[patch],
        }
        place = dict(row=patch // grid + 1, column=patch % grid + 1)
        spoken = _became(own, token, code, **place)
        parts = {"patch": pixels(own, 12, "the patch"), "": strips(bars, limit)}
        return Frame(html=beside(parts), spoken=spoken)

    return frames(
        draw,
        id="patch",
        over=("patch", image.image, grid, grid),
        start={"patch": start},
        patch=range(count),
        **asked,
    )


def _became(patch, token, code, **place) -> str:
    """What became of a patch, in sentences."""
    return said(
        "Row {row}, column {column}. {inside} numbers of mean brightness {mean} (of "
        "255) become {width}. Their typical size is {token}, that of the position code "
        "{code}.",
        inside=patch.size,
        width=len(token),
        mean=f"{patch.mean():.0f}",
        token=f"{_typical(token):.2f}",
        code=f"{_typical(code):.2f}",
        **place,
    )


def _typical(vector: torch.Tensor) -> float:
    """The size of a vector's numbers, in root mean square."""
    return float(vector.square().mean().sqrt())


# --- from random tokens back to the image -----------------------------------------


def rebuilt(data: Dataset, errors, numbers: dict[str, int], **asked):
    """Test images {name: number} from tokens of several widths, random and best.

    errors: a table by width of error_random and error_pca, over all test patches.
    """
    widths = list(errors.index)
    kinds = {"from random tokens": False, "from the best tokens of this width": True}
    views = {
        (name, kind): completeness.reconstruct_image(
            data, data.test_images[number], widths, best=best
        )
        for name, number in numbers.items()
        for kind, best in kinds.items()
    }

    def draw(image: str, width: int) -> Frame:
        pictures = {"the image": data.test_images[numbers[image]] / 255}
        pictures |= {kind: views[image, kind][widths.index(width)] for kind in kinds}
        shown = {name: pixels(_bytes(part), 7, name) for name, part in pictures.items()}
        missed, least = errors.loc[width, ["error_random", "error_pca"]]
        spoken = said(
            "{width} numbers a token. Over all test patches the way back from random "
            "tokens is off by {missed} of a patch (root mean square), that from the "
            "best possible ones by {least}.",
            width=width,
            missed=f"{missed:.0%}",
            least=f"{least:.0%}",
        )
        return Frame(html=beside(shown), spoken=spoken)

    return frames(draw, id="rebuilt", image=list(numbers), width=widths, **asked)


def _bytes(picture: torch.Tensor) -> np.ndarray:
    """[C, S, S] in 0..1 to uint8 [S, S] or [S, S, 3]."""
    return (255 * picture).round().byte().movedim(0, -1).squeeze(-1).numpy()


# --- what a recipe costs ----------------------------------------------------------

SCALES = {  # the ends of each bar's logarithmic scale
    "parameters": (1e4, 1e9),
    "images seen": (1e5, 1e9),
    "steps": (1e2, 1e7),
    "operations an image": (1e7, 1e12),
    "operations in all": (1e12, 1e21),
}


def bill(recipe: Recipe, epoch: int, unit: Recipe, **options):
    """What a recipe comes to as its fields change, beside runs of the recipe `unit`.

    epoch: images in an epoch. options: `epochs`, and fields of the recipe; and the
    question, the answer, the start of the panel.
    """

    def draw(epochs: int, **fields) -> Frame:
        asked = recipe.replace(warmup_steps=0, steps=1, **fields)
        asked = asked.replace(steps=epochs * epoch // asked.batch_size)
        images, one = cost.images(asked), cost.flops(asked)
        amounts = (cost.parameters(asked), images, asked.steps, one, images * one)
        rows = {
            name: _meter(amount, *SCALES[name])
            for name, amount in zip(SCALES, amounts, strict=True)
        }
        times = images * one / (cost.images(unit) * cost.flops(unit))
        told = "As many operations as {times} runs of this book's size."
        spoken = said(told, times=f"{times:,.0f}")
        return Frame(html=meters(rows), spoken=spoken)

    return frames(draw, id="bill", **options)


def _meter(amount: float, low: float, high: float) -> tuple[str, float]:
    """An amount in words, and its place between two others on a logarithmic scale."""
    words = f"{amount:,.0f}" if amount < 1e9 else f"{amount:.1e}"
    return words, math.log(amount / low) / math.log(high / low)
