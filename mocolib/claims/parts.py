"""Claims on the parts of the method, taken one at a time (C8, C10, C12, C13)."""

from functools import partial

import numpy as np
import pandas as pd

from mocolib.analysis.measures import falls, jitter, monitored
from mocolib.claims.contrasts import (
    POINT,
    at,
    by_seed,
    chosen,
    means,
    remedied,
)
from mocolib.claims.register import claim
from mocolib.claims.verdicts import difference, effect
from mocolib.runs import Run
from mocolib.sweep.rates import rates_of

FREE = 0.5  # points: the margin within which something counts as costing nothing

# C13: the method, and what is changed of it, one at a time
WHOLE = {
    "position": "sincos",
    "pool": "class_token",
    "head_norm": "batch",
    "predictor": True,
    "momentum": 0.99,
}
CHANGED = {
    "no predictor": {"predictor": False},
    "no BatchNorm in the heads": {"head_norm": "none"},
    "positions learned": {"position": "learned"},
    "no positions": {"position": "none"},
    "average after the norm": {"pool": "average"},
    "average without it": {"pool": "average_without_norm"},
    "m = 0": {"momentum": 0.0},
    "m = .9": {"momentum": 0.9},
    "m = .999": {"momentum": 0.999},
}


# --- the random projection --------------------------------------------------------


@claim(
    "C8",
    "A random projection is free",
    "Where a token has room for the whole patch, a fixed projection costs half a point "
    "at most",
    "width",
)
def _complete(runs):
    inside = runs[0].recipe.patch_size ** 2  # numbers in a grey patch

    def probe(width, kind, start="xavier"):
        place = dict(width=width, patch_projection=kind, patch_projection_start=start)
        return at(runs, "linear_probe", **place)

    def cost(width) -> pd.Series:
        return probe(width, "learned") - probe(width, "fixed")

    under, over = inside // 3, 2 * inside
    return {
        "free": effect(
            f"linear probe, fixed minus learned plus half a point, width {inside}",
            FREE - cost(inside),
            levels=_levels(probe(inside, "fixed"), probe(inside, "learned")),
        ),
        "wide": effect(
            f"linear probe, fixed minus learned plus half a point, width {over}",
            FREE - cost(over),
        ),
        "narrow": difference(
            f"cost of a fixed projection, width {under} minus {inside}",
            cost(under),
            cost(inside),
        ),
        "condition": difference(
            f"linear probe, fixed, orthogonal minus random, width {inside}",
            probe(inside, "fixed", "orthogonal"),
            probe(inside, "fixed"),
        ),
    }


def _levels(*series) -> tuple:
    return tuple(float(one.mean()) for one in series)


# --- the temperature --------------------------------------------------------------


@claim(
    "C10",
    "A step of the temperature makes a dip",
    "An abrupt step of the temperature makes a dip at the change",
    "temperature",
)
def _temperature(runs):
    changed = chosen(runs, temperature_schedule="step")
    if not changed:
        return {}
    start = changed[0].recipe.temperature
    constant = chosen(runs, temperature_schedule="constant", temperature=start)
    learned, warmed = (
        chosen(runs, temperature_schedule=kind) for kind in ("learned", "warmup")
    )
    return {
        **_at_the_step(runs, changed[0].recipe.temperature_step, start),
        "learned": difference(
            "jitter, learned temperature minus constant",
            means(learned, "jitter"),
            means(constant, "jitter"),
        ),
        "warmup": difference(
            "linear probe, temperature warmed up minus constant",
            means(warmed, "linear_probe"),
            means(constant, "linear_probe"),
        ),
    }


def _at_the_step(runs, step: int, start: float) -> dict:
    fall, behind = (partial(measure, step=step) for measure in (_fall, _jitter_behind))

    def by(measure, schedule) -> pd.Series:
        # the constant at the other end is not what the changes are held against
        part = chosen(runs, temperature_schedule=schedule, temperature=start)
        return by_seed(part, measure)

    return {
        "fall": difference(
            "fall of kNN behind the step, stepped minus constant",
            by(fall, "step"),
            by(fall, "constant"),
        ),
        "jitter": difference(
            "jitter after the step, stepped minus constant",
            by(behind, "step"),
            by(behind, "constant"),
        ),
        "ramp": difference(
            "fall of kNN behind the step, stepped minus ramped",
            by(fall, "step"),
            by(fall, "ramp"),
        ),
    }


def _fall(run, step: int) -> float:
    """How far kNN falls behind a step, in points."""
    seen = monitored(run)
    return POINT * falls(seen["step"], seen["knn"]).get(step + 1, np.nan)


def _jitter_behind(run, step: int) -> float:
    """Jitter of the readings after a step, in points."""
    seen = monitored(run)
    return POINT * jitter(seen.loc[seen["step"] > step, "knn"])


# --- short of freezing ------------------------------------------------------------


@claim(
    "C12",
    "Short of freezing, clipping does not help",
    "Clipping the projection's gradient helps only where it nearly freezes it",
    "remedies",
    "clip",
)
def _short_of_freezing(runs, clip):
    rates, runs = rates_of(runs), [*runs, *clip]

    def fall(remedy):
        part = remedied(runs, remedy, base_lr=rates.shaky)
        return means(part, "deepest_fall")

    def price(remedy):
        part = remedied(runs, remedy, base_lr=rates.calm)
        return means(part, "linear_probe")

    light, hard = "projection clipped at 1e-3", "projection clipped at 1e-8"
    effects = {
        "clip": difference(
            "deepest fall, clipped at 1e-3 minus clipped at 1e-8",
            fall(light),
            fall(hard),
        )
    }
    short = {
        "light": light,
        "slow": "projection slow (rate × .2)",
        "batch": "BatchNorm on the projection",
        "weight": "weight norm on the projection",
        "all": "whole gradient clipped at .1",
    }
    for key, remedy in short.items():
        effects[key] = difference(
            f"deepest fall, nothing minus {remedy}", fall("nothing"), fall(remedy)
        )
    for key, remedy in short.items():
        effects[f"{key} price"] = effect(
            f"linear probe at the calm rate, {remedy} minus nothing plus half a point",
            price(remedy) - price("nothing") + FREE,
        )
    return effects


# --- what each part is worth ------------------------------------------------------


@claim(
    "C13",
    "The predictor is worth accuracy",
    "Without the prediction head accuracy is lower",
    "ablations",
)
def _ablations(runs):
    whole = _probe(runs, {})
    return {
        words: difference(
            f"linear probe, the whole minus {words}", whole, _probe(runs, changed)
        )
        for words, changed in CHANGED.items()
    }


def _probe(runs: list[Run], changed: dict) -> pd.Series:
    """Linear probe by seed, in points, with this of the whole changed."""
    return at(runs, "linear_probe", **{**WHOLE, **changed})


def ablation_table(runs: list[Run]) -> pd.DataFrame:
    """A row an ablation and seed: linear probe minus the whole's, in points."""
    whole = _probe(runs, {})
    rows = [
        (words, seed, value)
        for words, changed in CHANGED.items()
        for seed, value in (_probe(runs, changed) - whole).dropna().items()
    ]
    return pd.DataFrame(rows, columns=["part", "seed", "points"])
