"""Claims on what makes a spike, and what might prevent it (C14, C14b, C15, C16)."""

import numpy as np
import pandas as pd

from mocolib import words
from mocolib.analysis import causes
from mocolib.analysis.measures import (
    AHEAD,
    dips,
    first_layer,
    lead_score,
    loss_spike_steps,
    monitored,
    spike_steps,
)
from mocolib.claims.contrasts import (
    by_seed,
    calm_noise,
    chosen,
    means,
    remedied,
)
from mocolib.claims.register import claim
from mocolib.claims.verdicts import HOLDS, difference, effect
from mocolib.sweep.rates import RATES, rates_of


def before_events(run, column: str, events, transform=pd.Series) -> float:
    """Mean of a step measure in the AHEAD steps before events, less its typical value.

    The events' own steps are left out; nan of no event.
    """
    steps = run.steps.set_index("step")[column].astype(float)
    steps = transform(steps).loc[run.recipe.warmup_steps + 1 :]
    ahead = {s - back for s in events for back in range(1, AHEAD + 1)} - set(events)
    seen = steps[steps.index.isin(ahead)]
    return float(seen.mean() - steps.median()) if len(seen) else float("nan")


# --- C14: which of two opposite stories -------------------------------------------


@claim(
    "C14",
    "A spike follows an under-estimate",
    "A spike comes after AdamW has under-estimated the first layer's squared gradient",
    "lr",
    "table:curvature",
)
def _under_estimated(runs, curvature):
    part = chosen(runs, patch_projection="learned", base_lr=rates_of(runs).shaking)

    def before(events) -> pd.Series:
        """log2 of sqrt(mean g^2/v) of the first layer, above 0: under-estimated."""

        def misjudged(run):
            column = f"adam_rms/{first_layer(run)}"
            return before_events(run, column, events(run), np.log2)

        return by_seed(part, misjudged)

    name = "log2 of √(g²/v), less its typical value, before a spike"
    return {
        "spike": effect(name, before(spike_steps), "log2"),
        "loss": effect(f"{name} of the loss", before(loss_spike_steps), "log2"),
        **_sharpness(curvature),
    }


def _sharpness(curvature: pd.DataFrame) -> dict:
    """Where training settles, in log2 of sharpness over its limit."""
    if curvature.empty:
        return {}
    # a loss that curves down counts as flat
    ratio = np.log2(curvature["ratio"].clip(lower=1e-3))
    kinds = ratio.groupby([curvature["seed"], curvature["kind"]]).mean().unstack()
    kinds = kinds.reindex(columns=["before a spike", "calm"])
    return {
        "edge": effect(
            "sharpness within a factor of two of 38 over the rate: 1 - |log2|",
            1 - ratio.abs().groupby(curvature["seed"]).mean(),
            "log2",
        ),
        "sharp": difference(
            "log2 of sharpness over its limit, before a spike minus in calm",
            kinds["before a spike"],
            kinds["calm"],
            "log2",
        ),
    }


# --- C14b: what should help, if that story is right -------------------------------


CALMERS = {"stable": "StableAdamW", "qk": "qk-norm", "stem": "convolutional stem"}


@claim(
    "C14b",
    "A shorter memory calms",
    "At the shaking rate β₂ = .95 closes at least half of the gap that freezing closes",
    "remedies",
    "lr",
)
def _shorter_memory(runs, rates_runs):
    shaky = rates_of(runs).shaky

    def of(remedy, column="deepest_fall"):
        return means(remedied(runs, remedy, base_lr=shaky), column)

    gap = difference("the gap", of("nothing"), of("projection fixed"))
    closed, half = of("nothing") - of("β₂ = .95"), of("nothing")
    half = (half - of("projection fixed")) / 2
    effects = {
        "beta2": difference(
            "deepest fall: taken away by β₂ = .95, minus half of what freezing "
            "takes away",
            closed,
            half,
            void=gap.outcome != HOLDS,
        )
    }
    for key, remedy in CALMERS.items():
        effects[key] = difference(
            f"deepest fall, nothing minus {remedy}", of("nothing"), of(remedy)
        )
    return {
        **effects,
        "qk accuracy": difference(
            "linear probe at the shaking rate, qk-norm minus nothing",
            of("qk-norm", "linear_probe"),
            of("nothing", "linear_probe"),
        ),
        "stem lead": difference(
            "lead over the projector, patch projection minus convolutional stem",
            _leads(remedied(runs, "nothing", base_lr=shaky)),
            _leads(remedied(runs, "convolutional stem", base_lr=shaky)),
            "SDs of chance",
        ),
        "cosine": _cosine(rates_runs),
    }


def _leads(runs):
    """How far the first layer leads the projector, by seed."""
    return by_seed(runs, lambda run: lead_score(run, "projector.0"))


def _cosine(runs):
    learned = chosen(runs, patch_projection="learned")
    sigma = calm_noise(learned)

    def lower(run) -> float:
        seen = monitored(run)
        begins = seen["step"].to_numpy()[dips(seen["knn"], sigma)]
        return -before_events(run, f"cosine/{first_layer(run)}", begins)

    part = chosen(learned, base_lr=rates_of(runs).shaking)
    name = "cosine of update and minus gradient, typical minus before a dip"
    return effect(name, by_seed(part, lower), "cosine")


# --- C15: rewind ------------------------------------------------------------------


@claim(
    "C15",
    "Freezing removes a spike",
    "Fixing the projection just before a spike removes more of them than other images "
    "do",
    "table:causes",
)
def _causes(replayed):
    table = causes.judged(replayed)
    gone = 100 * (1 - table.groupby(["seed", "change"])["comes"].mean().unstack())
    others = {"fixed": causes.FIXED, "half": "half the rate"}
    others |= {"clipped": "projection clipped", "beta2": causes.MEMORY}
    return {
        key: difference(
            f"spikes that do not come, {words.value(change)} minus other images",
            gone[change],
            gone[causes.OTHER_IMAGES],
            "% of spikes",
        )
        for key, change in others.items()
    }


# --- C16: what shaking does to the first layer ------------------------------------


@claim(
    "C16",
    "Shaking narrows the first layer",
    "At the shaking rate the patch projection loses effective rank",
    "table:first_layer",
)
def _rank(table):
    shaking, calm = (
        table[table["base_lr"] == rate].sort_values("step").groupby("seed")["rank"]
        for rate in (RATES.shaky, RATES.calm)
    )
    return {
        "rank": difference(
            "effective rank at the shaking rate, start minus end",
            shaking.first(),
            shaking.last(),
            "dimensions",
        ),
        "calm": difference(
            "effective rank at the end, calm rate minus shaking rate",
            calm.last(),
            shaking.last(),
            "dimensions",
        ),
    }
