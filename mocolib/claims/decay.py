"""Weight decay: its part in the falls, whose it is, and what orders the map (C23)."""

import pandas as pd

from mocolib.analysis.alike import check_groups
from mocolib.analysis.measures import summary
from mocolib.analysis.monotone import missed, missed_unordered
from mocolib.claims.contrasts import POINT, at, between, chosen, once
from mocolib.claims.register import claim
from mocolib.claims.verdicts import difference, effect
from mocolib.runs import Run
from mocolib.sweep.design import DECAYS, MAP_RATES, MINI

SHAKY, PLAIN = MINI.shaky, MINI.plain.weight_decay
MAP = [(rate, decay) for rate in MAP_RATES for decay in (0.0, PLAIN, *DECAYS.values())]
ORDERS = {
    "rate": lambda rate, decay: rate,
    "product": lambda rate, decay: rate * decay,
    "square": lambda rate, decay: rate**2 * decay,
}
SCOPES = {
    "matrices": "matrices",
    "vectors": "vectors",
    "first": "patch_projection",
    "rest": "rest",
}


@claim(
    *("C23", "rates", "decay", "decay_map", "decay_scope"),
    **dict(shaking=SHAKY, hopeless=MINI.hopeless, decay=PLAIN, **DECAYS),
)
def _decay(rates, decays, others, scopes):
    runs = [*rates, *decays, *others]

    def part(decay: float, projection="learned", rate=SHAKY) -> list[Run]:
        where = dict(base_lr=rate, patch_projection=projection)
        return chosen(runs, weight_decay=decay, **where)

    plain, free = part(PLAIN), part(0.0)
    spared = chosen(scopes, decay=SCOPES["rest"])
    ruined = (part(decay, rate=MINI.hopeless) for decay in (0.0, PLAIN))
    return {
        "fall": between("fall_depth", plain, free),
        "count": between(_count, plain, free, "dips"),
        "accuracy": between("linear_probe", free, plain),
        "knn": between("knn", free, plain),
        "ruinous": between("linear_probe", *ruined),
        "fixed": between("linear_probe", part(0.0, "fixed"), free),
        "least": between("fall_depth", plain, part(DECAYS["least"])),
        "less": between("fall_depth", plain, part(DECAYS["less"])),
        "more": between("fall_depth", part(DECAYS["more"]), plain),
        **{
            key: between("fall_depth", plain, chosen(scopes, decay=scope))
            for key, scope in SCOPES.items()
        },
        "spared_fixed": between("fall_depth", spared, part(PLAIN, "fixed")),
        "spared_probe": between("linear_probe", plain, spared),
        **order(falls(runs)),
    }


def _count(runs: list[Run]) -> pd.Series:
    """Made-good dips and lasting falls a run, by seed."""
    return at(runs, "dips") + at(runs, "lasting_falls")


def order(depths: pd.DataFrame) -> dict:
    """By what rate times decay foretells the map better than two others do.

    Void where none of the three foretells a cell better than the mean of the others.
    depths: as `falls` has them.
    """
    errors = pd.DataFrame(
        {
            name: depths.apply(lambda row, x=x: missed([x(*at) for at in MAP], row), 1)
            for name, x in ORDERS.items()
        },
        dtype=float,
    )
    unordered = depths.apply(missed_unordered, axis=1) if len(depths) else errors.rate
    best = errors[errors.mean().idxmin()] if len(errors) else errors.rate
    void = "" if effect(unordered - best).holds else "no_order"
    return {
        "over_rate": difference(errors["rate"], errors["product"], void=void),
        "over_square": difference(errors["square"], errors["product"], void=void),
    }


def falls(runs: list[Run]) -> pd.DataFrame:
    """Depths of falls in points, a row a seed that has all of MAP, a column a cell."""
    learned = once(chosen(runs, patch_projection="learned"))
    cells = [r for r in learned if (r.recipe.base_lr, r.recipe.weight_decay) in MAP]
    by = ["base_lr", "weight_decay"]
    check_groups(cells, *by)
    if not cells:
        return pd.DataFrame(columns=MAP, dtype=float)
    table = summary(cells).pivot(index="seed", columns=by, values="fall_depth")
    return POINT * table.reindex(columns=MAP).dropna()
