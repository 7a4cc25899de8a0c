"""Panels as HTML: a description as JSON inside an element that assets/lab draws.

The built page loads the scripts once; in a kernel they come along with each panel, so
that it needs neither a server nor a widget of its own, under ipywidgets 7 and 8 alike.
Without a script the reader still gets a sentence and the table of what was recorded.
"""

import functools
import json
import os
from html import escape
from pathlib import Path

from IPython.display import HTML

from mocolib.lab.describe import (
    DOTS,
    FALL,
    LOST,
    X_AXES,
    Axis,
    Description,
    describe,
)
from mocolib.lab.groups import LOG, Group
from mocolib.lab.numbers import brief, columns
from mocolib.words import fact, said, spoken

PAGE = "MOCOLIB_PAGE"  # set while the book is built: no kernel will stand behind it
MAPPED = (LOST, FALL, "linear_probe")  # what a cell can show
GOOD = ("linear_probe",)  # of these the more the better
NO_RUNS = "No run of this experiment has been recorded yet."
SCRIPTS = (
    "axes",
    "controls",
    "chart",
    "charts",
    "panel_view",
    "map",
    "panel",
    "frames",
    "method",
)  # what each stands on first
TRAINING = (  # what trains, behind session.js in a page and kernel.js in a kernel
    *("zip", "spikes", "record", "own_pictures", "learned"),
    *("link", "branches", "training", "train_view", "race", "heat", "train"),
)
OWN = '<script defer src="../_static/lab/{}.js"></script>'
PICTURES = (  # assets/inpage/pictures.js as a part of a script
    "globalThis.Why = globalThis.Why ?? {{}}; "
    "Why.pictures = (() => {{ {module}\nreturn pictures; }})();"
)


def in_page() -> bool:
    """Whether what is shown goes into a built page."""
    return bool(os.environ.get(PAGE))


def figure(
    tag, id, data, *, plain="", question=None, answer=None, trains=False, own=()
) -> HTML:
    """A panel: <`tag`> with its data, the question above, the answer folded below.

    answer: one paragraph a line. plain: HTML for readers without scripts. trains:
    whether it needs what trains. own: scripts that only pages with this panel need.
    """
    asked = f"<figcaption>{escape(said(question))}</figcaption>" if question else ""
    told = ""
    if answer:
        lines = "".join(f"<p>{escape(said(line))}</p>" for line in answer.splitlines())
        fold = escape(said("What is seen"))
        told = f"<details><summary>{fold}</summary>{lines}</details>"
    return HTML(
        f'<figure class="why-panel">{asked}'
        f"{element(tag, data, id=id, plain=plain)}{told}</figure>{scripts(trains, own)}"
    )


def element(tag: str, data: dict, *, id=None, plain="") -> str:
    """The element alone, as the HTML of another panel may hold it."""
    name = f' id="{escape(id)}"' if id else ""
    alone = "" if in_page() else " data-kernel"  # there the address is not ours
    without = f"<noscript>{plain}</noscript>" if plain else ""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return f"<{tag}{name}{alone}>{script(text)}{without}</{tag}>"


def script(text: str) -> str:
    """JSON inside an element that browsers neither show nor run."""
    safe = text.replace("</", "<\\/")  # the only text that could end it early
    return f'<script type="application/json">{safe}</script>'


@functools.cache
def _inline(trains: bool, own: tuple) -> str:
    here = Path(__file__).parents[1]
    assets = next(p for p in (here / "_assets", here.parent / "assets") if p.is_dir())

    def read(name: str) -> str:
        return (assets / name).read_text("utf-8")

    names = (*SCRIPTS, "kernel", *TRAINING, *own) if trains else (*SCRIPTS, *own)
    code = [read(f"lab/{name}.js") for name in names]
    if trains:  # a module elsewhere
        module = read("inpage/pictures.js").replace("export ", "")
        code.insert(0, PICTURES.format(module=module))
    return "<style>{}</style><script>{}</script>".format(
        read("lab.css"), "\n".join(code)
    )


def scripts(trains: bool = False, own: tuple = ()) -> str:
    """What draws a panel, to stand behind it; a page has all but its `own` already."""
    return "".join(map(OWN.format, own)) if in_page() else _inline(trains, own)


def experiment(runs, *, id, by, map=(), question=None, answer=None, **options) -> HTML:
    """Buttons and sliders over recorded runs, or `Line`s; only recorded settings.

    runs: a list. id: a word that is this panel's in the page's address. by: recipe
    fields that become controls. map=(rows, columns), two of them: a map of the settings
    above the charts, a cell each, of stronger colour the worse: accuracy lost, where
    `against` is given, depth of falls, linear probe. question stands above, answer can
    be unfolded below.
    options: start={field: value}, the setting shown first (without it the one with the
    deepest fall); keep=[settings] beside it, up to five, each a curve that holds what
    it names and follows the controls in the rest; charts={key: title};
    x="step" or "images", the axis shown first; marks={step: words}, upright lines;
    arms={id: changes}, by which runs get the setting `arm`; against=settings, those
    whose accuracy the others' is held against; fall=words, what a marked fall is where
    that is another than a run's deepest.
    All seeds are drawn in the first chart; the strong line is the run whose deepest
    fall is the median one, or that of seed= where a setting has it.
    """
    description = describe(runs, id=id, by=by, **options)
    if not description.groups:
        return HTML(f"<p>{escape(said(NO_RUNS))}</p>")
    if map:
        description = description.mapped(*map)
    return figure(
        "why-lab",
        f"lab-{id}",
        as_data(description),
        plain=_table(description),
        question=question,
        answer=answer,
    )


def as_data(description: Description) -> dict:
    """The description as plain values, numbers no longer than a screen can show."""
    charts = chart_data(description.charts)
    levels = [{"y": brief(y), "words": said(n)} for n, y in description.levels.items()]
    groups = [group_data(group) for group in description.groups.values()]
    for chart in charts:
        if chart["key"] == "knn":
            chart["levels"] = levels
        elif chart["key"].startswith("adam_rms/"):
            chart["levels"] = [{"y": 1, "words": said("what Adam expects")}]
    return {
        "id": description.id,
        "axes": [axis_data(axis) for axis in description.axes],
        "charts": charts,
        "symbols": {key: said(words) for key, words in description.symbols.items()},
        "strong": description.strong,
        "x_axes": {key: said(title) for key, title in X_AXES.items()},
        "start": list(description.start),
        "keep": [list(at) for at in description.keep],
        "x": description.x,
        **({"map": _map(description)} if description.map else {}),
        "marks": [
            {"at": at, "words": said(words)} for at, words in description.marks.items()
        ],
        "steps": _shared_steps(groups),
        "groups": groups,
    }


def _shared_steps(groups: list[dict]) -> list[list]:
    """The different lists of steps of all lines, which get each the place of its own.

    Most lines were read at the same steps, which would weigh as much as what was read.
    """
    places = {}
    for one in groups:
        for lines in (one["lines"], *one["others"]):
            for line in filter(None, lines.values()):
                line[0] = places.setdefault(tuple(line[0]), len(places))
    return [list(steps) for steps in places]


def chart_data(charts: dict, log=LOG) -> list[dict]:
    """Charts {key: title} as plain values; `log`: those with a logarithmic y axis."""
    return [
        {"key": key, "title": said(title), "log": key in log, "dots": key in DOTS}
        for key, title in charts.items()
    ]


def _map(description: Description) -> dict:
    """The axes of a map, and by which facts its cells can be coloured."""
    rows, columns = description.map
    known = next(iter(description.groups.values())).facts
    by, good = ([fact(n) for n in some if n in known] for some in (MAPPED, GOOD))
    return {"rows": rows, "columns": columns, "by": by, "good": good}


def axis_data(axis: Axis) -> dict:
    """A control as plain values."""
    phrases = [spoken(axis.name, value) for value in axis.values]
    flags = [isinstance(value, bool) for value in axis.values]
    alone = zip(flags, phrases, axis.words, strict=True)
    return {
        "name": axis.name,
        "label": axis.label,
        "kind": "slider" if axis.slides else "switch",
        "words": list(axis.words),
        "spoken": phrases,
        # beside others of its axis; a bare yes or no would say nothing
        "alone": [phrase if flag else word for flag, phrase, word in alone],
    }


def group_data(group: Group) -> dict:
    """One setting with its curves as plain values."""
    lines = {key: columns(rows) for key, rows in group.lines.items()}
    others = [  # thin lines: three digits do
        {key: columns(rows, 3) for key, rows in other.items()} for other in group.others
    ]
    return {
        "at": list(group.at),
        "seeds": list(group.seeds),
        "tally": group.tally,
        "images": group.images,
        "until": group.until,
        "lines": lines,
        "others": others,
        "points": {
            key: [_point(one) for one in some] for key, some in group.points.items()
        },
        "facts": {
            fact(name): [brief(v) for v in values]
            for name, values in group.facts.items()
        },
    }


def _point(point: dict) -> dict:
    y = point["y"]
    return {**point, "y": [brief(v) for v in y] if isinstance(y, list) else brief(y)}


def _table(description: Description) -> str:
    heads = list(next(iter(description.groups.values())).facts)
    rows = "".join(
        f"<tr><td>{escape(description.name(at))}</td>"
        + "".join(
            f"<td>{group.facts[h][0]:.3g}</td>" for h in heads if h in group.facts
        )
        + "</tr>"
        for at, group in description.groups.items()
    )
    names = "".join(
        f"<th>{escape(name)}</th>" for name in (said("setting"), *map(fact, heads))
    )
    return f"<table><tr>{names}</tr>{rows}</table>"
