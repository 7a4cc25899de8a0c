"""Which columns of a run are judged: those that were named, else those that fit."""

import numpy as np

from mocolib.errors import BadInput
from mocolib.logs import columns
from mocolib.logs.table import Table
from mocolib.logs.words import refusals as words
from mocolib.words import said

ROLES = ("axis", "accuracy", "loss", "rate")
RANKS = {"accuracy": columns.accuracy, "loss": columns.loss, "rate": columns.rate}
MIXED = 3  # readings that each unit has at least, where a column has two
SHOWN = 12  # columns in a sentence


def chosen(table: Table, named: dict, place: str) -> tuple[dict, dict]:
    """Role -> column, and layer -> column of a gradient norm.

    BadInput for a named column that is not there or holds no numbers.
    """
    roles = {}
    for role in ROLES:
        if role in named:
            roles[role] = _numeric(table, named[role], role, place)
        elif role in RANKS and (name := _guessed(table, role)):
            roles[role] = name
    if "norms" in named:
        listed = [_numeric(table, name, "norm", place) for name in named["norms"]]
        layers = {(columns.norm_of(n) or ("", n))[1]: n for n in listed}
        if len(layers) < len(listed):
            layers = {name: name for name in listed}
    else:
        layers = columns.norms(n for n in table.kept if n not in roles.values())
    return roles, layers


def _numeric(table: Table, name: str, role: str, place: str) -> str:
    if name not in table.names:
        fields = dict(role=role, name=repr(name), place=place)
        raise BadInput(said(words.NO_COLUMN, **fields, names=_some(table.names)))
    if name not in table.kept:
        text = table.names[name]
        holds = words.HOLDS_TEXT if text else words.HOLDS_NOTHING
        fields = dict(role=role, name=repr(name), text=repr(text), place=place)
        raise BadInput(said(holds, **fields))
    return name


def _guessed(table: Table, role: str) -> str | None:
    """The column whose name fits a role best; of equal ones the first.

    An accuracy that moves comes before any that does not, which may be a setting.
    """
    ranks = {name: RANKS[role](name) for name in table.kept}
    fits = [name for name, rank in ranks.items() if rank is not None]
    if role == "accuracy":
        fits = [name for name in fits if _is_accuracy(table.column(name)[1])]
        fits = [n for n in fits if _moves(table.column(n)[1])] or fits
    return min(fits, key=ranks.get, default=None)


def _moves(values) -> bool:
    return len(np.unique(values[np.isfinite(values)])) > 1


def _is_accuracy(values) -> bool:
    values = values[np.isfinite(values)]
    return len(values) > 0 and values.min() >= 0 and values.max() <= 100


def shares(values, name: str, place: str, notes: dict) -> tuple:
    """Accuracies [n] as shares, and whether the column has shares or percent, or both.

    Exact zeros that most readings are, in between of others, stand for none at all.
    BadInput for what is no accuracy.
    """
    known = values[np.isfinite(values)]
    if not len(known):
        return values, None
    if not _is_accuracy(known):
        ends = dict(low=f"{known.min():g}", high=f"{known.max():g}")
        raise BadInput(said(words.OUT_OF_RANGE, name=repr(name), **ends, place=place))
    if _between(known == 0):
        values = np.where(values == 0, np.nan, values)
        notes["zeros"] = int((known == 0).sum())
        known = known[known > 0]
    if known.max() <= 1 and "%" not in name and "percent" not in name.lower():
        return values, "share"
    if _mixed(known):
        notes["mixed"] = 1
        return np.where(values > 1, values / 100, values), "both"
    return values / 100, "percent"


def _between(zeros) -> bool:
    """Whether most readings are zero, in three stretches or more."""
    begins = zeros & ~np.concatenate([[False], zeros[:-1]])
    return bool(zeros.mean() > 0.5 and begins.sum() >= 3 and not zeros.all())


def _mixed(known) -> bool:
    """Whether a column changes from shares to percent: by about 100 in one step."""
    low, high = known[:-1], known[1:]
    changes = (low <= 1) != (high <= 1)
    if not changes.any() or min((known <= 1).sum(), (known > 1).sum()) < MIXED:
        return False
    small, large = np.minimum(low, high)[changes], np.maximum(low, high)[changes]
    return bool(((large > 50 * small) & (large < 200 * small)).all())


def nothing_known(tables: dict, place: str) -> BadInput:
    """The sentence for a file whose columns say nothing by their names."""
    names = dict.fromkeys(n for t in tables.values() for n in (*t.kept, *t.numeric))
    roles = dict.fromkeys(
        n for t in tables.values() for n in t.names if columns.use(n) in columns.JUDGED
    )
    if roles:  # or there would be something to judge
        return BadInput(said(words.NO_NUMBER, place=place, names=_some(roles)))
    if not names:
        return BadInput(said(words.NOTHING, place=place, kinds=said(words.KINDS)))
    return BadInput(said(words.UNKNOWN, place=place, names=_some(names)))


def _some(names) -> str:
    names = [str(name) for name in names]
    some, more = ", ".join(names[:SHOWN]), len(names) - SHOWN
    return said(words.MORE, names=some, count=more) if more > 0 else some
