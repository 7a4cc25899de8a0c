"""Claims on `mini` runs, which dip and climb back (C4-dips, C7-dips, C23)."""

import pandas as pd

from mocolib.claims.contrasts import at
from mocolib.claims.register import claim
from mocolib.claims.verdicts import difference
from mocolib.runs import Run
from mocolib.sweep.design import MINI, only


def _count(runs: list[Run]) -> pd.Series:
    """Made-good dips and lasting falls a run, by seed."""
    return at(runs, "dips") + at(runs, "lasting_falls")


@claim(
    "C4-dips", "headline", shaking=MINI.shaky, calm=MINI.calm, steps=MINI.plain.steps
)
def _rate(runs):
    shaking, calm = only(runs), only(runs, base_lr=MINI.calm)
    return {
        "dip": difference(at(shaking, "dip_depth"), at(calm, "dip_depth")),
        "count": difference(_count(shaking), _count(calm), "dips"),
        "accuracy": difference(at(calm, "linear_probe"), at(shaking, "linear_probe")),
    }


@claim("C7-dips", "headline", shaking=MINI.shaky, steps=MINI.plain.steps)
def _freeze(runs):
    learned, fixed = only(runs), only(runs, patch_projection="fixed")
    return {
        "accuracy": difference(at(fixed, "linear_probe"), at(learned, "linear_probe")),
        "fall": difference(at(learned, "fall_depth"), at(fixed, "fall_depth")),
        "count": difference(_count(learned), _count(fixed), "dips"),
    }


@claim("C23", "headline", shaking=MINI.shaky, decay=MINI.plain.weight_decay)
def _decay(runs):
    decayed, free = only(runs), only(runs, weight_decay=0.0)
    return {
        "fall": difference(at(decayed, "fall_depth"), at(free, "fall_depth")),
        "count": difference(_count(decayed), _count(free), "dips"),
        "accuracy": difference(at(free, "linear_probe"), at(decayed, "linear_probe")),
    }
