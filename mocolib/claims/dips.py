"""Claims on runs that dip and climb back (C4-dips, C7-dips, C23), of the recipe `mini`.

`rates_of` has the rates of the runs of 400 steps, which collapse where they shake; the
rates of these are in the design that data/README.md has.
"""

import pandas as pd

from mocolib.claims.contrasts import at, chosen
from mocolib.claims.register import claim
from mocolib.claims.verdicts import difference
from mocolib.presets import named_recipe
from mocolib.runs import Run

PLAIN = named_recipe("mini")
DECAY, SHAKING, CALM = PLAIN.weight_decay, PLAIN.base_lr, PLAIN.base_lr / 10


def _arm(runs: list[Run], **changed) -> list[Run]:
    """The shaking runs, with this of them changed and nothing else."""
    plain = dict(base_lr=SHAKING, weight_decay=DECAY, patch_projection="learned")
    return chosen(runs, **(plain | changed))


def _count(runs: list[Run]) -> pd.Series:
    """Made-good dips and lasting falls a run, by seed."""
    return at(runs, "dips") + at(runs, "lasting_falls")


@claim("C4-dips", "headline", shaking=SHAKING, calm=CALM, steps=PLAIN.steps)
def _rate(runs):
    shaking, calm = _arm(runs), _arm(runs, base_lr=CALM)
    return {
        "dip": difference(at(shaking, "dip_depth"), at(calm, "dip_depth")),
        "count": difference(_count(shaking), _count(calm), "dips"),
        "accuracy": difference(at(calm, "linear_probe"), at(shaking, "linear_probe")),
    }


@claim("C7-dips", "headline", shaking=SHAKING, steps=PLAIN.steps)
def _freeze(runs):
    learned, fixed = _arm(runs), _arm(runs, patch_projection="fixed")
    return {
        "accuracy": difference(at(fixed, "linear_probe"), at(learned, "linear_probe")),
        "fall": difference(at(learned, "fall_depth"), at(fixed, "fall_depth")),
        "count": difference(_count(learned), _count(fixed), "dips"),
    }


@claim("C23", "headline", shaking=SHAKING, decay=DECAY)
def _decay(runs):
    decayed, free = _arm(runs), _arm(runs, weight_decay=0.0)
    return {
        "fall": difference(at(decayed, "fall_depth"), at(free, "fall_depth")),
        "count": difference(_count(decayed), _count(free), "dips"),
        "accuracy": difference(at(free, "linear_probe"), at(decayed, "linear_probe")),
    }
