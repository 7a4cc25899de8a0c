"""The few rules that tie two fields of a recipe."""

import dataclasses
import re

from mocolib.errors import BadInput

OWN = {  # fields that only one framework knows
    "moco_v3": ("loss_factor",),
    "moco_v1": ("keys", "negatives", "bn_groups", "shuffle_bn"),
    "dino": ("prototypes", "teacher_temperature"),
}


def check(r):
    """BadInput where two fields of a recipe do not go together."""
    if r.warmup_steps > r.steps:
        raise BadInput(
            f"warmup_steps is {r.warmup_steps}, but must be at most steps ({r.steps})."
        )
    if not re.fullmatch("[a-z][a-z0-9_.]*", r.frozen):
        raise BadInput(
            f"frozen is {r.frozen!r}, but must be none or how the names of layers "
            "begin, such as blocks.0.qkv."
        )
    for framework, names in OWN.items():
        if r.framework != framework:
            _check_plain(r, names, f"unless framework is {framework}")
    _check_keys(r)
    if r.backbone != "vit":
        own = [name for name in vars(r) if name.startswith("patch_projection")]
        _check_plain(r, own, f"for a {r.backbone}, which has no projection")
        return
    if r.image_size % r.patch_size:
        raise BadInput(
            f"patch_size is {r.patch_size}, but must divide image_size "
            f"({r.image_size})."
        )
    if r.width % r.heads:
        raise BadInput(f"heads is {r.heads}, but must divide width ({r.width}).")
    if r.position == "sincos" and r.width % 4:
        raise BadInput(
            f"width is {r.width}, but must be a multiple of 4 for sin-cos positions."
        )
    if r.stem == "conv" and r.patch_size < 2:
        raise BadInput("patch_size is 1, but must be at least 2 for the conv stem.")
    if r.stem == "conv":
        _check_plain(r, ["patch_projection_start"], "for the conv stem")
        if r.patch_projection_norm == "weight":
            raise BadInput(
                "patch_projection_norm is 'weight', but must be none or batch for the "
                "conv stem."
            )


def _check_plain(r, names, why: str):
    """BadInput where one of these fields is not at its default."""
    defaults = {f.name: f.default for f in dataclasses.fields(r)}
    for name in names:
        value, default = getattr(r, name), defaults[name]
        if value != default:
            raise BadInput(f"{name} is {value!r}, but must be {default!r} {why}.")


def _check_keys(r):
    """What the batch of MoCo v1 allows."""
    if r.keys == "end_to_end" and r.negatives >= r.batch_size:
        raise BadInput(
            f"negatives is {r.negatives}, but must be below batch_size "
            f"({r.batch_size}) for end_to_end keys."
        )
    size, rest = divmod(r.batch_size, r.bn_groups)
    if r.bn_groups > 1 and (rest or size < 2):
        raise BadInput(
            f"bn_groups is {r.bn_groups}, but must divide batch_size "
            f"({r.batch_size}) into groups of 2 at least."
        )
