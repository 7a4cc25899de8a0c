"""The command line: mocolib train | sweep | info | runs | plot | claims | tables,
judge of a log, and knn | probe | finetune | export of weights.

mocolib train --recipe mini --base-lr 4e-3 --patch-projection fixed
torchrun --nproc-per-node=8 -m mocolib train --recipe vit_b --data folder:PATH
mocolib sweep lr --workers 2
mocolib runs
mocolib claims
mocolib tables
mocolib plot 3f2a 91bc -o curves.png
mocolib info vit_b
mocolib judge metrics.csv --svg marks.svg
mocolib probe 3f2a
"""

import sys

from mocolib import __version__
from mocolib.cli import judging, records, training, weights
from mocolib.cli.boundary import guarded
from mocolib.cli.fields import Parser, add_fields, folder_for
from mocolib.execution.process import tune_malloc


def main(arguments=None) -> int:
    """Run one command; its exit code is that of `mocolib.cli.boundary`."""
    tune_malloc()
    typed = list(sys.argv[1:] if arguments is None else arguments)

    def command() -> int:
        options = _parser().parse_args(records.spelled_out(typed))
        return options.run(options)

    return guarded(command)


def _parser() -> Parser:
    parser = Parser(prog="mocolib", description="MoCo v3, small enough to watch.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    folder = Parser(add_help=False)
    help = "folder of runs (default: ./runs)"
    folder.add_argument("--runs", type=folder_for("runs"), help=help)
    fields = Parser(add_help=False)
    add_fields(fields)

    def command(name, run, help, *parents):
        added = commands.add_parser(name, help=help, parents=parents)
        added.set_defaults(run=run)
        return added

    training.add_commands(command, folder, fields)
    records.add_commands(command, folder)
    judging.add_commands(command)
    weights.add_commands(command, folder)
    return parser


if __name__ == "__main__":
    sys.exit(main())
