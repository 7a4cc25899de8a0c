"""What a log's readings are laid along: steps, samples, epochs, or its rows.

Rows may come in any order and a step may be written twice: the last writing of it is
kept. What was done is noted, to be said.
"""

import numpy as np

from mocolib.logs import columns
from mocolib.logs.table import Table

SHUFFLED = 1 / 10  # of the rows: more goings back than that are no restarts


def laid(table: Table, named: str | None, used: list, notes: dict) -> tuple:
    """What is counted, by which column, and where each row [rows] stands.

    nan before the first count; the column is None where rows are counted.
    """
    rows = np.unique(np.concatenate([table.column(name)[0] for name in used]))
    name = named or _found(table)
    if name is None:
        return "row", None, np.arange(1, table.rows + 1, dtype=float)
    kind = columns.axis_of(name) or name
    at = _carried(table, name, rows, notes)
    back = np.diff(at[rows]) < 0
    if kind == "step" and back.any() and not named:
        at = _end_to_end(table, at, rows, back, notes)
    if kind == "epoch":
        at = _spread(table, at, used, notes)
    return kind, name, at


def _found(table: Table) -> str | None:
    """The finest axis that moves."""
    for kind, _ in columns.AXES:
        for name in table.kept:
            moves = len(np.unique(table.column(name)[1][:1000])) > 1
            if columns.axis_of(name) == kind and (moves or table.rows == 1):
                return name
    return None


def _carried(table: Table, name: str, used, notes: dict) -> np.ndarray:
    """The axis of each row; one that lacks it stands where the one before it does."""
    at = np.full(table.rows, np.nan)
    rows, values = table.column(name)
    at[rows] = np.where(np.isfinite(values), values, np.nan)
    missing = np.isnan(at)
    if missing[used].any():
        notes["carried"] = int(missing[used].sum())
        last = np.maximum.accumulate(np.where(missing, 0, np.arange(len(at))))
        at = at[last]
    return at


def _end_to_end(table: Table, at, used, back, notes: dict) -> np.ndarray:
    """Steps that begin anew in each epoch, counted on; others as they are."""
    for name in table.kept:
        if columns.axis_of(name) != "epoch":
            continue
        epochs = _carried(table, name, used, {})
        if not (np.diff(epochs[used])[back] > 0).all():
            return at
        first, longest = np.nanmin(at), np.nanmax(at)
        length = longest + (1 if first == 0 else 0)
        notes["end_to_end"] = 1
        return at + (epochs - np.nanmin(epochs)) * length
    return at


def _spread(table: Table, at, used: list, notes: dict) -> np.ndarray:
    """Many rows of one epoch stand evenly over it, where they follow each other."""
    most = max(len(table.column(name)[0]) for name in used)
    known = at[np.isfinite(at)]
    if not len(known) or most < 2 * len(np.unique(known)) or (np.diff(known) < 0).any():
        return at
    notes["spread"] = 1
    epochs, first, count = np.unique(known, return_index=True, return_counts=True)
    place = np.searchsorted(epochs, known)
    gap = np.diff(epochs, append=epochs[-1] + (epochs[-1] - epochs[0]) / len(epochs))
    within = (np.arange(len(known)) - first[place]) / count[place]
    at[np.isfinite(at)] = known + within * gap[place]
    return at


def aligned(table: Table, at, names: list, notes: dict) -> tuple[np.ndarray, dict]:
    """The steps [n] that have a reading, ascending, and each column along them [n]."""
    last, written = {}, 0
    rows = np.unique(np.concatenate([table.column(name)[0] for name in names]))
    for name in names:
        own, values = table.column(name)
        good = np.isfinite(values) & np.isfinite(at[own])
        x, values = at[own][good], values[good]
        # of equal steps the last stands first when they are turned round
        steps, place = np.unique(x[::-1], return_index=True)
        last[name] = steps, values[::-1][place]
        written += len(x) - len(steps)
    _note_order(at[rows], written, notes)
    steps = np.unique(np.concatenate([x for x, _ in last.values()]))
    curves = {}
    for name, (x, values) in last.items():
        curves[name] = np.full(len(steps), np.nan)
        curves[name][np.searchsorted(steps, x)] = values
    return steps, curves


def _note_order(at, written: int, notes: dict):
    back = int((np.diff(at[np.isfinite(at)]) < 0).sum())
    if back > max(3, SHUFFLED * len(at)):
        notes["shuffled"] = 1
    elif back and written:
        notes["restarts"] = back
    elif written:
        notes["twice"] = written
