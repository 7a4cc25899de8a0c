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
from mocolib.claims.verdicts import HOLDS, difference, effect
from mocolib.sweep.rates import rates_of

SMALL, LARGE = 64, 512  # the calm batch, and the largest one that still learns


# --- the batch --------------------------------------------------------------------


@claim(
    "C1",
    "A larger batch shakes",
    "With the rate in proportion to the batch, the deepest fall grows with the batch",
    "batch",
    "batch_steps",
)
def _batch(images, steps):
    def apart(column, runs=images, first=LARGE, second=SMALL):
        return at(runs, column, batch_size=first), at(runs, column, batch_size=second)

    name = f"batch {LARGE} minus {SMALL}"
    return {
        "fall": difference(f"deepest fall, {name}", *apart("deepest_fall")),
        "jitter": difference(f"jitter, {name}", *apart("jitter")),
        "accuracy": difference(
            f"linear probe, batch {SMALL} minus {LARGE}",
            *apart("linear_probe", first=SMALL, second=LARGE),
        ),
        "steps": difference(
            f"deepest fall at equal steps, {name}", *apart("deepest_fall", steps)
        ),
    }


@claim(
    "C1b",
    "It is the rate, not the batch",
    "At the batch that shakes, the small batch's rate takes most of the growth away",
    "batch_fixed_rate",
    "batch",
)
def _the_rate(runs, batch):
    rates = rates_of(batch)

    def fall(size: int, of_size: int) -> pd.Series:
        """At a batch, at the rate that another batch has in the sweep `batch`."""
        rate = rates.shaky * of_size / size
        return at(runs, "deepest_fall", batch_size=size, base_lr=rate)

    growth = fall(LARGE, LARGE) - fall(SMALL, SMALL)
    taken = fall(LARGE, LARGE) - fall(LARGE, SMALL)
    return {
        "rate": difference(
            "deepest fall: taken away by the small batch's rate, minus half the growth "
            "with the batch",
            taken,
            growth / 2,
            void=_batch(batch, [])["fall"].outcome != HOLDS,
        ),
        "small": difference(
            f"deepest fall of batch {SMALL}, large batch's rate minus its own",
            fall(SMALL, LARGE),
            fall(SMALL, SMALL),
        ),
    }


# --- the monitor ------------------------------------------------------------------


@claim(
    "C2",
    "A rare reading misses the dips",
    "A monitor read once an epoch misses dips that the dense one sees",
    "lr",
)
def _monitor(runs):
    learned = chosen(runs, patch_projection="learned")
    shaking = chosen(learned, base_lr=rates_of(runs).shaking)
    sigma = calm_noise(learned)

    def count(seen):
        return lambda run: len(dips(seen(run)["knn"], sigma))

    return {
        "dips": difference(
            "dips a run at the shaking rates, dense monitor minus once an epoch",
            by_seed(shaking, count(monitored)),
            by_seed(shaking, count(once_an_epoch)),
            "dips",
        ),
        "loss": difference(
            "rates apart, linear probe minus loss at the end",
            _apart(learned, "linear_probe"),
            _apart(learned, "final_loss"),
            "seed SDs",
        ),
    }


def _apart(runs, column: str) -> pd.Series:
    """How far the rates lie apart, in standard deviations between seeds."""
    table = grid(runs, column, "base_lr").dropna()  # a seed needs all rates
    if table.empty:
        return pd.Series(dtype=float)
    return (table.max(axis=1) - table.min(axis=1)) / table.var().mean() ** 0.5


# --- the rate and the optimizer ---------------------------------------------------


@claim(
    "C4",
    "AdamW shakes at large rates",
    "With AdamW the deepest fall grows with the rate",
    "lr",
    elsewhere=("cifar10_lr",),
)
def rate(runs):
    rates = rates_of(runs)
    runs = chosen(runs, patch_projection="learned")

    def apart(column):
        ends = (rates.shaky, rates.smallest)
        return [at(runs, column, base_lr=rate) for rate in ends]

    name = "a shaking rate minus the smallest"
    accuracy = grid(runs, "linear_probe", "base_lr")
    smallest = at(runs, "linear_probe", base_lr=rates.smallest)
    return {
        "fall": difference(f"deepest fall, {name}", *apart("deepest_fall")),
        "jitter": difference(f"jitter, {name}", *apart("jitter")),
        "arch": difference(
            "linear probe, best rate minus the smallest", best(accuracy), smallest
        ),
    }


@claim(
    "C5",
    "LAMB stays calmer",
    "Over its rates, LAMB's jitter grows less than AdamW's",
    "lamb",
    "lr",
)
def _lamb(lamb, adamw):
    rates = rates_of(adamw)
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
        "jitter": difference(
            "growth of jitter over the rates, AdamW minus LAMB",
            growth(adamw, "jitter"),
            growth(lamb, "jitter"),
        ),
        "fall": difference(
            "growth of the deepest fall over the rates, AdamW minus LAMB",
            growth(adamw, "deepest_fall"),
            growth(lamb, "deepest_fall"),
        ),
        "cost": difference(
            "linear probe lost from the best rate to the largest, LAMB minus AdamW",
            loss(lamb),
            loss(adamw),
        ),
    }


# --- the first layer --------------------------------------------------------------


@claim(
    "C6",
    "The first layer spikes first",
    "At the shaking rates the first layer's gradient leads the projector's",
    "lr",
    elsewhere=("cifar10_gradients",),
)
def _first_layer_first(runs):
    part = chosen(runs, patch_projection="learned", base_lr=rates_of(runs).shaking)
    return {
        "lead": effect(
            "lead over the projector",
            by_seed(part, lambda run: lead_score(run, "projector.0")),
            "SDs of chance",
        ),
        "last": effect(
            "lead over the last layer",
            by_seed(part, lambda run: lead_score(run, trained_layers(run)[-1])),
            "SDs of chance",
        ),
        "fall": effect(
            "fall of kNN after a spike, against any moment",
            POINT * by_seed(part, fall_after_spikes),
        ),
    }


@claim(
    "C7",
    "A fixed projection calms",
    "With the projection fixed the deepest fall is smaller at the shaking rates",
    "lr",
    elsewhere=("cifar10_lr",),
)
def freeze(runs):
    rates = rates_of(runs)

    def both(column, rate):
        kinds = ("learned", "fixed")
        return [at(runs, column, patch_projection=k, base_lr=rate) for k in kinds]

    def gain(rate) -> pd.Series:
        learned, fixed = both("linear_probe", rate)
        return fixed - learned

    at_shaking = "at the shaking rates, learned minus fixed"
    return {
        "fall": difference(
            f"deepest fall {at_shaking}", *both("deepest_fall", rates.shaking)
        ),
        "jitter": difference(f"jitter {at_shaking}", *both("jitter", rates.shaking)),
        "accuracy": difference(
            "linear probe at the shaking rates, fixed minus learned",
            *reversed(both("linear_probe", rates.shaking)),
        ),
        "calm": difference(
            "linear probe at the calm rate, fixed minus learned",
            *reversed(both("linear_probe", rates.calm)),
        ),
        "grows": difference(
            "gain of linear probe, shaking rates minus the calm one",
            gain(rates.shaking),
            gain(rates.calm),
        ),
    }


@claim(
    "C9",
    "Freezing only alleviates",
    "At a still larger rate the fixed projection shakes as well",
    "lr",
    elsewhere=("cifar10_lr",),
)
def _only_alleviates(runs):
    rates, fixed = rates_of(runs), chosen(runs, patch_projection="fixed")

    def apart(column):
        return [at(fixed, column, base_lr=r) for r in (rates.hopeless, rates.calm)]

    name = "a still larger rate minus the calm one"
    return {
        "fall": difference(f"deepest fall, fixed, {name}", *apart("deepest_fall")),
        "jitter": difference(f"jitter, fixed, {name}", *apart("jitter")),
        "spikes": difference(
            f"spikes a run, fixed, {name}", *apart("spikes"), unit="spikes"
        ),
    }
