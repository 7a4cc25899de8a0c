"""What a random patch projection keeps: the linear algebra behind freezing it.

A patch of D = C p^2 numbers becomes a token of width d by one random matrix. With
d >= D the matrix has rank D almost surely, and a linear map brings the patch back
(the paper's "complete" case: 16 x 16 x 3 = 768 inputs, 768 outputs). With d < D some
of it is gone; patches of real images are so far from noise that little may be missed.

Errors are relative: |X - X'| / |X - mean patch|, so 1 is what guessing the mean patch
costs. Patches are of normalised images, as the model sees them; all is in float64, so
that what is lost is lost by algebra, not by rounding (`condition` says how much
rounding could matter).
"""

import pandas as pd
import torch

from mocolib.batches import seed_of
from mocolib.data import Dataset
from mocolib.errors import BadInput
from mocolib.recipe import Recipe
from mocolib.vit import PatchProjection, patchify

PATCHES = 20_000  # of each split; more change the third digit of an error
SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 3 / 4, 1, 3 / 2, 2)  # default widths, d / D


def random_projection(
    channels: int, patch_size: int, width: int, seed: int, start: str = "xavier"
):
    """The weight [d, D] that the patch projection starts from under a torch seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layer = PatchProjection(channels, patch_size, width, start)
    return layer.weight.detach()


def project(recipe: Recipe, channels: int) -> torch.Tensor:
    """The weight [d, D] with which this recipe's run starts, to the last bit.

    BadInput for a recipe whose backbone has no patch projection.
    """
    if recipe.backbone != "vit" or recipe.stem != "patch":
        raise BadInput(
            f"backbone is {recipe.backbone!r} with stem {recipe.stem!r}, but must be "
            "vit with stem patch to have a patch projection."
        )
    # it is the first thing that a model draws
    seed = seed_of(recipe, "weights")
    sizes = channels, recipe.patch_size, recipe.width
    return random_projection(*sizes, seed, recipe.patch_projection_start)


def reconstruction(
    dataset: Dataset, widths=None, seeds=(0, 1, 2, 3, 4), patch_size: int | None = None
) -> pd.DataFrame:
    """Rows of width, seed, rank, condition, error_random, error_pca.

    condition: largest over smallest of the min(d, D) singular values of the weight.
    error_random: of the best linear map from the random tokens back to the patches,
    fitted on training patches, measured on test patches. error_pca: the same from the
    first d principal components, the best that any linear map to d numbers could do.
    """
    p = patch_size or default_patch_size(dataset)
    fit, test, _ = _roots(dataset, p)
    size = fit.shape[1]
    components = torch.linalg.svd(fit).Vh
    rows = []
    for width in widths or sorted({max(1, round(s * size)) for s in SHARES}):
        _check_width(width)
        kept = components[:width]
        error_pca = _error(test, test @ kept.T @ kept)
        for seed in seeds:
            weight = random_projection(dataset.channels, p, width, seed).double()
            values = torch.linalg.svdvals(weight)
            rebuilt = test @ weight.T @ decoder(weight, fit)
            rows.append(
                {
                    "width": width,
                    "seed": seed,
                    "rank": int(torch.linalg.matrix_rank(weight)),
                    "condition": float(values[0] / values[-1]),
                    "error_random": _error(test, rebuilt),
                    "error_pca": error_pca,
                }
            )
    return pd.DataFrame(rows)


def reconstruct_image(
    dataset: Dataset,
    image,
    widths,
    seed: int = 0,
    patch_size: int | None = None,
    best: bool = False,
) -> torch.Tensor:
    """A uint8 image [C, S, S] from its random tokens: [len(widths), C, S, S], 0..1.

    best: from its first principal components instead, which no matrix can beat.
    """
    p = patch_size or default_patch_size(dataset)
    fit, _, centre = _roots(dataset, p)
    components = torch.linalg.svd(fit).Vh
    patches = _patches(dataset, image[None], p) - centre
    views = []
    for width in widths:
        _check_width(width)
        weight = random_projection(dataset.channels, p, width, seed).double()
        weight = components[:width] if best else weight
        rebuilt = patches @ weight.T @ decoder(weight, fit) + centre
        views.append(unpatchify(rebuilt, dataset.channels, p, image.shape[1]))
    mean, std = (m[:, None, None].double() for m in (dataset.mean, dataset.std))
    return (torch.stack(views) * std + mean).clamp(0, 1).float()


def decoder(weight, patches) -> torch.Tensor:
    """The best linear map [d, D] from tokens back to `patches` [n, D].

    Best in least squares; the tokens [n, d] are the patches times `weight` [d, D].
    """
    tokens = patches @ weight.T
    # by singular values: with d > D, or pixels that never vary, the tokens lack rank
    return torch.linalg.lstsq(tokens, patches, driver="gelsd").solution


def unpatchify(patches, channels: int, p: int, side: int):
    """The inverse of `patchify` for one square image: [T, C p p] to [C, S, S]."""
    grid = side // p
    split = patches.reshape(grid, grid, channels, p, p)
    return split.permute(2, 0, 3, 1, 4).reshape(channels, side, side)


def default_patch_size(dataset: Dataset) -> int:
    """A quarter of the image's side, as in the book's runs: 7 of 28, 8 of 32."""
    return dataset.train_images.shape[-1] // 4


def _patches(dataset: Dataset, images, p: int) -> torch.Tensor:
    """Normalised patches [n, D] of uint8 images [N, C, S, S]."""
    side = images.shape[-1]
    if not 1 <= p <= side or side % p:
        raise BadInput(f"patch_size is {p}, but must divide the image's side, {side}.")
    mean, std = (m[:, None, None].double() for m in (dataset.mean, dataset.std))
    return patchify((images.double() / 255 - mean) / std, p).flatten(0, 1)


def _roots(dataset: Dataset, p: int):
    """R [D, D] of the training and of the test patches, and their centre [D].

    R^T R = X^T X for the centred patches X. Least squares and errors depend on X
    through X^T X alone, and R has D rows in place of thousands. Both splits are
    centred by the training patches.
    """
    parts = []
    for images in (dataset.train_images, dataset.test_images):
        count = max(1, PATCHES * p**2 // images[0, 0].numel())
        generator = torch.Generator().manual_seed(0)
        chosen = torch.randperm(len(images), generator=generator)[:count]
        parts.append(_patches(dataset, images[chosen], p))
    centre = parts[0].mean(0)
    fit, test = (torch.linalg.qr(part - centre, mode="r").R for part in parts)
    return fit, test, centre


def _error(true, rebuilt) -> float:
    return float((true - rebuilt).norm() / true.norm())


def _check_width(width: int):
    if not isinstance(width, int) or not 1 <= width <= 4096:
        raise BadInput(f"width is {width!r}, but must be a whole number 1 to 4096.")
