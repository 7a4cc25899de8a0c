"""Claims on the parts of the method, taken one at a time (C8, C10, C12, C13)."""

import math

import pandas as pd

from mocolib import cost
from mocolib.analysis.measures import fall_behind
from mocolib.claims.contrasts import POINT, at, between, by_seed, chosen, means
from mocolib.claims.register import claim
from mocolib.claims.verdicts import difference, effect
from mocolib.runs import Run
from mocolib.sweep import design
from mocolib.sweep.design import (
    BEHIND,
    BELOW,
    INSIDE,
    LOWERED,
    MINI,
    OVER,
    PARTS,
    REMEDIES,
    SHORT,
    UNDER,
    only,
)

FREE = 0.5  # points: the margin within which something counts as costing nothing
TAU = MINI.plain.temperature


# --- the random projection --------------------------------------------------------


@claim("C8", "width", under=UNDER, inside=INSIDE, over=OVER, free=FREE)
def _complete(runs):
    def probe(width, kind, start="xavier"):
        place = dict(width=width, patch_projection=kind, patch_projection_start=start)
        return at(runs, "linear_probe", **place)

    def cost(width) -> pd.Series:
        return probe(width, "learned") - probe(width, "fixed")

    fixed, learned = probe(INSIDE, "fixed"), probe(INSIDE, "learned")
    return {
        "free": effect(FREE - cost(INSIDE), levels=_levels(fixed, learned)),
        "wide": effect(FREE - cost(OVER)),
        "narrow": difference(cost(UNDER), cost(INSIDE)),
        "condition": difference(probe(INSIDE, "fixed", "orthogonal"), fixed),
    }


def _levels(*series) -> tuple:
    return tuple(float(one.mean()) for one in series)


# --- the temperature --------------------------------------------------------------


@claim(
    *("C10", "temperatures", "frontier", "temperature"),
    **dict(calm=MINI.calm, below=BELOW, start=TAU, end=LOWERED, behind=BEHIND),
    short=SHORT.plain.steps,
)
def _temperature(changed, others, short):
    """others: among them constant runs with the factor; short: runs of 400 steps."""
    runs = [*changed, *only(others, "base_lr")]
    step = max((run.recipe.temperature_step for run in changed), default=0)

    def part(kind, factor="one", tau=TAU, rate=BELOW) -> list[Run]:
        where = dict(loss_factor=factor, temperature=tau, base_lr=rate)
        return chosen(runs, temperature_schedule=kind, **where)

    def fall(runs: list[Run]) -> pd.Series:
        return by_seed(runs, lambda run: POINT * fall_behind(run, step, BEHIND))

    stepped, constant = part("step"), part("constant")
    low = part("constant", tau=LOWERED)
    calm = [part(kind, rate=MINI.calm) for kind in ("step", "constant")]
    scaled = [part(kind, "2tau") for kind in ("step", "constant")]
    return {
        "fall": between(fall, stepped, constant),
        "calm": between(fall, *calm),
        "accuracy": between("linear_probe", constant, stepped),
        "value": between("linear_probe", low, constant),
        "scaled": between(fall, *scaled),
        "factor": difference(
            fall(stepped) - fall(constant), fall(scaled[0]) - fall(scaled[1])
        ),
        "ramp": between(fall, stepped, part("ramp")),
        "alike": between("linear_probe", low, stepped),
        **_other_schedules(short),
    }


def _other_schedules(runs: list[Run]) -> dict:
    def part(kind, tau=TAU) -> list[Run]:
        return chosen(runs, temperature_schedule=kind, temperature=tau)

    constant = part("constant")
    return {
        "learned": between("jitter", part("learned"), constant),
        "warmup": between("linear_probe", part("warmup", LOWERED), constant),
    }


# --- short of freezing ------------------------------------------------------------

LIGHT, HARD = "projection_clipped_lightly", "projection_clipped_hard"
GENTLER = {
    "light": LIGHT,
    "slow": "projection_slow",
    "batch": "projection_batch_norm",
    "weight": "projection_weight_norm",
    "all": "all_clipped",
}


@claim(
    *("C12", "remedies", "clip"),
    light=REMEDIES[LIGHT]["patch_projection_clip"],
    hard=REMEDIES[HARD]["patch_projection_clip"],
    all=REMEDIES["all_clipped"]["grad_clip"],
    slow=REMEDIES["projection_slow"]["patch_projection_lr"],
    free=FREE,
)
def _short_of_freezing(runs, clip):
    rates, runs = design.of(runs), [*runs, *clip]

    def fall(remedy):
        part = only(runs, base_lr=rates.shaky, **REMEDIES[remedy])
        return means(part, "deepest_fall")

    def price(remedy):
        part = only(runs, base_lr=rates.calm, **REMEDIES[remedy])
        return means(part, "linear_probe")

    return {
        "clip": difference(fall(LIGHT), fall(HARD)),
        **{
            key: difference(fall("nothing"), fall(remedy))
            for key, remedy in GENTLER.items()
        },
        **{
            f"{key}_price": effect(price(remedy) - price("nothing") + FREE)
            for key, remedy in GENTLER.items()
        },
    }


# --- what each part is worth ------------------------------------------------------


RECIPE = SHORT.plain  # of the sweep `ablations`
NONE, QUICK, SLOW = (PARTS[f"momentum_{m}"]["momentum"] for m in (0, 9, 999))


def _halvings(momentum: float) -> int:
    """How many of its half-lives a teacher lives through."""
    return round(-RECIPE.steps * math.log2(momentum))


@claim(
    *("C13", "ablations"),
    **dict(whole=RECIPE.momentum, none=NONE, quick=QUICK, slow=SLOW),
    tokens=cost.patches(RECIPE),
    steps=RECIPE.steps,
    halvings=_halvings(RECIPE.momentum),
    halvings_quick=_halvings(QUICK),
    left=round(100 * SLOW**RECIPE.steps),  # percent of the start in the slowest
)
def _ablations(runs):
    whole = _probe(runs, {})
    return {
        part: difference(whole, _probe(runs, changed))
        for part, changed in PARTS.items()
    }


def _probe(runs: list[Run], changed: dict) -> pd.Series:
    """Linear probe by seed, in points, with this of the whole changed."""
    return means(only(runs, **changed), "linear_probe")


def ablation_table(runs: list[Run]) -> pd.DataFrame:
    """A row an ablation and seed: linear probe minus the whole's, in points."""
    whole = _probe(runs, {})
    rows = [
        (part, seed, value)
        for part, changed in PARTS.items()
        for seed, value in (_probe(runs, changed) - whole).dropna().items()
    ]
    return pd.DataFrame(rows, columns=["part", "seed", "points"])
