"""A run's step table: lines while it grows, Parquet when it is done.

The Parquet file has a column a measure and is small enough to publish by the hundred.
Measures by layer keep bfloat16's precision (0.4 %): they are read on log axes, and
their last digits would be nine tenths of the file. All else is kept to the last bit.
"""

import io
import json
import os
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from mocolib.files import state, whole_lines, write_atomic
from mocolib.probe import MEASURES

COUNTS = {"step", "samples"}  # whole numbers
# an older record has its measures by layer in one column of bytes, as _unpacked has it
PACKED = "by_layer"
NAMES = b"measures"  # in the metadata, JSON: their names in the order of the bytes


class StepTable:
    """steps.jsonl, open for appending; a torn last line is cut off."""

    def __init__(self, path: Path):
        lines = whole_lines(path)
        self.rows = len(lines)
        self.file = open(path, "ab")  # noqa: SIM115, closed by __exit__
        self.file.truncate(sum(len(line) for line in lines))

    def append(self, row: dict):
        self.file.write(json.dumps(row).encode() + b"\n")
        self.file.flush()  # survives the process; `sync` survives the machine
        self.rows += 1

    def sync(self):
        os.fsync(self.file.fileno())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()


def kept(table: pd.DataFrame) -> pd.DataFrame:
    """A table as it is kept: int64, float64, and bfloat16's numbers in float32.

    What was kept once comes back unchanged.
    """
    layered = [name for name in table if name.split("/")[0] in MEASURES]
    plain = {
        name: values.to_numpy("int64" if name in COUNTS else "float64")
        for name, values in table.drop(columns=layered).items()
    }
    exact = np.array(table[layered], "float32", order="C")
    rounded = torch.from_numpy(exact).bfloat16().float().numpy()
    measures = pd.DataFrame(rounded, columns=layered)
    return pd.concat([pd.DataFrame(plain), measures], axis=1)


def write(table: pd.DataFrame, path: Path):
    """The whole table; measures by layer are rounded and stand last."""
    save(pa.Table.from_pandas(kept(table), preserve_index=False), path)


def save(table: pa.Table, path: Path):
    """Columns as a Parquet file, whole or not at all; any reader of Parquet has them.

    Measures that hardly repeat are split into their bytes, which makes what is alike
    in them stand together: first bytes for themselves, and the zeros behind a rounded
    number. What repeats, as rates and counts do from run to run, is kept once.
    """
    drawn = [name for name in table.column_names if "/" in name or name == "loss"]
    target = io.BytesIO()
    pq.write_table(
        table.replace_schema_metadata(None),
        target,
        compression="zstd",
        compression_level=19,
        use_dictionary=[name for name in table.column_names if name not in drawn],
        use_byte_stream_split=drawn or False,
        write_statistics=False,
        store_schema=False,  # Arrow's own copy of the header
    )
    write_atomic(path, target.getvalue())


def read(path: Path) -> pd.DataFrame:
    """The table of `path`; OSError or ValueError where it cannot be read."""
    if not path.is_file():  # a folder would be read as a set of tables
        raise ValueError("not a file")
    return _read(path, state(path)).copy()


def rows(path: Path) -> int:
    """How many steps that table has; only its end is read, and errors are the same."""
    return pq.read_metadata(path).num_rows


@lru_cache(maxsize=1024)  # the ledger reads each table several times
def _read(path: Path, changed: tuple) -> pd.DataFrame:
    """A step table; `changed` tells a file from the one that it has replaced."""
    # on this thread: for so small a table another costs more than it does
    file = pq.ParquetFile(path)
    table = file.read(use_threads=False)
    if PACKED not in table.column_names:
        return table.to_pandas(use_threads=False)
    names = json.loads((file.metadata.metadata or {}).get(NAMES, "[]"))
    plain = table.drop_columns(PACKED).to_pandas(use_threads=False)
    measures = _unpacked(table[PACKED].combine_chunks(), len(names))
    return pd.concat([plain, pd.DataFrame(measures, columns=names)], axis=1)


def _unpacked(strings: pa.Array, measures: int) -> np.ndarray:
    """Measures that share a column: a step's low bytes, then its high ones.

    ValueError where the bytes are not that many measures.
    """
    if strings.type != pa.binary(2 * measures) or strings.null_count:
        raise ValueError(f"{PACKED} is {strings.type}, not of {measures} measures")
    planes = np.frombuffer(b"".join(strings.to_pylist()), "u1")
    low, high = planes.reshape(-1, 2, measures).transpose(1, 2, 0).astype("u4")
    return (low << 16 | high << 24).view("f4").T
