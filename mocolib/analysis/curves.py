"""Measures on plain curves: jitter, dips, falls, spikes.

Each takes arrays, so that it can be tested on curves whose truth is planted; `measures`
reads the arrays out of runs. Accuracies are shares, 0 to 1.
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

SMOOTH = 9  # kNN readings in the running median that jitter is measured against
WINDOW = 25  # steps in the running median that spikes are measured against
SPIKE = 2.5  # times that median
SPREAD = 50  # changes whose median a burst is measured in
BURST = 3.65  # times it: on noise 1 in 1000 steps, whatever its size (a test holds it)
DEEP = 5  # times a curve's noise below its level: what is called a fall
LEVEL = 5  # readings whose median is the level that a curve has reached
NEAR_BEST = 0.01  # of accuracy: so close to its level a curve has made a fall good
SOON = 1 / 5  # of the run: within so much of it
CHANGE = 0.954  # sd of normal noise in median changes: .6745 x sqrt(2)
AFTER = 20  # steps behind a spike in which a dip is looked for
AHEAD = 8  # steps before a spike in which 2304.13013 has the under-estimate


def running_median(values, width: int, past_only: bool = False) -> np.ndarray:
    """Median over a window; near the ends over the part of it that exists."""
    series = pd.Series(np.asarray(values, float))
    if past_only:  # of the values before each one, itself left out
        return series.shift(1).rolling(width, min_periods=1).median().to_numpy()
    return series.rolling(width, center=True, min_periods=1).median().to_numpy()


def jitter(knn) -> float:
    """RMS distance of a dense kNN curve [n] from its running median; in accuracy.

    nan of an empty curve.

    >>> round(jitter([0.5, 0.5, 0.4, 0.5]), 3)
    0.05
    """
    knn = np.asarray(knn, float)
    if not len(knn):  # diverged before the warmup was over
        return float("nan")
    return float(np.sqrt(np.mean((knn - running_median(knn, SMOOTH)) ** 2)))


def noise(knn) -> float:
    """A curve's noise from one reading to the next; overlooks dips, unlike `jitter`."""
    change = np.abs(np.diff(np.asarray(knn, float)))
    return float(np.median(change) / CHANGE) if len(change) else float("nan")


def reading_noise(first, second) -> float:
    """The noise of a reading on all test images, from readings on two halves of them.

    first, second: accuracies on disjoint halves, step by step. What the halves share is
    the network, what differs is the images, so half their difference, less its slow
    part, is as large as the error of their mean.
    """
    apart = (np.asarray(first, float) - np.asarray(second, float)) / 2
    return jitter(apart)


def dips(knn, sigma: float) -> np.ndarray:
    """Indices at which a curve [n] falls over 3 sigma below its running maximum.

    Readings below that line that follow each other are one dip.

    >>> dips([0.1, 0.5, 0.3, 0.3, 0.6], sigma=0.01).tolist()
    [2]
    """
    knn = np.asarray(knn, float)
    return _starts(knn < np.maximum.accumulate(knn) - 3 * sigma)


def deepest_fall(knn) -> float:
    """The deepest a curve [n] falls below its running maximum, in its own unit.

    Both ends are real readings: a curve that only rises has 0, an empty one nan.

    >>> deepest_fall([0.1, 0.5, 0.3, 0.6])
    0.2
    """
    if not len(knn):
        return float("nan")
    top, low = ends_of_fall(knn)
    knn = np.asarray(knn, float)
    return float(knn[top] - knn[low])


def ends_of_fall(knn) -> tuple[int, int]:
    """Where the deepest fall begins, at the highest reading before it, and ends."""
    knn = np.asarray(knn, float)
    low = int(np.argmax(np.maximum.accumulate(knn) - knn))
    return int(np.argmax(knn[: low + 1])), low


@dataclass(frozen=True, kw_only=True)
class Fall:
    """One fall of a curve below the level that it had reached; indices of readings."""

    start: int  # the last reading near that level
    low: int  # the lowest reading
    end: int | None  # the first reading near the level again; None: never
    level: float  # the best level before it
    depth: float  # level minus lowest, in accuracy
    made_good: bool  # back soon: a dip; otherwise a lasting fall


def falls_of(steps, knn, sigma: float) -> list[Fall]:
    """The falls of a dense curve, each a made-good dip or a lasting fall.

    steps, knn [n]: the readings, knn as shares; sigma: the noise of one reading. A
    curve's level is the median of its last five readings, so that one lucky reading
    raises it by little; a fall lies more than 5 sigma, and more than a point, below the
    best level so far. It is made good where a reading within a point (or sigma) of that
    level follows within a fifth of the run. Noise alone, without a rise, gives one in
    about 20 curves of 160 readings (a test holds it).

    >>> knn = [0.6] * 9 + [0.5] * 2 + [0.6] * 9
    >>> [(fall.depth, fall.made_good) for fall in falls_of(range(20), knn, 0.004)]
    [(0.1, True)]
    """
    steps, knn = np.asarray(steps, float), np.asarray(knn, float)
    near = max(NEAR_BEST, sigma)
    deep = max(DEEP * sigma, near)  # what is near the level has not fallen
    level, found, i = np.maximum.accumulate(_level(knn)), [], 0
    while i < len(knn):
        if knn[i] < level[i] - deep:
            found.append(_fall(steps, knn, i, float(level[i]), near))
            i = len(knn) if found[-1].end is None else found[-1].end
        i += 1
    return found


def _fall(steps, knn, i: int, level: float, near: float) -> Fall:
    """The fall that reading i shows, from a level; `near` it a curve has come back."""
    close = np.flatnonzero(knn >= level - near)
    before, behind = close[close < i], close[close > i]
    start = int(before[-1]) if len(before) else 0
    end = int(behind[0]) if len(behind) else None
    low = i + int(np.argmin(knn[i:end]))
    return Fall(
        start=start,
        low=low,
        end=end,
        level=level,
        depth=float(round(level - knn[low], 12)),
        made_good=end is not None
        and bool(steps[end] - steps[start] <= SOON * steps[-1]),
    )


def _level(knn) -> np.ndarray:
    """The median of the readings up to each one, of LEVEL of them; lowest at first."""
    level = np.fmin.accumulate(np.asarray(knn, float))
    if len(level) >= LEVEL:
        settled = np.median(np.lib.stride_tricks.sliding_window_view(knn, LEVEL), 1)
        late = level[LEVEL - 1 :]
        np.copyto(late, settled, where=~np.isnan(settled))
    return level


def collapsed(knn, untrained: float) -> bool:
    """Whether a curve ends with more than half of what it had gained lost again.

    knn [n] and untrained: accuracies. The gain is that of its best level over the
    untrained network, and the end is its last level; one below that network has lost
    all. A run that diverged has collapsed.
    """
    knn = np.asarray(knn, float)
    if not len(knn) or not np.isfinite(knn[-1]):
        return True
    level = _level(knn)
    return bool(level[-1] < max(untrained, (level.max() + untrained) / 2))


def gain(knn, untrained: float) -> float:
    """How far the best level of a curve [n] lies above the untrained network."""
    return float(_level(np.asarray(knn, float)).max() - untrained)


def spikes(norms, factor: float = SPIKE) -> np.ndarray:
    """Indices at which norms [n] first exceed `factor` x their recent median.

    The median is that of the WINDOW values before; the first WINDOW are not judged.

    >>> spikes([1.0] * 30 + [4.0, 5.0, 1.0]).tolist()
    [30]
    """
    high = np.nan_to_num(log_ratio(norms)) > math.log2(factor)
    high[:WINDOW] = False  # too little past to judge by
    return _starts(high)


def bursts(norms) -> np.ndarray:
    """Indices at which norms [n] first stand out of their own noise, on a log scale.

    Counted in step-to-step noise, as `outbursts` has it, so that noisier norms have no
    more of them: log-normal noise of any log-sd gives about one in 1000 steps.

    >>> bursts([1.0, 1.1] * 20 + [4.0, 5.0, 1.0]).tolist()
    [40]
    """
    return outbursts(np.log(np.maximum(np.asarray(norms, float), 1e-30)))


def outbursts(values) -> np.ndarray:
    """The same of values [n] as they are, such as a loss: its noise is about normal.

    A value stands out where it is more than BURST sd above the median of the WINDOW
    values before it. The sd is that of one value, from the median of the SPREAD changes
    before it; where fewer are there yet, but WINDOW - 1 at least, from those. Where
    more than half of them are nothing, the values do not show their noise, and none
    stands out. An infinite one always does, and leaves the noise as it is.
    """
    values = np.asarray(values, float)
    infinite = np.isposinf(values)
    series = pd.Series(values[~infinite])
    level = series.shift(1).rolling(WINDOW, min_periods=WINDOW).median()
    change = series.diff().abs().shift(1)
    spread = change.rolling(SPREAD, min_periods=WINDOW - 1).median() / CHANGE
    high = infinite.copy()
    high[~infinite] = (spread > 0) & (series - level > BURST * spread)
    return _starts(high)


def loss_spikes(loss) -> np.ndarray:
    """Indices at which a loss first lies 3 x its noise above its recent median."""
    above = np.asarray(loss, float) - running_median(loss, WINDOW, past_only=True)
    high = np.nan_to_num(above) > 3 * noise(loss)
    high[:WINDOW] = False  # too little past to judge by
    return _starts(high)


def log_ratio(norms) -> np.ndarray:
    """log2 of norms [n] over their recent median, [n]; nan where they have no past."""
    norms = np.maximum(np.asarray(norms, float), 1e-30)
    return np.log2(norms / running_median(norms, WINDOW, past_only=True))


def _starts(flags) -> np.ndarray:
    """Where runs of True begin."""
    flags = np.asarray(flags, bool)
    return np.flatnonzero(flags & ~np.concatenate([[False], flags[:-1]]))


def falls(steps, knn, after: int = AFTER) -> pd.Series:
    """By step: the last reading before it minus the mean of those in the next ones.

    steps, knn: the readings. A reading comes after its own step's update, so the
    one at a step already shows what that step did. Steps without a reading before
    them, or too close to the end, are left out.
    """
    steps, knn = np.asarray(steps), np.asarray(knn, float)
    if not len(steps):
        return pd.Series(dtype=float)
    total = np.concatenate([[0], np.cumsum(knn)])
    moments = np.arange(steps[0] + 1, steps[-1] - after + 2)
    first = np.searchsorted(steps, moments)
    end = np.searchsorted(steps, moments + after)
    mean = (total[end] - total[first]) / (end - first)
    return pd.Series(knn[first - 1] - mean, index=moments)
