"""Weights from and to others: the authors' files, timm's ViT, torchvision's ResNet.

    loaded = weights.load("vit-s-300ep.pth.tar")        # sizes and heads from the file
    loaded.backbone(images)[0]                          # features [B, d]
    print(loaded.report)                                # matched, missing, unexpected
    weights.save(loaded, "out/vit.safetensors", "timm")

A load is exact or refused: nothing keeps its random start in silence. What a file
cannot say must be given, the number of heads above all: 384 wide, the authors have 12
and timm 6, and no shape tells them apart. Foreign code is never unpickled.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch

from mocolib.errors import BadInput
from mocolib.files import shown, write_atomic
from mocolib.recipe import Recipe
from mocolib.vit import build_backbone
from mocolib.weights.archive import few, read, uncompiled
from mocolib.weights.conversion import channels_of, from_timm, from_torchvision, named

# The first layer that tells timm's ViT and torchvision's ResNet; what stands before it
# in a name is where the encoder lies: `module.`, `_orig_mod.backbone.`, nothing.
FIRST = ("patch_embed.proj.weight", "layer1.0.conv1.weight")
# Which side it is, in MoCo v3 and in v1 and v2; any other name is the query's.
SIDES = {
    "query": ("base_encoder", "encoder_q"),
    "key": ("momentum_encoder", "encoder_k"),
}
NOT_BACKBONE = re.compile(r"(head|fc|predictor)\.|queue")


@dataclass(frozen=True, kw_only=True)
class Report:
    """What became of each tensor of a file."""

    matched: tuple  # names in the backbone that the file has
    missing: tuple  # those that it lacks
    unexpected: tuple  # names in the file that the backbone has no place for
    left_out: tuple  # heads, the other encoder, a queue: known, and not the backbone

    def __str__(self):
        parts = [f"{len(self.matched)} tensors matched"]
        for word in ("missing", "unexpected"):
            names = getattr(self, word)
            shown = ", ".join(names[:3]) + ", …" * (len(names) > 3)
            parts.append(f"{len(names)} {word}" + (f" ({shown})" if names else ""))
        return ", ".join([*parts, f"{len(self.left_out)} left out"])


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A backbone, the recipe that describes it, and how it came."""

    backbone: torch.nn.Module
    recipe: Recipe
    channels: int
    report: Report


def load(path, heads=None, image_size=None, side="query") -> Loaded:
    """The backbone in a checkpoint; BadInput where it cannot be had whole.

    `heads` and `image_size` are for files that don't tell them; `side` chooses the
    query or the key encoder where a file has both.
    """
    tensors, told = read(path)
    heads = heads or told.get("heads")
    image_size = image_size or told.get("image_size")
    try:
        state, left_out = _one_side(tensors, side)
        if "patch_embed.proj.weight" in state:
            recipe, ours = from_timm(state, heads, image_size)
        else:
            recipe, ours = from_torchvision(state, image_size)
        return _filled(recipe, ours, left_out)
    except BadInput as error:
        raise _refused(path, error) from None
    except KeyError as error:
        reason = f"it is of another architecture: {error} is not there, but"
        raise _refused(path, f"{reason} {few(tensors)}") from None
    except Exception as error:  # shapes of all kinds fail in all kinds of places
        raise _refused(path, f"its shapes are strange ({error})") from None


def of_run(run, side="query") -> Loaded:
    """The backbone that a run ended with."""
    file = run.folder / "weights.safetensors"
    if not file.exists():
        raise BadInput(
            f"run {run.id} has no {file.name}, but must be finished and one of your "
            "own; published runs come without."
        )
    tensors, _ = read(file)
    mark = f"{side}.backbone."
    own = {k.removeprefix(mark): v for k, v in tensors.items() if k.startswith(mark)}
    try:
        return _filled(run.recipe, own, [k for k in tensors if not k.startswith(mark)])
    except BadInput as error:
        raise _refused(file, error) from None


def _refused(path, reason) -> BadInput:
    words = " ".join(str(reason).split()).rstrip(".")
    return BadInput(f"file {shown(path)} cannot be loaded: {words}.")


def _one_side(tensors: dict, side: str) -> tuple[dict, list]:
    """Bare names of one encoder, and the names of all that is not it."""
    tensors = {uncompiled(name): value for name, value in tensors.items()}
    places = [_place(name) for name in tensors if _place(name) is not None]
    if not places:
        raise BadInput(
            "it has neither timm's ViT nor torchvision's ResNet names, but "
            f"{few(tensors)}"
        )
    mine = [p for p in places if _side(p) == side]
    # an encoder that is called the query's comes before one without a side
    named = [p for p in mine if set(p.split(".")) & set(SIDES[side])] or mine
    if not named:
        other = "query" if side == "key" else "key"
        raise BadInput(f"side is {side!r}, but must be {other} in this file")
    if len(named) > 1:
        raise BadInput(f"it has several encoders: {', '.join(named)}")
    state, left_out = {}, []
    for name, value in tensors.items():
        bare = name.removeprefix(named[0])
        if not name.startswith(named[0]) or NOT_BACKBONE.match(bare):
            left_out.append(name)
        else:
            state[bare] = value
    return state, left_out


def _place(name: str) -> str | None:
    """What stands before an encoder's first layer; None in other names."""
    for first in FIRST:
        before = name.removesuffix(first)
        if before != name and (not before or before.endswith(".")):
            return before
    return None


def _side(place: str) -> str:
    return "key" if set(place.split(".")) & set(SIDES["key"]) else "query"


def _filled(recipe: Recipe, state: dict, left_out) -> Loaded:
    """The recipe's backbone with exactly these tensors."""
    channels = channels_of(recipe, state)
    with torch.device("meta"):  # names and shapes first; a bad file costs no memory
        backbone = build_backbone(recipe, channels)
    own = backbone.state_dict()
    for name in own:
        if name.endswith("num_batches_tracked"):  # old files lack it, nothing reads it
            state.setdefault(name, torch.tensor(0))
    report = Report(
        matched=tuple(name for name in own if name in state),
        missing=tuple(name for name in own if name not in state),
        unexpected=tuple(name for name in state if name not in own),
        left_out=tuple(left_out),
    )
    if report.missing or report.unexpected:
        raise BadInput(f"{report}, but all must match")
    ready = {name: _checked(name, state[name], own[name]) for name in own}
    backbone.load_state_dict(ready, assign=True)
    return Loaded(
        backbone=backbone.eval(), recipe=recipe, channels=channels, report=report
    )


def _checked(name: str, given, wanted) -> torch.Tensor:
    """A tensor in the type of its place, on its own memory."""
    if given.shape != wanted.shape:
        raise BadInput(
            f"{name} has the shape {list(given.shape)}, but must have "
            f"{list(wanted.shape)}"
        )
    kind = torch.Tensor.is_floating_point
    value = given.to(wanted.dtype, memory_format=torch.contiguous_format, copy=True)
    if kind(given) != kind(wanted) or not value.isfinite().all():
        raise BadInput(f"{name} is not made of finite numbers of its kind")
    return value


def check_names(loaded: Loaded, to: str):
    """BadInput where the names of `to` have no place for such a backbone."""
    named(loaded.backbone.state_dict(), loaded.recipe, to)


def save(loaded: Loaded, path, to: str, extra=None):
    """Write a .safetensors file under the names of `to`; `extra` are its heads."""
    path = Path(path)
    if path.suffix != ".safetensors":
        raise BadInput(f"output is {str(path)!r}, but must end in .safetensors.")
    tensors = {
        **named(loaded.backbone.state_dict(), loaded.recipe, to),
        **(extra or {}),
    }
    told = {"heads": loaded.recipe.heads, "image_size": loaded.recipe.image_size}
    raw = safetensors.torch.save(
        {name: value.detach().contiguous() for name, value in tensors.items()},
        {"format": "pt", "mocolib": json.dumps(told)},
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, raw)
