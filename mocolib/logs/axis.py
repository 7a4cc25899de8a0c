"""What a log's readings are laid along: steps, samples, epochs, or its rows.

Rows may come in any order and a step may be written twice: the last writing of it is
kept. What was done is noted, to be said.
"""

import numpy as np

from mocolib.logs import columns
from mocolib.logs.table import Table

SHUFFLED = 1 / 10  # of the rows: more goings back than that are no restarts
ROUNDS = 2  # times that steps begin anew: once is a run that was started again


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
    if kind == "step" and (np.diff(at[rows]) < 0).any() and not named:
        at = _end_to_end(table, at, rows, used, notes)
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


def _end_to_end(table: Table, at, rows, used: list, notes: dict) -> np.ndarray:
    """Steps that begin anew in each epoch, counted on; others as they are."""
    epochs = _epochs(table, at, rows, used)
    if epochs is None:
        return at
    notes["end_to_end"] = 1
    gaps = np.diff(at[rows])
    length = np.nanmax(at) - np.nanmin(at) + np.median(gaps[gaps > 0])
    return at + (epochs - np.nanmin(epochs)) * length


def _epochs(table: Table, at, rows, used: list) -> np.ndarray | None:
    """The epoch of each row, where steps go back at the begin of each; else None.

    Without a column of epochs they do if they run from first to last time and again.
    """
    for name in table.kept:
        if columns.axis_of(name) == "epoch":
            epochs = _carried(table, name, rows, {})
            back = np.diff(at[rows]) < 0
            return epochs if (np.diff(epochs[rows])[back] > 0).all() else None
    # of the longest column: events of TensorBoard come one column after the other
    rows = max((table.column(name)[0] for name in used), key=len)
    rows = rows[np.isfinite(at[rows])]
    last = np.flatnonzero(np.diff(at[rows]) < 0)
    begins = rows[last + 1]
    whole = (at[begins] == np.nanmin(at)).all() and (
        at[rows[last]] == np.nanmax(at)
    ).all()
    if len(last) < ROUNDS or not whole:
        return None
    return np.searchsorted(begins, np.arange(table.rows), "right").astype(float)


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


def aligned(
    table: Table, at, names: list, infinite: set, notes: dict
) -> tuple[np.ndarray, dict]:
    """The steps [n] that have a reading, ascending, and each column along them [n].

    infinite: the columns of which an infinite reading is one, too.
    """
    last, written, back, most = {}, 0, 0, 0
    for name in names:
        own, values = table.column(name)
        if name in infinite:
            values = np.where(np.isinf(values), np.inf, values)
        read = ~np.isnan(values) if name in infinite else np.isfinite(values)
        good = read & np.isfinite(at[own])
        x, values = at[own][good], values[good]
        # by column: events of TensorBoard come one column after the other
        back, most = max(back, int((np.diff(x) < 0).sum())), max(most, len(x))
        # of equal steps the last stands first when they are turned round
        steps, place = np.unique(x[::-1], return_index=True)
        last[name] = steps, values[::-1][place]
        written += len(x) - len(steps)
    if back > max(3, SHUFFLED * most):
        notes["shuffled"] = 1
    elif written:
        notes["restarts" if back else "twice"] = back or written
    steps = np.unique(np.concatenate([x for x, _ in last.values()]))
    curves = {}
    for name, (x, values) in last.items():
        curves[name] = np.full(len(steps), np.nan)
        curves[name][np.searchsorted(steps, x)] = values
    return steps, curves
