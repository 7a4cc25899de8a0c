"""Charts as a piece of HTML: the page's own element, with what they show inside."""

from mocolib.figures.style import BLUE, GREEN, ORANGE, RED
from mocolib.lab.page import element

# by order, as in assets/lab/chart.js, and the page's theme may set others
COLOURS = [
    f"var(--why-{i}, {colour})"
    for i, colour in enumerate((BLUE, ORANGE, GREEN, RED, "#cc78bc", "#ca9161"))
]
DASHES = ("", "7 3", "2 3", "9 3 2 3", "12 3", "4 2 1 2")


def picture(description: dict) -> str:
    """Charts as HTML, to stand in a widget or a frame; see assets/lab/charts.js."""
    return f'<div class="why-panel bare">{element("why-charts", description)}</div>'
