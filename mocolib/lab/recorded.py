"""One call a chapter: a panel over recorded runs, by where it is looked at.

In the built page the panel is plain HTML that needs no kernel; in a kernel the same
description is drawn with widgets.
"""

import os

from mocolib.lab.describe import describe
from mocolib.lab.explorer import Explorer
from mocolib.lab.page import element

PAGE = "MOCOLIB_PAGE"  # set while the book is built: no kernel will stand behind it


def in_page() -> bool:
    """Whether what is shown goes into a built page."""
    return bool(os.environ.get(PAGE))


def experiment(
    runs, *, id, by, start=None, keep=(), charts=None, x="step", caption=None
):
    """Sliders and switches over recorded runs, or `Line`s; only recorded settings.

    runs: a list. id: a word that is this panel's in the page's address. by: recipe
    fields that become controls, numbers a slider, words a switch. start: the setting
    shown first. keep: settings whose curves stay, up to five. charts: {key: title}.
    x: the axis shown first, "step" or "images" (seen); the panel can switch.
    The line is the first seed's run; the band reaches over all seeds.
    """
    description = describe(
        runs, id=id, by=by, start=start, keep=keep, charts=charts, x=x
    )
    if not in_page():
        return Explorer(description, caption)
    from IPython.display import HTML

    return HTML(element(description, caption))
