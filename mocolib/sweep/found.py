"""Which of the runs in a folder count: whole ones, each recipe once, known by it."""

import warnings
from collections import Counter

from mocolib import runs
from mocolib.errors import LeftOut
from mocolib.files import shown
from mocolib.recipe import FIELDS, Recipe
from mocolib.runs import Run

CLOSE = 50  # kinds of runs whose nearest recipe is looked for
TOLD = 3  # differences that a sentence has room for


def own(root, watched=iter) -> dict[Recipe, list[Run]]:
    """The finished runs under `root` by their recipe, the seed put to 0.

    A run is known by its recipe and not by its folder's name: of copies the one counts
    that has its id for a name. Warnings name all that are left out, copies and damaged
    ones, and say how many are not finished. `watched` passes the runs on while they
    are read.
    """
    every = runs.all_runs(root)
    finished = [run for run in every if run.finished]
    if left := len(every) - len(finished):
        sentence = f"{_are(left)} left out under {shown(root)}: not finished."
        warnings.warn(sentence, LeftOut, stacklevel=2)
    whole = runs.readable(watched(finished))
    kept: dict[Recipe, Run] = {}
    for run in sorted(whole, key=lambda run: run.id != run.recipe.id):
        first = kept.setdefault(run.recipe, run)
        if first is not run:
            warnings.warn(
                f"run {run.id} is left out: it is run {first.id} once more.",
                LeftOut,
                stacklevel=2,
            )
    found: dict[Recipe, list[Run]] = {}
    for run in sorted(kept.values(), key=lambda run: run.recipe.seed):
        found.setdefault(run.recipe.replace(seed=0), []).append(run)
    return found


def strangers(found: dict[Recipe, list[Run]], wanted: set[Recipe]) -> str:
    """A sentence on those of `own` that are none of the recipes `wanted`, seed 0 each.

    It says in what they differ from the nearest; "" where there is none.
    """
    strange = {recipe: some for recipe, some in found.items() if recipe not in wanted}
    if not strange:
        return ""
    differences: Counter = Counter()
    for recipe in list(strange)[:CLOSE]:
        differences[_difference(recipe, wanted)] += len(strange[recipe])
    told = "; ".join(words for words, _ in differences.most_common(TOLD))
    more = "; …" * (len(differences) > TOLD or len(strange) > CLOSE)
    count, total = (sum(map(len, some.values())) for some in (strange, found))
    beside = f", beside {total - count} that are" * (total > count)
    return f"{_are(count)} there, none of these sweeps' ({told}{more}){beside}."


def _are(count: int) -> str:
    return "1 run is" if count == 1 else f"{count} runs are"


def _difference(recipe: Recipe, wanted: set[Recipe]) -> str:
    """The settings in which a recipe differs from the nearest of others, in words."""
    apart = (
        [name for name in FIELDS if getattr(recipe, name) != getattr(other, name)]
        for other in wanted
    )
    return ", ".join(f"{name}={getattr(recipe, name)}" for name in min(apart, key=len))
