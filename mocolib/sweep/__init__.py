"""Many recipes over many processes: stop at any time, resume, nothing trained twice.

    mocolib sweep lr                          a figure's sweep, by its name
    mocolib sweep my.toml --workers 8         your own
    mocolib sweep lr --dataset fashion-mnist  the same on the embedded images

A sweep file names a recipe, single points and a grid; every point meets every
combination of the grid:

    title = "Learning rate"      core_hours = 1.9      shows = "one sentence"
    recipe = "mini"
    [[points]]                   # optional
    batch_size = 1024
    [grid]
    base_lr = [1e-3, 4e-3]
    seed = [0, 1, 2]

The first entry of the grid changes slowest: put `seed` first, and a sweep that is
stopped half-way holds whole pictures with fewer seeds.
"""

import itertools
import math
import os
import queue
import time
from dataclasses import dataclass
from pathlib import Path

from mocolib import recipe as recipes
from mocolib import runs
from mocolib.errors import BadInput
from mocolib.presets import named_recipe
from mocolib.recipe import Recipe
from mocolib.sweep.local import Worker

FOLDER = Path(__file__).parent
MOST = 100_000  # runs of a sweep; more is a slip of the grid


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """What a sweep file says."""

    name: str
    title: str
    core_hours: float  # on a core of 2024; nan where the file does not say
    shows: str
    recipes: tuple


def read(name, **changes) -> Sweep:
    """A sweep by its name, or from a .toml file; `changes` go to each run."""
    path = Path(name)
    if path.suffix != ".toml":
        path = FOLDER / f"{name}.toml"
        if str(name) not in names():
            raise BadInput(
                f"sweep is {str(name)!r}, but must be one of {', '.join(names())}, "
                "or a .toml file."
            )
    table = recipes.read_table(path)
    wanted = _planned(path, table, changes)
    texts = {key: str(table.get(key, "")) for key in ("title", "shows")}
    hours = table.get("core_hours", math.nan)
    if isinstance(hours, bool) or not isinstance(hours, int | float):
        raise BadInput(f"sweep {path}: core_hours is {hours!r}, but must be a number.")
    return Sweep(
        name=path.stem, recipes=tuple(dict.fromkeys(wanted)), core_hours=hours, **texts
    )


def _planned(path: Path, table: dict, changes: dict) -> list[Recipe]:
    """Every point of a sweep's table in every combination of its grid."""
    unknown = set(table) - {"title", "core_hours", "shows", "recipe", "points", "grid"}
    if unknown:
        raise BadInput(f"sweep {path} has an unknown entry {min(unknown)!r}.")
    base = named_recipe(table.get("recipe", "mini"))
    grid, points = table.get("grid", {}), table.get("points", [{}])
    lists = grid.values() if isinstance(grid, dict) else [None]
    if not all(isinstance(values, list) for values in lists):
        raise BadInput(f"sweep {path}: grid must be a table of lists.")
    if not isinstance(points, list) or not all(isinstance(p, dict) for p in points):
        raise BadInput(f"sweep {path}: points must be a list of tables.")
    count = math.prod(map(len, (points, *lists)))
    if not 1 <= count <= MOST:
        raise BadInput(f"sweep {path} has {count} runs, but must have 1 to {MOST}.")
    return [
        base.replace(**{**point, **dict(zip(grid, values, strict=True)), **changes})
        for values in itertools.product(*lists)
        for point in points
    ]


def names() -> list[str]:
    """The sweeps that come with mocolib."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def recorded(name, root=None) -> list[runs.Run]:
    """The finished runs of a sweep in the public set, or under `root`."""
    found = [runs.find(r, Path(root or runs.public_root())) for r in read(name).recipes]
    return [run for run in found if run is not None]


@dataclass
class Progress:
    """What a sweep reports each time something moved."""

    total: int
    done: int = 0
    running: int = 0
    failed: tuple = ()  # (id, sentence)
    seconds_left: float | None = None


def sweep(wanted, root=None, workers: int = 0, threads: int = 1):
    """Train what is missing; yields `Progress`. Closing it stops the workers.

    A worker is a process of its own that trains one run after another. When the
    sweep's process dies, its workers see their input end, and end too.
    """
    root = Path(root or runs.default_root())
    missing, progress = missing_of(wanted, root)
    yield progress
    todo, events = iter(missing), queue.Queue()
    count = min(workers or os.cpu_count() or 1, len(missing))
    crew = [Worker(root, threads, events) for _ in range(count)]
    begun, cost_done, cost_all = time.monotonic(), 0, sum(map(_cost, missing)) or 1
    try:
        busy = sum(worker.give(next(todo, None)) for worker in crew)
        while busy:
            progress.running = busy
            worker, event = events.get()
            cost_done += event.get("samples", 0)
            if "failed" in event or "done" in event:
                if "failed" in event:
                    progress.failed += ((event["id"], event["failed"]),)
                else:
                    progress.done += 1
                if event.get("dead"):
                    worker.stop()
                    worker.start()
                busy += worker.give(next(todo, None)) - 1
                progress.running = busy
            share = cost_done / cost_all
            spent = time.monotonic() - begun
            progress.seconds_left = spent * (1 / share - 1) if share > 0 else None
            yield progress
    finally:
        for worker in crew:
            worker.stop()


def missing_of(wanted, root: Path):
    """The recipes that are still to be trained, and the `Progress` so far."""
    missing = [r for r in wanted if runs.find(r, root) is None]
    return missing, Progress(total=len(wanted), done=len(wanted) - len(missing))


def _cost(recipe: Recipe) -> int:
    return recipe.steps * recipe.batch_size
