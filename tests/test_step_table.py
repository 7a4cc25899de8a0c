"""A step table as a Parquet file: what comes back, and what is refused."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mocolib.runs import step_table

STEPS = 300
NAMES = ["step", "samples", "loss", "knn", "grad_inf/a.0", "grad_inf/b", "update/b"]
WATCHED = "monitors/entropy"  # of the whole network, and its last digits tell


@pytest.fixture
def table():
    """Numbers of every size; a reading now and then, one measure with gaps."""
    drawn = np.random.default_rng(0)
    steps = np.arange(1, STEPS + 1)
    sizes = drawn.normal(size=(STEPS, 3)) * 10.0 ** drawn.integers(-30, 30, (STEPS, 3))
    sizes[5], sizes[6, 0], sizes[7] = np.nan, np.inf, 0
    knn = np.where(steps % 4 == 0, drawn.random(STEPS), np.nan)
    columns = [steps, 64 * steps, drawn.random(STEPS), knn, *sizes.T]
    return pd.DataFrame(dict(zip(NAMES, columns, strict=True)))


def through(table, path):
    step_table.write(table, path)
    return step_table.read(path)


def test_numbers_come_back_and_measures_by_layer_within_half_a_bit(table, tmp_path):
    again = through(table, tmp_path / "t.parquet")
    assert list(again) == NAMES
    pd.testing.assert_frame_equal(again[NAMES[:4]], table[NAMES[:4]], check_exact=True)
    assert (again[NAMES[4:]].dtypes == "float32").all()
    # 8 bits: the nearest number lies no further than half of the last one
    np.testing.assert_allclose(again[NAMES[4:]], table[NAMES[4:]], rtol=2**-8)


def test_what_a_framework_watches_keeps_its_digits(table, tmp_path):
    table[WATCHED] = np.random.default_rng(1).random(STEPS)
    again = through(table, tmp_path / "t.parquet")
    pd.testing.assert_series_equal(again[WATCHED], table[WATCHED], check_exact=True)


def test_what_came_back_is_written_to_the_same_bytes(table, tmp_path):
    first, second = tmp_path / "1.parquet", tmp_path / "2.parquet"
    step_table.write(through(table, first), second)
    assert second.read_bytes() == first.read_bytes()
    pd.testing.assert_frame_equal(
        step_table.read(first), step_table.read(second), check_exact=True
    )


def test_any_reader_of_parquet_has_the_same_columns(table, tmp_path):
    again = through(table, tmp_path / "t.parquet")
    plain = pd.read_parquet(tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(plain, again, check_exact=True)
    # a reading that was not taken is none, for readers that tell it from nan
    column = pq.read_table(tmp_path / "t.parquet")["knn"]
    assert column.null_count == table["knn"].isna().sum()


def test_a_table_without_layers_and_an_empty_one_come_back(table, tmp_path):
    whole = table[NAMES[:4]]
    again = through(whole, tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(again, whole, check_exact=True)
    assert through(table.iloc[:0], tmp_path / "e.parquet").shape == (0, len(NAMES))


def test_numbers_cost_what_is_in_them(tmp_path):
    drawn = np.random.default_rng(0).normal(size=(4000, 20)).astype("float32")
    table = pd.DataFrame(drawn, columns=[f"grad_inf/layer.{i}" for i in range(20)])
    table["lr"] = 0.1
    step_table.write(table, tmp_path / "t.parquet")
    size = (tmp_path / "t.parquet").stat().st_size
    assert size < 1.6 * drawn.size  # bytes: the two that are kept, and these packed


def packed_once(table, path):
    """As it was once written: a step's measures by layer as one string of bytes."""
    short = table[NAMES[4:]].to_numpy("float32").view("u4") >> 16
    planes = np.stack([short & 255, short >> 8], axis=1).astype("u1")
    column = pa.array([step.tobytes() for step in planes], pa.binary(6))
    plain = pa.Table.from_pandas(table[NAMES[:4]], preserve_index=False)
    plain = plain.append_column(step_table.PACKED, column)
    names = {step_table.NAMES: json.dumps(NAMES[4:])}
    pq.write_table(plain.replace_schema_metadata(names), path)


def test_tables_as_they_were_once_written_are_read(table, tmp_path):
    table.to_parquet(tmp_path / "1.parquet", index=False)
    again = step_table.read(tmp_path / "1.parquet")
    pd.testing.assert_frame_equal(again, table, check_exact=True)
    kept = step_table.kept(table)
    packed_once(kept, tmp_path / "2.parquet")
    again = step_table.read(tmp_path / "2.parquet")
    pd.testing.assert_frame_equal(again, kept, check_exact=True)
    assert step_table.rows(tmp_path / "2.parquet") == STEPS


@pytest.mark.parametrize(
    "column",
    [
        pa.array([b"1234", b"12"]),  # no fixed length
        pa.array([b"1234", b"1234"], pa.binary(4)),  # and no names
        pa.array([1.0, 2.0]),
    ],
    ids=["lengths", "names", "numbers"],
)
def test_a_column_that_is_not_ours_is_refused(tmp_path, column):
    pq.write_table(pa.table({step_table.PACKED: column}), tmp_path / "t.parquet")
    with pytest.raises(ValueError, match=r"by_layer is .*, not of 0 measures"):
        step_table.read(tmp_path / "t.parquet")
