"""AdamW and LAMB on one flat vector, with every hyperparameter a tensor.

torch's and timm's own are loops over parameters that change them in place and read
their hyperparameters as Python numbers, which would end up as constants in a graph.
The tests hold both to the same values. `h` is what `inputs.factors` makes of them.
"""

import torch


def moments(gradient, first, second, h):
    """The two moving averages one step on; all [P]."""
    first = first + h["rest1"] * (gradient - first)
    return first, h["beta2"] * second + h["rest2"] * gradient.square()


def direction(first, second, h, of=""):
    """Adam's m / (sqrt(v) + eps), both corrected for their start; `of` names whose."""
    below = second.sqrt() / h[f"{of}root2"] + h["eps"]
    return first / h[f"{of}start1"] / below


def adamw(layout, weights, first, second, h):
    """The weights [P] after one step of torch's AdamW."""

    def moved(part, of=""):
        step = direction(first[part], second[part], h, of)
        return weights[part] * h["kept"] - h["lr"] * step

    # a projection that was fixed for a while has had fewer steps
    own = layout.projection
    before, after = slice(0, own.start), slice(own.stop, layout.size)
    return torch.cat([moved(before), moved(own, "projection_"), moved(after)])


def lamb(layout, weights, first, second, h):
    """The weights [P] after one step of timm's Lamb, without its gradient clipping."""
    step = direction(first, second, h) + h["weight_decay"] * weights
    decays = h["weight_decay"] != 0
    moved = []
    for segment in layout.segments:
        own, change = weights[segment.part], step[segment.part]
        size, length = own.norm(), change.norm()
        trusted = (size > 0) & (length > 0) & decays
        ratio = torch.where(trusted, size / length, 1.0)
        moved.append(own - h["lr"] * ratio * change)
    return torch.cat(moved)


UPDATES = {"adamw": adamw, "lamb": lamb}
# numbers of `inputs.factors` that one of them does without
UNUSED = {
    "adamw": {"weight_decay"},
    # only torch counts steps by parameter
    "lamb": {"kept", "projection_start1", "projection_root2"},
}
