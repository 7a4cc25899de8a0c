"""The runs of a sweep in two files that any program can read, in place of folders.

    lr.parquet   a row a step and run: run, step, samples, lr, loss, knn, grad_inf/...;
                 null where a run has no such measure
    lr.json      runs: by id the recipe, provenance, end and checksum of each, and
                 which of the lists in `columns` are its own
                 elsewhere: the sweep's runs that lie in another's files, by its name

In mocolib a packed run is addressed as if the file were a folder of folders:
data/runs/lr.parquet/0119ab3b115b.
"""

import json
import os
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mocolib.errors import BadInput, LeftOut
from mocolib.files import read_json, state, unreadable, write_atomic
from mocolib.runs import step_table

VALUES = ("recipe", "provenance", "end")
SUFFIX = ".parquet"


@dataclass(frozen=True)
class Packed:
    """One run in a pack; BadInput for what is not there or cannot be read."""

    path: Path  # of the pack, and the run's id behind it

    def file(self, name: str) -> Path:
        return _index_of(self.path.parent)

    def values(self, name: str) -> dict:
        values = self._entry.get(name)
        if not isinstance(values, dict):
            raise self._unreadable(f"run {self.path.name} has no {name}")
        return dict(values)

    @property
    def _entry(self) -> dict:
        entry = contents(self.path.parent)["runs"].get(self.path.name)
        if not isinstance(entry, dict):
            raise self._unreadable(f"it has no run {self.path.name}")
        return entry

    def _unreadable(self, reason) -> BadInput:
        return unreadable(_index_of(self.path.parent), reason)

    @property
    def checksum(self) -> str:
        return str(self._entry.get("checksum"))

    @property
    def finished(self) -> bool:
        return True

    @property
    def written(self) -> tuple:
        return state(self.path.parent), state(_index_of(self.path.parent))

    @property
    def rows(self) -> int:
        begin, end = self._span[1]
        return end - begin

    @property
    def steps(self) -> pd.DataFrame:
        table, (begin, end) = self._span
        try:
            columns = contents(self.path.parent)["columns"][self._entry["columns"]]
            return table.iloc[begin:end][columns].reset_index(drop=True)
        except (KeyError, IndexError, TypeError) as error:
            reason = f"the columns of run {self.path.name} are not those of the table"
            raise self._unreadable(f"{reason} ({error!r:.60})") from None

    @property
    def _span(self) -> tuple[pd.DataFrame, tuple[int, int]]:
        """The pack's table, and the run's first row and the one behind its last."""
        file, id = self.path.parent, self.path.name
        try:
            table, spans = _table(file, state(file))
            if id not in spans:
                raise ValueError(f"it has no steps of run {id}")
            return table, spans[id]
        except (OSError, ValueError, KeyError, pa.ArrowException) as error:
            raise unreadable(file, error) from None


def _index_of(file: Path) -> Path:
    return file.with_suffix(".json")


def contents(file: Path) -> dict:
    """What the JSON beside a pack says; BadInput where that is no such file."""
    path = _index_of(file)
    try:
        return _contents(path, state(path))
    except OSError as error:
        raise unreadable(path, error) from None


@lru_cache(maxsize=64)
def _contents(path: Path, changed: tuple) -> dict:
    found = read_json(path)
    for name, kind in (("runs", dict), ("columns", list)):
        if not isinstance(found.get(name), kind):
            raise unreadable(path, f"it has no {name}")
    return found


@lru_cache(maxsize=16)
def _table(file: Path, changed: tuple) -> tuple[pd.DataFrame, dict]:
    """The table without the column `run`, and by id where its rows are."""
    opened = pq.ParquetFile(file, read_dictionary=["run"])
    # on this thread: the book's kernels are forked from a process that has read
    table = opened.read(use_threads=False).to_pandas(use_threads=False)
    codes, names = pd.factorize(table.pop("run"))
    begins = np.flatnonzero(np.diff(codes, prepend=-1)).tolist()
    if len(begins) > len(names):
        raise ValueError("the rows of a run do not stand together")
    ends = [*begins[1:], len(table)]
    return table, dict(zip(names, zip(begins, ends, strict=True), strict=True))


def is_pack(file: Path) -> bool:
    """Whether runs can lie in it; a folder of that name is one of folders."""
    return file.suffix == SUFFIX and file.is_file()


def packs(root: Path) -> list[Path]:
    """The packs under `root`, each by its Parquet file."""
    return sorted(file for file in root.glob(f"*{SUFFIX}") if _index_of(file).exists())


def places(root: Path) -> dict[str, Path]:
    """The address of each packed run under `root`, by id.

    A pack that cannot be read is left out, with a warning.
    """
    try:
        return _places(root, root.stat().st_mtime_ns)
    except OSError:
        return {}


@lru_cache(maxsize=32)
def _places(root: Path, changed: int) -> dict[str, Path]:
    """`changed`: a folder's time moves when a file in it comes, goes or is replaced."""
    found: dict = {}
    for file in packs(root):
        try:
            found = {id: file / id for id in contents(file)["runs"]} | found
        except BadInput as error:
            warnings.warn(f"{file} is left out: {error}", LeftOut, stacklevel=4)
    return found


def faults(root: Path) -> list[str]:
    """What keeps packs under `root` from being read, a sentence each."""
    found = []
    for file in packs(root):
        try:
            contents(file)
        except BadInput as error:
            found.append(str(error))
    return found


def write(runs, checksums: list[str], elsewhere: dict, file: Path):
    """The runs as a pack; their tables as they are, in the given order."""
    columns: dict = {}  # few lists, of many runs each
    tables, entries = [], {}
    for run, checksum in zip(runs, checksums, strict=True):
        steps = run.steps
        own = columns.setdefault(tuple(steps), len(columns))
        entries[run.id] = {name: run.reader.values(name) for name in VALUES}
        entries[run.id] |= {"columns": own, "checksum": checksum}
        table = pa.Table.from_pandas(step_table.kept(steps), preserve_index=False)
        tables.append(table.add_column(0, "run", pa.array([run.id] * len(steps))))
    whole = pa.concat_tables(
        [table.replace_schema_metadata(None) for table in tables],
        promote_options="default",  # null where a table has no such column
    )
    lists = [list(names) for names in columns]
    write_atomic(_index_of(file), _as_json(elsewhere, lists, entries))
    step_table.save(whole.combine_chunks(), file)


def _as_json(elsewhere: dict, columns: list, entries: dict) -> str:
    """A line a list and a run: a change of one is seen as one."""

    def lines(pairs) -> str:
        return ",\n".join(f"  {pair}" for pair in pairs)

    return (
        f'{{\n "elsewhere": {json.dumps(elsewhere)},\n "columns": [\n'
        f'{lines(map(json.dumps, columns))}\n ],\n "runs": {{\n'
        f"{lines(f'{json.dumps(k)}: {json.dumps(v)}' for k, v in entries.items())}\n"
        " }\n}\n"
    )


def put(file: Path, place: Path):
    """Move a written pack to `place`: its index last, for that makes it one."""
    os.replace(file, place)
    os.replace(_index_of(file), _index_of(place))
    _places.cache_clear()
