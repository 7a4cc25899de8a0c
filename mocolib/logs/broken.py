"""Where a loss or a gradient norm is NaN or infinite, for a while or for good.

NaN also fills the gaps of a table, in rows that are of something else or come between
two readings. Such a gap is no reading, and is passed over.
"""

import numpy as np

from mocolib.logs.table import Table

HALF = 1 / 2  # of the readings: so many NaN, time and again, are gaps
AGAIN = 3  # stretches of NaN that numbers follow: from so many on they are usual
LONGER = 2  # times as long as the usual stretch is no gap any more
KINDS = {"infinite": np.isinf, "nan": np.isnan}


def broken(table: Table, at, names: dict) -> tuple[dict, float | None]:
    """By loss or layer what kind, how often and where first; and from where for good.

    names: name -> column; at [rows]: where each row stands. The second is of the loss
    alone, and what comes from there on is not in the first.
    """
    found, diverged = {}, None
    for name, column in names.items():
        places, values, usual = _read(table, at, column)
        end = _end(values, usual) if name == "loss" else None
        if end is not None:
            diverged = float(places[end])
        kinds = {kind: places[:end][of(values[:end])] for kind, of in KINDS.items()}
        told = {
            kind: {"count": len(where), "first": float(where.min())}
            for kind, where in kinds.items()
            if len(where)
        }
        if told:
            found[name] = told
    return found, diverged


def _read(table: Table, at, name: str) -> tuple:
    """Places of readings, the readings, and which of these are NaN as gaps are."""
    rows, values = table.column(name)
    gap = np.isnan(values)
    if gap.any():
        gap &= _beside(at[rows], values) | _other(table, name)[rows]
    kept = ~gap & np.isfinite(at[rows])
    places, values = at[rows][kept], values[kept]
    usual = _usual(np.isnan(values))
    if np.isnan(values).sum() < HALF * len(values):
        return places, values, usual
    return places[~usual], values[~usual], usual[~usual]


def _beside(at, values) -> np.ndarray:
    """Whether rows that follow each other at the same place have one number."""
    block = np.cumsum(np.diff(at, prepend=np.nan) != 0) - 1
    return (np.bincount(block, np.isfinite(values)) == 1)[block]


def _other(table: Table, name: str) -> np.ndarray:
    """By row: has it a number of a column that has none where this one has its own?"""
    has, other = np.zeros(table.rows, bool), np.zeros(table.rows, bool)
    own = _numbers(table, name)
    has[own] = True
    for rows in (_numbers(table, column) for column in table.kept):
        between = len(own) and len(rows) and rows[0] < own[-1]
        if between and not has[rows].any():
            other[rows] = True
    return other


def _numbers(table: Table, name: str) -> np.ndarray:
    rows, values = table.column(name)
    return rows[np.isfinite(values)]


def _usual(nan) -> np.ndarray:
    """Which NaN [n] are of stretches as long as others that numbers follow."""
    edges = np.flatnonzero(np.diff(nan, prepend=False, append=False))
    begins, ends = edges[::2], edges[1::2]
    lengths, usual = ends - begins, np.zeros(len(nan), bool)
    again = lengths[ends < len(nan)]
    if len(again) >= AGAIN:
        short = lengths <= LONGER * np.median(again)
        for begin, end in zip(begins[short], ends[short], strict=True):
            usual[begin:end] = True
    return usual


def _end(values, usual) -> int | None:
    """From which reading on there is no number, if that is how they end."""
    good = np.flatnonzero(np.isfinite(values))
    if not len(good) or good[-1] == len(values) - 1:
        return None
    end = int(good[-1]) + 1
    # one NaN alone may be a row without a loss
    sure = len(values) - end > 1 or np.isinf(values[end:]).any()
    return end if sure and not usual[end:].all() else None
