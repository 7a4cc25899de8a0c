"""What is measured inside a step, layer by layer, in our loop and in anybody's.

grad_inf  largest absolute entry of the gradient, the paper's infinity norm (figure 4)
grad_l2   Euclidean norm of the gradient
adam_rms  sqrt(mean(g^2 / v)) with v corrected for its start: above 1 the optimizer
          under-estimates this gradient, below 1 it over-estimates (2304.13013)
update    size of the step against the size of the weights, |dw| / |w|
cosine    between the step taken and the negative gradient

The gradient's norms are those before any clipping; adam_rms compares what the
optimizer was given.
"""

import math
import re
import warnings
from functools import reduce

import torch
from torch import nn

from mocolib.errors import BadInput
from mocolib.execution import shards
from mocolib.matrices import told_apart
from mocolib.optim import steps_averaged

MEASURES = ("grad_inf", "grad_l2", "adam_rms", "update", "cosine")

# What a process can say of its entries of a layer, by how it is completed over all.
NORMS = ("grad_l2", "length", "size", "scale")
SUMS = ("along", "squares")
LARGEST = ("grad_inf", "peak", "live", "rated")

ADAM = "Adam|Lamb|LAMB|LaProp|Ranger|Muon"  # the last: where it falls back to AdamW
SCALED = 16  # what a GradScaler multiplies by is a power of two, and larger
CLEARED = "gradients are gone, but after() reads them: call it ahead of zero_grad()."


def layers(model: nn.Module) -> dict:
    """The weight matrices of a network by name, first to last layer.

    timm's ViT gives patch_embed.proj, blocks.0.attn.qkv, ..., head; ours, of its query
    side, patch_projection, blocks.0.qkv, ..., projector.0, ... (`matrices`). Under
    FSDP 1 without use_orig_params several layers share one flat parameter.
    """
    return {name: piece.parameter for name, piece in told_apart(model)[0].items()}


class Probe:
    """Call `before` between backward and the optimizer's step, `after` behind it.

        probe = Probe(model, optimizer)  # or several; once the model is wrapped
        loss.backward()                  # the last of a step, where they accumulate
        probe.before()
        optimizer.step()
        table = probe.after()            # ahead of zero_grad()

    For any network and any optimizers of torch's shape. The model may be wrapped by
    DDP, FSDP 1 or 2, or torch.compile; under FSDP each process calls both, and each is
    told the numbers of whole layers. Both may be left out at a step.

    None stands where a layer has no gradient, and for adam_rms where its optimizer
    does not average g^2 for it as Adam does. Of a weight-normed layer g v / |v| the
    direction v is measured; its gradient goes as 1 / |v|. `unseen` names what is not
    measured.
    """

    def __init__(self, model: nn.Module, *optimizers):
        for one in optimizers:
            if not hasattr(one, "param_groups"):
                raise BadInput(
                    f"optimizer is a {type(one).__name__}, but each must have "
                    "param_groups, as in Probe(model, one, another)."
                )
        self.model, self.optimizers = model, optimizers
        self.pieces, self._passed_by = told_apart(model)
        if not self.pieces:
            raise BadInput("model has no weight matrix, but must have one to measure.")
        self.layers = {name: piece.parameter for name, piece in self.pieces.items()}
        self._read, self._warned = None, set()

    @property
    def unseen(self) -> dict:
        """{name: why} of the trained matrices that are not measured, or not in full."""
        known = self._owners()
        return self._passed_by | {
            name: "no adam_rms: in no optimizer that the probe was given"
            for name, parameter in self.layers.items()
            if parameter.requires_grad and id(parameter) not in known
        }

    def __repr__(self) -> str:
        names, unseen = list(self.layers), self.unseen
        told = f"Probe of {len(names)} layers, {names[0]} to {names[-1]}"
        for why in dict.fromkeys(unseen.values()):
            alike = ", ".join(name for name in unseen if unseen[name] == why)
            told += f"; not seen: {alike} ({why})"
        return told

    @torch.no_grad()
    def before(self, scale: float = 1.0):
        """Remember the weights and read the gradients.

        Keeps a copy of the weights until `after`. `scale` is what the gradients are
        still multiplied by: `scaler.get_scale()` of a GradScaler, unless it has
        unscaled them.
        """
        self._check_there()
        self.live = {n: p for n, p in self.pieces.items() if p.has_gradient}
        grads = [p.here(p.parameter.grad) for p in self.live.values()]
        self.weights = [p.here(p.parameter).clone() for p in self.live.values()]
        self._read = {
            "grad_inf": [size / scale for size in _norms(grads, torch.inf)],
            "grad_l2": [size / scale for size in _norms(grads)],
        }

    @torch.no_grad()
    def after(self) -> dict:
        """{measure: {layer: value}}; None for a layer that is not trained."""
        whole = self._whole(self._rows())
        sizes, lengths = whole["size"], whole["length"]
        entries = [math.prod(piece.shape) for piece in self.pieces.values()]
        whole |= {
            "update": sizes / whole["scale"].clamp(min=1e-30),
            "cosine": -whole["along"] / (sizes * lengths).clamp(min=1e-30),
            "adam_rms": (whole["squares"] / sizes.new_tensor(entries)).sqrt(),
        }
        told = dict(zip(whole, torch.stack([*whole.values()]).tolist(), strict=True))
        self._check_gradients(told)
        there = dict.fromkeys(MEASURES, told["live"]) | {"adam_rms": told["rated"]}
        return {
            measure: {
                name: value if there[measure][i] else None
                for i, (name, value) in enumerate(
                    zip(self.layers, told[measure], strict=True)
                )
            }
            for measure in MEASURES
        }

    def adam_rms(self, piece, optimizer, group) -> torch.Tensor | None:
        """The sum in sqrt(mean(g^2 / v)) over the entries here; None without a v."""
        kept = optimizer and second_moment(optimizer, group, piece.parameter)
        if not kept:
            return None
        second = piece.here(kept[0]) / kept[1]  # corrected for its start
        square = _wide(piece.here(piece.parameter.grad)).square()
        return (square / second.clamp(min=1e-30)).sum()

    def _rows(self) -> dict:
        """{what: a number a live layer}, each over the entries that are here."""
        if self._read is None:
            raise BadInput("after() must follow a before(), ahead of the same step.")
        rows, self._read = self._read, None
        live, steps = list(self.live.values()), self.weights
        self.weights = None
        if any(piece.parameter.grad is None for piece in live):
            raise BadInput(CLEARED)
        grads = [piece.here(piece.parameter.grad) for piece in live]
        # anew: they may have been clipped
        rows |= {"length": _norms(grads), "peak": _norms(grads, torch.inf)}
        rows["scale"] = _norms(steps)
        if steps:  # in the place of the weights
            torch._foreach_neg_(steps)
            torch._foreach_add_(steps, [piece.here(piece.parameter) for piece in live])
        owners, nobody = self._owners(), (None, {})
        rms = [self.adam_rms(p, *owners.get(id(p.parameter), nobody)) for p in live]
        sizes = _norms(steps)
        no = sizes[0].new_zeros(()) if sizes else None
        yes = no + 1 if sizes else None
        return rows | {
            "size": sizes,
            "along": [_inner(s, g) for s, g in zip(steps, grads, strict=True)],
            "squares": [no if value is None else value for value in rms],
            "rated": [no if value is None else yes for value in rms],
            "live": [yes] * len(live),
        }

    def _whole(self, rows: dict) -> dict:
        """{what: [layers]} of whole layers, where other processes hold the rest."""
        pieces, names = list(self.pieces.values()), (*NORMS, *SUMS, *LARGEST)
        split = any(piece.holders for piece in pieces)
        numbers = [number for name in names for number in rows[name]]
        table = torch.zeros(len(names), len(pieces))
        if numbers:
            first = rows["size"][0].device
            if any(number.device != first for number in numbers):
                numbers = [number.to(first) for number in numbers]
            here = torch.stack(numbers).view(len(names), -1)
            table = table.to(here)
            table[:, [name in self.live for name in self.pieces]] = here
        if split:
            table = shards.complete(pieces, table.double(), len(NORMS), len(LARGEST))
        whole = dict(zip(names, table, strict=True))
        if split:  # a maximum over processes may pass over what is no number
            whole["grad_inf"][whole["grad_l2"].isnan()] = math.nan
        return whole

    def _owners(self) -> dict:
        """{id of a parameter: (its optimizer, its group there)}, as they are now."""
        return {
            id(parameter): (one, group)
            for one in self.optimizers
            for group in one.param_groups
            for parameter in group["params"]
        }

    def _check_there(self):
        """BadInput where the model has got other parameters since it was looked at."""
        if all(p.grad is not None or not p.requires_grad for p in self.layers.values()):
            return
        own = {id(parameter) for parameter in self.model.parameters()}
        lost = [name for name, p in self.layers.items() if id(p) not in own]
        if lost:
            raise BadInput(
                f"{lost[0]} is another parameter than when the probe was made; make "
                "the probe once the model is wrapped."
            )

    def _check_gradients(self, told: dict):
        """What is said where they are not those of `before`, but for a clipping."""
        before, after = told["grad_l2"], told["length"]
        if any(before) and not any(after):
            raise BadInput(CLEARED)
        shares = {b / a for b, a in zip(before, after, strict=True) if a}
        share = shares.pop() if len(shares) == 1 else 1.0
        if share >= SCALED and math.frexp(share)[0] == 0.5:
            self._warn(
                f"gradients were {share:.0f} times as large in before() as behind the "
                "step, as a GradScaler has them: call scaler.unscale_(optimizer) ahead "
                "of it, or before(scale=scaler.get_scale())."
            )
        peaks = zip(told["grad_inf"], before, told["peak"], after, strict=True)
        if any(b and d and abs(a / b - c / d) > 1e-3 * a / b for a, b, c, d in peaks):
            self._warn(
                "gradients point elsewhere behind the step than before it: clipped by "
                "value, or written into by the optimizer (foreach=False may help); "
                "cosine and adam_rms are of what they have become."
            )

    def _warn(self, words: str):
        """Once for each kind of words."""
        if words[:20] not in self._warned:
            self._warned.add(words[:20])
            warnings.warn(words, stacklevel=4)


def second_moment(optimizer, group: dict, parameter) -> tuple | None:
    """(average of g^2 as the optimizer keeps it, the sum of its weights), or None.

    The first over the second is corrected for the start. Adam's averages only: others
    keep something else under the same names, so the optimizer has to be of its kind by
    name, and hold both of the parameter's shape, in a group with two betas.
    """
    state = optimizer.state.get(parameter, {})  # to read a defaultdict would write
    kept = [state.get(name) for name in ("exp_avg", "exp_avg_sq")]
    if any(moment is None or moment.shape != parameter.shape for moment in kept):
        return None
    kind = type(getattr(optimizer, "optimizer", optimizer)).__name__
    # LAMB may clip the whole gradient itself: v is of what nobody else sees
    if not re.search(ADAM, kind) or group.get("max_grad_norm"):
        return None
    second = state.get("max_exp_avg_sq", kept[1])  # what AMSGrad divides by
    if "beta2" in group:  # optimi's spelling
        return second, 1.0
    betas = group.get("betas", ())
    if len(betas) != 2 or not ("step" in state or "step" in group):
        return None
    return second, 1 - betas[1] ** steps_averaged(group, state)


def _norms(tensors: list, order=2) -> list:
    """Of each, in single precision at least: a half one would have three digits."""
    if not tensors:
        return []
    kind = reduce(torch.promote_types, (t.dtype for t in tensors), torch.float32)
    return torch._foreach_norm(tensors, order, dtype=kind)


def _wide(tensor):
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def _inner(one, other) -> torch.Tensor:
    one, other = _wide(one).flatten(), _wide(other).flatten()
    return torch.vdot(one, other.to(one))
