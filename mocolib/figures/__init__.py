"""One function a figure, from recorded runs alone; seaborn on matplotlib.

Ordered settings get an ordered palette, dark to light, that stays ordered in grey; a
fixed projection is dashed or square, so no figure needs colour to be read. Figures
carry a white ground, which reads in the dark theme too.
"""

from mocolib.figures.ablations import ablation_table, ablations
from mocolib.figures.complete import freezing, reconstruction
from mocolib.figures.contrastive import (
    age_chart,
    expected_start,
    first_losses,
    key_ages,
    leak,
    negatives,
)
from mocolib.figures.ledger import (
    chance_chart,
    ledger_map,
    made_up,
    share_that_holds,
)
from mocolib.figures.matching import matches
from mocolib.figures.microscope import lead_histogram, microscope, monitors
from mocolib.figures.parity import parity_runs, parity_steps
from mocolib.figures.style import caption, layer_name, settings
from mocolib.figures.sweeps import accuracy, curves, long_table, paper_numbers
from mocolib.figures.tokens import (
    filter_mosaics,
    position_codes,
    singular_values,
    token_sum,
)

__all__ = [
    "ablation_table",
    "ablations",
    "accuracy",
    "age_chart",
    "caption",
    "chance_chart",
    "curves",
    "expected_start",
    "filter_mosaics",
    "first_losses",
    "freezing",
    "key_ages",
    "layer_name",
    "lead_histogram",
    "leak",
    "ledger_map",
    "long_table",
    "made_up",
    "matches",
    "microscope",
    "monitors",
    "negatives",
    "paper_numbers",
    "parity_runs",
    "parity_steps",
    "position_codes",
    "reconstruction",
    "settings",
    "share_that_holds",
    "singular_values",
    "token_sum",
]
