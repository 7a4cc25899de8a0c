"""Speed and memory of a training step on one thread: python -m tools.bench

Every case runs in a process of its own, the repetitions interleaved, so that a slow
minute of the machine falls on all alike; medians are printed. Images are random: what
they show costs nothing.
"""

import json
import statistics
import subprocess
import sys
import time

REPEATS = 3
SETTING = dict(
    image_size=32, patch_size=8, width=64, depth=4, heads=2,
    head_hidden=256, head_dim=64, dataset="random", knn_every=0, warmup_steps=0,
)  # fmt: skip


def timed(function, repeats=7) -> float:
    """Median seconds of a call, after a first one that does not count."""
    function()
    spent = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        spent.append(time.perf_counter() - start)
    return statistics.median(spent)


def random_data(count=10_000):
    """CIFAR-10's shape with random pixels."""
    import torch

    from mocolib.data import Dataset

    def images(n):
        return torch.randint(0, 256, (n, 3, 32, 32), dtype=torch.uint8)

    def labels(n):
        return torch.randint(0, 10, (n,))

    return Dataset(
        name="random", classes=tuple("0123456789"),
        train_images=images(count), train_labels=labels(count),
        test_images=images(10_000), test_labels=labels(10_000),
    )  # fmt: skip


def gemm() -> dict:
    """What the core can do at best: a large square matrix product in fp32."""
    import torch

    torch.set_num_threads(1)
    a = torch.randn(2048, 2048)
    return {"gflops": 2 * 2048**3 / timed(lambda: a @ a) / 1e9}


def step(batch: int) -> dict:
    """The whole step of mocolib and what its parts take."""
    import resource

    from mocolib.cost import flops
    from mocolib.recipe import Recipe
    from mocolib.train import train
    from tools.bench_peers.clock import Clock

    recipe = Recipe(**SETTING, batch_size=batch, steps=1000)
    training = train(recipe, random_data())
    views = timed(lambda: training.batches.batch(0))
    clock = Clock()
    for method in ("before", "after"):
        clock.wrap(training.probe, method, "probes")
    whole = timed(lambda: next(training))
    probes = clock.spent["probes"] / 8
    return {
        "images_s": batch / whole,
        "gflops": batch / whole * flops(recipe) / 1e9,
        "augmentation": views / whole,
        "probes": probes / whole,
        "knn": timed(training.knn, 3) / (10 * whole),
        "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def plain() -> dict:
    """The same step in one page of timm and torchvision."""
    from tools.bench_plain import images_per_second

    return {"images_s": images_per_second()}


def panel() -> dict:
    """What the live panel adds to the training time."""
    from tools.bench_panel import panel_cost

    return {"cost": panel_cost()}


CASES = {
    "gemm": gemm,
    "step 256": lambda: step(256),
    "step 1024": lambda: step(1024),
    "plain": plain,
    "panel": panel,
}


def measure() -> dict:
    """Medians of every case over interleaved repetitions."""
    readings: dict = {name: [] for name in CASES}
    for turn in range(REPEATS):
        for name in CASES:
            print(f"  {turn + 1} of {REPEATS}: {name}", file=sys.stderr, flush=True)
            command = [sys.executable, "-m", "tools.bench", name]
            answer = subprocess.run(command, capture_output=True, text=True, check=True)
            readings[name].append(json.loads(answer.stdout.splitlines()[-1]))
    return medians(readings)


def medians(readings: dict) -> dict:
    """{case: {figure: median}} of {case: [{figure: value}, ...]}."""
    return {
        name: {key: statistics.median(r[key] for r in rows) for key in rows[0]}
        for name, rows in readings.items()
    }


def table(found: dict) -> str:
    peak, plain_speed = found["gemm"]["gflops"], found["plain"]["images_s"]
    lines = [
        f"fp32 GEMM, one thread: {peak:.0f} GFLOP/s",
        f"plain timm + torchvision script, batch 256: {plain_speed:.0f} images/s",
        f"live panel: {found['panel']['cost']:+.1%} of the training time",
        "",
        "batch  images/s  of GEMM  of plain  augment  probes  kNN/10 steps  peak MiB",
    ]
    for batch in (256, 1024):
        s = found[f"step {batch}"]
        lines.append(
            f"{batch:5}  {s['images_s']:8.0f}  {s['gflops'] / peak:7.1%}  "
            f"{s['images_s'] / plain_speed:7.2f}x  {s['augmentation']:7.1%}  "
            f"{s['probes']:6.1%}  {s['knn']:12.1%}  {s['mib']:8.0f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(CASES[sys.argv[1]]()))
    else:
        print(table(measure()))
