"""How exact one kNN reading is: the same reading on two halves of the test images."""

import dataclasses

import pandas as pd

from mocolib.analysis.measures import reading_noise
from mocolib.data import Dataset
from mocolib.runs import Run
from mocolib.runs.replay import replay


def along(run: Run, data: Dataset) -> pd.DataFrame:
    """step, first, second: accuracy on every other test image, and on the rest.

    The run is trained again from its start, read where it was read. The table's
    attrs["departures"] holds sentences where the record was not met.
    """
    again = replay(run, 0, data)
    again.training.monitor.pauses = True  # read here instead
    parts = [
        dataclasses.replace(
            data, test_images=data.test_images[k::2], test_labels=data.test_labels[k::2]
        )
        for k in (0, 1)
    ]
    due, rows = set(run.steps["step"][run.steps["knn"].notna()]), []
    for step in again:
        if step.index in due:
            first, second = (_read(again.training, part) for part in parts)
            rows.append({"step": step.index, "first": first, "second": second})
    table = pd.DataFrame(rows)
    table.attrs["departures"] = [again.departure] if again.departure else []
    return table


def _read(training, data: Dataset) -> float:
    """A reading with other test images; the monitor has its own again afterwards."""
    monitor = training.monitor
    own, monitor.data = monitor.data, data
    try:
        return monitor.knn()
    finally:
        monitor.data = own


def noise(table: pd.DataFrame) -> pd.Series:
    """By base rate the noise of one reading on all test images, in accuracy.

    table: `tables.read("noise")`.
    """
    return pd.Series(
        {
            rate: reading_noise(part["first"], part["second"])
            for rate, part in table.groupby("base_lr")
        },
        dtype=float,
    )
