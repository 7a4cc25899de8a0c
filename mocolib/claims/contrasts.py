"""From runs to contrasts: tables of seeds by settings, and differences in them.

Everything is paired: a run is compared with the runs of its own seed, which saw the
same images in the same views. Accuracies and what is measured on them come in points.
"""

import numpy as np
import pandas as pd

from mocolib.analysis.alike import check_groups
from mocolib.analysis.measures import jitter, monitored, summary
from mocolib.claims.verdicts import Effect, difference
from mocolib.runs import Run
from mocolib.sweep import fits
from mocolib.sweep.design import LOST

IN_POINTS = {"knn", "linear_probe", "jitter", "deepest_fall", "fall_depth", "dip_depth"}
POINT = 100  # points of accuracy in the whole


def chosen(runs: list[Run], **where) -> list[Run]:
    """The runs with these settings; a tuple allows any of its values."""
    return [run for run in runs if fits(run.recipe, where)]


def grid(runs: list[Run], column: str, by: str, **where) -> pd.DataFrame:
    """A measure with a row a seed and a column a setting, ascending."""
    part = once(chosen(runs, **where))
    if not part:
        return pd.DataFrame()
    check_groups(part, by)
    return _scaled(summary(part).pivot(index="seed", columns=by, values=column), column)


def at(runs: list[Run], column: str, **where) -> pd.Series:
    """A measure by seed, the mean over the runs of each with the given settings."""
    return means(chosen(runs, **where), column)


def once(runs: list[Run]) -> list[Run]:
    """Each recipe's run once: a copy is no second run, and no second seed."""
    return list({run.recipe: run for run in reversed(runs)}.values())[::-1]


def whole(runs: list[Run]) -> list[Run]:
    """The runs, each recipe's once, of the seeds that have all the settings there are.

    A seed that lacks some waits: its mean would be of other settings than the rest's.
    """
    runs, settings = once(runs), {}
    for run in runs:
        alike = run.recipe.replace(seed=0)
        settings.setdefault(run.recipe.seed, set()).add(alike)
    every = set().union(*settings.values())
    return [run for run in runs if settings[run.recipe.seed] == every]


def means(runs: list[Run], column: str) -> pd.Series:
    """A column of `measures.summary` by seed, the mean over each seed's runs.

    Accuracies and what is measured on them come in points. A seed that lacks some of
    the settings waits; one with a run that diverged has nan.
    """
    kept = whole(runs)
    if not kept:
        return pd.Series(dtype=float)
    groups = summary(kept).groupby("seed")[column]
    return _scaled(groups.agg(lambda values: values.mean(skipna=False)), column)


def by_seed(runs: list[Run], measure) -> pd.Series:
    """The mean of a measure over each seed's runs; nan where none has one.

    A seed that lacks some of the settings waits until they are there.
    """
    kept = whole(runs)
    if not kept:
        return pd.Series(dtype=float)
    rows = pd.DataFrame([(run.recipe.seed, measure(run)) for run in kept])
    return rows.groupby(0)[1].mean()


def between(measure, first: list[Run], second: list[Run], unit="points") -> Effect:
    """The difference of two lists of runs in a column of the summary or a function."""
    by = measure if callable(measure) else lambda runs: at(runs, measure)
    return difference(by(first), by(second), unit)


def _scaled(values, column: str):
    return values * POINT if column in IN_POINTS else values


def best(table: pd.DataFrame) -> pd.Series:
    """A seed's accuracy at the setting that is best on the other seeds.

    Chosen on the seed itself, the best would beat its neighbours by luck alone.
    """
    picks = _best_of_others(table).items()
    return pd.Series({seed: table.loc[seed, pick] for seed, pick in picks}, dtype=float)


def _best_of_others(table: pd.DataFrame) -> dict:
    """By seed, the setting with the best mean over the other seeds; {} of one seed."""
    if len(table) < 2:
        return {}
    return {seed: table.drop(index=seed).mean().idxmax() for seed in table.index}


def frontier(table: pd.DataFrame) -> pd.Series:
    """By seed, log2 of the rate above the best one at which `LOST` points are lost.

    table: accuracies in points, a row a seed and a column a rate, ascending. The best
    rate is that of the other seeds; between two rates the accuracy goes on a line over
    the logarithm. The largest rate where none loses as much.
    """
    tops = _best_of_others(table).items()
    return pd.Series({s: _crossing(table.loc[s, top:]) for s, top in tops}, dtype=float)


def room(table: pd.DataFrame) -> pd.Series:
    """By seed, the doublings from the best rate to the `frontier`."""
    tops = pd.Series(_best_of_others(table), dtype=float)
    return frontier(table) - np.log2(tops)


def at_frontier(values: pd.DataFrame, table: pd.DataFrame) -> pd.Series:
    """By seed, what a measure is at the `frontier` of a table of accuracies.

    values: the measure, rows and columns as in `table`; between two rates it goes on a
    line over the logarithm.
    """
    logs = np.log2(table.columns.to_numpy(float))
    found = {
        seed: np.interp(at, logs, values.loc[seed, table.columns])
        for seed, at in frontier(table).items()
    }
    return pd.Series(found, dtype=float)


def _crossing(row: pd.Series) -> float:
    """log2 of where accuracies by rate have first lost `LOST` points of their first."""
    logs, lost = np.log2(row.index.to_numpy(float)), row.iloc[0] - row.to_numpy()
    beyond = np.flatnonzero(lost > LOST)
    if not len(beyond):
        return float(logs[-1])
    at = beyond[0]
    return float(np.interp(LOST, lost[at - 1 : at + 1], logs[at - 1 : at + 1]))


def calm_noise(runs: list[Run]) -> float:
    """Jitter of the calm runs, those at the smallest rate; dips are judged by it."""
    calmest = min((run.recipe.lr for run in runs), default=None)
    calm = [run for run in runs if run.recipe.lr == calmest]
    return by_seed(calm, lambda run: jitter(monitored(run)["knn"])).mean()
