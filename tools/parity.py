"""How exactly a page trains what mocolib trains: python -m tools.parity

Takes the book's exported graphs, runs them in onnxruntime for Python and writes
data/tables/inpage.json: steps compared from a shared state, whole runs beside each
other, runs at usable rates and one at a rate that breaks. About ten minutes.
"""

import gzip
import json
import sys
from importlib.metadata import version

import numpy as np

from mocolib import load, named_recipe
from mocolib.data import data_root
from mocolib.export.compare import compared, differing
from mocolib.export.layout import Layout
from mocolib.export.runtime import Graph, GraphTraining
from mocolib.export.update import UPDATES
from mocolib.files import as_json, read_json, write_atomic
from mocolib.runs.provenance import facts
from mocolib.train import train
from tools import inpage

STEPS, LONG = 50, 500
CALM = 2.4e-2  # where two runs that drift apart still learn the same
SEEDS = range(3)
USABLE = (6e-3, 2.4e-2, 4.8e-2, 9.6e-2, 0.192)  # base rates, four seeds of each
BREAKS = 1e4


def graph(name: str) -> Graph:
    """A shipped graph of the shape that is shipped."""
    folder = inpage.build()
    about = json.loads((folder / "page.json").read_text())
    return Graph(gzip.decompress((folder / about[name]["file"]).read_bytes()))


def steps(data, optimizer: str, projection: str) -> dict:
    """Distances of 50 steps from shared states, and how many are beyond rounding."""
    changes = dict(optimizer=optimizer, patch_projection=projection, knn_every=0)
    training = train(named_recipe("page", **changes), data)
    stepped = graph("step" if optimizer == "adamw" else optimizer)
    layout = Layout(training.model)
    far = [compared(training, layout, stepped) for _ in range(STEPS)]
    found = {name: [step[name] for step in far] for name in far[0]}
    table = {
        name: {"median": float(np.median(values)), "largest": float(max(values))}
        for name, values in found.items()
    }
    return {"steps": STEPS, "at_a_kink": differing(far), "distance": table}


def whole(data, seed: int, graphs) -> dict:
    """Final kNN accuracy and loss of one long run, on the graph and in mocolib."""
    sizes = {"steps": LONG, "knn_every": LONG}
    recipe = named_recipe("page", seed=seed, base_lr=CALM, **sizes)
    ours, theirs = list(GraphTraining(recipe, data, *graphs)), list(train(recipe, data))
    return {
        "seed": seed,
        "knn": {"graph": ours[-1].knn, "mocolib": theirs[-1].knn},
        "loss": {"graph": last_loss(ours), "mocolib": last_loss(theirs)},
    }


def last_loss(records) -> float:
    return float(np.mean([step.loss for step in records[-25:]]))


def outcome(data, graphs, **changes) -> dict:
    """What a shorter run on the graph ends in."""
    recipe = named_recipe("page", **{"steps": 100, "knn_every": 0, **changes})
    training = GraphTraining(recipe, data, *graphs)
    for _ in training:
        pass
    return {"base_lr": recipe.base_lr, "outcome": training.outcome}


def main():
    data, target = load("fashion-mnist"), data_root() / "tables" / "inpage.json"
    graphs = graph("step"), graph("features")
    found = {"steps": {}}
    for optimizer in UPDATES:
        for projection in ("learned", "fixed"):
            key = f"{optimizer} {projection}"
            found["steps"][key] = steps(data, optimizer, projection)
            print(key, found["steps"][key], flush=True)
    found["whole"] = [whole(data, seed, graphs) for seed in SEEDS]
    print(found["whole"], flush=True)
    found["usable"] = [
        outcome(data, graphs, base_lr=rate, seed=seed)
        for rate in USABLE
        for seed in range(4)
    ]
    found["breaks"] = outcome(data, graphs, base_lr=BREAKS, warmup_steps=0)
    print(found["usable"], found["breaks"], flush=True)
    made = facts(data, threads=1)
    found["made"] = made | {"onnxruntime": version("onnxruntime")}
    table = read_json(target) if target.exists() else {}
    write_atomic(target, as_json(table | found))


if __name__ == "__main__":
    sys.exit(main())
