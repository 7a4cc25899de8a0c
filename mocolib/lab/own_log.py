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
    broken,
    chance,
    chosen,
    columns,
    judged,
    table,
    telling,
    text,
)
from mocolib.logs.words import page, panel, refusals, sentences
from mocolib.words import said

MODULES = (advice, axis, broken, chance, chosen, columns, curves, judged, leads)
MODULES += (table, telling, text)
SCRIPTS = ("judge_view", "judge")  # of pages with this panel alone


def own_log(id="log", *, question=panel.QUESTION, answer=None) -> HTML:
    """The panel; `id` is a word that is this panel's in the page's address."""
    if not in_page():
        return HTML(f"<p>{escape(said(panel.IN_A_KERNEL))}</p>")
    return figure(
        *("why-judge", f"lab-{id}", rules()),
        plain=said(panel.WITHOUT_SCRIPT),
        question=question,
        answer=answer,
        own=SCRIPTS,
    )


def rules() -> dict:
    """What assets/judge judges by, as plain values: constants by module and name."""
    found = {one.__name__.split(".")[-1]: _constants(one) for one in MODULES}
    found["judged"]["missed"] = {
        str(readings): missed
        for readings in range(judged.FEWEST, judged.DENSE)
        if (missed := judged.missed_by(readings))
    }
    for entry in found["advice"]["ENTRIES"]:
        entry["says"] = said(entry["says"])
    spoken = {"sentences": sentences, "refusals": refusals, "own": page}
    return found | {name: _told(vars(words)) for name, words in spoken.items()}


def _told(words):
    """Sentences as the reader is told them."""
    if isinstance(words, dict):
        return {name: _told(one) for name, one in words.items()}
    return said(words)


def _constants(module: ModuleType) -> dict:
    """Its constants that JSON can hold."""
    own = {name: value for name, value in vars(module).items() if name.isupper()}
    plain = {name: _plain(value) for name, value in own.items()}
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
