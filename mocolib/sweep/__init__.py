"""Many recipes over many processes: stop at any time, resume, nothing trained twice.

    mocolib sweep lr                          a figure's sweep, by its name
    mocolib sweep lr --seeds 3                the same with its first three seeds
    mocolib sweep my.toml --workers 8         your own
    mocolib sweep lr --dataset folder:photos  the same on your images

A sweep file names a recipe, single points and a grid; every point meets every
combination of the grid:

    title = "Learning rate"      core_hours = 1.4      shows = "one sentence"
    recipe = "mini"
    [[points]]                   # optional
    id = "large_batch"           # optional: what `points` knows it by
    batch_size = 1024
    [grid]
    base_lr = [1e-3, 4e-3]
    seed = [0, 1, 2]

The first entry of the grid changes slowest: put `seed` first, and a sweep that is
stopped half-way holds whole pictures with fewer seeds.
"""

import contextlib
import itertools
import math
import time
from dataclasses import dataclass
from pathlib import Path

from mocolib import runs
from mocolib.data import load
from mocolib.errors import BadInput
from mocolib.fields import read_table
from mocolib.files import shown
from mocolib.presets import named_recipe
from mocolib.recipe import FIELDS, Recipe
from mocolib.sweep import local
from mocolib.sweep.found import own

FOLDER = Path(__file__).parent
MOST = 100_000  # runs of a sweep; more is a slip of the grid
ENTRIES = ("title", "core_hours", "shows", "recipe", "points", "grid")


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """What a sweep file says."""

    name: str
    title: str
    core_hours: float  # one core's work for all that the file names; 0 where not said
    shows: str
    recipes: tuple

    def __repr__(self) -> str:
        told = f"{len(self.recipes)} runs, {self.core_hours:.3g} core hours"
        return f"<Sweep {self.name}: {self.title}; {told}>"


def read(name, seeds: int | None = None, **changes) -> Sweep:
    """A sweep by its name, or from a .toml file.

    `seeds` keeps the first so many of the grid's; `changes` go to each run. The hours
    are then those of what is left. BadInput where the file is no sweep.
    """
    path = Path(name)
    if path.suffix != ".toml":
        path = FOLDER / f"{name}.toml"
        if str(name) not in names():
            raise BadInput(
                f"sweep is {str(name)!r}, but must be one of {', '.join(names())}, "
                "or a .toml file."
            )
    table = read_table(path)
    unknown = set(table) - set(ENTRIES)
    if unknown:
        raise BadInput(
            f"sweep {path} has an unknown entry {min(unknown)!r}, but must have "
            f"{', '.join(ENTRIES)} only."
        )
    hours = table.get("core_hours", 0)
    number = isinstance(hours, int | float) and not isinstance(hours, bool)
    if not number or not 0 <= hours < math.inf:
        raise BadInput(f"sweep {path}: core_hours is {hours!r}, but must be a number.")
    whole = _planned(path, table, {})
    part = _first_seeds(path, table, seeds, changes)
    as_written = part is table and not changes
    wanted = whole if as_written else _planned(path, part, changes)
    return Sweep(
        name=path.stem,
        title=str(table.get("title", path.stem)),
        core_hours=hours * images_seen(wanted) / images_seen(whole),
        shows=str(table.get("shows", "")),
        recipes=tuple(wanted),
    )


def _first_seeds(path: Path, table: dict, count: int | None, changes) -> dict:
    """The table with the first `count` seeds of its grid."""
    if count is None:
        return table
    if "seed" in changes:
        raise BadInput(
            f"seeds is {count}, but must be left out where seed is given, which is "
            f"{changes['seed']} for all runs."
        )
    grid = table.get("grid", {})
    known = grid.get("seed", []) if isinstance(grid, dict) else []
    known = known if isinstance(known, list) else []
    if not 1 <= count <= len(known):
        raise BadInput(
            f"seeds is {count}, but must be 1 to {len(known)}, the seeds in the grid "
            f"of sweep {path.stem}."
            if known
            else f"seeds is {count}, but sweep {path.stem} has no seeds in its grid."
        )
    return {**table, "grid": {**grid, "seed": known[:count]}}


def _planned(path: Path, table: dict, changes: dict) -> list[Recipe]:
    """Every point of a sweep's table in every combination of its grid, once."""
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
    planned = [
        base.replace(**{**point, **dict(zip(grid, values, strict=True)), **changes})
        for values in itertools.product(*lists)
        for point in map(_unnamed, points)
    ]
    return list(dict.fromkeys(planned))


def points(*names: str) -> dict[str, dict]:
    """The points of sweeps that have an id, by it: what each changes.

    Those that change the same settings stand together.
    """
    tables = (read_table(FOLDER / f"{name}.toml") for name in names)
    listed = [point for table in tables for point in table["points"]]
    found = {point["id"]: _unnamed(point) for point in listed if "id" in point}
    order = list(map(set, found.values()))
    return dict(sorted(found.items(), key=lambda one: order.index(set(one[1]))))


def _unnamed(point: dict) -> dict:
    return {name: value for name, value in point.items() if name != "id"}


def names() -> list[str]:
    """The sweeps that come with mocolib."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def recorded(*names, root=None, **where) -> list[runs.Run]:
    """The finished runs of sweeps in the public set, or under `root`, none twice.

    In the order of the sweeps' files. One that is damaged is left out, with a warning
    that names it. `where`: only those with these settings, as `fits` has it, such as
    `recorded("lr", seed=(10, 11))`. BadInput for a sweep or setting that is not there.
    """
    place = Path(root or runs.public_root())
    wanted = dict.fromkeys(r for name in names for r in read(name).recipes)
    found = [runs.find(recipe, place) for recipe in wanted if fits(recipe, where)]
    return runs.readable(run for run in found if run is not None)


def fits(recipe: Recipe, where: dict) -> bool:
    """Whether a recipe has these settings; a tuple allows any of its values.

    BadInput for a setting that no recipe has.
    """
    unknown = sorted(where.keys() - FIELDS.keys())
    if unknown:
        raise BadInput(f"setting is {unknown[0]!r}, but must be a field of recipes.")
    allowed = {k: v if isinstance(v, tuple) else (v,) for k, v in where.items()}
    return all(getattr(recipe, name) in values for name, values in allowed.items())


def alike(name, root) -> list[runs.Run]:
    """The finished runs under `root` that are a sweep's but for their seed, each once.

    Copies and damaged ones are left out, with a warning that names them.
    """
    return of_sweep(name, own(root))


def of_sweep(name, found: dict) -> list[runs.Run]:
    """Of what `own` has found those that are a sweep's, in the order of its file."""
    return [run for recipe in unseeded(name) for run in found.get(recipe, ())]


def unseeded(name) -> list[Recipe]:
    """The recipes of a sweep but for their seed, which is put to 0."""
    return list(dict.fromkeys(recipe.replace(seed=0) for recipe in read(name).recipes))


@dataclass
class Progress:
    """What a sweep reports each time something moved."""

    total: int
    done: int = 0
    running: int = 0
    failed: tuple = ()  # (id, sentence)
    elsewhere: tuple = ()  # ids of runs that another process trains
    seconds_left: float | None = None


def sweep(wanted, root=None, workers: int = 0, threads: int = 1, backend=local.train):
    """Train what is missing; yields `Progress`. Closing it stops what is under way.

    `backend(missing, root, workers, threads)` does the training, with 0 workers as many
    as fit, and yields what happens: ("running", None, how many runs are), ("samples",
    id, images that a run has seen since it last said so), ("done", id, None) or
    ("failed", id, a sentence). It stops its workers when it is closed.
    """
    root = Path(root or runs.default_root())
    missing, damaged = standing(wanted, root)
    done = len(wanted) - len(missing) - len(damaged)
    progress = Progress(total=len(wanted), done=done, failed=damaged)
    yield progress
    if not missing:
        return
    begun, seen = time.monotonic(), dict.fromkeys((r.id for r in missing), 0)
    cost = {r.id: images_seen([r]) for r in missing}
    with contextlib.closing(backend(missing, root, workers, threads)) as events:
        for kind, id, value in events:
            if kind == "running":
                progress.running = value
            elif kind == "samples":
                seen[id] += value
            else:
                seen[id] = cost[id]
                _ended(progress, id, value, root)
            share = min(1.0, sum(seen.values()) / sum(cost.values()))
            spent = time.monotonic() - begun
            progress.seconds_left = spent * (1 / share - 1) if share > 0 else None
            yield progress


def _ended(progress: Progress, id: str, sentence: str | None, root: Path):
    """Count a run that is over; where it has failed, maybe as another sweep's."""
    from mocolib.runs.record import is_trained

    if sentence is None or runs.at(id, root).finished:
        progress.done += 1
    elif is_trained(root / id):
        progress.elsewhere += (id,)
    else:
        progress.failed += ((id, sentence),)


def standing(wanted, root: Path) -> tuple[list[Recipe], tuple]:
    """What is still to be trained, and (id, sentence) of finished runs with damage.

    BadInput where a finished run was trained on other images than are here now.
    """
    missing, damaged, sets = [], [], {}
    for recipe in wanted:
        key, run = (recipe.dataset, recipe.image_size), runs.find(recipe, root)
        if run is None:
            missing.append(recipe)
        elif fault := run.fault or runs.no_origin(run):
            place = shown(run.folder)
            anew = f"{fault[:-1]}; without its folder {place} it would be trained anew."
            damaged.append((run.id, anew))
        else:
            if key not in sets:
                sets[key] = load(*key)
            runs.check_data(run, sets[key])
    return missing, tuple(damaged)


def images_seen(wanted) -> int:
    """Images in all steps of all recipes: what a run's time goes with."""
    return sum(recipe.steps * recipe.batch_size for recipe in wanted)
