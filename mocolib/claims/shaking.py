"""The headline claims: what shakes, with what, and what freezing does (C1 to C9)."""

import math

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
    arch,
    by_seed,
    calm_noise,
    chosen,
    grid,
    growth,
    two_largest_rates,
)
from mocolib.claims.verdicts import claim, effect

USABLE = 0.02  # accuracy below the best at which a rate still counts as usable


# --- the batch --------------------------------------------------------------------


@claim(
    "C1",
    "With the rate in proportion to the batch, jitter grows with the batch and "
    "accuracy peaks in between",
    "batch",
)
def _batch(runs):
    shaking = grid(runs, "jitter", "batch_size")
    return [
        effect("jitter, largest against smallest batch", growth(shaking)),
        *arch(grid(runs, "linear_probe", "batch_size"), "batch"),
    ]


@claim(
    "C1b-rate",
    "It is the rate: jitter grows less with the batch where all batches have one rate",
    "batch",
    "batch_fixed_rate",
)
def _the_rate(scaled, fixed):
    scaled = grid(scaled, "jitter", "batch_size")
    fixed = grid(fixed, "jitter", "batch_size")
    return [
        effect(
            "growth of jitter, rate in proportion minus one rate",
            growth(scaled) - growth(fixed),
        ),
        # the two parts of that difference
        effect(
            "jitter at the largest batch, larger minus smaller rate",
            scaled.iloc[:, -1] - fixed.iloc[:, -1],
        ),
        effect(
            "jitter at the smallest batch, larger minus smaller rate",
            fixed.iloc[:, 0] - scaled.iloc[:, 0],
        ),
    ]


@claim(
    "C1b-batch",
    "It is the batch: jitter grows with the batch at one rate too",
    "batch_fixed_rate",
)
def _the_batch(runs):
    shaking = grid(runs, "jitter", "batch_size")
    return [effect("jitter, largest against smallest batch", growth(shaking))]


@claim(
    "C2",
    "A monitor read once per epoch hides the dips; final losses look alike while "
    "accuracies differ",
    "batch",
    "lr",
)
def _monitor(batch, rate):
    rate = chosen(rate, patch_projection="learned")
    return [
        effect(
            "dips a run, dense monitor minus once an epoch, batches", _hidden(batch)
        ),
        effect("dips a run, dense monitor minus once an epoch, rates", _hidden(rate)),
        effect(
            "settings apart, in seed SDs, linear probe minus loss, batches",
            _apart(batch, "linear_probe", "batch_size")
            - _apart(batch, "final_loss", "batch_size"),
        ),
        effect(
            "settings apart, in seed SDs, linear probe minus loss, rates",
            _apart(rate, "linear_probe", "base_lr")
            - _apart(rate, "final_loss", "base_lr"),
        ),
    ]


def _hidden(runs) -> pd.Series:
    """Dips that the dense monitor sees and the one read once per epoch does not."""
    sigma = calm_noise(runs)

    def missed(run):
        dense, thin = monitored(run)["knn"], once_an_epoch(run)["knn"]
        return len(dips(dense, sigma)) - len(dips(thin, sigma))

    return by_seed(runs, missed)


def _apart(runs, column, by) -> pd.Series:
    """How far the settings lie apart, in standard deviations between seeds."""
    table = grid(runs, column, by).dropna()  # a seed needs all settings
    return (table.max(axis=1) - table.min(axis=1)) / table.var().mean() ** 0.5


# --- the rate and the optimizer ---------------------------------------------------


@claim("C4", "AdamW: jitter grows with the rate, accuracy rises and then falls", "lr")
def _rate(runs):
    runs = chosen(runs, patch_projection="learned")
    shaking = grid(runs, "jitter", "base_lr")
    return [
        effect("jitter, largest against smallest rate", growth(shaking)),
        *arch(grid(runs, "linear_probe", "base_lr"), "rate"),
    ]


@claim(
    "C5",
    "LAMB: larger rates usable than with AdamW, jitter grows less, accuracy falls "
    "past the best rate",
    "lamb",
    "lr",
)
def _lamb(lamb, adamw):
    adamw = chosen(adamw, patch_projection="learned")
    accuracy = grid(lamb, "linear_probe", "base_lr")
    usable = _usable(accuracy) - _usable(grid(adamw, "linear_probe", "base_lr"))
    calmer = growth(grid(adamw, "jitter", "base_lr")) - growth(
        grid(lamb, "jitter", "base_lr")
    )
    return [
        effect("largest usable base rate, LAMB over AdamW, in decades", usable),
        effect("growth of jitter over the rates, AdamW minus LAMB", calmer),
        arch(accuracy, "rate")[1],
    ]


def _usable(accuracy: pd.DataFrame) -> pd.Series:
    """log10 of the largest rate whose accuracy is near the seed's best."""
    accuracy = accuracy.dropna()  # a seed needs all rates
    near = accuracy.ge(accuracy.max(axis=1) - USABLE, axis=0)
    rates = pd.Series(accuracy.columns, accuracy.columns).map(math.log10)
    return near.mul(rates, axis=1).where(near).max(axis=1)


# --- the first layer --------------------------------------------------------------


@claim(
    "C6",
    "Gradient spikes come first in the first layer and later in the last; a spike "
    "precedes a dip",
    "gradients",
    "lr",
)
def _first_layer_first(light, full):
    effects = []
    for runs, views in ((light, "light views"), (full, "full views")):
        runs = two_largest_rates(chosen(runs, patch_projection="learned"))
        heads = by_seed(runs, lambda run: lead_score(run, "projector.0"))
        last = by_seed(runs, lambda run: lead_score(run, trained_layers(run)[-1]))
        fall = by_seed(runs, fall_after_spikes)
        effects += [
            effect(f"lead over the projector, in SDs of chance, {views}", heads),
            effect(f"lead over the last layer, in SDs of chance, {views}", last),
            effect(f"fall of kNN after a spike, against any moment, {views}", fall),
        ]
    return effects


@claim(
    "C7",
    "A fixed random patch projection: less jitter, accuracy no worse, "
    "more gain at larger rates",
    "lr",
)
def _freeze(runs):
    shaking, accuracy = (
        {
            kind: grid(runs, column, "base_lr", patch_projection=kind)
            for kind in ("learned", "fixed")
        }
        for column in ("jitter", "linear_probe")
    )
    calmer = shaking["learned"] - shaking["fixed"]
    gain = accuracy["fixed"] - accuracy["learned"]
    return [
        effect(
            "jitter, learned minus fixed, at the two largest rates",
            calmer.iloc[:, -2:].mean(axis=1, skipna=False),
        ),
        effect(
            "linear probe, fixed minus learned, at the two largest rates",
            gain.iloc[:, -2:].mean(axis=1, skipna=False),
        ),
        # the paper's projection keeps the patch whole, and gains at every rate
        effect(
            "linear probe, fixed minus learned, at the smallest rate", gain.iloc[:, 0]
        ),
        effect("gain at the largest rate against the smallest", growth(gain)),
    ]


@claim(
    "C9",
    "Freezing only alleviates: at a larger rate the fixed projection shakes too",
    "lr",
    "gradients",
)
def _only_alleviates(full, light):
    full, light = (chosen(runs, patch_projection="fixed") for runs in (full, light))
    name = "largest against smallest rate"
    return [
        effect(f"jitter, {name}", growth(grid(full, "jitter", "base_lr"))),
        effect(f"spikes, {name}", growth(grid(full, "spikes", "base_lr"))),
        effect(
            f"spikes, {name}, light views", growth(grid(light, "spikes", "base_lr"))
        ),
    ]
