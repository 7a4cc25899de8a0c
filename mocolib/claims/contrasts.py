"""From runs to contrasts: tables of seeds by settings, and differences in them.

Everything is paired: a run is compared with the runs of its own seed, which saw the
same images in the same views.
"""

import pandas as pd

from mocolib.analysis.measures import jitter, monitored, summary
from mocolib.claims.verdicts import Effect, effect
from mocolib.runs import Run


def grid(runs: list[Run], column: str, by: str, **where) -> pd.DataFrame:
    """A measure with a row a seed and a column a setting, ascending."""
    part = chosen(runs, **where)
    if not part:
        return pd.DataFrame()
    table = summary(part)
    return table.pivot(index="seed", columns=by, values=column)


def at(runs: list[Run], column: str, **where) -> pd.Series:
    """A measure by seed at one setting; empty while it has no run."""
    part = chosen(runs, **where)
    if not part:
        return pd.Series(dtype=float)
    return summary(part).set_index("seed")[column]


def chosen(runs: list[Run], **where) -> list[Run]:
    """The runs with the given settings."""
    return [r for r in runs if all(getattr(r.recipe, k) == v for k, v in where.items())]


def growth(table: pd.DataFrame) -> pd.Series:
    """At the largest setting minus at the smallest; empty while there is but one."""
    if table.shape[1] < 2:
        return pd.Series(dtype=float)
    return table.iloc[:, -1] - table.iloc[:, 0]


def best(table: pd.DataFrame) -> pd.Series:
    """A seed's accuracy at the setting that is best on the other seeds.

    Chosen on the seed itself, the best would beat its neighbours by luck alone.
    """
    if len(table) < 2:
        return pd.Series(dtype=float)
    picks = {seed: table.drop(index=seed).mean().idxmax() for seed in table.index}
    return pd.Series({seed: table.loc[seed, pick] for seed, pick in picks.items()})


def arch(table: pd.DataFrame, what: str) -> list[Effect]:
    """Accuracy rises to a best setting and falls behind it: two effects."""
    top = best(table)
    return [
        effect(f"linear probe, best against smallest {what}", top - table.iloc[:, 0]),
        effect(f"linear probe, best against largest {what}", top - table.iloc[:, -1]),
    ]


def two_largest_rates(runs: list[Run]) -> list[Run]:
    """Where a claim on shaking is put to the test, fixed before any outcome."""
    rates = sorted({run.recipe.base_lr for run in runs})[-2:]
    return [run for run in runs if run.recipe.base_lr in rates]


def calm_noise(runs: list[Run]) -> float:
    """Jitter of the calm runs, those at the smallest rate; dips are judged by it."""
    calmest = min((run.recipe.lr for run in runs), default=None)
    calm = [run for run in runs if run.recipe.lr == calmest]
    return by_seed(calm, lambda run: jitter(monitored(run)["knn"])).mean()


def by_seed(runs: list[Run], measure) -> pd.Series:
    """The mean of a measure over each seed's runs; nan where none has one.

    A seed that lacks some of the settings waits until they are there.
    """
    if not runs:
        return pd.Series(dtype=float)
    rows = pd.DataFrame([(r.recipe.seed, measure(r)) for r in runs]).groupby(0)[1]
    return rows.mean()[rows.size() == rows.size().max()]
