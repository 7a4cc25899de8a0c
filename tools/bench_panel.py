"""What a panel in a kernel costs: python -m tools.bench_panel

The same steps with and without a panel, in turns, so that a slow minute of the machine
falls on both alike.
"""

import statistics
import time


def panel_times(steps: int = 60, rounds: int = 5) -> list[dict]:
    """Seconds of `steps` of `page`, bare and behind a panel that has been heard of."""
    from mocolib import named_recipe, train
    from mocolib.lab import branch, engine, wire

    recipe = named_recipe("page", steps=steps)
    data, times = engine.images(recipe.dataset), []
    panel = wire.Wire("bench", recipe)
    panel.other = "a script"
    for _ in range(rounds + 1):
        start = time.perf_counter()
        list(train(recipe, data, branch.THREADS))
        middle = time.perf_counter()
        run = {"seed": recipe.seed, "settings": vars(recipe)}
        panel.engine.hear({"do": "begin", "run": 1, "runs": [run]})
        panel.engine.hear({"do": "train"})
        panel.engine.thread.join()
        end = time.perf_counter()
        times.append({"bare": middle - start, "panel": end - middle})
    return times[1:]  # the first round warms up


def panel_cost(times: list[dict] | None = None) -> float:
    """What the panel adds, as a share of the bare training's time."""
    times = times or panel_times()
    return statistics.median(t["panel"] / t["bare"] for t in times) - 1


if __name__ == "__main__":
    times = panel_times()
    for name in ("bare", "panel"):
        print(f"{name:8} {statistics.median(t[name] for t in times):7.3f} s")
    print(f"the panel costs {panel_cost(times):+.1%} of the training time")
