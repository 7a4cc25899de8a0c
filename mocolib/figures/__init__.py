"""One function a figure, from recorded runs alone; seaborn on matplotlib.

Ordered settings get an ordered palette, dark to light, that stays ordered in grey; a
fixed projection is dashed or square, so no figure needs colour to be read. Figures
carry a white ground, which reads in the dark theme too.
"""

from mocolib.figures.complete import freezing, reconstruction
from mocolib.figures.microscope import lead_histogram, microscope, monitors
from mocolib.figures.style import caption, layer_name, settings
from mocolib.figures.sweeps import accuracy, curves, long_table, paper_numbers
from mocolib.figures.tokens import (
    filter_mosaics,
    position_codes,
    singular_values,
    token_sum,
)

__all__ = [
    "accuracy",
    "caption",
    "curves",
    "filter_mosaics",
    "freezing",
    "layer_name",
    "lead_histogram",
    "long_table",
    "microscope",
    "monitors",
    "paper_numbers",
    "position_codes",
    "reconstruction",
    "settings",
    "singular_values",
    "token_sum",
]
