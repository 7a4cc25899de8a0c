"""What a remedy costs in time: python -m tools.bench_arms --write

Steps of each arm of the screen in turn, a few at a time, so that a slow minute falls on
all alike; the least of its processor seconds over that of a plain run's.
"""

import json
import sys
import time

import torch

from mocolib import load
from mocolib.analysis import tables
from mocolib.sweep.design import MINI, PLAIN, SCREENED
from mocolib.train import train

FILE = tables.root() / "bench_arms.json"
ROUNDS, STEPS = 24, 3


def measured() -> dict[str, float]:
    """By arm how much longer than a plain run's its step takes, as a factor."""
    torch.set_num_threads(1)
    data = load(MINI.plain.dataset)
    quiet = MINI.plain.replace(knn_every=0)
    running = {arm: train(quiet.replace(**way), data) for arm, way in SCREENED.items()}
    spent = {arm: [] for arm in running}
    for _ in range(ROUNDS):
        for arm, trainer in running.items():
            start = time.process_time()
            for _ in range(STEPS):
                next(trainer)
            spent[arm].append(time.process_time() - start)
    least = {arm: min(times[1:]) for arm, times in spent.items()}
    return {arm: round(one / least[PLAIN], 3) for arm, one in least.items()}


if __name__ == "__main__":
    found = measured()
    print("\n".join(f"{arm:24} {factor:.2f}" for arm, factor in found.items()))
    if "--write" in sys.argv:
        FILE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
