"""Measures on recorded runs: jitter, falls, spikes, leads, the loss at the end.

Each reads its arrays out of a run and hands them to a measure on plain curves. Those
stand in `curves` and `leads` and are offered here too. Accuracies are shares, 0 to 1.
"""

import functools
from collections.abc import Iterable

import numpy as np
import pandas as pd

from mocolib.analysis import baselines
from mocolib.analysis.curves import (
    AFTER,
    AHEAD,
    BURST,
    SMOOTH,
    SPIKE,
    WINDOW,
    Fall,
    bursts,
    collapsed,
    deepest_fall,
    dips,
    ends_of_fall,
    falls,
    falls_of,
    jitter,
    log_ratio,
    loss_spikes,
    noise,
    outbursts,
    reading_noise,
    running_median,
    spikes,
)
from mocolib.analysis.leads import (
    LAGS,
    NEAR,
    asymmetry,
    correlation,
    correlation_null,
    cross_correlation,
    detrended,
    lead,
    lead_null,
    shifted,
)
from mocolib.data import CATALOGUE
from mocolib.frameworks import FRAMEWORKS
from mocolib.recipe import FIELDS
from mocolib.runs import Run

NOISE = 0.2  # of a reading, times the root of the number of test images, as a share
TESTS = 10_000  # test images of the embedded data and of CIFAR


def readings(run: Run) -> pd.DataFrame:
    """The rows of the step table that have a kNN reading."""
    steps = run.steps
    return steps[steps["knn"].notna()]


def monitored(run: Run) -> pd.DataFrame:
    """The rows of the step table that have a kNN reading, the warmup's left out."""
    seen = readings(run)
    return seen[seen["step"] > run.recipe.warmup_steps]


def reading_sigma(run: Run) -> float:
    """The noise of one of its dense readings, in accuracy.

    .20 points with all 10,000 test images (the table `noise`), and larger as the root
    of their number is smaller; a run on images whose number is not known has the noise
    that its curve shows.
    """
    asked = run.recipe.knn_test_size
    if not asked and run.recipe.dataset in CATALOGUE:
        asked = TESTS
    return NOISE / asked**0.5 if asked else noise(monitored(run)["knn"])


def falls_in(run: Run, seen: pd.DataFrame | None = None) -> list[Fall]:
    """Its made-good dips and lasting falls after the warmup, by `curves.falls_of`.

    seen: the readings that a monitor sees, all of them unless `thinned` gave fewer.
    """
    seen = monitored(run) if seen is None else seen
    return falls_of(seen["step"], seen["knn"], reading_sigma(run))


def fall_depth(run: Run) -> float:
    """The depth of its deepest fall of either kind, in accuracy; 0 of none."""
    return deepest(falls_in(run))


def deepest(found: Iterable[Fall]) -> float:
    """The depth of the deepest of some falls; 0 of none."""
    return max((fall.depth for fall in found), default=0.0)


def has_collapsed(run: Run) -> bool:
    """Whether it ends with most of its gain over its untrained network lost."""
    return collapsed(monitored(run)["knn"], baselines.untrained(run.recipe)["knn"])


def fall_steps(run: Run) -> tuple[int, int]:
    """The steps of the best and of the lowest kNN reading of the deepest fall."""
    seen = monitored(run)
    top, low = (int(seen["step"].iloc[i]) for i in ends_of_fall(seen["knn"]))
    return top, low


def first_layer(run: Run) -> str:
    """The first layer that is trained: the projection, or what stands behind it."""
    if run.recipe.backbone == "vit" and run.recipe.stem == "patch":
        fixed = run.recipe.patch_projection == "fixed"
        return "blocks.0.qkv" if fixed else "patch_projection"
    return trained_layers(run)[0]


def trained_layers(run: Run) -> list[str]:
    """The layers with a gradient, first to last."""
    steps = run.steps
    names = [n for n in steps if n.startswith("grad_inf/") and steps[n].notna().any()]
    return [name.removeprefix("grad_inf/") for name in names]


def gradients(run: Run, layer: str) -> np.ndarray:
    """A layer's gradient infinity norms after the warmup, [steps - warmup_steps]."""
    steps = run.steps
    return steps.loc[
        steps["step"] > run.recipe.warmup_steps, f"grad_inf/{layer}"
    ].to_numpy()


def gradient_pairs(runs: list[Run], layer: str) -> list[tuple]:
    """Of each run the first trained layer's norms and those of `layer`."""
    return [(gradients(r, first_layer(r)), gradients(r, layer)) for r in runs]


def lag_table(runs: list[Run], layer: str) -> pd.DataFrame:
    """By lag: `mean` over the runs of the first layer's correlation with `layer`'s,

    and `low` and `high`, what 95 % of such means are within by chance. At a positive
    lag the first layer leads.
    """
    pairs = gradient_pairs(runs, layer)
    mean = sum(cross_correlation(*pair) for pair in pairs) / len(pairs)
    chance = sum(correlation_null(*pair) for pair in pairs) / len(pairs)
    low, high = chance.quantile(0.025), chance.quantile(0.975)
    return pd.DataFrame({"mean": mean, "low": low, "high": high})


def spike_steps(run: Run) -> np.ndarray:
    """The steps at which a spike begins in the first layer."""
    return spikes(gradients(run, first_layer(run))) + run.recipe.warmup_steps + 1


def loss_spike_steps(run: Run) -> np.ndarray:
    """The steps at which a spike of the loss begins."""
    loss = run.steps["loss"][run.recipe.warmup_steps :]
    return loss_spikes(loss) + run.recipe.warmup_steps + 1


def fall_behind(run: Run, step: int, after: int) -> float:
    """How far kNN falls in the steps behind one, by `curves.falls`; in accuracy."""
    seen = monitored(run)
    return float(falls(seen["step"], seen["knn"], after).get(step + 1, np.nan))


def fall_after_spikes(run: Run) -> float:
    """Mean fall of kNN behind a spike, less that behind any moment; nan of no spike."""
    seen = monitored(run)
    fall = falls(seen["step"], seen["knn"])
    behind = fall[fall.index.isin(spike_steps(run))]
    return float(behind.mean() - fall.mean()) if len(behind) else float("nan")


def lead_score(run: Run, layer: str) -> float:
    """How far the first layer's lead over `layer` is from chance, in SDs of chance."""
    first, last = gradients(run, first_layer(run)), gradients(run, layer)
    null = lead_null(first, last)
    return float((lead(first, last) - null.mean()) / null.std())


def closing_loss(run: Run) -> float:
    """Mean loss over the last tenth of the steps."""
    return float(run.steps["loss"].tail(max(1, run.recipe.steps // 10)).mean())


def final_loss(run: Run) -> float:
    """The closing loss as a share of what chance gives, in MoCo v3 4 tau ln N."""
    return closing_loss(run) / FRAMEWORKS[run.recipe.framework].chance_loss(run.recipe)


def settings(runs: list[Run]) -> list[str]:
    """The recipe fields in which runs differ, the seed left out."""
    return [
        name
        for name in FIELDS
        if name != "seed" and len({getattr(run.recipe, name) for run in runs}) > 1
    ]


def summary(runs: list[Run]) -> pd.DataFrame:
    """A row a run: its recipe's fields and id, its outcome, and what was measured.

    knn, linear_probe, jitter and the falls' depths are shares, 0 to 1, and nan of a run
    that diverged before they could be read; dips, lasting_falls and spikes are counts,
    final_loss a share of chance.
    BadInput for a run that is damaged or not finished.
    """
    return pd.DataFrame([_row(run, run.written) for run in runs])


@functools.lru_cache(maxsize=4096)
def _row(run: Run, written: tuple) -> dict:
    """A run's row; `written` tells a run from the one that it has replaced."""
    knn, found = monitored(run)["knn"], falls_in(run)
    good = [fall for fall in found if fall.made_good]
    return {
        **vars(run.recipe),
        "id": run.id,
        "outcome": run.end["outcome"],
        **{k: _number(run.end[k]) for k in ("knn", "linear_probe", "loss")},
        "jitter": jitter(knn),
        "deepest_fall": deepest_fall(knn),
        "fall_depth": deepest(found),
        "dip_depth": deepest(good),
        "dips": len(good),
        "lasting_falls": len(found) - len(good),
        "spikes": len(spike_steps(run)),
        "final_loss": final_loss(run),
    }


def _number(value) -> float:
    return float("nan") if value is None else value  # None: diverged
