"""A graph beside mocolib's own loop: one step of both from a shared state."""

import numpy as np
import torch

from mocolib.export.given import inputs_of, state_of
from mocolib.export.step import MEASURES, STATE

CLEAR = 1e-6  # the size from which a gradient, or a ReLU's input, is more than rounding


def apart(ours, theirs) -> float:
    """Relative Euclidean distance of two arrays."""
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    return np.linalg.norm(ours - theirs) / max(np.linalg.norm(theirs), 1e-30)


class Kinks:
    """How near to zero the inputs of the query side's ReLUs come, step by step.

    An input that is zero but for rounding passes one sample's gradient on or doesn't:
    torch itself decides otherwise when it sums in another order.
    """

    def __init__(self, model):
        self.nearest = []
        for name, module in model.named_modules():
            if isinstance(module, torch.nn.ReLU) and not name.startswith("key."):
                module.register_forward_pre_hook(self._look)

    def _look(self, module, inputs):
        self.nearest.append(inputs[0].abs().min().item())

    def decided(self) -> bool:
        """Whether no ReLU stood at its kink since the last call."""
        nearest, self.nearest = min(self.nearest), []
        return nearest > CLEAR


def one_step(training, layout, player):
    """The run's next step by both: what the graph was given and gave; the record."""
    given = inputs_of(training, layout, state_of(training, layout))
    given = {name: tensor.clone() for name, tensor in given.items()}
    return given, player(given), next(training)


def compared(training, layout, player) -> dict:
    """How far loss, state vectors and measures are apart after the run's next step."""
    given, out, record = one_step(training, layout, player)
    after = state_of(training, layout)
    far = {name: apart(out[f"next_{name}"], after[name]) for name in STATE}
    clear = decided(after["second"], given)
    far["query"] = apart(out["next_query"][clear], after["query"].numpy()[clear])
    far["loss"] = apart(out["loss"], record.loss)
    for measure in MEASURES:
        pairs = zip(out[measure], getattr(record, measure).values(), strict=True)
        pairs = [pair for pair in pairs if pair[1] is not None]  # a fixed layer's
        far[measure] = apart(*np.array(pairs).T)
    return far


def decided(second, given) -> np.ndarray:
    """Where a gradient is more than rounding, so that Adam's step has a direction.

    Behind a softmax or a BatchNorm some biases have a gradient of zero in exact
    arithmetic: what is left of it, divided by its own size, is the toss of a coin.
    """
    return np.sqrt(np.asarray(second)) / given["root2"].item() > CLEAR
