"""What a monitor overlooks that is read seldom."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from mocolib.analysis.curves import Fall, falls_of, noise
from mocolib.analysis.measures import deepest, fall_depth, falls_in, monitored
from mocolib.data import CATALOGUE
from mocolib.errors import BadInput
from mocolib.runs import Run


def once_an_epoch(run: Run) -> pd.DataFrame:
    """Of `monitored`, the first reading at or after each epoch's end."""
    return thinned(run, 1)


def thinned(run: Run, readings: float) -> pd.DataFrame:
    """What a monitor sees that is read `readings` times an epoch, evenly spread.

    Of `monitored` the first reading at or after each such moment; all of them where
    more are asked for than there are.
    """
    seen = monitored(run)
    return seen[_first_of_each(readings * seen["samples"].to_numpy() // _epoch(run))]


def _first_of_each(parts: np.ndarray) -> np.ndarray:
    """Which readings [n] are the first of their part, the parts counted from 0."""
    return np.diff(parts, prepend=0) > 0


def missed_depth(run: Run) -> float:
    """How much of its deepest fall a monitor read once an epoch misses, in accuracy."""
    return fall_depth(run) - deepest(falls_in(run, once_an_epoch(run)))


@dataclass(frozen=True, kw_only=True)
class Dense:
    """A run's dense curve and its falls, for `missed`; [n] readings."""

    steps: np.ndarray
    knn: np.ndarray
    samples: np.ndarray  # seen when
    falls: list[Fall]


def dense(run: Run) -> Dense:
    """All that its monitor has read, by the noise that the curve itself shows."""
    seen = monitored(run)
    steps, knn, samples = seen[["step", "knn", "samples"]].to_numpy(float).T
    falls = falls_of(steps, knn, noise(knn))
    return Dense(steps=steps, knn=knn, samples=samples, falls=falls)


def missed(curves: list[Dense], readings: int) -> dict:
    """What a monitor that is read `readings` times a run overlooks in recorded runs.

    falls: how many the dense curves have. share: of them those during which the sparse
    curve has none. depth: the share of their depth that no reading of it shows; nan, as
    share is, where there are no falls.
    """
    falls = unseen = depth = lost = 0
    for one in curves:
        sparse = _first_of_each(readings * one.samples // one.samples.max(initial=1))
        at, seen = one.steps[sparse], one.knn[sparse]
        lows = [at[fall.low] for fall in falls_of(at, seen, noise(seen))]
        for fall in one.falls:
            end = one.steps[-1 if fall.end is None else fall.end]
            inside = (at >= one.steps[fall.start]) & (at <= end)
            shown = max(0.0, fall.level - seen[inside].min(initial=fall.level))
            unseen += not any(one.steps[fall.start] <= low <= end for low in lows)
            falls, depth = falls + 1, depth + fall.depth
            lost += fall.depth - min(fall.depth, shown)
    found = {"share": unseen / falls, "depth": float(lost / depth)} if falls else {}
    nothing = dict.fromkeys(("share", "depth"), float("nan"))
    return {"falls": falls, "runs": len(curves), **nothing, **found}


def _epoch(run: Run) -> int:
    """Training images of a run; of an older record the catalogue knows them."""
    name = run.recipe.dataset
    if "images" in run.provenance:
        return run.provenance["images"]
    if name in CATALOGUE:
        return CATALOGUE[name].images
    raise BadInput(
        f"dataset is {name!r}, but its epoch must be known: {', '.join(CATALOGUE)}."
    )
