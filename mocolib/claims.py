"""Measures on recorded curves, and verdicts that code draws from them.

A claim becomes a few effects, one number a seed each, with a sign that the claim
predicts. An effect holds when its 95 % bootstrap interval over seeds lies on the
predicted side of zero. All hold: `reproduced`; some: `partly`; none: `not at this
scale`. Nothing here knows the outcome beforehand.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mocolib import sweep
from mocolib.runs import Run

SMOOTH = 9  # kNN readings in the running median that jitter is measured against
WINDOW = 25  # steps in the running median that spikes are measured against
SPIKE = 2.5  # times that median
LAGS = 20
FEWEST = 3  # seeds without which there is no verdict
NEAR = 4  # lags whose correlations enter the lead


# --- measures on curves ---------------------------------------------------------


def running_median(values, width: int, past_only: bool = False) -> np.ndarray:
    """Median over a window; near the ends over the part of it that exists."""
    series = pd.Series(np.asarray(values, float))
    if past_only:  # of the values before each one, itself left out
        return series.shift(1).rolling(width, min_periods=1).median().to_numpy()
    return series.rolling(width, center=True, min_periods=1).median().to_numpy()


def jitter(knn) -> float:
    """RMS distance of a dense kNN curve from its running median; in accuracy."""
    knn = np.asarray(knn, float)
    return float(np.sqrt(np.mean((knn - running_median(knn, SMOOTH)) ** 2)))


def dips(knn, sigma: float) -> int:
    """How often a curve falls more than 3 sigma below its running maximum.

    Readings below the line that follow each other are one dip.
    """
    knn = np.asarray(knn, float)
    return len(_starts(knn < np.maximum.accumulate(knn) - 3 * sigma))


def spikes(norms, factor: float = SPIKE) -> np.ndarray:
    """Indices at which a gradient norm first exceeds `factor` x its recent median."""
    norms = np.asarray(norms, float)
    high = norms > factor * running_median(norms, WINDOW, past_only=True)
    high[:WINDOW] = False  # too little past to judge by
    return _starts(high)


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
    first, last = detrended(first), detrended(last)
    n = len(first)
    return pd.Series(
        {
            lag: np.corrcoef(
                first[max(0, -lag) : n - max(0, lag)],
                last[max(0, lag) : n - max(0, -lag)],
            )[0, 1]
            for lag in range(-lags, lags + 1)
        }
    )


def lead(first, last) -> float:
    """Mean correlation at lags 1..4 minus that at -1..-4; positive: `first` leads."""
    by_lag = cross_correlation(first, last, NEAR)
    return float(by_lag.loc[1:].mean() - by_lag.loc[:-1].mean())


def lead_null(first, last, draws: int = 200, seed: int = 0) -> np.ndarray:
    """Leads after shifting one series by random offsets: what chance alone gives."""
    rng = np.random.default_rng(seed)
    n = len(first)
    offsets = rng.integers(LAGS + NEAR, n - LAGS - NEAR, draws)
    return np.array([lead(np.roll(first, offset), last) for offset in offsets])


def interval(values, seed: int = 0) -> tuple[float, float]:
    """95 % bootstrap interval of the mean over seeds; (nan, nan) of no seed."""
    values = np.asarray(values, float)
    if not len(values):
        return float("nan"), float("nan")
    picks = np.random.default_rng(seed).integers(
        len(values), size=(10_000, len(values))
    )
    low, high = np.percentile(values[picks].mean(1), [2.5, 97.5])
    return float(low), float(high)


# --- measures on runs -----------------------------------------------------------


def monitored(run: Run) -> pd.DataFrame:
    """The steps with a kNN reading, warmup left out."""
    steps = run.steps
    return steps[steps["knn"].notna() & (steps["step"] > run.recipe.warmup_steps)]


def first_layer(run: Run) -> str:
    """The first layer that is trained: the projection, or the block behind it."""
    fixed = run.recipe.patch_projection == "fixed"
    return "blocks.0.qkv" if fixed else "patch_projection"


def gradients(run: Run, layer: str) -> np.ndarray:
    """Gradient infinity norms of a layer after the warmup."""
    steps = run.steps
    return steps.loc[
        steps["step"] > run.recipe.warmup_steps, f"grad_inf/{layer}"
    ].to_numpy()


def summary(runs: list[Run]) -> pd.DataFrame:
    """A row a run: its settings, final accuracies, jitter and spikes."""
    return pd.DataFrame(
        [
            {
                **vars(run.recipe),
                "id": run.id,
                "outcome": run.end["outcome"],
                "knn": run.end["knn"],
                "linear_probe": run.end["linear_probe"],
                "loss": run.end["loss"],
                "jitter": jitter(monitored(run)["knn"]),
                "spikes": len(spikes(gradients(run, first_layer(run)))),
            }
            for run in runs
        ]
    )


# --- effects and verdicts -------------------------------------------------------


@dataclass(frozen=True)
class Effect:
    """One measured difference, a value a seed; the claim predicts a positive one."""

    name: str
    values: tuple
    unit: str = ""

    @property
    def mean(self) -> float:
        return float(np.mean(self.values)) if self.values else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        return interval(self.values)

    @property
    def holds(self) -> bool:
        return self.interval[0] > 0

    def __str__(self):
        low, high = self.interval
        return f"{self.name}: {self.mean:+.3g} [{low:+.3g}, {high:+.3g}]{self.unit}"


@dataclass(frozen=True)
class Verdict:
    """A claim, what was measured for it, and what follows."""

    id: str
    claim: str
    effects: tuple
    runs: int

    @property
    def word(self) -> str:
        fewest = min((len(e.values) for e in self.effects), default=0)
        if fewest < FEWEST:
            return "too few runs"
        held = sum(effect.holds for effect in self.effects)
        if held == len(self.effects):
            return "reproduced"
        return "partly" if held else "not at this scale"

    def as_dict(self) -> dict:
        effects = [
            {
                "name": e.name,
                "mean": round(e.mean, 6),
                "interval": [round(x, 6) for x in e.interval],
                "seeds": len(e.values),
                "holds": e.holds,
            }
            for e in self.effects
        ]
        return {
            "id": self.id,
            "claim": self.claim,
            "verdict": self.word,
            "runs": self.runs,
            "effects": effects,
        }


CLAIMS: dict[str, Callable] = {}


def claim(id: str, text: str, sweep_name: str):
    """Register a function that turns a sweep's recorded runs into effects."""

    def register(function):
        def judge(runs: list[Run] | None = None) -> Verdict:
            runs = sweep.recorded(sweep_name) if runs is None else runs
            effects = tuple(function(runs)) if runs else ()
            return Verdict(id, text, effects, len(runs))

        CLAIMS[id] = judge
        return function

    return register


def ledger() -> list[Verdict]:
    """Every claim's verdict from the public runs."""
    return [judge() for judge in CLAIMS.values()]


def by_seed(table: pd.DataFrame, column: str, **where) -> pd.Series:
    """A measure of the runs with the given settings, indexed by seed."""
    for name, value in where.items():
        table = table[table[name] == value]
    return table.set_index("seed")[column].sort_index()


def difference(name: str, more: pd.Series, less: pd.Series, unit: str = "") -> Effect:
    """more - less over the seeds that both have, paired."""
    values = (more - less).dropna()
    return Effect(name, tuple(values), unit)


@claim("C4", "AdamW: jitter grows with the rate, accuracy rises and then falls", "lr")
def _rate(runs):
    table = summary(runs)
    table = table[table["patch_projection"] == "learned"]
    rates = sorted(table["base_lr"].unique())
    means = table.groupby("base_lr")["linear_probe"].mean()
    best = means.idxmax()
    accuracy = {r: by_seed(table, "linear_probe", base_lr=r) for r in rates}
    shaking = {r: by_seed(table, "jitter", base_lr=r) for r in rates}
    return [
        difference(
            "jitter, largest against smallest rate",
            shaking[rates[-1]],
            shaking[rates[0]],
        ),
        difference(
            "linear probe, best against smallest rate",
            accuracy[best],
            accuracy[rates[0]],
        ),
        difference(
            "linear probe, best against largest rate",
            accuracy[best],
            accuracy[rates[-1]],
        ),
    ]


@claim(
    "C7",
    "A fixed random patch projection: less jitter, accuracy no worse, "
    "more gain at larger rates",
    "lr",
)
def _freeze(runs):
    table = summary(runs)
    rates = sorted(table["base_lr"].unique())
    kinds = {k: table[table["patch_projection"] == k] for k in ("learned", "fixed")}

    def gain(rate):
        fixed = by_seed(kinds["fixed"], "linear_probe", base_lr=rate)
        return fixed - by_seed(kinds["learned"], "linear_probe", base_lr=rate)

    calmer = [
        by_seed(kinds["learned"], "jitter", base_lr=r)
        - by_seed(kinds["fixed"], "jitter", base_lr=r)
        for r in rates[-2:]
    ]
    large = [gain(r) for r in rates[-2:]]
    return [
        Effect("jitter, learned minus fixed, at the two largest rates", _mean(calmer)),
        Effect(
            "linear probe, fixed minus learned, at the two largest rates", _mean(large)
        ),
        difference(
            "gain at the largest rate against the smallest", large[-1], gain(rates[0])
        ),
    ]


def _mean(parts: list[pd.Series]) -> tuple:
    return tuple(pd.concat(parts, axis=1).dropna().mean(axis=1))
