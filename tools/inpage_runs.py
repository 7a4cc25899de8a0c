"""What the pages' own training does: python -m tools.inpage_runs

Trains in headless Chromium, by the worker of the book, and adds the curves and what the
book's measures make of them to data/tables/inpage.json. They stand thin behind what a
reader trains. Half a minute a run on an idle core; what has been recorded of a setting
and a seed is recorded anew.
"""

import sys
import tempfile
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import numpy as np

from mocolib import named_recipe
from mocolib.analysis import measures
from mocolib.analysis.inpage import SPIKING
from mocolib.data import data_root
from mocolib.files import as_json, read_json, write_atomic
from mocolib.lab.train_here import SHAPE, VALUES
from tools import ROOT, inpage, ort
from tools.browser import open_browser
from tools.serve import BookHandler, running

BOTH = ("learned", "fixed")
RUNS = [  # settings where they are not the shape's own, and how many seeds of each
    *((3, {"patch_projection": p}) for p in BOTH),
    *((2, {"patch_projection": p, "base_lr": 2.4e-2}) for p in BOTH),
    *((1, {"beta2": 0.95}), (1, {"temperature": 0.1}), (1, {"momentum": 0.9})),
    (1, {"optimizer": "lamb", "base_lr": 4e-3}),
    *((1, {"patch_projection": p, "base_lr": 0.192}) for p in BOTH),
]
ROWS = """([base, seed, settings, shape]) => new Promise((done, fail) => {
  const script = new URL("_static/inpage/worker.js", base);
  const worker = new Worker(script, { type: "module" });
  const rows = [];
  worker.onerror = (event) => fail(new Error(event.message));
  worker.onmessage = ({ data }) => {
    if (data.is === "trouble") fail(new Error(data.sentence));
    if (data.is === "ready") worker.postMessage({ do: "train" });
    if (data.is === "step") rows.push(data.row);
    if (data.is === "done") { worker.terminate(); done([rows, data.outcome]); }
  };
  worker.postMessage({ do: "begin", run: 1, base: new URL("inpage/", base).href, shape,
    runs: [{ seed, settings }], device: "wasm" });
})"""


def site(folder: Path) -> ThreadingHTTPServer:
    """The scripts and the graphs, laid out as in the built book."""
    ort.build()
    (folder / "inpage").symlink_to(inpage.build())
    (folder / "_static").symlink_to(ROOT / "assets")
    (folder / "index.html").write_text("<!doctype html><title>Runs</title>")
    handler = partial(BookHandler, directory=folder)
    return ThreadingHTTPServer(("127.0.0.1", 0), handler)


def trained(page, base: str, seed: int, setting: dict) -> dict:
    """One run in the page: its curves and their measures."""
    recipe = named_recipe(SHAPE, seed=seed, **setting)
    rows, outcome = page.evaluate(ROWS, [base, seed, vars(recipe), SHAPE])
    knn = {row["step"]: row["knn"] for row in rows if row["knn"] is not None}
    late = [value for step, value in knn.items() if step > recipe.warmup_steps]
    settled = rows[recipe.warmup_steps :]
    gradients = {
        name: [row[f"grad_inf/{name}"] for row in rows]
        for name in SPIKING
        if rows[0][f"grad_inf/{name}"] is not None  # a fixed layer has none
    }
    spikes = {
        name: len(measures.spikes(values[recipe.warmup_steps :]))
        for name, values in gradients.items()
    }
    return {
        **{name: getattr(recipe, name) for name in (*VALUES, "seed")},
        "outcome": outcome,
        "spikes": spikes,
        "loss_spikes": len(measures.loss_spikes([row["loss"] for row in settled])),
        "jitter": measures.jitter(late),
        "deepest_fall": float(np.max(np.maximum.accumulate(late) - late)),
        "final_knn": float(np.mean(late[-3:])),
        "curves": {
            "loss": [float(f"{row['loss']:.4g}") for row in rows],
            "knn": {str(step): value for step, value in knn.items()},
            **{
                f"grad_inf/{name}": [float(f"{value:.3g}") for value in values]
                for name, values in gradients.items()
            },
        },
    }


def main():
    target, names = data_root() / "tables" / "inpage.json", (*VALUES, "seed")
    with tempfile.TemporaryDirectory() as folder, open_browser() as browser:
        page = browser.new_page()
        with running(site(Path(folder))) as address:
            page.goto(f"{address}/")
            for count, setting in RUNS:
                for seed in range(count):
                    new = trained(page, f"{address}/", seed, setting)
                    print({k: v for k, v in new.items() if k != "curves"}, flush=True)
                    table = read_json(target) if target.exists() else {}
                    others = [
                        run
                        for run in table.get("runs", [])
                        if any(run[name] != new[name] for name in names)
                    ]
                    write_atomic(target, as_json(table | {"runs": [*others, new]}))


if __name__ == "__main__":
    sys.exit(main())
