"""Run folders with made-up curves, so that claims and figures meet a known truth."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from mocolib import runs
from mocolib.recipe import Recipe
from mocolib.runs import step_table

LAYERS = ("patch_projection", "blocks.0.qkv", "projector.0", "predictor.1")
SEEDS = range(5)
THREE = SEEDS[:3]


def plant(
    root: Path,
    knn,
    probe=0.4,
    loss=3.0,
    norms=None,
    outcome="finished",
    columns=None,
    **settings,
) -> runs.Run:
    """A finished run under `root`.

    knn: accuracies at every `knn_every`-th step. probe: the final linear probe.
    loss: one for all steps. norms: gradient norms by layer, 1 where none are given.
    columns: other step measures by their whole name.
    """
    recipe = Recipe(**{"dataset": "fashion-mnist", "knn_every": 5, **settings})
    run, steps = runs.Run(root / recipe.id), np.arange(1, recipe.steps + 1)
    table = {
        "step": steps,
        "samples": steps * recipe.batch_size,
        "loss": np.full(len(steps), float(loss)),
        "knn": np.full(len(steps), np.nan),
    }
    table["knn"][recipe.knn_every - 1 :: recipe.knn_every] = knn
    for layer in LAYERS:
        given = (norms or {}).get(layer, np.ones(len(steps)))
        table[f"grad_inf/{layer}"] = np.asarray(given, float)
    if recipe.patch_projection == "fixed":
        table["grad_inf/patch_projection"] = np.full(len(steps), np.nan)
    end = {"outcome": outcome, "steps": recipe.steps, "loss": loss}
    good = outcome == "finished"
    end |= {"knn": knn[-1] if good else None, "linear_probe": probe if good else None}
    run.folder.mkdir(parents=True)
    (run.folder / "recipe.json").write_text(recipe.to_json())
    (run.folder / "provenance.json").write_text("{}")
    table |= columns or {}
    step_table.write(pd.DataFrame(table), run.folder / "steps.parquet")
    (run.folder / "end.json").write_text(json.dumps(end))
    return run


def group(root, probe=0.4, level=0.002, loss=3.0, fall=0.0, seeds=THREE, **settings):
    """A run a seed; what differs between seeds is nearly alike in all groups.

    level: the noise of the readings. fall: a planted dip, in accuracy.
    """
    readings = settings.get("steps", 240) // settings.get("knn_every", 5)
    return [
        plant(
            root,
            falling(fall, level, seed, readings),
            probe * (1 + 0.005 * (seed - 1)),
            loss * (1 + 0.003 * (seed - 1)),
            **{"seed": seed, **settings},
        )
        for seed in seeds
    ]


def falling(fall: float, level: float, seed: int, readings: int = 48) -> np.ndarray:
    """`shaking`, with a dip of some readings at two thirds; deeper by seed."""
    knn = shaking(level, seed, readings)
    begin = 2 * readings // 3
    knn[begin : begin + 4] -= fall * (1 + 0.05 * seed)
    return knn


def shaking(level: float, seed: int, readings: int = 48) -> np.ndarray:
    """A rising kNN curve with white noise of the given standard deviation."""
    rng = np.random.default_rng(seed)
    return np.linspace(0.3, 0.4, readings) + level * rng.normal(size=readings)


def wandering(seed: int, n: int = 400) -> np.ndarray:
    """Gradient norms as they look in training: a slow drift times white noise."""
    noise = np.random.default_rng(seed).normal(size=n) * 0.3
    return np.exp(noise + np.linspace(0, 2, n))


def events(seed: int, n: int = 240, every: int = 40) -> np.ndarray:
    """Norms near 1 with a rise of three steps to x 6 in every `every` steps."""
    norms = np.exp(np.random.default_rng(seed).normal(size=n) * 0.15)
    for start in range(every + 10 + seed, n - 25, every):
        norms[start : start + 3] *= (6, 5, 3)
    return norms
