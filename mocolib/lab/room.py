"""Whether a token has room for its patch, at sizes that the reader sets.

room(tables.read("completeness"), {"ViT-B/16": (16, 3, 768)}, question="Complete?")
"""

import pandas as pd

from mocolib.lab.describe import axis
from mocolib.lab.numbers import columns
from mocolib.lab.page import axis_data, figure
from mocolib.words import said

SIZES = {  # the sliders
    "patch_size": range(2, 33),
    "channels": range(1, 5),
    "width": range(16, 2049, 16),
}
PLAIN = "Setting sizes of your own needs JavaScript."


def room(measured: pd.DataFrame, presets: dict, *, question=None, answer=None):
    """The panel; it begins with the first preset.

    measured: rows of inside (numbers in a patch), width and condition, as the table
    `completeness` has them. presets: {name: (patch size, channels, width)}.
    """
    axes = [axis(name, list(values)) for name, values in SIZES.items()]
    places = {
        name: [one.values.index(v) for one, v in zip(axes, sizes, strict=True)]
        for name, sizes in presets.items()
    }
    data = {
        "axes": [axis_data(one) for one in axes],
        "values": [list(one.values) for one in axes],
        "presets": [{"name": said(name), "at": at} for name, at in places.items()],
        "start": next(iter(places.values())),
        "measured": {
            int(inside): columns([*_middle(rows).items()])
            for inside, rows in measured.groupby("inside")
        },
    }
    shown = dict(plain=said(PLAIN), question=question, answer=answer, own=("room",))
    return figure("why-room", "room", data, **shown)


def _middle(rows: pd.DataFrame) -> pd.Series:
    """By width the middle condition number of its matrices."""
    return rows.groupby("width")["condition"].median()
