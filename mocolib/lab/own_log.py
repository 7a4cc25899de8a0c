"""The panel that judges a reader's own log in a page: `mocolib judge` without Python.

    lab.own_log()

Sentences, names of columns and numbers of the judgement stand in `mocolib.logs` alone;
the page is given them as JSON, for the same judgement in assets/judge. In a kernel,
where `mocolib.logs` is at hand, the panel is the lines that call it.
"""

import dataclasses
import re
from html import escape
from types import ModuleType

from IPython.display import HTML

from mocolib.analysis import curves, leads
from mocolib.lab.page import figure, in_page
from mocolib.logs import (
    advice,
    axis,
    chance,
    chosen,
    columns,
    judged,
    refusals,
    sentences,
    table,
    telling,
    text,
)
from mocolib.words import said

MODULES = (advice, axis, chance, chosen, columns, curves, judged, leads, refusals)
MODULES += (sentences, table, telling, text)
OWN = {  # what only the page says
    "PARQUET": "file {place} is Parquet, which this page does not read: export it as "
    "CSV, or use the command line, `mocolib judge FILE`.",
    "FAILED": "file {place} could not be judged: {reason}.",
    "POINTS": "{depth} points",
}
QUESTION = (
    "Drop logs of your own here, paste one, or choose some: CSV, JSON, printed lines, "
    "TensorBoard's events. They are read in this page and never leave your browser. "
    "Two are laid over each other: did the change that you made calm the run?"
)
SCRIPTS = ("judge_view", "judge")  # of pages with this panel alone
SCRIPT = '<script defer src="../_static/lab/{}.js"></script>'
WITHOUT_SCRIPT = "Judging a log in the page needs JavaScript."
IN_A_KERNEL = (
    "In the built book a panel stands here that judges a dropped log. In a notebook "
    "these lines do the same: from mocolib import logs; "
    "print(*logs.told(logs.judge(logs.read('metrics.csv')[0])), sep='\\n')"
)
WORDS = (sentences, refusals)


def own_log(id="log", *, question=QUESTION, answer=None) -> HTML:
    """The panel; `id` is a word that is this panel's in the page's address."""
    if not in_page():
        return HTML(f"<p>{escape(said(IN_A_KERNEL))}</p>")
    shown = figure(
        *("why-judge", f"lab-{id}", rules()),
        plain=said(WITHOUT_SCRIPT),
        question=question,
        answer=answer,
    )
    return HTML(shown.data + "".join(map(SCRIPT.format, SCRIPTS)))


def rules() -> dict:
    """What assets/judge judges by, as plain values: constants by module and name."""
    found = {one.__name__.split(".")[-1]: _constants(one) for one in MODULES}
    found["judged"]["missed"] = {
        str(readings): missed
        for readings in range(judged.FEWEST, judged.DENSE)
        if (missed := judged.missed_by(readings))
    }
    return found | {"own": {name: said(words) for name, words in OWN.items()}}


def _constants(module: ModuleType) -> dict:
    """Its constants that JSON can hold; sentences as the reader is told them."""
    own = {name: value for name, value in vars(module).items() if name.isupper()}
    plain = {name: _plain(value) for name, value in own.items()}
    if module in WORDS:
        plain = {name: _told(value) for name, value in plain.items()}
    return {name: value for name, value in plain.items() if value is not None}


def _plain(value):
    """Numbers, texts, and what is made of them; None for anything else."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, re.Pattern):
        return value.pattern.replace("(?P<", "(?<")
    if dataclasses.is_dataclass(value):
        return dataclasses.asdict(value)
    if isinstance(value, set):
        return sorted(value)
    if isinstance(value, dict):
        if any(callable(one) for one in value.values()):
            return None
        if any(isinstance(key, bytes) for key in value):
            return [[_plain(k), v] for k, v in value.items()]
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return value if isinstance(value, str | int | float) else None


def _told(value):
    if isinstance(value, dict):
        return {key: _told(one) for key, one in value.items()}
    if isinstance(value, list):
        return [[mark, said(what)] for mark, what in value]
    return said(value) if isinstance(value, str) else value
