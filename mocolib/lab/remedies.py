"""What remedies are worth: the map, three numbers for each, the order to try them in."""

import math

import pandas as pd
from IPython.display import HTML

from mocolib import sweep
from mocolib.claims import frontier
from mocolib.lab.page import experiment
from mocolib.runs import Run
from mocolib.sweep.design import ARMS, MINI, PLAIN
from mocolib.words import said, short, value


def remedies(*, id: str, **options) -> HTML:
    """The map of remedies by rates, a cell the accuracy lost; pressed, its curves."""
    return experiment(
        sweep.recorded("frontier"),
        id=id,
        by=("arm", "base_lr"),
        map=("arm", "base_lr"),
        arms=ARMS,
        against={"arm": PLAIN, "base_lr": MINI.calm},
        keep=[{"arm": PLAIN}],
        charts={"knn": "kNN accuracy, %"},
        **options,
    )


def three_numbers() -> pd.DataFrame:
    """By remedy its best accuracy, its frontier and its sensitivity to the rate."""
    table = frontier.numbers(sweep.recorded("frontier"))
    shown = {
        "best linear probe, %": table["best"].map("{:.1f}".format),
        "2 points are lost at": table["frontier"].map(short),
        "sensitivity, points": table["sensitivity"].map("{:.1f}".format),
        "seeds": table["seeds"],
    }
    return pd.DataFrame(shown).rename(index=value).rename_axis("remedy")


def in_order(screened: bool = False) -> pd.DataFrame:
    """The remedies, the first to try first, and what each does to accuracy and falls.

    screened: those alone that have no more than the screen's rates and seeds.
    """
    runs = sweep.recorded("frontier")
    table = frontier.ranked(runs, sweep.recorded("frontier_screen"))
    rows = table[table.index.isin(ARMS) ^ screened].T.to_dict()
    if not screened:
        rows = {**_plain(runs), **rows}
    shown = {
        name: {
            "linear probe there": f"{one['shaking']:+.1f}",
            "linear probe, all rates": f"{one['over_rates']:+.1f}",
            "deepest fall there": f"{one['fall']:.1f}",
            "seeds": f"{one['seeds']:.0f}",
        }
        for name, one in rows.items()
    }
    table = pd.DataFrame.from_dict(shown, orient="index").replace("+nan", "–")
    return table.rename(index=value)


def _plain(runs: list[Run]) -> dict:
    """What all are held against, and the rate that is lower: the first thing to try."""
    probe = frontier.by_rate(runs, PLAIN)
    fall = frontier.by_rate(runs, PLAIN, MINI.fall)
    names = {PLAIN: MINI.shaky, said("a tenth of the rate"): MINI.calm}
    return {
        name: {
            "shaking": (probe[rate] - probe[MINI.shaky]).mean(),
            "over_rates": math.nan,
            "fall": fall[rate].mean(),
            "seeds": len(probe),
        }
        for name, rate in names.items()
    }
