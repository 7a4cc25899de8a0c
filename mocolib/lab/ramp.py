"""A rate range test over sizes, as a panel."""

import numpy as np
import pandas as pd
from IPython.display import HTML

from mocolib import sweep
from mocolib.claims import scale
from mocolib.claims.contrasts import POINT, whole
from mocolib.figures.carried import told
from mocolib.lab.groups import Line
from mocolib.lab.page import experiment
from mocolib.runs import Run
from mocolib.sweep.design import BROKEN, RAMP
from mocolib.words import said


def ramp(*, id: str, **options) -> HTML:
    """Curves of runs whose rate rises to the end, by the sizes that were varied.

    Of the seeds that have all sizes, as the claim and the tables are.
    """
    plain = dict(zip(scale.SIZES, scale.sizes(RAMP), strict=True))
    return experiment(
        [_line(run) for run in whole(sweep.recorded("ramp"))],
        id=id,
        by=tuple(scale.SIZES),
        keep=[plain],
        charts={"knn": "kNN accuracy, %", "lr": "learning rate η"},
        fall=f"where it breaks: a level {BROKEN:g} points below the best one before it",
        **options,
    )


def _line(run: Run) -> Line:
    sizes = dict(zip(scale.SIZES, scale.sizes(run.recipe), strict=True))
    sizes["warmup_steps"] = 0  # all of it counts: its rate rises to the end
    fall, knn = scale.broken(run), POINT * scale.levels(run).max()
    facts = {"critical_rate": scale.critical_rate(run), "best_knn": knn}
    return Line.of(run, ("knn", "lr"), settings=sizes, facts=facts, fall=fall)


def critical_rates() -> pd.DataFrame:
    """By what is changed the critical rate, its geometric mean and its extremes."""
    rates = scale.critical(sweep.recorded("ramp"))
    shown = {
        "critical rate": 2 ** np.log2(rates).mean(),
        "lowest seed": rates.min(),
        "highest seed": rates.max(),
    }
    table = pd.DataFrame(shown).map("{:.2f}".format)
    words = [told(at) or said("nothing") for at in rates]
    return table.set_axis(words).rename_axis("changed")
