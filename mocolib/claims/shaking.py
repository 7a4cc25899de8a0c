"""The headline claims: what shakes, with what, and what calms (C1 to C9, C23)."""

import pandas as pd

from mocolib.analysis.measures import (
    fall_after_spikes,
    has_collapsed,
    lead_score,
    missed_depth,
    trained_layers,
)
from mocolib.claims.contrasts import (
    POINT,
    at,
    best,
    by_seed,
    chosen,
    frontier,
    grid,
)
from mocolib.claims.register import claim
from mocolib.claims.verdicts import difference, effect
from mocolib.runs import Run
from mocolib.sweep import design
from mocolib.sweep.design import BATCH_RATE, LARGE, LARGEST, LOST, MINI, SMALL, only

SHAKY = MINI.shaky


def _count(runs: list[Run]) -> pd.Series:
    """Made-good dips and lasting falls a run, by seed."""
    return at(runs, "dips") + at(runs, "lasting_falls")


def _collapsed(runs: list[Run]) -> pd.Series:
    """The runs that have collapsed, in percent, by seed."""
    return 100 * by_seed(runs, has_collapsed)


# --- the batch --------------------------------------------------------------------


@claim("C1", "batches", small=SMALL, large=LARGE, largest=LARGEST)
def _batch(runs):
    def of(size):
        return chosen(runs, batch_size=size, base_lr=BATCH_RATE)

    def apart(measure, first, second):
        return measure(of(first)), measure(of(second))

    def probe(part):
        return at(part, "linear_probe")

    return {
        "dip": difference(*apart(lambda part: at(part, "dip_depth"), LARGE, SMALL)),
        "accuracy": difference(*apart(probe, SMALL, LARGE)),
        "collapse": difference(*apart(_collapsed, LARGEST, LARGE), "percent_of_runs"),
    }


@claim("C1b", "batches", small=SMALL, large=LARGE)
def _the_rate(runs):
    def dip(size: int, of_size: int) -> pd.Series:
        """At a batch, at the rate that another batch has."""
        rate = BATCH_RATE * of_size / size
        return at(runs, "dip_depth", batch_size=size, base_lr=rate)

    return {
        "rate": difference(dip(LARGE, LARGE), dip(LARGE, SMALL)),
        "small": difference(dip(SMALL, LARGE), dip(SMALL, SMALL)),
    }


# --- the monitor ------------------------------------------------------------------


@claim("C2", "rates", shaking=SHAKY, calm=MINI.calm)
def _monitor(runs):
    def missed(rate):
        return POINT * by_seed(only(runs, base_lr=rate), missed_depth)

    learned = only(runs, "base_lr")
    return {
        "fall": difference(missed(SHAKY), missed(MINI.calm)),
        "loss": difference(
            _apart(learned, "linear_probe"),
            _apart(learned, "final_loss"),
            "seed_sds",
        ),
    }


def _apart(runs, column: str) -> pd.Series:
    """How far the rates lie apart, in standard deviations between seeds."""
    table = grid(runs, column, "base_lr").dropna()  # a seed needs all rates
    if table.empty:
        return pd.Series(dtype=float)
    return (table.max(axis=1) - table.min(axis=1)) / table.var().mean() ** 0.5


# --- the rate and the optimizer ---------------------------------------------------


@claim("C4", "rates", elsewhere=("cifar10_lr",), steps=MINI.plain.steps)
def rate(runs):
    rates = design.of(runs)
    learned = chosen(runs, patch_projection="learned")

    def of(rate):
        return chosen(learned, base_lr=rate)

    def apart(measure, first, second):
        return difference(measure(of(first)), measure(of(second)))

    def probe(part):
        return at(part, "linear_probe")

    table = grid(learned, "linear_probe", "base_lr")
    top = best(table)
    ends = (table.iloc[:, 0], table.iloc[:, -1]) if len(table) else (top, top)
    return {
        "dip": apart(lambda part: at(part, "dip_depth"), rates.shaky, rates.calm),
        "accuracy": apart(probe, rates.calm, rates.shaky),
        "left": difference(top, ends[0]),
        "right": difference(top, ends[1]),
    }


@claim("C5", "lamb", "lr")
def _lamb(lamb, adamw):
    rates = design.of(adamw)
    part = chosen(adamw, patch_projection="learned")
    adamw = [r for r in part if r.recipe.base_lr <= rates.shaky]

    def growth(runs, column) -> pd.Series:
        table = grid(runs, column, "base_lr")
        if table.shape[1] < 2:
            return pd.Series(dtype=float)
        return table.iloc[:, -1] - table.iloc[:, 0]

    def loss(runs) -> pd.Series:
        table = grid(runs, "linear_probe", "base_lr")
        return best(table) - table.iloc[:, -1] if len(table) else pd.Series(dtype=float)

    return {
        "jitter": difference(growth(adamw, "jitter"), growth(lamb, "jitter")),
        "fall": difference(growth(adamw, "deepest_fall"), growth(lamb, "deepest_fall")),
        "cost": difference(loss(lamb), loss(adamw)),
    }


# --- the first layer --------------------------------------------------------------


@claim("C6", "rates", elsewhere=("cifar10_gradients",))
def _first_layer_first(runs):
    rates = design.of(runs)

    def last(run):
        return [trained_layers(run)[-1]]

    def block(run):
        return [name for name in trained_layers(run) if name.startswith("blocks.1.")]

    def lead(over, rate, projection="learned"):
        part = chosen(runs, patch_projection=projection, base_lr=rate)
        return effect(by_seed(part, lambda run: _lead(run, over(run))), "chance_sds")

    shaking = chosen(runs, patch_projection="learned", base_lr=rates.shaking)
    return {
        "lead": lead(last, rates.shaking),
        "block": lead(block, rates.shaking),
        "calm": lead(last, rates.calm),
        "next": lead(last, rates.shaking, "fixed"),
        "fall": effect(POINT * by_seed(shaking, fall_after_spikes)),
    }


def _lead(run: Run, layers: list) -> float:
    """The mean lead of the first trained layer over some; nan of none."""
    scores = [lead_score(run, layer) for layer in layers]
    return sum(scores) / len(scores) if scores else float("nan")


@claim("C7", "rates", elsewhere=("cifar10_lr",), lost=f"{LOST:g}")
def freeze(runs):
    rates = design.of(runs)

    def both(measure):
        """Learned and fixed at the shaking rates."""
        kinds = ("learned", "fixed")
        return [
            measure(chosen(runs, patch_projection=kind, base_lr=rates.shaking))
            for kind in kinds
        ]

    def tables(measure):
        kinds = ("learned", "fixed")
        found = (chosen(runs, patch_projection=kind) for kind in kinds)
        return [measure(grid(part, "linear_probe", "base_lr")) for part in found]

    accuracy = both(lambda part: at(part, "linear_probe"))
    return {
        "accuracy": difference(*reversed(accuracy)),
        "fall": difference(*both(lambda part: at(part, "fall_depth"))),
        "price": difference(*tables(best)),
        "frontier": difference(*reversed(tables(frontier)), unit="doublings"),
    }


@claim("C9", "rates", elsewhere=("cifar10_lr",))
def _only_alleviates(runs):
    rates, fixed = design.of(runs), chosen(runs, patch_projection="fixed")

    def apart(measure, first, second, unit="points"):
        parts = (chosen(fixed, base_lr=rate) for rate in (first, second))
        return difference(*map(measure, parts), unit)

    least, most = rates.shaking[0], rates.hopeless
    return {
        "accuracy": apart(lambda part: at(part, "linear_probe"), least, most),
        "collapse": apart(_collapsed, most, least, "percent_of_runs"),
    }


# --- weight decay -----------------------------------------------------------------


@claim("C23", "headline", shaking=SHAKY, decay=MINI.plain.weight_decay)
def _decay(runs):
    decayed, free = only(runs), only(runs, weight_decay=0.0)
    return {
        "fall": difference(at(decayed, "fall_depth"), at(free, "fall_depth")),
        "count": difference(_count(decayed), _count(free), "dips"),
        "accuracy": difference(at(free, "linear_probe"), at(decayed, "linear_probe")),
    }
