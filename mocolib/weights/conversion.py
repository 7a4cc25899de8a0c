"""Names and layouts: timm's ViT and torchvision's ResNet against ours, both ways.

Only four things differ beyond the spelling. Our patch projection is a matrix
[d, C p p], theirs a kernel [d, C, p, p]: the same numbers in the same order. Our class
token has no position of its own, so theirs is added to the token. Our positions are
[T, d], theirs [1, 1 + T, d]. And heads leave no trace in any shape: queries, keys and
values are rows of one matrix in all three, heads side by side within each.
"""

import math
import re

import torch

from mocolib.errors import BadInput
from mocolib.recipe import Recipe
from mocolib.vit import scaled_rows, sincos_positions

PIECES = (  # timm's names and ours
    *((".attn.", ".attention."), (".mlp.fc", ".fc"), ("cls_token", "class_token")),
    *(("pos_embed", "position"), ("patch_embed.proj.", "patch_projection.")),
)


def from_timm(state: dict, heads, image_size) -> tuple[Recipe, dict]:
    """Recipe and our names for timm's ViT; sizes are read off the shapes.

    BadInput where one does not tell: for other than square patches and images.
    """
    if heads is None:
        raise BadInput("heads is unknown, but must be given, as no shape tells it")
    ours = {_renamed(name): value for name, value in state.items()}
    kernel, token = state["patch_embed.proj.weight"], state.get("cls_token")
    d, p = len(kernel), _patch_size(kernel)
    ours["patch_projection.weight"] = kernel.flatten(1)  # a kernel laid flat
    if token is not None:
        ours["class_token"] = token.flatten()
    side, position = (image_size or 0) // p, "none"
    if "pos_embed" in state:
        places = _places(state["pos_embed"])  # [T, d] or [1 + T, d]
        if token is not None and not _without_token(len(places), side):
            # ours has no place for the class token: its code becomes part of the token
            ours["class_token"] = token.flatten() + places[0]
            places = places[1:]
        side, ours["position"] = _side(places, state["pos_embed"]), places
        position = "sincos" if _are_sincos(places, side) else "learned"
    if not side or image_size not in (None, side * p):
        wanted = f"{side * p}, as its positions are" if side else "given"
        raise BadInput(f"image_size is {image_size}, but must be {wanted}")
    pool = "average" if token is None else "class_token"
    if token is None and "norm.weight" not in state:
        pool = "average_without_norm"  # ours keeps a norm there that nothing reads
        ours |= {"norm.weight": torch.ones(d), "norm.bias": torch.zeros(d)}
    blocks = [re.match(r"blocks\.(\d+)\.", name) for name in state]
    depth = 1 + max((int(found[1]) for found in blocks if found), default=-1)
    sizes = dict(image_size=side * p, patch_size=p, width=d, depth=depth, heads=heads)
    qk_norm = "blocks.0.attn.q_norm.weight" in state
    return Recipe(**sizes, position=position, pool=pool, qk_norm=qk_norm), ours


def _patch_size(kernel: torch.Tensor) -> int:
    """p of a kernel [d, C, p, p]."""
    p, across = kernel.shape[2:]
    if p != across:
        raise BadInput(
            f"patch_embed.proj.weight has the shape {list(kernel.shape)}, but must be "
            f"of square patches and not of {p} x {across}"
        )
    return p


def _side(places: torch.Tensor, codes: torch.Tensor) -> int:
    """Patches a side of places [T, d], which `codes` hold."""
    side = math.isqrt(len(places))
    if side**2 != len(places):
        raise BadInput(
            f"pos_embed has the shape {list(codes.shape)}, but must be of a square of "
            f"patches, and {len(places)} are none"
        )
    return side


def _are_sincos(places: torch.Tensor, side: int) -> bool:
    d = places.shape[1]
    return d % 4 == 0 and torch.allclose(places, sincos_positions(side, d), atol=1e-4)


def _places(codes: torch.Tensor) -> torch.Tensor:
    """The position codes as they lie in a file, [1, n, d], without the batch."""
    if len(codes) != 1 or codes.ndim != 3:
        shape = list(codes.shape)
        raise BadInput(f"pos_embed has the shape {shape}, but must have [1, n, width]")
    return codes[0].float()


def _without_token(count: int, side: int) -> bool:
    """Whether so many codes have none for the class token that is there.

    A square of them may be all patches', or the token's and those of a rectangle:
    then the patches of a `side` decide, which is 0 where the size was not given.
    """
    if math.isqrt(count) ** 2 != count:
        return False
    if not side:
        raise BadInput(
            f"image_size is unknown, but must be given, as its {count} positions may "
            "count the class token or not"
        )
    return side**2 + 1 != count


def _renamed(name: str, back: bool = False) -> str:
    for theirs, ours in PIECES:
        name = name.replace(ours, theirs) if back else name.replace(theirs, ours)
    return name


def from_torchvision(state: dict, image_size) -> tuple[Recipe, dict]:
    """Recipe and our names for torchvision's ResNet; its stem tells small images."""
    small = state["conv1.weight"].shape[-1] == 3
    name = "resnet50" if "layer1.0.conv3.weight" in state else "resnet18"
    recipe = Recipe(backbone=name, image_size=image_size or (32 if small else 224))
    return recipe, {f"body.{name}": value for name, value in state.items()}


def channels_of(recipe: Recipe, state: dict) -> int:
    """Colour channels, from the first layer's shape."""
    vit = ("patch_projection.weight", "patch_projection.0.weight")
    names = vit if recipe.backbone == "vit" else ("body.conv1.weight", "stem.weight")
    first = next((state[name] for name in names if name in state), None)
    if first is None or first.ndim not in (2, 4):
        raise BadInput("it has no first layer")
    inside = recipe.patch_size**2 if first.ndim == 2 else 1
    channels, rest = divmod(first.shape[1], inside)
    if rest or not channels:
        raise BadInput(
            f"its first layer takes {first.shape[1]} numbers, but must take a multiple "
            f"of {inside}, the pixels of a patch"
        )
    return channels


def named(state: dict, recipe: Recipe, to: str) -> dict:
    """A backbone's tensors under the names of timm's ViT or torchvision's ResNet."""
    if to == "torchvision" and recipe.backbone in ("resnet18", "resnet50"):
        return {name.removeprefix("body."): value for name, value in state.items()}
    plain = recipe.stem == "patch" and recipe.patch_projection_norm != "batch"
    if to != "timm" or recipe.backbone != "vit" or not plain:
        raise BadInput(
            f"to is {to!r}, but must be timm for a ViT with one linear patch "
            f"projection, or torchvision for a resnet18 or resnet50."
        )
    matrix, gain = state["patch_projection.weight"], "patch_projection.gain"
    if recipe.patch_projection_norm == "weight":
        matrix = scaled_rows(matrix, state[gain])
    names = (name for name in state if name != gain)
    theirs = {_renamed(name, back=True): state[name] for name in names}
    p, d = recipe.patch_size, recipe.width
    kernel = matrix.view(d, -1, p, p)
    theirs["patch_embed.proj.weight"] = kernel
    side = recipe.image_size // p
    places = theirs.get("pos_embed", torch.zeros(side**2, d))[None]
    if recipe.pool == "class_token":
        theirs["cls_token"] = state["class_token"].view(1, 1, d)
        places = torch.cat([torch.zeros(1, 1, d), places], 1)
    theirs["pos_embed"] = places
    if recipe.pool == "average_without_norm":
        del theirs["norm.weight"], theirs["norm.bias"]
    return theirs
