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
from mocolib.figures.freeze import (
    over_rates,
    remedy,
    side_by_side,
    spikes_by_layer,
)
from mocolib.figures.leads import around_spikes, correlogram
from mocolib.figures.ledger import (
    chance_chart,
    ledger_map,
    made_up,
    share_that_holds,
)
from mocolib.figures.microscope import around, lead_histogram, microscope, monitors
from mocolib.figures.moments import misjudged, remedies, sharpness
from mocolib.figures.narrowing import narrowing
from mocolib.figures.parity import page_curves, page_runs, parity_runs, parity_steps
from mocolib.figures.peers import peers
from mocolib.figures.rewound import rewound
from mocolib.figures.style import caption, layer_name, settings
from mocolib.figures.sweeps import (
    STANDING,
    accuracy,
    compared,
    curves,
    long_table,
    paper_numbers,
)
from mocolib.figures.tokens import (
    position_codes,
    token_sum,
)
