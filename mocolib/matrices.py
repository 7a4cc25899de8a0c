"""Which parameters of a network are its weight matrices, and what they are called.

A name is the model's own, without `.weight` and without what wrapping puts into it
(`module.`, `_orig_mod.`, `_fsdp_wrapped_module.`): `blocks.0.attn.qkv`, `head`. Of a
weight-normed layer it is that of the direction v, `head.weight_v` in torch's old form
and `head.weight.original1` in its new one. Of a model with two sides, `query.` and
`key.`, it is the query side's, in short: patch_projection, blocks.0.qkv, blocks.0.proj,
blocks.0.fc1, ..., projector.0, ..., predictor.0, ...
"""

import math
import re
from collections import Counter

from torch import nn
from torch.nn.parameter import is_lazy

from mocolib.errors import BadInput
from mocolib.execution import shards

LENGTH = "the length of a weight-normed layer, whose direction is measured"


def told_apart(model: nn.Module) -> tuple[dict, dict]:
    """({layer: shards.Piece}, {parameter: why it is no layer}), first to last.

    The second names what takes a gradient and has two dimensions or more: no bias, no
    norm. Where two names would be one, both stay whole. BadInput where a layer has no
    shape yet.
    """
    if any(map(is_lazy, model.parameters())):
        raise BadInput("model has layers without a shape; give it a batch first.")
    every = shards.pieces(model)
    bare = {raw: shards.bare(raw) for raw in every}
    two_sided = any(name.startswith("query.") for name in bare.values())
    found, others = {}, {}
    for raw, piece in every.items():
        name, trained = bare[raw], piece.parameter.requires_grad
        follows = two_sided and name.startswith("key.") and not trained
        if len(piece.shape) < 2 or follows:
            continue
        why = _no_layer(name, piece.shape)
        if not why:
            found[raw] = _short(name, found.values()) if two_sided else _own(name)
        elif trained:
            others[name] = why
    count = Counter(found.values())
    named = {
        name if count[name] == 1 else raw: every[raw] for raw, name in found.items()
    }
    return named, others


def _no_layer(name: str, shape) -> str:
    """Why a parameter of two dimensions or more is no layer; "" where it is one."""
    if not re.search(r"weight[^.]*(\.original\d?)?$", name):
        return "no weight by its name"  # positions and tokens
    if re.search(r"weight(_g|\.original0)$", name) and math.prod(shape) == max(shape):
        return LENGTH
    return ""


def _own(name: str) -> str:
    return re.sub(r"parametrizations\.|\.weight$", "", name)


def _short(name: str, before) -> str:
    """A name in one of our models; heads count layers, not list entries."""
    short = re.sub(r"^query\.|backbone\.|body\.|attention\.|\.weight$", "", name)
    head, _, _ = short.partition(".")
    if head in ("projector", "predictor"):
        return f"{head}.{sum(n.startswith(head) for n in before)}"
    return short
