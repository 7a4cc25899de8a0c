"""What remedies are worth: the map, three numbers for each, the order to try."""

import math

import pandas as pd
from IPython.display import HTML

from mocolib import sweep
from mocolib.analysis import tables
from mocolib.claims import frontier
from mocolib.claims.verdicts import effect
from mocolib.files import read_json
from mocolib.lab.page import experiment
from mocolib.runs import Run
from mocolib.sweep.design import ARMS, MINI, PLAIN, SCREENED
from mocolib.words import said, short, value


def remedies(*, id: str, **options) -> HTML:
    """The map of remedies by rates, a cell the accuracy lost; pressed, its curves.

    Lost: against an unchanged run at the calm rate, same seed.
    """
    return _map(sweep.recorded("frontier"), ARMS, MINI.calm, id=id, **options)


def screen(*, id: str, **options) -> HTML:
    """The same of the screen, against an unchanged run at the shaking rate."""
    runs = sweep.recorded("frontier_screen")
    return _map(runs, SCREENED, MINI.shaky, id=id, **options)


def _map(runs: list[Run], arms: dict, rate: float, **options) -> HTML:
    return experiment(
        runs,
        by=("arm", "base_lr"),
        map=("arm", "base_lr"),
        arms=arms,
        against={"arm": PLAIN, "base_lr": rate},
        keep=[{"arm": PLAIN}],
        charts={"knn": "kNN accuracy, %"},
        **options,
    )


def three_numbers() -> pd.DataFrame:
    """By remedy its best accuracy, frontier, sensitivity to the rate, and its time."""
    table = frontier.numbers(sweep.recorded("frontier"))
    times = read_json(tables.root() / "bench_arms.json")
    shown = {
        "best linear probe, %": table["best"].map("{:.1f}".format),
        "2 points are lost at": table["frontier"].map(short),
        "sensitivity, points": table["sensitivity"].map("{:.1f}".format),
        "time of a step": [f"× {times[arm]:.2f}" for arm in table.index],
        "seeds": table["seeds"],
    }
    return pd.DataFrame(shown).rename(index=value).rename_axis("remedy")


def in_order() -> pd.DataFrame:
    """The remedies, the first to try first, and what each does to accuracy and falls.

    A row gains points of linear probe over nothing changed, at the shaking rate and
    over all its rates, in brackets where its seeds leave the sign open; its deepest
    fall is that at the shaking rate.
    """
    runs = sweep.recorded("frontier")
    table = frontier.ranked(runs, sweep.recorded("frontier_screen"))
    rows = {**_plain(runs), **table.T.to_dict()}
    shown = {
        name: {
            "shaking rate": _signed(one["shaking"], "shaking" in one["sure"]),
            "all rates": _signed(one["over_rates"], "over_rates" in one["sure"]),
            "deepest fall": f"{one['fall']:.1f}",
            "rates × seeds": f"{one['rates']:.0f} × {one['seeds']:.0f}",
        }
        for name, one in rows.items()
    }
    return pd.DataFrame.from_dict(shown, orient="index").rename(index=value)


def _signed(points: float, sure: bool) -> str:
    """A tenth of a point with its sign, in brackets where that is not sure; a dash
    where there is none to tell.
    """
    if math.isnan(points):
        return "–"
    told = f"{points:+.1f}".replace("-", "\N{MINUS SIGN}")
    told = told[1:] if round(points, 1) == 0 else told
    return told if sure else f"({told})"


def _plain(runs: list[Run]) -> dict:
    """What all are held against, and the rate that is lower: the first thing to try."""
    probe = frontier.by_rate(runs, PLAIN)
    fall = frontier.by_rate(runs, PLAIN, MINI.fall)
    names = {PLAIN: MINI.shaky, said("a tenth of the rate"): MINI.calm}
    gains = {rate: effect(probe[rate] - probe[MINI.shaky]) for rate in names.values()}
    return {
        name: {
            "shaking": math.nan if rate == MINI.shaky else gains[rate].mean,
            "over_rates": math.nan,
            "sure": ["shaking"] if gains[rate].outcome in frontier.SURE else [],
            "rates": 1,
            "fall": fall[rate].mean(),
            "seeds": len(probe),
        }
        for name, rate in names.items()
    }
