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

import safetensors
import safetensors.torch
import torch

from mocolib.errors import BadInput
from mocolib.files import unreadable, write_whole
from mocolib.recipe import Recipe
from mocolib.vit import build_backbone
from mocolib.weights.conversion import channels_of, from_timm, from_torchvision, named

AUTHORS_HEADS = 12  # of vit_small and of vit_base in the authors' vits.py
# Where an encoder lies in a file: of MoCo v3; of v1 and v2; for the query side also in
# a linear probe's file, which wraps it alone, and bare.
SIDES = {
    "query": ("module.base_encoder.", "module.encoder_q.", "base_encoder."),
    "key": ("module.momentum_encoder.", "module.encoder_k.", "momentum_encoder."),
}
ALONE = ("module.", "")
NOT_BACKBONE = re.compile(r"(module\.)?((head|fc|predictor)\.|queue)")


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
        elif "layer1.0.conv1.weight" in state:
            recipe, ours = from_torchvision(state, image_size)
        else:
            raise BadInput("it has neither timm's ViT nor torchvision's ResNet names")
        return _filled(recipe, ours, left_out)
    except BadInput as error:
        raise _refused(path, error) from None
    except (RuntimeError, IndexError, TypeError, ValueError) as error:
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
    return BadInput(f"file {path} cannot be loaded: {words}.")


def read(path) -> tuple[dict, dict]:
    """The tensors of a .safetensors or torch.save file, and what else it tells."""
    try:
        with open(path, "rb") as file:
            zipped = file.read(2) == b"PK"
    except OSError as error:
        raise unreadable(path, error.strerror or error) from None
    try:
        if zipped:
            content = torch.load(path, map_location="cpu", weights_only=True)
        else:
            with safetensors.safe_open(path, "pt") as file:
                content = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118
                told = json.loads((file.metadata() or {}).get("mocolib", "{}"))
            return content, told if isinstance(told, dict) else {}
    except safetensors.SafetensorError:
        reason = "it is neither safetensors nor the archive that torch.save writes"
        raise unreadable(path, reason) from None
    except Exception as error:  # a broken archive may raise anything
        if "weights_only" in str(error):
            error = "it holds more than tensors, and foreign code is never run"
        raise unreadable(path, error) from None
    return _unwrapped(path, content)


def _unwrapped(path, content) -> tuple[dict, dict]:
    """The table of tensors inside all that a training script saves."""
    whole = content if isinstance(content, dict) else {}
    for key in ("state_dict", "model"):
        content = whole[key] if isinstance(whole.get(key), dict) else content
    named = isinstance(content, dict) and all(isinstance(k, str) for k in content)
    if not named or not all(torch.is_tensor(v) for v in content.values()):
        raise unreadable(path, "it holds no table of named tensors")
    authors = any(k.startswith(SIDES["query"][0]) for k in content)
    authors = authors or str(whole.get("arch")) in ("vit_small", "vit_base")
    return content, {"heads": AUTHORS_HEADS} if authors else {}


def _one_side(tensors: dict, side: str) -> tuple[dict, list]:
    """Bare names of one encoder, and the names of all that is not it."""
    other = SIDES["key" if side == "query" else "query"]
    marks = SIDES[side] + (ALONE if side == "query" else ())
    mark = next((m for m in marks if any(k.startswith(m) for k in tensors)), "")
    if side == "key" and not mark:
        raise BadInput(f"side is {side!r}, but must be query in this file")
    state, left_out = {}, []
    for name, value in tensors.items():
        bare = name.removeprefix(mark)
        if NOT_BACKBONE.match(bare) or (bare == name and name.startswith(other)):
            left_out.append(name)
        else:
            state[bare] = value
    return state, left_out


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
    write_whole(path, raw)
