"""The headline claims: what shakes, with what, and what freezing does (C1 to C9)."""

import pandas as pd

from mocolib.analysis.measures import (
    dips,
    fall_after_spikes,
    lead_score,
    monitored,
    once_an_epoch,
    trained_layers,
)
from mocolib.claims.contrasts import (
    POINT,
    at,
    best,
    by_seed,
    calm_noise,
    chosen,
    grid,
)
from mocolib.claims.register import claim
from mocolib.claims.verdicts import difference, effect
from mocolib.sweep import design
from mocolib.sweep.design import LARGE, SHORT, SMALL

# --- the batch --------------------------------------------------------------------


@claim("C1", "batch", "batch_steps", small=SMALL, large=LARGE, steps=SHORT.plain.steps)
def _batch(images, steps):
    def apart(column, runs=images, first=LARGE, second=SMALL):
        return at(runs, column, batch_size=first), at(runs, column, batch_size=second)

    return {
        "fall": difference(*apart("deepest_fall")),
        "jitter": difference(*apart("jitter")),
        "accuracy": difference(*apart("linear_probe", first=SMALL, second=LARGE)),
        "steps": difference(*apart("deepest_fall", steps)),
    }


@claim("C1b", "batch_fixed_rate", "batch", small=SMALL, large=LARGE)
def _the_rate(runs, batch):
    rates = design.of(batch)

    def fall(size: int, of_size: int) -> pd.Series:
        """At a batch, at the rate that another batch has in the sweep `batch`."""
        rate = rates.shaky * of_size / size
        return at(runs, "deepest_fall", batch_size=size, base_lr=rate)

    growth = fall(LARGE, LARGE) - fall(SMALL, SMALL)
    taken = fall(LARGE, LARGE) - fall(LARGE, SMALL)
    grew = _batch(batch, [])["fall"].holds
    return {
        "rate": difference(taken, growth / 2, void="" if grew else "no_growth"),
        "small": difference(fall(SMALL, LARGE), fall(SMALL, SMALL)),
    }


# --- the monitor ------------------------------------------------------------------


@claim("C2", "lr")
def _monitor(runs):
    learned = chosen(runs, patch_projection="learned")
    shaking = chosen(learned, base_lr=design.of(runs).shaking)
    sigma = calm_noise(learned)

    def count(seen):
        return lambda run: len(dips(seen(run)["knn"], sigma))

    return {
        "dips": difference(
            by_seed(shaking, count(monitored)),
            by_seed(shaking, count(once_an_epoch)),
            "dips",
        ),
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


@claim("C4", "lr", elsewhere=("cifar10_lr",), steps=SHORT.plain.steps)
def rate(runs):
    rates = design.of(runs)
    runs = chosen(runs, patch_projection="learned")

    def apart(column):
        ends = (rates.shaky, rates.smallest)
        return [at(runs, column, base_lr=rate) for rate in ends]

    accuracy = grid(runs, "linear_probe", "base_lr")
    smallest = at(runs, "linear_probe", base_lr=rates.smallest)
    return {
        "fall": difference(*apart("deepest_fall")),
        "jitter": difference(*apart("jitter")),
        "arch": difference(best(accuracy), smallest),
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


@claim("C6", "lr", elsewhere=("cifar10_gradients",))
def _first_layer_first(runs):
    part = chosen(runs, patch_projection="learned", base_lr=design.of(runs).shaking)
    return {
        "lead": effect(
            by_seed(part, lambda run: lead_score(run, "projector.0")),
            "chance_sds",
        ),
        "last": effect(
            by_seed(part, lambda run: lead_score(run, trained_layers(run)[-1])),
            "chance_sds",
        ),
        "fall": effect(POINT * by_seed(part, fall_after_spikes)),
    }


@claim("C7", "lr", elsewhere=("cifar10_lr",))
def freeze(runs):
    rates = design.of(runs)

    def both(column, rate):
        kinds = ("learned", "fixed")
        return [at(runs, column, patch_projection=k, base_lr=rate) for k in kinds]

    def gain(rate) -> pd.Series:
        learned, fixed = both("linear_probe", rate)
        return fixed - learned

    return {
        "fall": difference(*both("deepest_fall", rates.shaking)),
        "jitter": difference(*both("jitter", rates.shaking)),
        "accuracy": difference(*reversed(both("linear_probe", rates.shaking))),
        "calm": difference(*reversed(both("linear_probe", rates.calm))),
        "grows": difference(gain(rates.shaking), gain(rates.calm)),
    }


@claim("C9", "lr", elsewhere=("cifar10_lr",))
def _only_alleviates(runs):
    rates, fixed = design.of(runs), chosen(runs, patch_projection="fixed")

    def apart(column):
        return [at(fixed, column, base_lr=r) for r in (rates.hopeless, rates.calm)]

    return {
        "fall": difference(*apart("deepest_fall")),
        "jitter": difference(*apart("jitter")),
        "spikes": difference(*apart("spikes"), unit="spikes"),
    }
