"""One function a figure, from recorded runs alone; seaborn on matplotlib.

Ordered settings get an ordered palette, dark to light, that stays ordered in grey; a
fixed projection is dashed or square, so no figure needs colour to be read. Figures
carry a white ground, which reads in the dark theme too.
"""

from mocolib.figures.ablations import ablations
from mocolib.figures.carried import carried
from mocolib.figures.complete import freezing, reconstruction
from mocolib.figures.contrastive import age_chart, first_losses, leak, negatives
from mocolib.figures.decays import over_decays
from mocolib.figures.freeze import (
    over_rates,
    remedies,
    remedy,
    side_by_side,
    spikes_by_layer,
)
from mocolib.figures.judged import judged
from mocolib.figures.kicked import edges, kicked
from mocolib.figures.leads import around_spikes, correlogram, first_and_last
from mocolib.figures.ledger import chance_chart, ledger_map
from mocolib.figures.microscope import around, lead_histogram, microscope, monitors
from mocolib.figures.moments import misjudged, sharpness
from mocolib.figures.narrowing import narrowing
from mocolib.figures.page import page_curves
from mocolib.figures.peers import peers
from mocolib.figures.rewound import rewound
from mocolib.figures.style import caption
from mocolib.figures.sweeps import accuracy, compared, curves
from mocolib.figures.tokens import position_codes, token_sum
