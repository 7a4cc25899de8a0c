"""The headline claims: what shakes, with what, and what calms (C1 to C9, C18)."""

import pandas as pd

from mocolib.analysis.measures import (
    deepest,
    fall_after_spikes,
    falls_in,
    has_collapsed,
    lead_score,
    readings,
    trained_layers,
)
from mocolib.analysis.sparse import missed_depth
from mocolib.claims.contrasts import (
    POINT,
    at,
    at_frontier,
    best,
    between,
    by_seed,
    chosen,
    frontier,
    grid,
    room,
)
from mocolib.claims.register import claim
from mocolib.claims.verdicts import difference, effect
from mocolib.runs import Run
from mocolib.sweep import design
from mocolib.sweep.design import (
    BATCH_RATE,
    LARGE,
    LARGEST,
    LOST,
    MINI,
    SMALL,
    only,
)

SHAKY = MINI.shaky


def _collapsed(runs: list[Run]) -> pd.Series:
    """The runs that have collapsed, in percent, by seed."""
    return 100 * by_seed(runs, has_collapsed)


# --- the batch --------------------------------------------------------------------


@claim("C1", "batches", small=SMALL, large=LARGE, largest=LARGEST)
def _batch(runs):
    runs = chosen(runs, base_lr=BATCH_RATE)
    small, large, largest = (
        chosen(runs, batch_size=size) for size in (SMALL, LARGE, LARGEST)
    )
    return {
        "dip": between("dip_depth", large, small),
        "accuracy": between("linear_probe", small, large),
        "collapse": between(_collapsed, largest, large, "percent_of_runs"),
    }


@claim("C1b", "batches", small=SMALL, large=LARGE)
def _the_rate(runs):
    def part(size: int, of_size: int) -> list[Run]:
        """A batch at the rate that another batch has."""
        rate = BATCH_RATE * of_size / size
        return chosen(runs, batch_size=size, base_lr=rate)

    return {
        "rate": between("dip_depth", part(LARGE, LARGE), part(LARGE, SMALL)),
        "small": between("dip_depth", part(SMALL, LARGE), part(SMALL, SMALL)),
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
            _apart(learned, "linear_probe"), _apart(learned, "final_loss"), "seed_sds"
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
    rates, learned = design.of(runs), chosen(runs, patch_projection="learned")
    shaking, calm = (
        chosen(learned, base_lr=rate) for rate in (rates.shaky, rates.calm)
    )
    table = grid(learned, "linear_probe", "base_lr")
    top = best(table)
    ends = (table.iloc[:, 0], table.iloc[:, -1]) if len(table) else (top, top)
    return {
        "dip": between("dip_depth", shaking, calm),
        "accuracy": between("linear_probe", calm, shaking),
        "left": difference(top, ends[0]),
        "right": difference(top, ends[1]),
    }


@claim("C5", "lamb_rates", "rates", lost=f"{LOST:g}")
def _lamb(lamb, adamw):
    adamw = only(adamw, "base_lr")
    probes = [grid(runs, "linear_probe", "base_lr").dropna() for runs in (adamw, lamb)]

    def there(column):
        tables = [grid(runs, column, "base_lr") for runs in (adamw, lamb)]
        return difference(*map(at_frontier, tables, probes))

    return {
        "fall": there("fall_depth"),
        "jitter": there("jitter"),
        "range": difference(*map(room, probes), "doublings"),
        "best": difference(*map(best, reversed(probes))),
    }


# --- the first layer --------------------------------------------------------------


@claim("C6", "rates", elsewhere=("cifar10_gradients",))
def _first_layer_first(runs):
    rates = design.of(runs)

    def last(run):
        return [trained_layers(run)[-1]]

    def block(which: int):
        begins = f"blocks.{which}."
        return lambda run: [n for n in trained_layers(run) if n.startswith(begins)]

    def lead(over, rate, projection="learned"):
        part = chosen(runs, patch_projection=projection, base_lr=rate)
        return effect(by_seed(part, lambda run: _lead(run, over(run))), "chance_sds")

    shaking = chosen(runs, patch_projection="learned", base_lr=rates.shaking)
    return {
        "lead": lead(last, rates.shaking),
        "block": lead(block(1), rates.shaking),
        "near": lead(block(0), rates.shaking),
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
    kinds = [chosen(runs, patch_projection=kind) for kind in ("learned", "fixed")]
    learned, fixed = (chosen(part, base_lr=design.of(runs).shaking) for part in kinds)
    tables = [grid(part, "linear_probe", "base_lr") for part in kinds]
    return {
        "accuracy": between("linear_probe", fixed, learned),
        "fall": between("fall_depth", learned, fixed),
        "price": difference(*map(best, tables)),
        "frontier": difference(*map(frontier, reversed(tables)), unit="doublings"),
        "knn": between("knn", fixed, learned),
        "warmup": between(_fall_from_the_start, learned, fixed),
    }


def _fall_from_the_start(runs: list[Run]) -> pd.Series:
    """The deepest falls, the warmup's readings not left out, by seed."""
    return POINT * by_seed(runs, lambda run: deepest(falls_in(run, readings(run))))


@claim("C9", "rates", elsewhere=("cifar10_lr",))
def _only_alleviates(runs):
    rates, fixed = design.of(runs), chosen(runs, patch_projection="fixed")
    shaking, large = (
        chosen(fixed, base_lr=rate) for rate in (rates.shaking[0], rates.hopeless)
    )
    return {
        "accuracy": between("linear_probe", shaking, large),
        "collapse": between(_collapsed, large, shaking, "percent_of_runs"),
    }


@claim("C18", "rates", "placebo", shaking=SHAKY)
def _placebo(rates, placebo):
    fixed = chosen(rates, patch_projection="fixed", base_lr=SHAKY)
    accuracy, falls, knn = (
        grid(placebo, column, "frozen").dropna()  # a seed needs all layers
        for column in ("linear_probe", "fall_depth", "knn")
    )
    return {
        "accuracy": difference(at(fixed, "linear_probe"), best(accuracy)),
        "fall": difference(-best(-falls), at(fixed, "fall_depth")),
        "knn": difference(at(fixed, "knn"), best(knn)),
    }
