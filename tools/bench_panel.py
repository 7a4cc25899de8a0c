"""What the live panel costs: python -m tools.bench_panel

The same steps with and without a panel as consumer, in turns, so that a slow minute of
the machine falls on both alike.
"""

import os
import statistics
import threading
import time


def panel_times(steps: int = 40, rounds: int = 5) -> list[dict]:
    """Seconds of `steps` of `live`, bare and in a panel, and of the panel's drawing."""
    from mocolib import lab, load, named_recipe, train

    recipe = named_recipe("short", steps=steps)
    data = load(recipe.dataset)
    _ = data.mean  # read once, before anything is timed
    panel, cores, times = lab.live(recipe, data=data), os.cpu_count(), []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        # off the main thread, as the panel trains, so that only the panel differs
        bare = threading.Thread(target=lambda: list(train(recipe, data, cores)))
        bare.start()
        bare.join()
        middle = time.perf_counter()
        panel.run.click()
        panel.session.join()
        end = time.perf_counter()
        drawing = panel.pace.drawing
        times.append(
            {"bare": middle - start, "panel": end - middle, "drawing": drawing}
        )
    return times[1:]  # the first round warms up


def panel_cost(times: list[dict] | None = None) -> float:
    """What the panel adds, as a share of the bare training's time."""
    times = times or panel_times()
    return statistics.median(t["panel"] / t["bare"] for t in times) - 1


if __name__ == "__main__":
    times = panel_times()
    for name in ("bare", "panel", "drawing"):
        print(f"{name:8} {statistics.median(t[name] for t in times):7.3f} s")
    print(f"the panel costs {panel_cost(times):+.1%} of the training time")
