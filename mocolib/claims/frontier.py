"""The frontier of remedies: what each is worth over the rates (C19).

A screen of all, on two seeds at two high rates, has chosen the few that are judged, on
other seeds and from the calm rate on. The order of *What to do today* is `ranked`.
"""

import numpy as np
import pandas as pd

from mocolib.claims.contrasts import best, frontier, grid
from mocolib.claims.register import claim
from mocolib.claims.verdicts import FEWEST, HOLDS, OPPOSITE, difference, effect
from mocolib.runs import Run
from mocolib.sweep.design import (
    ARMS,
    FIXED,
    LOST,
    MINI,
    PLAIN,
    RUINOUS,
    SCREENED,
    only,
)

SURE = (HOLDS, OPPOSITE)  # outcomes
FIRST = next(arm for arm in ARMS if arm not in (PLAIN, FIXED))  # of the screen


@claim(
    *("C19", "frontier"),
    **dict(lost=LOST, arm=FIRST, low=MINI.calm, high=RUINOUS),
    **{arm: arm for arm in ARMS if arm != PLAIN},
)
def _frontier(runs):
    tables = {arm: by_rate(runs, arm) for arm in ARMS}
    plain = tables[PLAIN]
    wide = {arm: sensitivity(tables[arm]) for arm in (FIXED, FIRST)}
    changed = [arm for arm in ARMS if arm != PLAIN]
    return {
        "sensitivity": difference(wide[FIXED], wide[FIRST]),
        **{f"{a}_best": difference(best(tables[a]), best(plain)) for a in changed},
        **{
            f"{arm}_frontier": difference(
                frontier(tables[arm]), frontier(plain), unit="doublings"
            )
            for arm in changed
        },
    }


def by_rate(runs: list[Run], arm: str, column="linear_probe") -> pd.DataFrame:
    """A measure in points, a row a seed that has all rates, a column a rate."""
    rates = sorted({run.recipe.base_lr for run in runs})
    table = grid(only(runs, "base_lr", **SCREENED[arm]), column, "base_lr")
    return table.reindex(columns=rates).dropna()


def over_rates(table: pd.DataFrame) -> pd.Series:
    """By seed, the mean of a table's accuracies over the logarithm of the rate.

    Of fewer than two rates there is none.
    """
    if table.empty or table.shape[1] < 2:
        return pd.Series(dtype=float)
    logs = np.log2(table.columns.to_numpy(float))
    widths, values = np.diff(logs), table.to_numpy()
    middles = (values[:, 1:] + values[:, :-1]) / 2
    return pd.Series(middles @ widths / widths.sum(), index=table.index)


def sensitivity(table: pd.DataFrame) -> pd.Series:
    """By seed, how far `over_rates` lies below the best rate, in points.

    arXiv 2309.14322, section 2, has it of losses, capped at that of the start.
    """
    return best(table) - over_rates(table)


def numbers(runs: list[Run]) -> pd.DataFrame:
    """The three numbers of each arm, means over the `seeds` that have all rates.

    `best`: linear probe in points at the best rate; `frontier`: the rate at which
    `LOST` of them are gone; `sensitivity` in points.
    """
    tables = {arm: by_rate(runs, arm) for arm in ARMS}
    rows = {
        arm: {
            "best": best(table).mean(),
            "frontier": 2 ** frontier(table).mean(),
            "sensitivity": sensitivity(table).mean(),
            "seeds": len(table),
        }
        for arm, table in tables.items()
        if len(table) > 1
    }
    columns = ["best", "frontier", "sensitivity", "seeds"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def ranked(confirmed: list[Run], screen: list[Run]) -> pd.DataFrame:
    """All arms in the order of *What to do today*, what is confirmed first.

    That is an arm with `FEWEST` seeds or more; the others stand by the screen. A row
    an arm: the linear probe that it gains over a plain run, in points, as the mean
    `over_rates` and at the rate that is `shaking`, and the depth of its `fall` there,
    of the `seeds` that both have; how many `rates` there were; and which of the two
    gains are `sure`, by their seeds other than nothing.
    """
    sure = _ranking(confirmed, ARMS)
    sure = sure[sure["seeds"] >= FEWEST]
    rest = _ranking(screen, [arm for arm in SCREENED if arm not in sure.index])
    return pd.concat([part for part in (sure, rest) if len(part)] or [sure])


def _ranking(runs: list[Run], arms) -> pd.DataFrame:
    """The same of some arms by some runs."""
    plain, rows = by_rate(runs, PLAIN), {}
    for arm in arms:
        gained = (by_rate(runs, arm) - plain).dropna()
        falls = by_rate(runs, arm, MINI.fall)
        if arm != PLAIN and len(gained):
            gains = {
                "over_rates": effect(over_rates(gained)),
                "shaking": effect(gained[MINI.shaky]),
            }
            rows[arm] = {
                **{name: one.mean for name, one in gains.items()},
                "sure": [name for name, one in gains.items() if one.outcome in SURE],
                "fall": falls.loc[gained.index, MINI.shaky].mean(),
                "seeds": len(gained),
                "rates": gained.shape[1],
            }
    columns = ["over_rates", "shaking", "sure", "fall", "seeds", "rates"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    return table.sort_values("over_rates", ascending=False)
