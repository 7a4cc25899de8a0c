"""A run's step table: lines while it grows, Parquet when it is done.

The Parquet file is small enough to publish by the hundred. Measures by layer (columns
with a "/") keep bfloat16's precision (0.4 %): they are read on log axes, and their last
digits would be nine tenths of the file. They share one column of bytes, PACKED: for
each step the low bytes of all its measures, then the high ones; the file's metadata
names them. As seventy columns they took a quarter more room: each has a header.
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

COUNTS = {"step", "samples"}  # columns that grow evenly: stored as differences
PACKED = "by_layer"
MEASURES = b"measures"  # in the metadata, JSON: their names in the order of the bytes


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


def write(table: pd.DataFrame, path: Path):
    """A step table; measures by layer are rounded to bfloat16 and stand last."""
    layered = [name for name in table if "/" in name]
    columns = {
        name: pa.array(values, pa.int64() if name in COUNTS else pa.float64())
        for name, values in table.drop(columns=layered).items()
    }
    if layered:
        columns[PACKED] = _packed(table[layered].to_numpy("float32"))
    plain, target = pa.table(columns), io.BytesIO()
    with pq.ParquetWriter(
        target,
        plain.schema,
        compression="zstd",
        compression_level=19,
        use_dictionary=False,
        write_statistics=False,
        store_schema=False,  # Arrow's own copy of the header
        # measure after measure instead of step after step
        use_byte_stream_split=[PACKED] if layered else False,
        column_encoding=dict.fromkeys(columns.keys() & COUNTS, "DELTA_BINARY_PACKED"),
    ) as writer:
        writer.write_table(plain)
        writer.add_key_value_metadata({MEASURES: json.dumps(layered)})
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
    if PACKED not in table.column_names:  # an older record, or none of ours
        return table.to_pandas(use_threads=False)
    names = json.loads((file.metadata.metadata or {}).get(MEASURES, "[]"))
    plain = table.drop_columns(PACKED).to_pandas(use_threads=False)
    measures = _unpacked(table[PACKED].combine_chunks(), len(names))
    return pd.concat([plain, pd.DataFrame(measures, columns=names)], axis=1)


def _packed(values: np.ndarray) -> pa.Array:
    """Steps × measures in float32 as one string of bytes a step."""
    short = torch.from_numpy(np.ascontiguousarray(values)).bfloat16().view(torch.int16)
    pairs = short.numpy().astype("<i2").view("u1").reshape(*values.shape, 2)
    planes = np.ascontiguousarray(pairs.transpose(0, 2, 1))  # step, byte, measure
    kind, data = pa.binary(2 * values.shape[1]), pa.py_buffer(planes)
    return pa.FixedSizeBinaryArray.from_buffers(kind, len(values), [None, data])


def _unpacked(strings: pa.Array, measures: int) -> np.ndarray:
    """The other way round; ValueError where the bytes are not that many measures."""
    if strings.type != pa.binary(2 * measures) or strings.null_count:
        raise ValueError(f"{PACKED} is {strings.type}, not of {measures} measures")
    planes = np.frombuffer(b"".join(strings.to_pylist()), "u1")
    low, high = planes.reshape(-1, 2, measures).transpose(1, 2, 0).astype("u4")
    return (low << 16 | high << 24).view("f4").T
