"""Logs that are no text: Parquet, TensorBoard's events, a run folder of mocolib."""

from pathlib import Path

import numpy as np

from mocolib.errors import BadInput
from mocolib.files import unreadable
from mocolib.logs import columns
from mocolib.logs.table import Table, Tables
from mocolib.logs.words import refusals as words
from mocolib.runs import step_table
from mocolib.words import said

EVENTS = "*tfevents*"
MOST_FOLDERS = 200
ROWS = 2**16  # of a Parquet file at a time


def refuse_known(head: bytes, place: str):
    """BadInput where a file begins as something that is no log."""
    for mark, what in words.KNOWN.items():
        if head.startswith(mark.encode("latin-1")):
            raise BadInput(said(words.IS_KNOWN, place=place, what=said(what)))


def read_parquet(path: Path, tables: Tables):
    """Columns of numbers, and one that names the run; lists and tables are passed over.

    BadInput where the file is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        if step_table.PACKED in file.schema_arrow.names:
            return _frame(step_table.read(path), tables)
        wanted = [
            name
            for name in file.schema_arrow.names
            if columns.use(name) or name in columns.RUN or name in tables.wanted
        ]
        for batch in file.iter_batches(ROWS, columns=wanted, use_threads=False):
            _frame(batch.to_pandas(use_threads=False), tables)
        for table in tables.of.values():
            _forget_empty(table)
            for name in file.schema_arrow.names:
                table.names.setdefault(name, None)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise unreadable(path, error) from None


def _frame(frame, tables: Tables):
    """A table of pandas, row by row; in it a number that is missing is NaN, too.

    So NaN stays, and is told from a gap as in any other table.
    """
    numbers = set(frame.select_dtypes("float")) - set(columns.RUN)
    there = frame.notna()
    there[list(numbers)] = True
    frame = frame.astype(object).where(there, None)
    names = [str(name) for name in frame]
    for row in frame.itertuples(index=False, name=None):
        tables.add(dict(zip(names, row, strict=True)))


def _forget_empty(table: Table):
    """Columns of other runs, and those without a number, are no columns of a run."""
    for name in list(table.kept):
        if not np.isfinite(table.column(name)[1]).any():
            del table.kept[name]


def read_events(path: Path, tables: Tables):
    """A file of events, or a folder that has some: a run a folder.

    BadInput without the tensorboard package, or without any number.
    """
    try:
        from tensorboard.backend.event_processing import event_accumulator as events
    except ImportError:
        raise BadInput(
            f"{tables.place} holds events of TensorBoard, for which tensorboard must "
            "be installed: pip install 'mocolib[tensorboard]'."
        ) from None
    found = [path] if path.is_file() else sorted({f.parent for f in path.rglob(EVENTS)})
    if len(found) > MOST_FOLDERS:
        raise BadInput(
            f"folder {tables.place} has {len(found)} runs, but must have at most "
            f"{MOST_FOLDERS}."
        )
    for place in found:
        whole = {events.SCALARS: 0, events.TENSORS: 0}
        read = events.EventAccumulator(str(place), whole, purge_orphaned_data=False)
        read.Reload()
        run = "" if place == path else str(place.relative_to(path))
        for tag in read.Tags()[events.SCALARS]:
            for event in read.Scalars(tag):
                tables.add({"step": event.step, tag: event.value}, run)
        for tag in read.Tags()[events.TENSORS]:
            for event in read.Tensors(tag):
                if (value := _number(event.tensor_proto)) is not None:
                    tables.add({"step": event.step, tag: value}, run)


def _number(tensor) -> float | None:
    """The one number of a tensor; None where it is text or has several."""
    from tensorboard.util import tensor_util

    array = tensor_util.make_ndarray(tensor)
    single = array.size == 1 and np.issubdtype(array.dtype, np.number)
    return float(array.reshape(-1)[0]) if single else None
