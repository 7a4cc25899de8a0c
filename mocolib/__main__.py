"""The command line: mocolib train | sweep | runs | claims | tables | plot | info,
and knn | probe | finetune | export of weights.

mocolib train --recipe mini --base-lr 4e-3 --patch-projection fixed
torchrun --nproc-per-node=8 -m mocolib train --recipe vit_b --data folder:PATH
mocolib sweep lr --workers 2
mocolib runs
mocolib claims
mocolib tables
mocolib plot 3f2a 91bc -o curves.png
mocolib info vit_b
mocolib probe 3f2a
"""

import argparse
import functools
import math
import os
import sys
from pathlib import Path

from mocolib import __version__, runs
from mocolib import recipe as recipes
from mocolib.cli import weights
from mocolib.cli.fields import add_fields, given
from mocolib.data import load
from mocolib.errors import BadInput, Lost
from mocolib.execution import EXECUTION, Execution, distributed
from mocolib.presets import NAMED, named_recipe
from mocolib.runs import publish
from mocolib.runs.record import record

RECIPE = {
    "default": "mini",
    "metavar": "NAME|FILE",
    "help": "named recipe, or a .toml or .json file (default: mini)",
}
CLOSE = 0.01  # loss over the first steps of a run that is trained again elsewhere


def main(arguments=None) -> int:
    """Run one command; 0 done, 1 diverged or faulty, 2 bad input, 130 interrupted."""
    try:
        options = _parser().parse_args(arguments)
        return options.run(options)
    except BadInput as error:
        print(f"mocolib: {error}", file=sys.stderr)
        return 2
    except Lost as error:
        print(f"mocolib: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(f"mocolib: {place}{error.strerror or error}.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("mocolib: stopped; the same command continues the run.", file=sys.stderr)
        return 130


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise BadInput(f"{message} (see `{self.prog} --help`).")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="mocolib", description="MoCo v3, small enough to watch.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(
        dest="command", required=True, parser_class=_Parser
    )
    folder = _Parser(add_help=False)
    folder.add_argument("--runs", type=Path, help="folder of runs (default: ./runs)")
    fields = _Parser(add_help=False)
    add_fields(fields)

    def command(name, run, help, *parents):
        added = commands.add_parser(name, help=help, parents=parents)
        added.set_defaults(run=run)
        return added

    _add_training(command, folder, fields)
    listing = command("runs", _runs, "list runs, show one, or verify all", folder)
    listing.add_argument(
        "words",
        nargs="*",
        metavar="[list|show|verify|publish] [ID ...]",
        help="what to do (default: list), with which runs (default: all)",
    )
    plot = command("plot", _plot, "draw the curves of runs", folder)
    plot.add_argument("id", nargs="+", help="ids, or their beginnings")
    plot.add_argument("-o", "--output", type=Path, default=Path("curves.png"))
    ledger = command("claims", _claims, "what the public runs say, by claim")
    ledger.add_argument("--write", action="store_true", help="write data/claims.json")
    tables = command("tables", _tables, "list or make the tables beside the runs")
    tables.add_argument(
        "words",
        nargs="*",
        metavar="[list|make] [NAME ...]",
        help="what to do (default: list), with which tables (default: all)",
    )
    info = command("info", _info, "say what a recipe is, without training", fields)
    info.add_argument("recipe", nargs="?", **RECIPE)
    weights.add_commands(command, folder)
    return parser


def _add_training(command, folder, fields):
    train = command("train", _train, "train and record one run", folder, fields)
    train.add_argument("--recipe", **RECIPE)
    threads = dict(type=_count("threads"), default=1, metavar="N")
    train.add_argument("--threads", **threads, help="processor threads (default: 1)")
    add_fields(train, EXECUTION)
    help = "write curves for TensorBoard into the run's folder"
    train.add_argument("--tensorboard", action="store_true", help=help)
    help = "train many runs over many processes"
    sweep = command("sweep", _sweep, help, folder, fields)
    sweep.add_argument("sweep", metavar="NAME|FILE", help="a named sweep or a .toml")
    help = "runs at a time (default: as many as there are cores)"
    many = dict(type=_count("workers"), default=0, metavar="N")
    sweep.add_argument("--workers", **many, help=help)
    help = "processor threads of each (default: 1)"
    sweep.add_argument("--threads", **threads, help=help)
    help = "train on a Ray cluster: auto or HOST:PORT, or local for one of its own"
    where = sweep.add_mutually_exclusive_group()
    where.add_argument("--ray", metavar="ADDRESS", help=help)
    help = "train as a job array of Slurm in a partition, or local to try"
    where.add_argument("--slurm", metavar="PARTITION", help=help)
    help = "the first N seeds of its grid alone"
    sweep.add_argument("--seeds", type=_count("seeds"), metavar="N", help=help)
    sweep.add_argument("--dry-run", action="store_true", help="only list the runs")


def _recipe(options) -> recipes.Recipe:
    changes = given(options)
    if options.recipe in NAMED:
        return named_recipe(options.recipe, **changes)
    if Path(options.recipe).suffix in (".toml", ".json"):
        return recipes.from_file(options.recipe).replace(**changes)
    known = ", ".join(NAMED)
    raise BadInput(
        f"recipe is {options.recipe!r}, but must be one of {known}, "
        "or a .toml or .json file."
    )


def _count(name: str):
    """A type of argparse: a count that was typed for the option of this name."""

    def counted(text: str) -> int:
        if not text.isdecimal() or not 1 <= int(text) <= 1024:
            raise argparse.ArgumentTypeError(
                f"{name} is {text!r}, but must be a whole number 1 to 1024"
            )
        return int(text)

    return counted


def _train(options) -> int:
    recipe = _recipe(options)
    how = Execution(**given(options, EXECUTION))
    how.check(recipe)
    with distributed.together(how.place, how.timeout):
        known = runs.find(recipe, *([options.runs] if options.runs else []))
        if not distributed.from_first(known is not None):
            _train_anew(recipe, how, options)
            known = runs.Run(Path(options.runs or runs.default_root()) / recipe.id)
        if distributed.rank() > 0:
            return 0
        print(_line(known))
        return 0 if known.end["outcome"] == "finished" else 1


def _train_anew(recipe: recipes.Recipe, how: Execution, options):
    """Record the run under a progress bar, which the first of many processes shows."""
    from tqdm import tqdm

    data = load(recipe.dataset, recipe.image_size, how.workers)
    steps = record(recipe, data, options.runs, options.threads, how)
    if options.tensorboard:
        from mocolib.runs.tensorboard import shown

        steps = shown(steps, Path(options.runs or runs.default_root()) / recipe.id)
    with tqdm(
        total=recipe.steps * recipe.batch_size,
        unit=" images",
        unit_scale=True,
        desc=recipe.id,
        disable=distributed.rank() > 0,
    ) as bar:
        knn = None
        for step in steps:
            knn = step.knn if step.knn is not None else knn
            bar.update(step.samples - bar.n)
            text = {"loss": f"{step.loss:.3f}"}
            bar.set_postfix(text if knn is None else {**text, "kNN": f"{knn:.3f}"})


def _line(run: runs.Run) -> str:
    if not run.finished:
        return f"{run.id}  unfinished, {len(run.steps)} of {run.recipe.steps} steps"
    end = run.end
    changed = " ".join(f"{k}={v}" for k, v in run.recipe.changed().items())
    if end["outcome"] != "finished":
        return f"{run.id}  {end['outcome']}  {changed}"
    words = {"loss": "loss", "knn": "kNN", "linear_probe": "linear probe"}
    # a run that was trained in the book's page has no linear probe
    known = (f"{w} {end[k]:.3f}  " for k, w in words.items() if end[k] is not None)
    return f"{run.id}  {''.join(known)}{changed}"


def _runs(options) -> int:
    root = options.runs or runs.default_root()
    actions = ("list", "show", "verify", "publish")
    action, *ids = options.words or ["list"]
    if action not in actions:
        action, ids = "list", options.words
    chosen = [runs.read(i, root) for i in ids] or runs.all_runs(root)
    if action == "verify":
        return _verify(chosen, public=root.resolve() == runs.public_root().resolve())
    if action == "show":
        for run in chosen:
            print(f"# {_line(run)}\n{run.recipe.to_toml()}")
            print("\n".join(f"# {k}: {v}" for k, v in run.provenance.items()))
        return 0
    if action == "publish":
        chosen = chosen if ids else [run for run in chosen if run.finished]
        for run in chosen:
            publish.publish(run)
    print("\n".join(_line(run) for run in chosen) or f"no runs under {root}.")
    return 0


def _verify(chosen: list[runs.Run], public: bool) -> int:
    """Check every run, and train the start of the calmest again.

    The calmest, since another processor rounds otherwise, and the difference grows as
    a run shakes. Tables made from the public runs, beside them, are checked as well.
    """
    from mocolib.analysis import tables

    faults = [fault for run in chosen for fault in publish.verify(run)]
    faults += tables.faults() if public else []
    sound = [run for run in chosen if run.finished and not publish.verify(run)]
    for run in sorted(sound, key=lambda r: r.recipe.lr):
        try:
            data = load(run.recipe.dataset, run.recipe.image_size)
        except BadInput:
            continue  # its images are not here
        departure = publish.retrained(run, data)
        print(f"{run.id} trained again: loss within {departure:.2g} of the record.")
        if departure > CLOSE:
            faults.append(
                f"{run.id}: trained again its loss departs by {departure:.2g}."
            )
        break
    print("\n".join([*faults, f"{len(chosen)} runs, {len(faults)} faults."]))
    return 1 if faults else 0


def _plot(options) -> int:
    from mocolib import figures

    root = options.runs or runs.default_root()
    figure = figures.curves([runs.read(i, root) for i in options.id])
    kinds = figure.canvas.get_supported_filetypes()
    if options.output.suffix[1:] not in kinds:
        raise BadInput(
            f"output is {str(options.output)!r}, but must end in one of "
            f"{', '.join(sorted(kinds))}."
        )
    figure.savefig(options.output, dpi=150)
    print(options.output)
    return 0


def _sweep(options) -> int:
    from mocolib import sweep

    changes = given(options)
    plan = sweep.read(options.sweep, options.seeds, **changes)
    root = options.runs or runs.default_root()
    print(f"{plan.title}: {len(plan.recipes)} runs, kept in {root}.")
    wanted = _fitted(plan, changes, root)
    missing = sweep.missing_of(wanted, root)
    print(_forecast(plan, wanted, missing, options))
    if options.dry_run:
        for recipe in wanted:
            changed = " ".join(f"{k}={v}" for k, v in recipe.changed().items())
            print(recipe.id, changed)
        return 0
    many = dict(workers=options.workers, threads=options.threads)
    return _under_way(sweep.sweep(wanted, root, backend=_backend(options), **many))


def _fitted(plan, changes: dict, root: Path) -> list:
    """The sweep's recipes; other data than its own may ask for smaller batches."""
    from mocolib import sweep
    from mocolib.sweep import fit

    if not sweep.missing_of(plan.recipes, root):
        return list(plan.recipes)
    scale = "dataset" in changes and "batch_size" not in changes
    wanted, sentence = fit.fitted(plan.recipes, scale)
    if sentence:
        print(sentence)
    return wanted


def _forecast(plan, wanted, missing, options) -> str:
    """How long it will take, of what the file says for one core."""
    from mocolib.sweep import images_seen

    recorded = len(wanted) - len(missing)
    have = f"{recorded} of them are there; " if recorded else ""
    hours = plan.core_hours * images_seen(missing) / (images_seen(plan.recipes) or 1)
    if not hours:
        return f"{have}{len(missing)} to train."
    here = options.workers or max(1, (os.cpu_count() or 1) // options.threads)
    if options.ray or options.slurm:
        return f"{have}{len(missing)} to train, about {hours:.2g} core-hours."
    many = min(here, len(missing))
    minutes = math.ceil(60 * hours / many)
    return (
        f"{have}{len(missing)} to train, about {hours:.2g} core-hours: "
        f"{minutes} minutes with {many} of {os.cpu_count()} cores."
    )


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
    last, failed = "", ()
    for now in progress:
        left = now.seconds_left
        left = "" if left is None else f", {left / 60:.0f} min left"
        counts = f"{now.done} of {now.total} done, {now.running} running"
        line = f"{counts}, {len(now.failed)} failed{left}"
        if line != last:
            print(line.ljust(70), end=end, flush=True)
        last, failed = line, now.failed
    reasons: dict = {}
    for id, reason in failed:
        reasons.setdefault(reason, []).append(id)
    for reason, ids in reasons.items():
        who = f"run {ids[0]}" if len(ids) == 1 else f"{len(ids)} runs, {ids[0]} first,"
        print(f"mocolib: {who} failed: {reason}", file=sys.stderr)
    return 1 if failed else 0


def _claims(options) -> int:
    from mocolib import claims
    from mocolib.claims import verdicts

    ledger = claims.ledger()
    print(verdicts.as_text(ledger))
    if options.write:
        verdicts.file().write_text(verdicts.as_json(ledger), encoding="utf-8")
        print(verdicts.file())
    return 0


def _tables(options) -> int:
    from mocolib.analysis import tables

    action, *names = options.words or ["list"]
    if action not in ("list", "make"):
        action, names = "list", options.words
    for name in names or tables.TABLES:
        if action == "make":
            for part in tables.make(name):
                print(f"{name}: {part}", flush=True)
        table, made = tables.read(name), tables.provenance(name)
        print(f"{name}: {len(table)} rows in {len(made)} parts")
        for sentence in sorted(
            {s for part in made.values() for s in part["departures"]}
        ):
            print(f"  {sentence}")
    return 0


def _info(options) -> int:
    recipe = _recipe(options)
    print(f"# id {recipe.id}, lr = {recipe.lr:g}")
    print(recipe.to_toml(), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
