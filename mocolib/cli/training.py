"""The commands that train: train, sweep; and info, which says what they would.

mocolib train --recipe mini --base-lr 4e-3 --patch-projection fixed
mocolib sweep lr --seeds 3
mocolib info mini > mine.toml
"""

import contextlib
import functools
import math
import os
import sys
from pathlib import Path

from mocolib import frameworks, runs
from mocolib.cli.boundary import of_run, resumable, say, write_picture
from mocolib.cli.fields import RECIPE, add_fields, chosen_recipe, count, given
from mocolib.data import Dataset, load
from mocolib.errors import BadInput
from mocolib.execution import EXECUTION, Execution, distributed
from mocolib.files import check_folder
from mocolib.presets import nearest
from mocolib.recipe import Recipe
from mocolib.runs.record import record

FEW = 8  # runs: so many curves can be told apart in one picture


def add_commands(command, folder, fields):
    """Register the three; the arguments are those of `mocolib.__main__`."""
    threads = dict(type=count("threads"), default=1, metavar="N")
    train = command("train", _train, "train and record one run", folder, fields)
    train.add_argument("--recipe", **RECIPE)
    train.add_argument("--threads", **threads, help="processor threads (default: 1)")
    add_fields(train, EXECUTION)
    help = "write curves for TensorBoard into the run's folder"
    train.add_argument("--tensorboard", action="store_true", help=help)
    help = "train many runs over many processes"
    sweep = command("sweep", _sweep, help, folder, fields)
    sweep.add_argument("sweep", metavar="NAME|FILE", help="a named sweep or a .toml")
    many = dict(type=count("workers"), default=0, metavar="N")
    help = "runs at a time (default: as many as there are cores)"
    sweep.add_argument("--workers", **many, help=help)
    help = "processor threads of each (default: 1)"
    sweep.add_argument("--threads", **threads, help=help)
    help = "train on a Ray cluster: auto or HOST:PORT, or local for one of its own"
    where = sweep.add_mutually_exclusive_group()
    where.add_argument("--ray", metavar="ADDRESS", help=help)
    help = "train as a job array of Slurm in a partition, or local to try"
    where.add_argument("--slurm", metavar="PARTITION", help=help)
    help = "the first N seeds of its grid alone"
    sweep.add_argument("--seeds", type=count("seeds"), metavar="N", help=help)
    help = "check and list the runs, train none"
    sweep.add_argument("--dry-run", action="store_true", help=help)
    info = command("info", _info, "say what a recipe is, without training", fields)
    info.add_argument("recipe", nargs="?", **RECIPE)


def _info(options) -> int:
    recipe = chosen_recipe(options)
    print(f"# id {recipe.id}, lr = {recipe.lr:g}")
    print("# `mocolib train --recipe FILE.toml` trains what such a file says, on the")
    print("# images of its `dataset`: folder:PATH for yours, here or by --data.")
    print(recipe.to_toml(explained=True), end="")
    return 0


@resumable()
def _train(options) -> int:
    recipe = chosen_recipe(options)
    how = Execution(**given(options, EXECUTION))
    how.check(recipe)
    frameworks.check(recipe, how)
    root = options.runs or runs.default_root()
    with distributed.process_group(how.torch_device, how.timeout):
        places = [root] if options.runs else [root, runs.public_root()]
        if not runs.find(recipe, *places):  # what is there can be read in any folder
            check_folder(root, "runs")
        data, first = _images(recipe, how, root), distributed.rank() == 0
        known = runs.trained(recipe, data, options.runs) if first else None
        if not distributed.broadcast(known is not None):
            _train_anew(recipe, data, how, options)
            known = runs.Run(Path(root) / recipe.id)
        elif options.tensorboard and first:
            from mocolib.runs import tensorboard

            tensorboard.recorded(known, Path(root) / recipe.id)
        if distributed.rank() > 0:
            return 0
        print(known.line)
        return 0 if known.end["outcome"] == "finished" else 1


def _images(recipe: Recipe, how: Execution, root: Path) -> Dataset:
    """The data set of a recipe; where it is gone, the run that was trained on it."""
    try:
        return load(recipe.dataset, recipe.image_size, how.workers)
    except BadInput as error:
        known = runs.find(recipe, root)
        if not known:
            raise
        raise BadInput(
            f"{str(error)[:-1]}; run {known.id} was trained on what it held, and "
            f"`mocolib runs show {known.id}` shows what came of it."
        ) from None


class _Screen:
    """The standard error; where nobody sees it any more, a training goes on."""

    def write(self, text: str):
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(text)

    def flush(self):
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()


def _train_anew(recipe: Recipe, data: Dataset, how: Execution, options):
    """Record the run under a progress bar, which the first of many processes shows."""
    from tqdm import tqdm

    folder = Path(options.runs or runs.default_root()) / recipe.id
    steps = record(recipe, data, options.runs, options.threads, how)
    if options.tensorboard:
        from mocolib.runs.tensorboard import shown

        steps = shown(steps, folder)
    if distributed.rank() == 0:
        print(f"{data.report}\nRecording in {folder}.", file=_Screen())
    with tqdm(
        total=recipe.steps * recipe.batch_size,
        unit=" images",
        unit_scale=True,
        desc=recipe.id,
        file=_Screen(),
        disable=distributed.rank() > 0,
    ) as bar:
        knn = None
        for step in steps:
            knn = step.knn if step.knn is not None else knn
            bar.update(step.samples - bar.n)
            text = {"loss": f"{step.loss:.3f}"}
            bar.set_postfix(text if knn is None else {**text, "kNN": f"{knn:.3f}"})


# --- many runs ------------------------------------------------------------------------


@resumable()
def _sweep(options) -> int:
    from mocolib import sweep

    changes = given(options)
    plan = sweep.read(options.sweep, options.seeds, **changes)
    root = options.runs or runs.default_root()
    print(f"{plan.title}: {len(plan.recipes)} runs, kept in {root}.")
    wanted = list(plan.recipes)
    if sweep.standing(wanted, root)[0]:
        wanted = _fitted(plan, changes)
    missing, damaged = sweep.standing(wanted, root)
    if missing:  # what is there can be read in any folder
        check_folder(root, "runs")
    print(_forecast(plan, wanted, missing, damaged, options))
    if options.dry_run:
        for recipe in wanted:
            print(recipe.id, nearest(recipe))
        return 0
    many = dict(workers=options.workers, threads=options.threads)
    code = _under_way(sweep.sweep(wanted, root, backend=_backend(options), **many))
    if missing and not code and len(wanted) <= FEW:
        _draw(wanted, root, root / f"{plan.name}.svg")
    return code


def _draw(wanted: list, root: Path, place: Path):
    """The curves of a sweep's runs as a picture beside them."""
    from mocolib import figures

    made = [run for recipe in wanted if (run := runs.find(recipe, root))]
    write_picture(figures.curves(made), place)
    print(place)


def _fitted(plan, changes: dict) -> list:
    """The sweep's recipes; other data than its own may ask for smaller batches."""
    from mocolib.sweep import fit

    scale = "dataset" in changes and "batch_size" not in changes
    wanted, sentence = fit.fitted(plan.recipes, scale, told=print)
    if sentence:
        print(sentence)
    return wanted


def _forecast(plan, wanted, missing, damaged, options) -> str:
    """How long it will take, of what the file says for one core."""
    from mocolib.sweep import images_seen

    recorded = len(wanted) - len(missing) - len(damaged)
    have = f"{recorded} of them are there; " if recorded else ""
    hours = plan.core_hours * images_seen(missing) / (images_seen(plan.recipes) or 1)
    if not hours:
        return f"{have}{len(missing)} to train."
    told = f"{have}{len(missing)} to train, about {hours:.2g} core-hours"
    if options.ray or options.slurm:
        return f"{told}."
    cores = os.cpu_count() or 1
    many = min(options.workers or max(1, cores // options.threads), len(missing))
    minutes = math.ceil(60 * hours / min(many, cores))
    return f"{told}: {minutes} minutes, {many} runs at a time on {cores} idle cores."


def _backend(options):
    """What trains: this machine, a Ray cluster, or Slurm."""
    if options.ray:
        from mocolib.sweep import ray

        return functools.partial(ray.train, options.ray)
    if options.slurm:
        from mocolib.sweep import slurm

        return functools.partial(slurm.train, options.slurm)
    from mocolib.sweep import local

    return local.train


def _under_way(progress) -> int:
    """Print a sweep's progress, then what failed, each reason once."""
    end = "\r" if sys.stdout.isatty() else "\n"
    last, failed, elsewhere = "", (), ()
    for now in progress:
        left = now.seconds_left
        left = "" if left is None else f", {left / 60:.0f} min left"
        counts = f"{now.done} of {now.total} done, {now.running} running"
        text = f"{counts}, {len(now.failed)} failed{left}"
        if text != last:
            print(text.ljust(70), end=end, flush=True)
        last, failed, elsewhere = text, now.failed, now.elsewhere
    if elsewhere:
        count = len(elsewhere)
        print(f"{count} of them another process trains: {', '.join(elsewhere[:3])}.")
    reasons: dict = {}
    for id, reason in failed:
        reasons.setdefault(reason, []).append(id)
    for reason, ids in reasons.items():
        if len(ids) == 1:
            say(of_run(ids[0], reason, " failed"))
        else:
            say(f"{len(ids)} runs, {ids[0]} first, failed: {reason}")
    return 1 if failed else 0
