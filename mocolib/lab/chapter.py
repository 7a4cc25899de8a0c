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
from mocolib.figures.themed import themed

LEDGER = (  # its columns
    *("claim", "measured", "outcome", "mean", "95 % interval", "unit", "seeds"),
    *("p", "on CIFAR-10"),
)
EMPHASIS = re.compile(r"\*([^*]+)\*")  # as in Markdown


def picture(figure: Figure, alt: str, caption: str) -> HTML:
    """A figure with alt text and a caption, in the colours of the page around it."""
    return HTML(
        f'<figure class="picture"><div class="wide" style="overflow-x:auto">'
        f"{themed(figure, alt)}</div>"
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
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
    last = first + len(lines) - 1
    text = inspect.cleandoc("\n" + "".join(lines)) + "\n"
    lit = [
        number
        for number, line in enumerate(text.splitlines(), 1)
        if any(word in line for word in marked)
        and (ran is None or (file, first + number - 1) in ran)
    ]
    shown = HtmlFormatter(cssclass="highlight", hl_lines=lit)
    code = highlight(text, PythonLexer(), shown)
    link = f"{repository()}/blob/main/mocolib/{path.as_posix()}#L{first}-L{last}"
    return (
        f'<div class="why-source"><div class="highlight-python notranslate">{code}'
        f'</div><p><a href="{link}">mocolib/{path.as_posix()}, lines {first} to '
        f"{last}</a></p></div>"
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
    found, second = claims.ledger(), claims.second_ledger()
    p = text.adjusted(found)
    rows = [_cells("th", LEDGER)]
    for v in found:
        other = second[v.id].effects if v.id in second else {}
        rows.append(_primary(v, f"{p[v.id]:.3f}" if v.id in p else "", other))
        for key, effect in list(v.effects.items())[1:]:
            rows.append(_row(v, effect, effect.outcome, "", _outcome(other, key)))
    table = f"<table><thead>{rows[0]}</thead><tbody>{''.join(rows[1:])}</tbody></table>"
    return HTML(f'<div class="why-ledger">{table}</div>')


def _primary(verdict: claims.Verdict, p: str, other: dict) -> str:
    """A claim's first line; one without runs has no numbers yet."""
    effect = verdict.primary or claims.Effect(name=verdict.claim, values=())
    beside = _outcome(other, next(iter(verdict.effects), ""))
    place = f' id="ledger-{verdict.id}" class="primary"'
    row = _row(verdict, effect, verdict.word, p, beside, place)
    name, said = html.escape(effect.name), html.escape(verdict.finding)
    return row.replace(f"{name}</td>", f"{name}<p>{said}</p></td>", 1)


def _row(verdict, effect, word: str, p: str, beside: str, place: str = "") -> str:
    name, mean, ends, unit, _ = _numbers(effect)
    count = str(len(effect.values))
    told = (verdict.title, name, word, mean, ends, unit, count, p, beside)
    return _cells("td", told, place, LEDGER)


def _outcome(effects: dict, key: str) -> str:
    return effects[key].outcome if key in effects else ""


def _cells(kind: str, texts, place: str = "", heads=()) -> str:
    """A row; a cell that knows its head can stand below the others on a phone."""
    inside = "".join(
        f'<{kind} data-head="{head}">{html.escape(one)}</{kind}>'
        if head
        else f"<{kind}>{html.escape(one)}</{kind}>"
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
    seeds = max((len(e.values) for e in verdict.effects.values()), default=0)
    lead = (
        f"<p><strong>{verdict.title}: {verdict.word}</strong> ({verdict.runs} runs, "
        f"{seeds} seeds). {html.escape(verdict.claim)}.</p>"
    )
    if verdict.word == "too few runs":
        return lead
    rows = [("measured", "mean over seeds", "95 % interval", "unit", "outcome")]
    rows += [_numbers(effect) for effect in verdict.effects.values()]
    table = _cells("th", rows[0]) + "".join(_cells("td", row) for row in rows[1:])
    return (
        f"{lead}<details><summary>All that was measured for it</summary>"
        f"<table>{table}</table></details>"
    )


def _numbers(effect: claims.Effect) -> tuple:
    """An effect as a row of words; one of too few seeds has no interval."""
    if not effect.values:
        return effect.name, "", "", effect.unit, effect.outcome
    low, high = effect.interval
    ends = f"{low:+.2f} to {high:+.2f}" if len(effect.values) > 1 else ""
    return effect.name, f"{effect.mean:+.2f}", ends, effect.unit, effect.outcome


def finding(*ids: str, lead: str = "What we saw.") -> HTML:
    """What was seen on claims such as "C7", a sentence each, linked to the ledger."""
    said = " ".join(map(_sentence, ids))
    bold = f"<strong>{lead}</strong> " if lead else ""
    return HTML(f'<p class="why-finding">{bold}{said}</p>')


def headlines(*ids: str) -> HTML:
    """The same as a list, a claim a line."""
    said = "".join(f"<li>{_sentence(id)}</li>" for id in ids)
    return HTML(f'<ol class="why-finding">{said}</ol>')


def _sentence(id: str) -> str:
    found = claims.judge(id)
    return (
        f'{html.escape(found.finding)} <a href="ledger.html#ledger-{id}">'
        f"{html.escape(found.title)}: {found.word}</a>."
    )


def remarks(*keys: str) -> HTML:
    """What follows from some effects, as a paragraph: `remarks("C1.accuracy")`."""
    words = EMPHASIS.sub(r"<em>\1</em>", html.escape(_remarks(keys)))
    return HTML(f"<p>{words}</p>" if words else "")


def remarked(*keys: str) -> str:
    """The same in plain words, for the answer of a panel."""
    return EMPHASIS.sub(r"\1", _remarks(keys))


def _remarks(keys) -> str:
    pairs = (key.split(".", 1) for key in keys)
    said = [findings.remark(claims.judge(id), effect) for id, effect in pairs]
    return " ".join(filter(None, said))


def elsewhere(*ids: str) -> HTML:
    """What was seen on the second data set, a sentence a claim."""
    second = claims.second_ledger()
    said = " ".join(second[id].finding for id in ids if id in second)
    lead = "<em>On a second data set, the JPEG re-encode of CIFAR-10.</em> "
    return HTML(f"<p>{lead}{html.escape(said)}</p>" if said else "")
