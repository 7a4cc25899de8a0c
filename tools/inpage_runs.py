"""Whether it shakes in the page too: python -m tools.inpage_runs

Trains the shape `shaky` in headless Chromium, by the worker of the built book, at a
calm rate, at a high one and there with a fixed projection too, and adds the curves and
what the book's measures make of them to data/tables/inpage.json. A minute a run on an
idle core.
"""

import itertools
import sys

import numpy as np

from mocolib import named_recipe
from mocolib.analysis import measures
from mocolib.data import data_root
from mocolib.figures.parity import SPIKING
from mocolib.files import as_json, read_json, write_whole
from tools.browser import open_browser
from tools.serve import bind, running

SHAPE = "shaky"
SETTINGS = (
    {"base_lr": 4e-3, "patch_projection": "learned"},
    {"base_lr": 0.12, "patch_projection": "learned"},
    {"base_lr": 0.12, "patch_projection": "fixed"},
)
SEEDS = (0, 1)
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
    seed, settings });
})"""


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
        **setting,
        "seed": seed,
        "outcome": outcome,
        "spikes": spikes,
        "loss spikes": len(measures.loss_spikes([row["loss"] for row in settled])),
        "jitter": measures.jitter(late),
        "deepest fall": float(np.max(np.maximum.accumulate(late) - late)),
        "final knn": float(np.mean(late[-3:])),
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
    target, found = data_root() / "tables" / "inpage.json", []
    with running(bind(0)) as site, open_browser() as browser:
        page = browser.new_page()
        page.goto(f"{site}/404.html")  # the root leads on, and a run would end there
        for setting, seed in itertools.product(SETTINGS, SEEDS):
            found.append(trained(page, f"{site}/", seed, setting))
            print({k: v for k, v in found[-1].items() if k != "curves"}, flush=True)
    table = read_json(target) if target.exists() else {}
    write_whole(target, as_json(table | {SHAPE: found}))


if __name__ == "__main__":
    sys.exit(main())
