"""A page's own training as tools/parity.py and tools/inpage_runs.py recorded it.

`path` is another record than data/tables/inpage.json; where there is none, the tables
are empty.
"""

from pathlib import Path

import pandas as pd

from mocolib.data import data_root
from mocolib.files import read_json
from mocolib.presets import named_recipe
from mocolib.words import layer_name, listed, title, value

VECTORS = {
    "loss": "loss",
    "query": "parameters",
    "key": "key parameters",
    "first": "first moment",
    "second": "second moment",
}
SPIKING = ("patch_projection", "blocks.0.qkv")  # the second learns in all settings


def record(path: Path | None = None) -> dict:
    """The whole record: `steps`, `whole` runs on the graph, `runs` in a browser.

    Measures come by their ids; older records have them in words.
    """
    path = path or data_root() / "tables" / "inpage.json"
    found = read_json(path) if path.exists() else {}
    steps, made = found.get("steps", {}), found.get("runs", [])
    by_id = {name: _with_ids(one) for name, one in steps.items()}
    return {**found, "steps": by_id, "runs": list(map(_with_ids, made))}


def _with_ids(measured: dict) -> dict:
    return {key.replace(" ", "_"): value for key, value in measured.items()}


def parity_steps(path: Path | None = None) -> pd.DataFrame:
    """The usual relative distance after one step from a shared state, by setting.

    `at a kink` counts the steps that are further apart than 1e-5 in anything, and
    `furthest` is the largest distance among them: the input of a ReLU is zero but for
    rounding there, and torch itself decides otherwise when it sums in another order.
    """
    rows = [
        {
            "setting": listed(map(value, setting.split())),
            "steps": found["steps"],
            "at a kink": found["at_a_kink"],
        }
        | {w: f"{found['distance'][n]['median']:.1e}" for n, w in VECTORS.items()}
        | {"furthest": f"{max(d['largest'] for d in found['distance'].values()):.1e}"}
        for setting, found in record(path).get("steps", {}).items()
    ]
    return pd.DataFrame(rows)


def parity_runs(path: Path | None = None) -> pd.DataFrame:
    """Runs left to themselves, same start and same batches: how they end.

    kNN in percent, so that its differences are points.
    """
    read = (("knn", "kNN", ", %", 100, 1), ("loss", "loss", "", 1, 3))
    rows = [
        {"seed": run["seed"]}
        | {
            f"{words}, {side}{unit}": round(times * run[name][side], digits)
            for name, words, unit, times, digits in read
            for side in ("graph", "mocolib")
        }
        for run in record(path).get("whole", [])
    ]
    return pd.DataFrame(rows)


def comparable(path: Path | None = None) -> list[dict]:
    """Recorded runs of a page that differ in rate and projection alone."""
    own, runs = vars(named_recipe("page")), record(path).get("runs", [])
    free = {"base_lr", "patch_projection", "seed"}
    return [
        run
        for run in runs
        if all(own[name] == run[name] for name in own.keys() & run.keys() - free)
    ]


def page_runs(path: Path | None = None) -> pd.DataFrame:
    """Those runs, with spikes by layer; accuracies in points.

    A fixed projection has no gradient and so no spikes; block 1 learns in all runs.
    """
    names = ("base_lr", "patch_projection", "seed", "outcome")
    read = {"jitter": "jitter, points", "deepest_fall": "deepest fall, points"}
    read["final_knn"] = "kNN at the end, %"
    rows = [
        {title(name): run[name] for name in names}
        | {
            f"spikes, {layer_name(layer)}": run["spikes"].get(layer, "–")
            for layer in SPIKING
        }
        | {words: round(100 * run[name], 1) for name, words in read.items()}
        for run in comparable(path)
    ]
    return pd.DataFrame(rows)
