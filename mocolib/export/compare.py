"""A graph beside mocolib's own loop: one step of both from a shared state."""

import numpy as np

from mocolib.export.inputs import inputs_of, state_of
from mocolib.export.step import MEASURES, STATE

CLEAR = 1e-6  # the size from which a gradient is more than rounding
CLOSE = 1e-5  # the distance below which two float32 computations are the same
KINK = 1e-2  # and the one below which they are but for a ReLU at its kink


def apart(ours, theirs) -> float:
    """Relative Euclidean distance of two arrays."""
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    return np.linalg.norm(ours - theirs) / max(np.linalg.norm(theirs), 1e-30)


def one_step(training, layout, graph):
    """The run's next step by both: what the graph was given and gave; the record."""
    given = inputs_of(training, layout, state_of(training, layout))
    given = {name: tensor.clone() for name, tensor in given.items()}
    return given, graph(given), next(training)


def compared(training, layout, graph) -> dict:
    """How far loss, state vectors and measures are apart after the run's next step."""
    given, out, record = one_step(training, layout, graph)
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


def differing(steps: list[dict]) -> int:
    """In how many steps (of `compared`) anything is further apart than rounding.

    They are few where both compute the same. A ReLU whose input is zero but for
    rounding passes one sample's gradient on or doesn't: torch itself decides otherwise
    when it sums in another order, and what follows from the gradient is `KINK` apart.
    """
    return sum(bool(max(step.values()) > CLOSE) for step in steps)
