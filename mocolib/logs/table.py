"""The numbers of a file as it is read: by run and column, and no more than needed.

A row need not have every column, so a column keeps its numbers and the rows they
stand in. Columns that nothing is judged by leave only their names.
"""

import re
from array import array
from dataclasses import dataclass, field

import numpy as np

from mocolib.errors import BadInput
from mocolib.logs import columns
from mocolib.logs.words import refusals as words
from mocolib.words import said

MOST_NUMBERS = 20_000_000  # some 300 MB of memory
MOST_COLUMNS = 20_000
LOOKED_AT = 100  # cells of a column that is not kept, for whether it holds numbers
COUNT = r"[1-9]\d{0,2}(,\d{3})+"
GROUPED = r"[-+]?[1-9]\d{0,2}((,\d{3})+\.\d+|(,\d{3}){2,})"  # thousands, beyond doubt
BLANK = {"", "none", "null", "na", "n/a", "-"}


def number(cell, counts: bool = False) -> float | None:
    """What a cell says as a number; nan and inf where it says so; else None.

    counts: it says how many, so that 1,000 is no 1 with three digits behind a comma.

    >>> number(" 71.5 %"), number("1e-3"), number(""), number("fast")
    (71.5, 0.001, None, None)
    >>> number("1,234.5"), number("1,000"), number("1,000", counts=True)
    (1234.5, None, 1000.0)
    """
    if isinstance(cell, str):
        cell = cell.strip().removesuffix("%")
        if "," in cell and re.fullmatch(COUNT if counts else GROUPED, cell):
            cell = cell.replace(",", "")
    try:
        return None if isinstance(cell, bool) else float(cell)
    except (TypeError, ValueError, OverflowError):
        return None


@dataclass
class Table:
    """The numbers of one run."""

    rows: int = 0
    names: dict = field(default_factory=dict)  # every column: one text in it, or None
    kept: dict = field(default_factory=dict)  # by column: rows and numbers
    numeric: dict = field(default_factory=dict)  # other columns that hold numbers
    texts: dict = field(default_factory=dict)  # how many cells of these were none

    def put(self, name: str, row: int, cell) -> int:
        """Keep a cell, if its column is one to keep; says how many numbers that were.

        None is a cell that is not there.
        """
        if cell is None:
            return 0
        grouped = isinstance(cell, str) and "," in cell
        value = number(cell, counts=grouped and bool(columns.axis_of(name)))
        if value is None:
            if str(cell).strip().lower() not in BLANK and not self.names.get(name):
                self.names[name] = str(cell)[:40]
            return 0
        at, values = self.kept.setdefault(name, (array("q"), array("d")))
        at.append(row)
        values.append(value)
        return 1

    def look(self, name: str, cell):
        """Note a column that holds numbers but is not kept."""
        tried = self.texts.get(name, 0)
        if tried < LOOKED_AT and number(cell) is not None:
            self.numeric[name] = None
        self.texts[name] = tried + 1

    def column(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """The rows that a column has numbers in, and the numbers."""
        at, values = self.kept.get(name, (array("q"), array("d")))
        return np.frombuffer(at, "i8"), np.frombuffer(values, "f8")


class Tables:
    """The tables of a file's runs; `wanted` are columns that were asked for by name."""

    def __init__(self, place: str, wanted=()):
        self.place, self.wanted, self.numbers = place, set(wanted), 0
        self.of, self.facts, self._use = {}, {}, {}

    def add(self, row: dict, run: str = ""):
        """A row, as name -> text or number. What names its run is looked for in it."""
        label = next((row[n] for n in columns.RUN if row.get(n) not in (None, "")), run)
        table = self.of.setdefault(str(label), Table())
        for name, cell in row.items():
            if name not in table.names:
                self._meet(table, name)
            if self._use[name]:
                self.numbers += table.put(name, table.rows, cell)
            elif cell not in ("", None) and name not in table.numeric:
                table.look(name, cell)
        table.rows += 1
        if self.numbers > MOST_NUMBERS:
            most = f"{MOST_NUMBERS:,}"
            raise BadInput(said(words.MANY_NUMBERS, place=self.place, most=most))

    def _meet(self, table: Table, name: str):
        table.names[name] = None
        if len(table.names) > MOST_COLUMNS:
            most = f"{MOST_COLUMNS:,}"
            raise BadInput(said(words.MANY_COLUMNS, place=self.place, most=most))
        asked = name in self.wanted
        self._use[name] = asked or (bool(columns.use(name)) and name not in columns.RUN)
