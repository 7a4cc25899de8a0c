"""What a chapter shows beside its panels: pictures with captions, and verdicts."""

import html
import inspect
from importlib.metadata import metadata
from pathlib import Path

import pandas as pd
from IPython.display import HTML
from matplotlib.figure import Figure
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

import mocolib
from mocolib import claims
from mocolib.figures.themed import themed


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


def listing(thing, *marked: str) -> str:
    """The source of one of them as HTML; lines with a word of `marked` stand out."""
    thing = inspect.unwrap(thing)  # as `torch.no_grad` wraps a method
    lines, first = inspect.getsourcelines(thing)
    path = Path(inspect.getsourcefile(thing)).relative_to(Path(mocolib.__file__).parent)
    last = first + len(lines) - 1
    text = inspect.cleandoc("\n" + "".join(lines)) + "\n"
    held = [any(word in line for word in marked) for line in text.splitlines()]
    lit = [number for number, holds in enumerate(held, 1) if holds]
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
    """The whole ledger, a row a claim, with the first effect of each."""
    rows = []
    for v in claims.ledger():
        held = sum(effect.holds for effect in v.effects)
        rows.append(
            {
                "": v.id,
                "claim": v.claim,
                "verdict": v.word,
                "effects that hold": f"{held} of {len(v.effects)}",
                "runs": v.runs,
            }
        )
    table = pd.DataFrame(rows).to_html(index=False, border=0)
    return HTML(f'<div class="why-ledger">{table}</div>')


def verdict(*ids: str | claims.Verdict) -> HTML:
    """What the recorded runs say on some claims; the words come from `claims`.

    A verdict that has been drawn already is not drawn again.
    """
    found = [claims.CLAIMS[i]() if isinstance(i, str) else i for i in ids]
    return HTML("".join(map(_told, found)))


def _told(verdict: claims.Verdict) -> str:
    seeds = max((len(e.values) for e in verdict.effects), default=0)
    lead = (
        f"<p><strong>{verdict.id}: {verdict.word}</strong> ({verdict.runs} runs, "
        f"{seeds} seeds). {html.escape(verdict.claim)}.</p>"
    )
    if verdict.word == "too few runs":
        return lead
    rows = [
        {
            "measured": effect.name,
            "mean over seeds": f"{effect.mean:+.4f}",
            "95 % interval": "{:+.4f} to {:+.4f}".format(*effect.interval),
            "holds": "yes" if effect.holds else "no",
        }
        for effect in verdict.effects
    ]
    return lead + pd.DataFrame(rows).to_html(index=False, border=0)
