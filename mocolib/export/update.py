"""AdamW and LAMB on one flat vector, with every hyperparameter a tensor.

torch's and timm's own are loops over parameters that change them in place and read
their hyperparameters as Python numbers, which would end up as constants in a graph.
The tests hold both to the same values.
"""

import torch


def moments(gradient, first, second, h):
    """The two moving averages one step on; all [P]."""
    first = first + (1 - h["beta1"]).float() * (gradient - first)
    rest = (1 - h["beta2"]).float()
    return first, h["beta2"].float() * second + rest * gradient.square()


def direction(first, second, h, steps):
    """Adam's m / (sqrt(v) + eps), both corrected for their start; `steps` [P] or []."""
    start1, start2 = 1 - h["beta1"] ** steps, 1 - h["beta2"] ** steps
    below = second.sqrt() / start2.sqrt().float() + h["eps"].float()
    return first / start1.float() / below


def adamw(layout, weights, first, second, h):
    """The weights [P] after one step of torch's AdamW."""

    def moved(part, steps):
        kept = weights[part] * (1 - h["lr"] * h["weight_decay"]).float()
        step = direction(first[part], second[part], h, steps)
        return kept - h["lr"].float() * step

    # a projection that was fixed for a while has had fewer steps
    own = layout.projection
    before, after = slice(0, own.start), slice(own.stop, layout.size)
    return torch.cat(
        [
            moved(before, h["step"]),
            moved(own, h["projection_step"]),
            moved(after, h["step"]),
        ]
    )


def lamb(layout, weights, first, second, h):
    """The weights [P] after one step of timm's Lamb, without its gradient clipping."""
    step = direction(first, second, h, h["step"])
    step = step + h["weight_decay"].float() * weights
    rate, decays = h["lr"].float(), h["weight_decay"] != 0
    moved = []
    for segment in layout.segments:
        own, change = weights[segment.part], step[segment.part]
        size, length = own.norm(), change.norm()
        trusted = (size > 0) & (length > 0) & decays
        ratio = torch.where(trusted, size / length, 1.0)
        moved.append(own - rate * ratio * change)
    return torch.cat(moved)


UPDATES = {"adamw": adamw, "lamb": lamb}
