"""What a chapter shows beside its panels: pictures with captions, and verdicts."""

import html
import inspect
import re
from importlib.metadata import metadata
from itertools import zip_longest
from pathlib import Path

from IPython.display import HTML
from matplotlib.figure import Figure
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

import mocolib
from mocolib import claims
from mocolib.claims import findings, text
from mocolib.claims.verdicts import FEW
from mocolib.data.places import data_root
from mocolib.figures.themed import themed
from mocolib.sweep.design import CIFAR10
from mocolib.words import said, together, value

MEASURED = ("measured", "outcome", "mean", "95 % interval", "unit", "exact p", "seeds")
LEDGER = ("claim", *MEASURED, "Holm's p", "on CIFAR-10, 250 steps")  # its columns
EMPHASIS = re.compile(r"\*([^*]+)\*")  # as in Markdown


def picture(figure: Figure | None, alt: str, caption: str) -> HTML:
    """A figure with alt text and a caption, in the colours of the page around it.

    Without a figure, a sentence that says why.
    """
    if figure is None:
        return HTML(f"<p>{said('What is drawn here has not been recorded yet.')}</p>")
    return HTML(
        f'<figure class="picture"><div class="wide" style="overflow-x:auto">'
        f"{themed(figure, said(alt))}</div>"
        f"<figcaption>{html.escape(said(caption))}</figcaption></figure>"
    )


def source(*objects) -> HTML:
    """The source of functions or classes as it stands in mocolib, linked to its file.

    Read when the cell runs, so that a chapter can't fall behind the code.
    """
    return HTML("".join(map(listing, objects)))


def listing(thing, *marked: str, ran=None) -> str:
    """The source of one of them as HTML; lines with a word of `marked` stand out.

    ran: a set of (file, line); of the marked lines only those in it stand out then.
    """
    thing = inspect.unwrap(thing)  # as `torch.no_grad` wraps a method
    lines, first = inspect.getsourcelines(thing)
    file = inspect.getsourcefile(thing)
    path = Path(file).relative_to(Path(mocolib.__file__).parent)
    text = inspect.cleandoc("\n" + "".join(lines)) + "\n"
    lit = [
        number
        for number, line in enumerate(text.splitlines(), 1)
        if any(word in line for word in marked)
        and (ran is None or (file, first + number - 1) in ran)
    ]
    return _code(text, f"mocolib/{path.as_posix()}", first, lit)


def example(name: str) -> HTML:
    """A file of `examples` as it lies there, linked."""
    text = (data_root().parent / "examples" / name).read_text("utf-8")
    return HTML(_code(text, f"examples/{name}"))


def _code(text: str, file: str, first: int = 1, lit=()) -> str:
    """Coloured, the lines `lit` standing out, and where it is from."""
    last = first + text.count("\n") - 1
    shown = HtmlFormatter(cssclass="highlight", hl_lines=lit)
    code = highlight(text, PythonLexer(), shown)
    link = f"{repository()}/blob/main/{file}#L{first}-L{last}"
    lines = dict(file=file, first=first, last=last)
    where = said("{file}, lines {first} to {last}", **lines)
    return (
        f'<div class="why-source"><div class="highlight-python notranslate">{code}'
        f'</div><p><a href="{link}">{html.escape(where)}</a></p></div>'
    )


def repository() -> str:
    """The project's public address, from the package's own metadata."""
    urls = metadata("mocolib").get_all("Project-URL") or [""]
    return next(u.split(", ")[1] for u in urls if u.startswith("Repository, "))


def ledger() -> HTML:
    """The whole ledger, a line an effect; heads sort it, in a page with assets/book.js.

    A claim's first line is its primary effect, with verdict and finding; it is the
    place `#ledger-C7` that the chapters link to.
    """
    second, rows = claims.second_ledger(), [_cells("th", _heads(LEDGER))]
    for v in claims.ledger():
        other = second[v.id].effects if v.id in second else {}
        rows += [_row(v, key, other) for key in v.effects or [""]]
    return HTML(f'<div class="why-ledger">{_table(rows)}</div>')


def _table(rows: list[str]) -> str:
    """The first row is its head: what is wider than a phone is folded by it."""
    head, *body = rows
    return f"<table><thead>{head}</thead><tbody>{''.join(body)}</tbody></table>"


def _row(verdict: claims.Verdict, key: str, other: dict) -> str:
    """An effect; the primary one says what was found, and what is void why.

    A claim without runs has a line and no numbers yet.
    """
    told = _numbers(verdict, key) if key else [findings.text(verdict.id), *[""] * 6]
    told = [findings.title(verdict.id), *told, "", _outcome(other, key)]
    place, below = "", findings.reason(verdict, key) if key else ""
    if key in ("", next(iter(verdict.effects), "")):
        place = f' id="ledger-{verdict.id}" class="primary"'
        told[2], told[-2] = value(verdict.word), text.p(verdict)
        below = findings.sentence(verdict)
    cells = list(map(_emphasised, told))
    cells[1] += f"<p>{_emphasised(below)}</p>" if below else ""
    return _cells("td", cells, place, _heads(LEDGER))


def _outcome(effects: dict, key: str) -> str:
    return value(effects[key].outcome) if key in effects else ""


def _heads(names) -> list[str]:
    return [html.escape(said(name)) for name in names]


def _cells(kind: str, texts, place: str = "", heads=()) -> str:
    """A row; a cell that knows its head can stand below the others on a phone."""
    inside = "".join(
        f'<{kind} data-head="{head}">{one}</{kind}>'
        if head
        else f"<{kind}>{one}</{kind}>"
        for one, head in zip_longest(texts, heads)
    )
    return f"<tr{place}>{inside}</tr>"


def verdict(*ids: str | claims.Verdict) -> HTML:
    """What recorded runs say on some claims: `verdict("C7")`, in the words of `claims`.

    A verdict that has been drawn already is not drawn again.
    """
    found = [claims.judge(i) if isinstance(i, str) else i for i in ids]
    return HTML("".join(map(_told, found)))


def _told(verdict: claims.Verdict) -> str:
    """Word and claim, and every effect to unfold; `finding` has the sentence."""
    lead = said(
        "<strong>{title}: {word}</strong> ({runs} runs, {seeds} seeds). {text}",
        title=html.escape(findings.title(verdict.id)),
        word=value(verdict.word),
        runs=verdict.runs,
        seeds=max((len(e.values) for e in verdict.effects.values()), default=0),
        text=html.escape(findings.text(verdict.id)),
    )
    if verdict.word == FEW:
        return f"<p>{lead}</p>"
    numbers = [_numbers(verdict, key)[:-1] for key in verdict.effects]
    rows = [_cells("th", _heads(MEASURED[:-1]))]
    rows += [_cells("td", map(html.escape, row)) for row in numbers]
    fold = said("All that was measured for it")
    return f"<p>{lead}</p><details><summary>{fold}</summary>{_table(rows)}</details>"


def _numbers(verdict: claims.Verdict, key: str) -> list[str]:
    """An effect as a row of MEASURED; one of too few seeds has no interval."""
    effect, several = verdict.effects[key], len(verdict.effects[key].values) > 1
    low, high = effect.interval
    return [
        findings.name(verdict.id, key),
        value(effect.outcome),
        f"{effect.mean:+.2f}" if effect.values else "",
        said("{low} to {high}", low=f"{low:+.2f}", high=f"{high:+.2f}")
        if several
        else "",
        value(effect.unit),
        f"{effect.p_exact:.4f}" if several else "",
        str(len(effect.values)),
    ]


def finding(*ids: str, lead: str = "What we saw.") -> HTML:
    """What was seen on claims such as "C7", linked to the ledger."""
    told = together(map(_sentence, ids))
    bold = f"<strong>{html.escape(said(lead))}</strong>" if lead else ""
    return HTML(f'<p class="why-finding">{together([bold, told])}</p>')


def headlines(*ids: str) -> HTML:
    """The same as a list, a claim a line."""
    rows = "".join(f"<li>{_sentence(id)}</li>" for id in ids)
    return HTML(f'<ol class="why-finding">{rows}</ol>')


def _sentence(id: str) -> str:
    found = claims.judge(id)
    return said(
        '{finding} <a href="{place}">{title}: {word}</a>.',
        finding=_emphasised(claims.finding(found)),
        place=f"ledger.html#ledger-{id}",
        title=html.escape(findings.title(id)),
        word=value(found.word),
    )


def _emphasised(words: str) -> str:
    return EMPHASIS.sub(r"<em>\1</em>", html.escape(words))


def remarks(*keys: str) -> HTML:
    """What follows from some effects, as a paragraph: `remarks("C1.accuracy")`."""
    words = _emphasised(_remarks(keys))
    return HTML(f"<p>{words}</p>" if words else "")


def remarked(*keys: str) -> str:
    """The same in plain words, for the answer of a panel."""
    return EMPHASIS.sub(r"\1", _remarks(keys))


def _remarks(keys) -> str:
    pairs = (key.split(".", 1) for key in keys)
    return together(findings.remark(claims.judge(id), effect) for id, effect in pairs)


def elsewhere(*ids: str) -> HTML:
    """What was seen on the second data set, claim by claim."""
    second = claims.second_ledger()
    told = together(claims.finding(second[id]) for id in ids if id in second)
    lead = said(
        "On a second data set, the JPEG re-encode of CIFAR-10, in runs of {steps} "
        "steps at a constant rate.",
        steps=CIFAR10.plain.steps,
    )
    lead = f"<em>{lead}</em>"
    return HTML(f"<p>{together([lead, _emphasised(told)])}</p>" if told else "")
