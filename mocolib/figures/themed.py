"""A matplotlib figure as SVG text that takes the colours of the page around it.

Light or dark, the page says what ink and ground are; text stays text, so it is sharp,
found by the search and as large as the page wants it. Its words leave through
`words.said` a line at a time; those with numbers in them have been said before.
"""

import io
import re
from html import escape, unescape

import matplotlib as mpl
from matplotlib.figure import Figure

from mocolib.figures.style import BLUE, GREEN, ORANGE, RED
from mocolib.words import said

LETTERS = 10.5  # pixels: no letter of a figure is smaller on the screen
# a figure's colour -> the page's; JupyterLab's names stand behind ours
PAGE = {
    "#000000": "var(--why-ink, var(--jp-content-font-color0, #000))",
    "#ffffff": "var(--why-ground, var(--jp-layout-color0, #fff))",
    "#555555": "var(--why-muted, var(--jp-content-font-color2, #555))",
    "#e4e4e4": "var(--why-line, #8884)",
    "#e9e9e9": "var(--why-line, #8884)",
    "#cccccc": "var(--why-line, #8884)",
    "#e8f1f8": "var(--why-tint, #0173b222)",
    "#c4c4c4": "var(--why-faint, #9a9a9a)",
    **{
        colour: f"var(--why-{place}, {colour})"
        for place, colour in enumerate((BLUE, ORANGE, GREEN, RED))
    },
}
# matplotlib before 3.11 writes `font: 10px 'DejaVu Sans'`, since then its two parts
FAMILY = re.compile(r"(font: [^;\"]*?px|font-family:) [^;\"]*")
SIZE = re.compile(r"font(?:-size)?: (?:\w+ )*([\d.]+)px")
WORDS = re.compile(r">([^<>]+)</text>")
NUMBER = re.compile(r"\d+\.\d{2,}")
PLACES = re.compile(r'\b(?:d|x|y)="[^"]*"')
BETWEEN = re.compile(r">\s+<")
ALIKE = re.compile(r'<use [^>]*? style="([^"]*)"/>(?:<use [^>]*? style="\1"/>)+')
SETTINGS = {"svg.fonttype": "none", "svg.hashsalt": "why"}


def _rounded(number: re.Match) -> str:
    """A tenth of a point is less than a pixel."""
    return f"{float(number[0]):.1f}"


def _once(marks: re.Match) -> str:
    """Marks of one look have it from their group."""
    look = f' style="{marks[1]}"'
    return f"<g{look}>{marks[0].replace(look, '')}</g>"


def themed(figure: Figure, alt: str = "") -> str:
    """An <svg> as wide as there is room, but never so small that letters are lost."""
    target = io.StringIO()
    with mpl.rc_context(SETTINGS):
        figure.savefig(
            target, format="svg", dpi=160, bbox_inches="tight", metadata={"Date": None}
        )
    text = target.getvalue()
    body = text[text.index(">", text.index("<svg")) + 1 :]
    body = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", body, flags=re.S)
    body = re.sub(r'<g id="[^"]*"', "<g", body)  # a page has many figures
    body = re.sub(r"#[0-9a-f]{6}\b", lambda m: PAGE.get(m[0], m[0]), body)
    body = FAMILY.sub(r"\1 system-ui, sans-serif", body)
    body = WORDS.sub(lambda m: f">{escape(said(unescape(m[1])), False)}</text>", body)
    body = PLACES.sub(lambda m: NUMBER.sub(_rounded, m[0]), body)
    body = BETWEEN.sub("><", body).replace(" \n", "\n")
    body = ALIKE.sub(_once, body)  # with the line above a third of what it weighs
    box = re.search(r'viewBox="([^"]+)"', text)[1]
    wide, sizes = float(box.split()[2]), SIZE.findall(body)
    least = LETTERS * wide / min(map(float, sizes)) if sizes else 0
    ink = PAGE["#000000"]
    # what stands beside a picture without words says what is in it
    spoken = f'role="img" aria-label="{escape(alt)}"' if alt else 'aria-hidden="true"'
    return (
        f'<svg viewBox="{box}" {spoken} fill="{ink}" '
        'stroke-linejoin="round" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'style="display:block;width:100%;min-width:{least:.0f}px;'
        f'max-width:{max(least, 1.33 * wide):.0f}px;height:auto">{body.strip()}'
    )
