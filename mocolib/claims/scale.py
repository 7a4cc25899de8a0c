"""Does it carry: the critical rate over width, depth, batch and tokens (C22).

A run of the sweep `ramp` is a rate range test (arXiv 1506.01186, section 3.3): its rate
rises from step to step, and the critical rate is that at which accuracy breaks. A plane
through log2 of it, fitted where one size varies, is asked for the corners where two or
three do, and for the paper's ViT-B.
"""

import numpy as np
import pandas as pd

from mocolib import cost, schedules, sweep
from mocolib.analysis.alike import check_groups
from mocolib.analysis.measures import readings
from mocolib.claims.contrasts import POINT, once
from mocolib.claims.register import claim
from mocolib.claims.verdicts import difference, effect
from mocolib.recipe import Recipe
from mocolib.runs import Run
from mocolib.sweep.design import BROKEN, RAMP, VIT_B

READINGS = 5  # whose median is a level
SIZES = {  # what a plane is over, by its name
    "width": lambda recipe: recipe.width,
    "depth": lambda recipe: recipe.depth,
    "batch": lambda recipe: recipe.batch_size,
    "tokens": cost.patches,
}
FIELDS = ("width", "heads", "depth", "batch_size", "base_lr", "patch_size")
GOOD, TOO_MUCH = VIT_B  # of the paper, at batch 4096


@claim("C22", "ramp", good=GOOD.lr, too_much=TOO_MUCH.lr)
def _carries(runs):
    logs = np.log2(critical(runs))
    planes, corners = fitted(logs), logs[[at for at in logs if is_corner(at)]]
    foretold = pd.DataFrame({at: height(planes, at) for at in corners})
    plain = corners.sub(logs[sizes(RAMP)], axis=0)
    missed = [gap.abs().mean(axis=1) for gap in (plain, corners - foretold)]
    far = height(planes, sizes(GOOD))
    return {
        "corners": difference(*missed, unit="doublings"),
        **{name: effect(-planes[name], unit="doublings") for name in SIZES},
        "above": effect(far - np.log2(GOOD.lr), unit="doublings"),
        "below": effect(np.log2(TOO_MUCH.lr) - far, unit="doublings"),
    }


def sizes(recipe: Recipe) -> tuple:
    """Width, blocks, batch and tokens of a recipe."""
    return tuple(size(recipe) for size in SIZES.values())


def changed(at: tuple) -> dict:
    """What of some sizes is other than the plain run's, by name."""
    pairs = zip(SIZES, at, sizes(RAMP), strict=True)
    return {name: size for name, size, plain in pairs if size != plain}


def is_corner(at: tuple) -> bool:
    """Whether more than one size is changed."""
    return len(changed(at)) > 1


def levels(run: Run) -> pd.Series:
    """By step the median of the last `READINGS` of kNN, as a share."""
    seen = readings(run).set_index("step")["knn"]
    return seen.rolling(READINGS).median()


def broken(run: Run) -> tuple:
    """Where a run whose rate rises has broken: (step of its best level, step, points).

    There a level lies `BROKEN` points of kNN below the best so far; () where none does.
    """
    level = levels(run)
    lost = (POINT * (level.cummax() - level)).round(6)  # readings are whole images
    below = lost.index[lost >= BROKEN]
    if not len(below):
        return ()
    step = int(below[0])
    return int(level.loc[:step].idxmax()), step, float(lost[step])


def critical_rate(run: Run) -> float:
    """The rate at which it has broken; where it has not, that of its last step."""
    found = broken(run)
    return schedules.rate(run.recipe, (found[1] if found else len(run.steps)) - 1)


def critical(runs: list[Run]) -> pd.DataFrame:
    """Critical rates: a row a seed that has all of `ramp`, a column its `sizes`."""
    kept, table = once(runs), {}
    check_groups(kept, *FIELDS)
    for run in kept:
        table.setdefault(sizes(run.recipe), {})[run.recipe.seed] = critical_rate(run)
    asked = [sizes(recipe) for recipe in sweep.unseeded("ramp")]
    columns = pd.MultiIndex.from_tuples(asked, names=list(SIZES))
    return pd.DataFrame(table, columns=columns, dtype=float).sort_index().dropna()


def fitted(logs: pd.DataFrame) -> pd.DataFrame:
    """A plane a seed through log2 of critical rates, by least squares.

    Columns: `constant`, the height at the plain run's sizes, and a slope for each
    size's doubling. The corners are left out.
    """
    inside = [at for at in logs if not is_corner(at)]
    places = np.array([[1, *_doublings(at)] for at in inside])
    found = np.linalg.lstsq(places, logs[inside].to_numpy().T, rcond=None)[0]
    return pd.DataFrame(found.T, index=logs.index, columns=["constant", *SIZES])


def height(planes: pd.DataFrame, at: tuple) -> pd.Series:
    """By seed, log2 of the critical rate that its plane has at some sizes."""
    return planes @ np.array([1, *_doublings(at)])


def _doublings(at: tuple) -> np.ndarray:
    """From the plain run's sizes to others, in doublings."""
    return np.log2(at) - np.log2(sizes(RAMP))
