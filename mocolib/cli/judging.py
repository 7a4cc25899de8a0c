"""The command about a reader's own log: judge.

mocolib judge metrics.csv                            its dips, falls and spikes
mocolib judge log.txt --accuracy test_acc1 --json    the same as data
mocolib judge a.csv b.csv --svg marks.svg            two runs over each other
"""

import json
from pathlib import Path

from mocolib.cli.boundary import write_picture
from mocolib.errors import BadInput
from mocolib.files import check_place

KINDS = (
    "of W&B, TensorBoard, Lightning, timm, DINO, MAE, moco-v3, Hugging Face, any table"
)


def add_commands(command):
    """Register it; `command` is that of `mocolib.__main__`."""
    judge = command("judge", _judge, "what a log shows: dips, falls, spikes, who leads")
    judge.add_argument("file", nargs="+", type=Path, help=f"logs {KINDS}, or a run")
    column = dict(metavar="COLUMN", help="in place of the one that was guessed")
    for name in ("accuracy", "loss", "axis"):
        judge.add_argument(f"--{name}", **column)
    judge.add_argument(
        "--norm", metavar="COLUMN", action="append", dest="norms",
        help="a gradient norm, of the first layer first; may stand several times",
    )  # fmt: skip
    judge.add_argument("--json", action="store_true", help="as data")
    judge.add_argument("--svg", type=Path, metavar="FILE", help="draw it, too")


def _judge(options) -> int:
    from mocolib import logs

    if options.svg and options.svg.suffix.lower() != ".svg":
        raise BadInput(f"svg is {str(options.svg)!r}, but must end in .svg.")
    if options.svg:
        check_place(options.svg, "svg")
    named = {k: getattr(options, k) for k in ("accuracy", "loss", "axis", "norms")}
    found = [log for path in options.file for log in logs.read(path, **named)]
    judged = [logs.judge(log) for log in found]
    if options.svg:
        _draw(found, judged, options.svg)
    if options.json:
        print(json.dumps([one.as_json() for one in judged], indent=1))
    else:
        print("\n\n".join("\n".join(logs.told(one)) for one in judged))
    return 0


def _draw(found: list, judged: list, place: Path):
    import matplotlib as mpl

    from mocolib import figures
    from mocolib.figures.themed import SETTINGS

    figure = figures.judged(found, judged)
    with mpl.rc_context(SETTINGS):
        write_picture(figure, place, metadata={"Date": None})
