"""Measures on recorded curves: jitter, dips, spikes, leads.

Each takes plain arrays, so that it can be tested on curves whose truth is planted;
the second half reads the arrays out of runs. Accuracies are shares, 0 to 1.
"""

import functools
import math

import numpy as np
import pandas as pd

from mocolib.data import CATALOGUE
from mocolib.errors import BadInput
from mocolib.frameworks import FRAMEWORKS
from mocolib.runs import Run

SMOOTH = 9  # kNN readings in the running median that jitter is measured against
WINDOW = 25  # steps in the running median that spikes are measured against
SPIKE = 2.5  # times that median
LAGS = 20
NEAR = 4  # lags whose correlations enter the lead
AFTER = 20  # steps behind a spike in which a dip is looked for
AHEAD = 8  # steps before a spike in which 2304.13013 has the under-estimate


# --- on curves --------------------------------------------------------------------


def running_median(values, width: int, past_only: bool = False) -> np.ndarray:
    """Median over a window; near the ends over the part of it that exists."""
    series = pd.Series(np.asarray(values, float))
    if past_only:  # of the values before each one, itself left out
        return series.shift(1).rolling(width, min_periods=1).median().to_numpy()
    return series.rolling(width, center=True, min_periods=1).median().to_numpy()


def jitter(knn) -> float:
    """RMS distance of a dense kNN curve from its running median; in accuracy."""
    knn = np.asarray(knn, float)
    if not len(knn):  # diverged before the warmup was over
        return float("nan")
    return float(np.sqrt(np.mean((knn - running_median(knn, SMOOTH)) ** 2)))


def noise(knn) -> float:
    """A curve's noise from one reading to the next; overlooks dips, unlike `jitter`."""
    change = np.abs(np.diff(np.asarray(knn, float)))
    # the median change of normal noise is .6745 x sqrt(2) of its standard deviation
    return float(np.median(change) / 0.954) if len(change) else float("nan")


def reading_noise(first, second) -> float:
    """The noise of a reading on all test images, from readings on two halves of them.

    first, second: accuracies on disjoint halves, step by step. What the halves share is
    the network, what differs is the images, so half their difference, less its slow
    part, is as large as the error of their mean.
    """
    apart = (np.asarray(first, float) - np.asarray(second, float)) / 2
    return jitter(apart)


def dips(knn, sigma: float) -> np.ndarray:
    """Indices at which a curve falls more than 3 sigma below its running maximum.

    Readings below that line that follow each other are one dip.
    """
    knn = np.asarray(knn, float)
    return _starts(knn < np.maximum.accumulate(knn) - 3 * sigma)


def deepest_fall(knn) -> float:
    """The deepest a curve falls below its running maximum, in its own unit.

    Both ends of it are real readings, so a curve that only rises has 0;
    one without readings has nan.
    """
    if not len(knn):
        return float("nan")
    top, low = ends_of_fall(knn)
    knn = np.asarray(knn, float)
    return float(knn[top] - knn[low])


def ends_of_fall(knn) -> tuple[int, int]:
    """Where the deepest fall begins, at the highest reading before it, and ends."""
    knn = np.asarray(knn, float)
    low = int(np.argmax(np.maximum.accumulate(knn) - knn))
    return int(np.argmax(knn[: low + 1])), low


def spikes(norms, factor: float = SPIKE) -> np.ndarray:
    """Indices at which a gradient norm first exceeds `factor` x its recent median."""
    high = np.nan_to_num(log_ratio(norms)) > math.log2(factor)
    high[:WINDOW] = False  # too little past to judge by
    return _starts(high)


def loss_spikes(loss) -> np.ndarray:
    """Indices at which a loss first lies 3 x its noise above its recent median."""
    above = np.asarray(loss, float) - running_median(loss, WINDOW, past_only=True)
    high = np.nan_to_num(above) > 3 * noise(loss)
    high[:WINDOW] = False  # too little past to judge by
    return _starts(high)


def log_ratio(norms) -> np.ndarray:
    """log2 of a norm over its recent median; nan where it has no past."""
    norms = np.maximum(np.asarray(norms, float), 1e-30)
    return np.log2(norms / running_median(norms, WINDOW, past_only=True))


def _starts(flags) -> np.ndarray:
    """Where runs of True begin."""
    flags = np.asarray(flags, bool)
    return np.flatnonzero(flags & ~np.concatenate([[False], flags[:-1]]))


def detrended(norms) -> np.ndarray:
    """Log norms without their slow part."""
    logs = np.log(np.maximum(np.asarray(norms, float), 1e-30))
    return logs - running_median(logs, WINDOW)


def cross_correlation(first, last, lags: int = LAGS) -> pd.Series:
    """Correlation of detrended log norms by lag; at a positive lag `first` leads."""
    lags = range(-lags, lags + 1)
    first, last = detrended(first), detrended(last)
    return pd.Series({lag: float(correlation(first, last, lag)) for lag in lags})


def correlation(first, last, lag: int) -> np.ndarray:
    """first [..., n] with last [n] `lag` steps later: [...]"""
    n = first.shape[-1]
    early = first[..., max(0, -lag) : n - max(0, lag)]
    late = last[max(0, lag) : n - max(0, -lag)]
    early = early - first.mean(-1, keepdims=True)
    product = (early * (late - last.mean())).mean(-1)
    return product / (first.std(-1) * last.std())


def lead(first, last) -> float:
    """Mean correlation at lags 1..4 minus that at -1..-4; positive: `first` leads."""
    return float(asymmetry(detrended(first), detrended(last)))


def asymmetry(first, last) -> np.ndarray:
    """Mean correlation of first [..., n] and last [n], lags 1..4 less -1..-4: [...]"""
    lags = range(1, NEAR + 1)
    ahead = sum(correlation(first, last, lag) for lag in lags)
    return (ahead - sum(correlation(first, last, -lag) for lag in lags)) / NEAR


def lead_null(first, last, draws: int = 200, seed: int = 0) -> np.ndarray:
    """Leads after shifting one series by random offsets: what chance alone gives."""
    return asymmetry(shifted(first, draws, seed), detrended(last))


def correlation_null(first, last, draws: int = 200, seed: int = 0) -> pd.DataFrame:
    """`cross_correlation` after such shifts: a row a draw, a column a lag."""
    rolled, last = shifted(first, draws, seed), detrended(last)
    lags = range(-LAGS, LAGS + 1)
    return pd.DataFrame({lag: correlation(rolled, last, lag) for lag in lags})


def shifted(norms, draws: int, seed: int) -> np.ndarray:
    """Detrended norms, rolled by random offsets far from none: [draws, n]."""
    series, n = detrended(norms), len(norms)
    rng = np.random.default_rng(seed)
    offsets = rng.integers(LAGS + NEAR, n - LAGS - NEAR, draws)
    return np.stack([np.roll(series, k) for k in offsets])


def falls(steps, knn, after: int = AFTER) -> pd.Series:
    """By step: the last reading before it minus the mean of those in the next ones.

    steps, knn: the readings. A reading comes after its own step's update, so the
    one at a step already shows what that step did. Steps without a reading before
    them, or too close to the end, are left out.
    """
    steps, knn = np.asarray(steps), np.asarray(knn, float)
    if not len(steps):
        return pd.Series(dtype=float)
    total = np.concatenate([[0], np.cumsum(knn)])
    moments = np.arange(steps[0] + 1, steps[-1] - after + 2)
    first = np.searchsorted(steps, moments)
    end = np.searchsorted(steps, moments + after)
    mean = (total[end] - total[first]) / (end - first)
    return pd.Series(knn[first - 1] - mean, index=moments)


# --- on runs ----------------------------------------------------------------------


def monitored(run: Run) -> pd.DataFrame:
    """The steps with a kNN reading, warmup left out."""
    steps = run.steps
    return steps[steps["knn"].notna() & (steps["step"] > run.recipe.warmup_steps)]


def once_an_epoch(run: Run) -> pd.DataFrame:
    """Of `monitored`, the first reading at or after each epoch's end."""
    return thinned(run, 1)


def thinned(run: Run, readings: int) -> pd.DataFrame:
    """What a monitor sees that is read `readings` times an epoch, evenly spread.

    Of `monitored` the first reading at or after each such moment; all of them where
    more are asked for than there are.
    """
    dense = monitored(run)
    part = readings * dense["samples"] // _epoch(run)
    return dense[(part > 0) & ~part.duplicated()]


def _epoch(run: Run) -> int:
    """Training images of a run; of an older record the catalogue knows them."""
    name = run.recipe.dataset
    if "images" in run.provenance:
        return run.provenance["images"]
    if name in CATALOGUE:
        return CATALOGUE[name].images
    raise BadInput(
        f"dataset is {name!r}, but its epoch must be known: {', '.join(CATALOGUE)}."
    )


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
    """Gradient infinity norms of a layer after the warmup."""
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


def fall_after_spikes(run: Run) -> float:
    """Mean fall of kNN behind a spike, less that behind any moment; nan of no spike."""
    seen = monitored(run)
    fall = falls(seen["step"], seen["knn"])
    behind = fall[fall.index.isin(spike_steps(run))]
    return float(behind.mean() - fall.mean()) if len(behind) else float("nan")


def lead_score(run: Run, layer: str) -> float:
    """How far the first layer's lead over `layer` lies from chance, in its SDs."""
    first, last = gradients(run, first_layer(run)), gradients(run, layer)
    null = lead_null(first, last)
    return float((lead(first, last) - null.mean()) / null.std())


def closing_loss(run: Run) -> float:
    """Mean loss over the last tenth of the steps."""
    return float(run.steps["loss"].tail(max(1, run.recipe.steps // 10)).mean())


def final_loss(run: Run) -> float:
    """The closing loss as a share of what chance gives, in MoCo v3 4 tau ln N."""
    return closing_loss(run) / FRAMEWORKS[run.recipe.framework].chance_loss(run.recipe)


def summary(runs: list[Run]) -> pd.DataFrame:
    """A row a run: its settings, final accuracies, jitter, deepest fall and spikes."""
    return pd.DataFrame([_row(run, run.written) for run in runs])


@functools.lru_cache(maxsize=4096)
def _row(run: Run, written: tuple) -> dict:
    """A run's row; `written` tells a run from the one that it has replaced."""
    knn = monitored(run)["knn"]
    return {
        **vars(run.recipe),
        "id": run.id,
        "outcome": run.end["outcome"],
        **{k: _number(run.end[k]) for k in ("knn", "linear_probe", "loss")},
        "jitter": jitter(knn),
        "deepest_fall": deepest_fall(knn),
        "spikes": len(spike_steps(run)),
        "final_loss": final_loss(run),
    }


def _number(value) -> float:
    return float("nan") if value is None else value  # None: diverged
