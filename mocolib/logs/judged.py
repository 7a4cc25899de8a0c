"""What is said of a log, as data: falls, jitter, bursts, who leads, how sparse it is.

Plain numbers that go to JSON. The measures are those of the book's own runs, with the
noise that the log itself shows; what noise alone would give stands beside each count.
"""

import functools
import math
from dataclasses import asdict, dataclass

import numpy as np

from mocolib import sweep
from mocolib.analysis import measures, sparse
from mocolib.analysis.curves import (
    DEEP,
    LEVEL,
    NEAR_BEST,
    WINDOW,
    Fall,
    collapsed,
    falls_of,
    gain,
    jitter,
    noise,
)
from mocolib.logs import advice, chance, columns
from mocolib.logs.log import Log

FEWEST = 20  # readings of accuracy that a fall is told from noise by
DENSE = 100  # readings a run: from so many on most falls of recorded runs are seen
START = 1 / 50  # of the run: a first reading within it stands for the untrained network
HALF = 1 / 2  # equal neighbours: more are one reading that was written again
RATE = 1 / 1000  # bursts a step on noise
PEAK = 0.9  # of the largest rate, and above, is its peak
NEAR = 4  # readings around a burst of the loss in which a norm's goes with it
SMOOTH = 2.2  # times as far in ten steps as in one: more is smoothed
LEAD_FROM, LEAD_TO = 100, 20_000  # steps with both norms that a lead is judged by
SURE = 2  # sd of chance
RECORDED = "rates"  # the sweep whose falls say what a sparse monitor misses


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What one log shows; places on its axis, accuracies as shares, None: not known."""

    title: str
    axis: str
    columns: dict
    others: tuple
    notes: dict
    rows: int
    first: float
    last: float
    unit: str | None  # what accuracy was taken for: share, percent, both
    readings: int  # of accuracy
    every: float | None  # between two of them
    noise: float | None  # of one
    jitter: float | None
    start: dict | None  # at, accuracy: the reading for the untrained network
    end: float | None  # the last reading
    risen: bool | None  # by more than its noise, and a point, over the start
    collapsed: bool | None
    falls: tuple  # start, low, end, level, depth, made_good, phase, bursts
    falls_by_chance: float | None
    bursts: dict  # loss, and layer: at, judged, by_chance, smoothed, coarse
    jumps: dict  # layer: at how many bursts of the loss its norm had one too
    lead: dict | None  # first, last, ahead (in sd of chance), steps
    missed: dict | None  # falls, runs, share, depth: by so sparse a monitor
    broken: dict  # loss, and layer: infinite, nan: count, first
    diverged: float | None
    symptoms: tuple
    advice: tuple  # ids of advice.ENTRIES

    def __repr__(self) -> str:
        return f"<Judged {self.title}: {', '.join(self.symptoms) or 'nothing seen'}>"

    def as_json(self) -> dict:
        return _plain(asdict(self))


def judge(log: Log) -> Judged:
    """All that a log shows; what its columns do not tell is None or empty."""
    at, accuracy = _readings(log)
    enough = len(at) >= FEWEST
    sigma = _noise(accuracy) if enough else None
    bursts = _all_bursts(log)
    falls = falls_of(at, accuracy, sigma) if enough else []
    begun = _start(log, at, accuracy)
    known = dict(
        readings=len(at),
        noise=sigma,
        start=begun,
        **_ends(accuracy, begun, sigma),
        falls=tuple(_fall(log, fall, at, bursts) for fall in falls),
        bursts=bursts,
        jumps=_jumps(log, bursts),
        broken=log.broken,
        diverged=log.diverged,
    )
    symptoms = advice.symptoms(known, columns.layers(log.norms), DENSE)
    return Judged(
        **_file(log),
        every=float(np.median(np.diff(at))) if len(at) > 1 else None,
        jitter=jitter(accuracy) if enough else None,
        end=float(accuracy[-1]) if len(at) else None,
        falls_by_chance=chance.falls(len(at), sigma) if enough else None,
        lead=_lead(log),
        missed=missed_by(len(at)) if enough and len(at) < DENSE else None,
        symptoms=symptoms,
        advice=advice.fitting(symptoms),
        **known,
    )


def _file(log: Log) -> dict:
    """What was read, and from where to where."""
    names = ("title", "axis", "columns", "others", "notes", "unit")
    ends = {"first": float(log.steps[0]), "last": float(log.steps[-1])}
    return (
        {name: getattr(log, name) for name in names} | ends | {"rows": len(log.steps)}
    )


def _readings(log: Log) -> tuple[np.ndarray, np.ndarray]:
    """Where accuracy was read, and what; a reading that was written again is one.

    How often each was written is told by all but the last, whose value may stand still.
    """
    read = np.isfinite(log.accuracy)
    at, accuracy = log.steps[read], log.accuracy[read]
    new = np.concatenate([[True], np.diff(accuracy) != 0])[: len(at)]
    if len(at) < 2 or 1 - new[1:].mean() <= HALF:
        return at, accuracy
    begins = np.flatnonzero(new)
    lengths = np.diff(begins, append=len(at))
    usual = int(np.median(lengths[:-1])) if len(begins) > 1 else 1
    times = np.maximum(lengths // usual, 1)
    kept = np.concatenate(
        [b + usual * np.arange(n) for b, n in zip(begins, times, strict=True)]
    )
    return at[kept], accuracy[kept]


def _noise(accuracy) -> float:
    """The noise of readings, as long as they move: a constant end shows none."""
    moving = np.max(np.flatnonzero(np.diff(accuracy)), initial=-1) + 2
    return noise(accuracy[:moving] if moving >= FEWEST else accuracy)


def _start(log: Log, at, accuracy) -> dict | None:
    """The first reading, if it is early enough to stand for the untrained network."""
    if not len(at) or at[0] > log.steps[0] + START * (log.steps[-1] - log.steps[0]):
        return None
    return {"at": float(at[0]), "accuracy": float(accuracy[0])}


def _ends(accuracy, start: dict | None, sigma: float | None) -> dict:
    """Whether a curve has risen above its start, and whether it has lost that again.

    What has not risen has collapsed only where it ends clearly below its start.
    """
    if start is None or sigma is None:
        return {"risen": None, "collapsed": None}
    untrained, clear = start["accuracy"], max(DEEP * sigma, NEAR_BEST)
    risen = gain(accuracy, untrained) > clear
    below = bool(np.median(accuracy[-LEVEL:]) < untrained - clear)
    lost = collapsed(accuracy, untrained) if risen else below
    return {"risen": risen, "collapsed": lost}


def _fall(log: Log, fall: Fall, at, bursts: dict) -> dict:
    """A fall on the log's axis, with the rate's phase and the bursts it came with."""
    start, low = float(at[fall.start]), float(at[fall.low])
    since = at[max(0, fall.start - 1)]  # a reading shows what came before it
    return {
        **asdict(fall),
        "start": start,
        "low": low,
        "end": None if fall.end is None else float(at[fall.end]),
        "phase": phase(log, start),
        "bursts": tuple(
            name
            for name, found in bursts.items()
            if any(since <= step <= low for step in found["at"])
        ),
    }


def phase(log: Log, at: float) -> str | None:
    """warmup, peak or decay, by where the rate stands; None where it is not known."""
    read = np.isfinite(log.rate)
    steps, rate = log.steps[read], log.rate[read]
    if len(rate) < 2 or not rate.max() > 0:
        known = log.warmup is not None and at <= log.warmup
        return "warmup" if known else None
    if at < (log.warmup or steps[np.argmax(rate >= PEAK * rate.max())]):
        return "warmup"
    now = rate[max(0, int(np.searchsorted(steps, at, "right")) - 1)]
    return "peak" if now >= PEAK * rate.max() else "decay"


# --- bursts, and who is ahead ---------------------------------------------------------


def _all_bursts(log: Log) -> dict:
    found = {}
    end = math.inf if log.diverged is None else log.diverged
    last = np.isinf(log.loss) & (log.steps >= end)  # what never comes back is no spike
    loss = np.where(last, np.nan, log.loss)
    for name, values in {"loss": loss, **log.norms}.items():
        read = ~np.isnan(values)
        if np.isfinite(values).sum() > WINDOW:
            find = measures.outbursts if name == "loss" else measures.bursts
            found[name] = _bursts(log.steps[read], values[read], find, name != "loss")
            found[name]["smoothed"] |= "medians" in log.notes or "means" in log.notes
    return found


def _bursts(steps, values, find, logarithm: bool) -> dict:
    """What stands out of readings that are numbers or infinite; coarse: inf alone."""
    judged = len(values) - WINDOW
    finite = values[np.isfinite(values)]
    series = np.log(np.maximum(finite, 1e-30)) if logarithm else finite
    coarse = bool(np.median(np.abs(np.diff(series))) == 0)
    if coarse:
        values = np.where(np.isinf(values), np.inf, 1.0)
    return {
        "at": tuple(steps[find(values)].tolist()),
        "judged": judged,
        "by_chance": judged * RATE,
        "smoothed": not coarse and _smoothed(series),
        "coarse": coarse,
    }


def _smoothed(series) -> bool:
    """Whether values move far more in ten steps than in one, as means over steps do."""
    one, ten = (np.median(np.abs(series[k:] - series[:-k])) for k in (1, 10))
    return bool(ten > SMOOTH * one)


def _jumps(log: Log, bursts: dict) -> dict:
    """By layer: how many bursts of the loss one of its norm stands beside."""
    events = np.searchsorted(log.steps, bursts.get("loss", {}).get("at", ()))
    counts = {}
    for layer in columns.layers(log.norms):
        places = np.searchsorted(log.steps, bursts.get(layer, {}).get("at", ()))
        near = sum(bool((abs(places - event) <= NEAR).any()) for event in events)
        if near:
            counts[layer] = near
    return counts


def _lead(log: Log) -> dict | None:
    """How far the first layer's norm is ahead of the last one's, in sd of chance."""
    ends = columns.ends(log.norms)
    if not ends:
        return None
    first, last = (log.norms[layer] for layer in ends)
    both = np.isfinite(first) & np.isfinite(last)
    first, last = first[both][-LEAD_TO:], last[both][-LEAD_TO:]
    if len(first) < LEAD_FROM or min(np.ptp(first), np.ptp(last)) == 0:
        return None
    null = measures.lead_null(first, last, seed=None)
    ahead = (measures.lead(first, last) - null.mean()) / null.std()
    return {
        "first": ends[0],
        "last": ends[1],
        "ahead": float(ahead),
        "steps": len(first),
    }


@functools.lru_cache(maxsize=128)
def missed_by(readings: int) -> dict | None:
    """What a monitor of so many readings a run misses; None if nothing is recorded."""
    found = sparse.missed(_recorded(), readings)
    return found if found["falls"] else None


@functools.cache
def _recorded() -> list[sparse.Dense]:
    return [sparse.dense(run) for run in sweep.recorded(RECORDED)]


def _plain(value):
    """Tuples as lists, and no number that JSON does not have."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
