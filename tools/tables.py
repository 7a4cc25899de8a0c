"""Tables of the book have their words by the door that all words leave by.

Run in a kernel that makes a page, before its first cell: what a chapter writes as plain
English in heads, rows and cells of a table is then heard, and translated.
"""

import re

import pandas as pd
from pandas.api.types import is_object_dtype

from mocolib.words import said

WORD = re.compile(r"(?!\S*[\d_:]\S*$)(?=.*[^\W\d_]{3})")  # and no id, such as `vit_b`
AXES = ("index", "columns")


def say_tables() -> None:
    """Have every table of this process shown in the language of its words."""
    shown = pd.DataFrame._repr_html_
    pd.DataFrame._repr_html_ = lambda table: shown(told(table))


def told(table: pd.DataFrame) -> pd.DataFrame:
    """The same table with its words said; numbers and their form stay."""
    table = table.copy()
    for column in range(table.shape[1]):
        if is_object_dtype(table.dtypes.iloc[column]):
            table.isetitem(column, table.iloc[:, column].map(_said))
    for name in AXES:
        axis = getattr(table, name)
        if is_object_dtype(axis):
            axis = axis.map(_said)
        setattr(table, name, axis.set_names([_said(one) for one in axis.names]))
    return table


def _said(given):
    if isinstance(given, tuple):
        return tuple(map(_said, given))
    return said(given) if isinstance(given, str) and WORD.match(given) else given
