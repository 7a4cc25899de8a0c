"""How far a page's training is from mocolib's, as tools/parity.py has recorded it."""

from pathlib import Path

import pandas as pd

from mocolib.data import data_root
from mocolib.files import read_json

VECTORS = {
    "loss": "loss",
    "query": "parameters",
    "key": "key parameters",
    "first": "first moment",
    "second": "second moment",
}


def _record(path: Path | None) -> dict:
    path = path or data_root() / "tables" / "inpage.json"
    return read_json(path) if path.exists() else {}


def parity_steps(path: Path | None = None) -> pd.DataFrame:
    """The largest relative distance after one step from a shared state, by setting.

    Empty where nothing has been recorded. Steps in which the input of a ReLU is zero
    but for rounding are counted and left out: there torch itself decides otherwise when
    it sums in another order.
    """
    rows = [
        {"setting": setting, "steps": found["steps"], "at a kink": found["at a kink"]}
        | {w: f"{found['distance'][n]['largest']:.1e}" for n, w in VECTORS.items()}
        for setting, found in _record(path).get("steps", {}).items()
    ]
    return pd.DataFrame(rows)


def parity_runs(path: Path | None = None) -> pd.DataFrame:
    """Runs left to themselves, same start and same batches: kNN and loss at the end."""
    rows = [
        {"seed": run["seed"]}
        | {
            f"{words}, {side}": round(run[name][side], 3)
            for name, words in (("knn", "kNN"), ("loss", "loss"))
            for side in ("graph", "mocolib")
        }
        for run in _record(path).get("whole", [])
    ]
    return pd.DataFrame(rows)


def page_runs(path: Path | None = None) -> pd.DataFrame:
    """Runs that a page has trained, of the shape that shakes, at two rates."""
    names = ("base_lr", "seed", "outcome", "spikes", "jitter", "deepest fall")
    rows = [
        {name: run[name] for name in (*names, "final knn")}
        for run in _record(path).get("shaky", [])
    ]
    return pd.DataFrame(rows).round(3)
