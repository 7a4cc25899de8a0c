"""The commands about what is recorded: runs, plot, claims, tables.

mocolib runs                                list the runs in ./runs
mocolib runs show 3f2a                      all that one is, and where it came from
mocolib runs verify --runs data/runs        check them, train the start of one again
mocolib runs publish 3f2a --to data/runs    copy one, without its weights
mocolib runs pack lr --to data/runs         two files for a whole sweep's folders
mocolib plot 3f2a 91bc -o curves.png
mocolib claims
mocolib tables make causes --to data/tables
"""

import functools
from operator import attrgetter
from pathlib import Path

from mocolib import runs
from mocolib.cli.boundary import of_run, resumable, say, write_picture
from mocolib.data import load
from mocolib.errors import BadInput
from mocolib.files import check_folder, check_place, write_atomic
from mocolib.runs import pack, publish

LEDGER = Path("data/claims.json")
QUIET = 3  # seconds of work that nothing is said of
# commands with commands of their own; the first is meant where none is typed
ACTIONS = {
    "runs": ("list", "show", "verify", "publish", "pack"),
    "tables": ("list", "make"),
}


def spelled_out(words: list[str]) -> list[str]:
    """`runs 3f2a` is `runs list 3f2a`: the action, left out or late, comes first."""
    actions = ACTIONS.get(words[0] if words else "", ())
    rest = words[1:]
    if not actions or {"-h", "--help"} & set(rest):
        return words
    action = next((word for word in rest if word in actions), actions[0])
    if action in rest:
        rest.remove(action)
    return [words[0], action, *rest]


def add_commands(command, folder):
    """Register the four; `command` and `folder` are those of `mocolib.__main__`."""
    ids = dict(nargs="*", metavar="ID", help="ids, or their beginnings (default: all)")
    listing = command("runs", None, "list runs, show, verify, publish or pack them")
    actions = listing.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, (run, help) in RUNS.items():
        action = actions.add_parser(name, help=help, parents=[folder])
        action.add_argument("id", **ids)
        action.set_defaults(run=run)
        if name == "publish":
            _add_place(action, "data/runs")
    action = actions.add_parser("pack", help="put a sweep's folders into two files")
    action.add_argument("sweep", nargs="+", metavar="NAME", help="whole sweeps")
    action.set_defaults(run=_pack)
    _add_place(action, "data/runs", "the folder of published runs")
    plot = command("plot", _plot, "draw the curves of runs", folder)
    plot.add_argument("id", nargs="+", help="ids, or their beginnings")
    plot.add_argument("-o", "--output", type=Path, default=Path("curves.png"))
    ledger = command("claims", _claims, "what the recorded runs say, a line a claim")
    ledger.add_argument("--all", action="store_true", help="every effect, not one line")
    ledger.add_argument("--runs", type=Path, help="judge by your own runs, kept here")
    ledger.add_argument("--pool", action="store_true", help="by yours and the book's")
    ledger.add_argument(
        "--write", type=Path, nargs="?", const=LEDGER, metavar="FILE",
        help="keep them in a file too (data/claims.json where none is named)",
    )  # fmt: skip
    tables = command("tables", None, "list or make the tables beside the runs")
    actions = tables.add_subparsers(dest="action", required=True, metavar="ACTION")
    texts = {"list": "what they hold", "make": "make them, or go on where it stopped"}
    for name, help in texts.items():
        action = actions.add_parser(name, help=help)
        action.add_argument("name", nargs="*", help="which (default: all)")
        action.set_defaults(run=_tables, to=None)
    _add_place(action, "data/tables")


def _add_place(parser, default: str, what: str = "the folder to write to"):
    help = f"{what} (default: ./{default})"
    parser.add_argument(
        "--to", type=Path, default=Path(default), metavar="DIR", help=help
    )


# --- runs -----------------------------------------------------------------------------


def _chosen(options) -> tuple[Path, list[runs.Run]]:
    _is_there(options.runs)
    root = Path(options.runs or runs.default_root())
    return root, [runs.read(i, root) for i in options.id] or runs.all_runs(root)


def _is_there(root: Path | None):
    """BadInput where a folder of runs is named that is not there."""
    if root and not root.is_dir():
        raise BadInput(f"runs is {str(root)!r}, but must be a folder of runs.")


def _each(chosen, told) -> int:
    """Print what is `told` of each run; one that is damaged does not hide the rest."""
    damaged = []
    for run in chosen:
        try:
            print(told(run))
        except BadInput as error:
            damaged.append(of_run(run.id, str(error)))
    for sentence in damaged:
        say(sentence)
    return 2 if damaged else 0


def _all(told, options) -> int:
    root, chosen = _chosen(options)
    if not chosen:
        print(f"no runs under {root}.")
    return _each(chosen, told)


def _whole(run: runs.Run) -> str:
    made = "\n".join(f"# {k}: {v}" for k, v in run.provenance.items())
    return f"# {run.line}\n{run.recipe.to_toml()}\n{made}"


def _publish(options) -> int:
    root, chosen = _chosen(options)
    chosen = chosen if options.id else [run for run in chosen if run.finished]
    _not_empty(root, chosen, "a finished run")
    check_folder(options.to, "to")

    def published(run):
        return f"{publish.publish(run, options.to).folder}  {run.line}"

    return _each(chosen, published)


def _pack(options) -> int:
    from mocolib.sweep.packing import pack_sweep

    for name in options.sweep:
        print(pack_sweep(name, options.to))
    return 0


def _not_empty(root: Path, chosen: list, what: str):
    if not chosen:
        raise BadInput(f"runs is {str(root)!r}, but must hold {what}; none is there.")


def _verify(options) -> int:
    """Check every run, and train the start of the calmest again.

    Tables made from the public runs, beside them, are checked as well.
    """
    from mocolib.analysis import tables

    root, chosen = _chosen(options)
    _not_empty(root, chosen, "a run")
    known = {run.id: publish.verify(run) for run in chosen}
    faults = [fault for found in known.values() for fault in found]
    faults += pack.faults(root)
    if root.resolve() == runs.public_root().resolve():
        faults += tables.faults()
    sound = [run for run in chosen if not known[run.id]]
    sentence, agrees = _once_more(sorted(sound, key=lambda run: run.recipe.lr))
    faults += [] if agrees else [sentence]
    told = [sentence] if agrees else []
    print("\n".join([*told, *faults, f"{len(chosen)} runs, {len(faults)} faults."]))
    return 1 if faults else 0


def _once_more(calmest) -> tuple[str, bool]:
    """The first run whose images are here, its first steps trained again."""
    if not calmest:
        return "None was trained again: none is whole.", True
    for run in calmest:
        try:
            data = load(run.recipe.dataset, run.recipe.image_size)
            return publish.trained_again(run, data)
        except BadInput:
            continue  # its images are elsewhere, or others now
    return "None was trained again: the images of none are here.", True


RUNS = {
    "list": (functools.partial(_all, attrgetter("line")), "a line for each run"),
    "show": (
        functools.partial(_all, _whole),
        "recipe and provenance, as a recipe file",
    ),
    "verify": (_verify, "check runs, and train the start of one again"),
    "publish": (_publish, "copy finished runs, without their weights"),
}


# --- pictures, claims, tables ---------------------------------------------------------


def _plot(options) -> int:
    from matplotlib.backend_bases import FigureCanvasBase

    from mocolib import figures

    # pgf is made by a LaTeX that is not here
    kinds = sorted(FigureCanvasBase.filetypes.keys() - {"pgf"})
    kind = options.output.suffix[1:].lower()
    if kind not in kinds:
        raise BadInput(
            f"output is {str(options.output)!r}, but must end in one of "
            f"{', '.join(kinds)}."
        )
    check_place(options.output)
    _, chosen = _chosen(options)
    for run in chosen:
        if not run.rows:
            raise BadInput(f"run {run.id} has no steps yet, but must have one to draw.")
    figure = figures.curves(chosen)
    write_picture(figure, options.output)
    print(options.output)
    return 0


def _claims(options) -> int:
    from tqdm import tqdm

    from mocolib import claims
    from mocolib.claims import text

    if options.pool and not options.runs:
        raise BadInput("pool joins your runs with the book's, but needs yours: --runs.")
    _is_there(options.runs)
    if options.runs and options.write == LEDGER:
        raise BadInput(
            f"write is {str(LEDGER)!r}, but that holds the book's ledger: name another "
            "file for your own."
        )
    if options.write:
        check_place(options.write, "write")
    watched = functools.partial(tqdm, delay=QUIET, leave=False, disable=None)
    ledger = claims.ledger(options.runs, options.pool, watched)
    second = {} if options.runs else claims.second_ledger()
    print(text.as_text(ledger, second, options.all))
    if options.write:
        options.write.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(options.write, text.as_json(ledger, second))
        print(options.write)
    return 0


@resumable()
def _tables(options) -> int:
    from mocolib.analysis import tables

    if options.to:
        check_folder(options.to, "to")
    for name in options.name or tables.TABLES:
        if options.to:
            for part in tables.make(name, options.to):
                print(f"{name}: {part}", flush=True)
        table = tables.read(name, options.to)
        made = tables.provenance(name, options.to)
        place = f", in {options.to}" if options.to else ""
        print(f"{name}: {len(table)} rows in {len(made)} parts{place}")
        departures = {s for part in made.values() for s in part["departures"]}
        for sentence in sorted(departures):
            print(f"  {sentence}")
    return 0
