"""Causes by spike: what still happens when one thing is changed just before it.

    counterfactuals(run, 130, data)     # a table of the spike that begins at step 130
    judged(tables.read("causes"))       # the same for the replays that were recorded

Everything else, batches and views included, stays as it was (see `replay`).
"""

import math

import numpy as np
import pandas as pd

from mocolib import runs
from mocolib.analysis.measures import (
    AFTER,
    SPIKE,
    WINDOW,
    first_layer,
    log_ratio,
    spike_steps,
)
from mocolib.data import Dataset
from mocolib.optim import OPTIMIZERS
from mocolib.runs import Run
from mocolib.runs.replay import replay
from mocolib.sweep.design import REMEDIES

BEFORE = 10  # steps from a restart to its spike
OTHER_IMAGES = "other_images"
FIXED = "projection_fixed"
HALF = "half_the_rate"
CLIPPED = "projection_clipped"
MEMORY = "beta2_95"
ELSEWHERE = 1000  # from a run's seed to one that no recorded run has
LAST = "projector.0"  # the layer that stands for the last ones, as in figure 4


def standard_changes(run: Run) -> dict:
    """The changes of the table of causes, by name; those that change nothing left out.

    OTHER_IMAGES is the placebo: the same state goes on with other batches and views, so
    it tells how often a spike comes there by chance. MEMORY is the prediction of
    2304.13013; HALF the rate, the plain remedy. The clipping allows the projection's
    gradient its median norm, so it cuts any spike.
    """
    recipe = run.recipe
    wanted = {OTHER_IMAGES: {"seed": recipe.seed + ELSEWHERE}}
    wanted[HALF] = {"base_lr": recipe.base_lr / 2}
    if OPTIMIZERS[recipe.optimizer].adam:
        wanted[MEMORY] = REMEDIES[MEMORY]
    if recipe.backbone == "vit" and recipe.patch_projection == "learned":
        norms = run.steps["grad_l2/patch_projection"][recipe.warmup_steps :]
        wanted[CLIPPED] = {"patch_projection_clip": float(norms.median())}
        wanted[FIXED] = REMEDIES[FIXED]
    return {"nothing": {}} | {
        name: change
        for name, change in wanted.items()
        if any(getattr(recipe, k) != v for k, v in change.items())
    }


def counterfactuals(
    run: Run, spike: int, data: Dataset, changes=None, before=BEFORE, after=AFTER
) -> pd.DataFrame:
    """`responses` to each change, made `before` steps ahead of the spike."""
    replayed = curves(run, spike, data, changes, before, after)
    table = responses(run, replayed)
    table.attrs.update(replayed.attrs)
    return table


def curves(
    run: Run, spike: int, data: Dataset, changes=None, before=BEFORE, after=AFTER
) -> pd.DataFrame:
    """Step by step what each change makes of the spike that begins at `spike`.

    Rows of run, seed, spike, change, step, loss, knn, first, last: the two gradient
    norms are those of the first trained layer and of LAST. Replays start `before`
    steps ahead and end `after` steps from the spike on. The table's
    attrs["departures"] holds sentences where the record was not met.
    """
    start, end = max(0, spike - before), min(spike + after - 1, run.recipe.steps)
    parts, departures, first = [], [], first_layer(run)
    for name, change in (changes or standard_changes(run)).items():
        again = replay(run, start, data, until=end, **change)
        rows = [
            {
                "step": step.index,
                "loss": step.loss,
                "knn": step.knn,
                "first": step.grad_inf[first],
                "last": step.grad_inf[LAST],
            }
            for step in again
        ]
        place = {"run": run.id, "seed": run.recipe.seed, "spike": spike, "change": name}
        parts.append(pd.DataFrame(rows).assign(**place))
        departures += [again.departure] if again.departure else []
    table = pd.concat(parts, ignore_index=True).astype({"knn": float})
    table.attrs["departures"] = sorted(set(departures))
    return table


def responses(run: Run, replayed: pd.DataFrame) -> pd.DataFrame:
    """A row a spike and change, from `curves`:

    peak_first, peak_last  largest gradient in the steps from the spike on, in times
                           its running median; `comes`: the first above SPIKE
    loss_rise              largest loss there less the median of the steps before
    fall                   last kNN reading before the restart less the mean of those
                           from the spike on, in accuracy; negative: it rose
    """
    recorded, rows = run.steps, []
    for (spike, change), steps in replayed.groupby(["spike", "change"], sort=False):
        past = recorded[recorded["step"] < steps["step"].iloc[0]]
        row = {"run": run.id, "seed": run.recipe.seed, "spike": spike, "change": change}
        rows.append(row | _response(run, past, steps, spike))
    return pd.DataFrame(rows)


def judged(replayed: pd.DataFrame) -> pd.DataFrame:
    """`responses` for `curves` of several public runs, in their order."""
    parts = [
        responses(runs.at(id, runs.public_root()), replayed[replayed["run"] == id])
        for id in replayed["run"].unique()
    ]
    return pd.concat(parts, ignore_index=True)


def _response(run: Run, past: pd.DataFrame, steps: pd.DataFrame, spike: int) -> dict:
    """What came of the spike; `past` is recorded, `steps` are replayed."""
    names = {f"grad_inf/{first_layer(run)}": "first", f"grad_inf/{LAST}": "last"}
    before = past[past["step"] > run.recipe.warmup_steps].rename(columns=names)
    both = pd.concat(
        [before[["step", "first", "last"]], steps[["step", "first", "last"]]]
    )
    behind = (both["step"] >= spike).to_numpy()
    first, last = (
        float(np.exp2(np.nanmax(log_ratio(both[layer])[behind])))
        for layer in ("first", "last")
    )
    seen, readings = steps[steps["step"] >= spike], past["knn"].dropna()
    return {
        "peak_first": first,
        "peak_last": last,
        "comes": first > SPIKE,
        "loss_rise": seen["loss"].max() - past["loss"].tail(WINDOW).median(),
        "fall": (readings.iloc[-1] if len(readings) else math.nan)
        - seen["knn"].astype(float).mean(),
    }


def clearest(judged: pd.DataFrame, change: str = FIXED) -> int:
    """The number of the spike that a change removes most visibly, counted from 1.

    Of the spikes that come unchanged and do not come with the change, the one of whose
    peak the least is left; 1 where there is none.
    """
    places, values = ["run", "spike"], ["comes", "peak_first"]
    table = judged.pivot(index=places, columns="change", values=values)
    table = table.loc[
        list(dict.fromkeys(zip(judged["run"], judged["spike"], strict=True)))
    ]
    comes, peak = table["comes"].astype(bool), table["peak_first"].astype(float)
    removed = comes["nothing"] & ~comes[change]
    cut = (peak["nothing"] / peak[change]).where(removed, 0.0)
    return 1 + int(cut.to_numpy().argmax())


def chance(run: Run) -> float:
    """In what share of all windows of AFTER steps a first-layer spike begins.

    If a change did nothing but lead a run elsewhere, about so many spikes would "come".
    """
    begins = set(spike_steps(run))
    first = run.recipe.warmup_steps + WINDOW + 1
    starts = range(first, run.recipe.steps - AFTER + 2)
    hits = [bool(begins & set(range(start, start + AFTER))) for start in starts]
    return sum(hits) / max(1, len(hits))


def lone_spikes(run: Run, apart: int = BEFORE) -> list[int]:
    """The first-layer spikes that stand alone, `apart` steps behind another or more.

    By default a restart's distance: nearer ones would have the restart within the
    disturbance.
    """
    steps = [int(s) for s in spike_steps(run)]
    return [s for i, s in enumerate(steps) if i == 0 or s - steps[i - 1] >= apart]
