"""Claims on what makes a spike, and on what might prevent it (C14, C14b, C15)."""

import numpy as np
import pandas as pd

from mocolib import runs as records
from mocolib.analysis import causes
from mocolib.analysis.measures import (
    dips,
    first_layer,
    lead_score,
    loss_spike_steps,
    monitored,
    spike_steps,
)
from mocolib.claims.contrasts import (
    at,
    by_seed,
    calm_noise,
    chosen,
    grid,
    growth,
    two_largest_rates,
)
from mocolib.claims.verdicts import claim, effect

BEFORE = 8  # steps before a spike in which 2304.13013 has the under-estimate


def before_events(run, column: str, events, transform=pd.Series) -> float:
    """Mean of a step measure in the steps before events, less its typical value.

    The events' own steps are left out; nan of no event.
    """
    steps = run.steps.set_index("step")[column].astype(float)
    steps = transform(steps).loc[run.recipe.warmup_steps + 1 :]
    ahead = {s - back for s in events for back in range(1, BEFORE + 1)} - set(events)
    seen = steps[steps.index.isin(ahead)]
    return float(seen.mean() - steps.median()) if len(seen) else float("nan")


def _shaky(runs, measure) -> pd.Series:
    """A measure by seed on learned projections at the two largest rates."""
    return by_seed(two_largest_rates(chosen(runs, patch_projection="learned")), measure)


ANY_RATE = {"optimizer": "adamw", "beta2": 0.999, "stem": "patch"}
ANY_RATE |= {"patch_projection": "learned", "qk_norm": False}
PLAIN = {**ANY_RATE, "base_lr": 1.6e-2}


def _at(column: str, runs, **where) -> pd.Series:
    """A measure by seed at one setting of the sweep `beta2`."""
    return at(runs, column, **{**PLAIN, **where})


# --- C14: which of two opposite stories -------------------------------------------


def _misjudged(light, full) -> dict[str, pd.Series]:
    """log2 of sqrt(mean g^2/v) of the first layer before events, to typical.

    Above 0 AdamW had under-estimated the layer's squared gradient. The spikes are the
    layer's own; those of the loss are looked for where its noise is smaller.
    """

    def before(events):
        return lambda run: before_events(
            run, f"adam_rms/{first_layer(run)}", events(run), np.log2
        )

    return {
        "a spike, light views": _shaky(light, before(spike_steps)),
        "a spike, full views": _shaky(full, before(spike_steps)),
        "a spike of the loss, light views": _shaky(light, before(loss_spike_steps)),
    }


@claim(
    "C14-under",
    "A spike comes after AdamW has under-estimated the first layer's squared gradient",
    "gradients",
    "lr",
    "beta2",
)
def _under(light, full, beta2):
    effects = [
        effect(f"log2 of sqrt(g^2/v), less its typical value, before {event}", values)
        for event, values in _misjudged(light, full).items()
    ]
    return [
        *effects,
        effect(
            "spikes a run, beta2 .999 minus .95",
            _at("spikes", beta2) - _at("spikes", beta2, beta2=0.95),
        ),
        effect(
            "jitter, AdamW minus StableAdamW",
            _at("jitter", beta2) - _at("jitter", beta2, optimizer="stableadamw"),
        ),
    ]


@claim(
    "C14-over",
    "A spike comes after AdamW has over-estimated it, when curvature passes its limit",
    "gradients",
    "lr",
    "table:curvature",
)
def _over(light, full, curvature):
    effects = [
        effect(f"typical log2 of sqrt(g^2/v), less that before {event}", -values)
        for event, values in _misjudged(light, full).items()
    ]
    ratio = _over_limit(curvature).groupby([curvature["seed"], curvature["kind"]])
    kinds = ["before a spike", "calm"]
    means = ratio.mean().unstack().reindex(columns=kinds)
    return [
        *effects,
        effect(
            "log2 of sharpness over its limit, before a spike minus in calm",
            means["before a spike"] - means["calm"],
        ),
        effect(
            "log2 of sharpness over its limit before a spike",
            means["before a spike"],
        ),
    ]


def _over_limit(curvature: pd.DataFrame) -> pd.Series:
    """log2 of sharpness over its limit; a loss that curves down counts as flat."""
    return np.log2(curvature["ratio"].clip(lower=1e-3))


@claim(
    "C14-edge",
    "Preconditioned sharpness settles near 38 over the rate",
    "table:curvature",
)
def _edge(curvature):
    near = 1 - _over_limit(curvature).abs().groupby(curvature["seed"]).mean()
    return [effect("within a factor of two: 1 - |log2 of sharpness over limit|", near)]


# --- C14b: five predictions -------------------------------------------------------


@claim("C14b-beta2", "beta2 = .95 closes most of the gap that freezing closes", "beta2")
def _beta2(runs):
    learned, fixed = _at("jitter", runs), _at("jitter", runs, patch_projection="fixed")
    closed = learned - _at("jitter", runs, beta2=0.95)
    return [
        effect("jitter, learned minus fixed: the gap", learned - fixed),
        effect(
            "jitter, beta2 .999 minus .95, less half the gap",
            closed - (learned - fixed) / 2,
        ),
    ]


@claim("C14b-clip", "Clipping the update removes dips without freezing", "beta2")
def _stable(runs):
    sigma = calm_noise(chosen(runs, patch_projection="learned", qk_norm=False))

    def dips_of(**where) -> pd.Series:
        part = chosen(runs, **{**PLAIN, **where})
        return by_seed(part, lambda run: len(dips(monitored(run)["knn"], sigma)))

    return [
        effect(
            "dips a run, AdamW minus StableAdamW",
            dips_of() - dips_of(optimizer="stableadamw"),
        ),
        effect(
            "jitter, AdamW minus StableAdamW",
            _at("jitter", runs) - _at("jitter", runs, optimizer="stableadamw"),
        ),
    ]


@claim(
    "C14b-cosine",
    "The cosine between the update and minus the gradient falls before a dip",
    "gradients",
    "lr",
)
def _cosine(light, full):
    def lower_before_dips(runs) -> pd.Series:
        sigma = calm_noise(chosen(runs, patch_projection="learned"))

        def lower(run) -> float:
            seen = monitored(run)
            begins = seen["step"].to_numpy()[dips(seen["knn"], sigma)]
            return -before_events(run, f"cosine/{first_layer(run)}", begins)

        return _shaky(runs, lower)

    return [
        effect(f"cosine, typical minus before a dip, {views}", lower_before_dips(part))
        for views, part in (("light views", light), ("full views", full))
    ]


@claim("C14b-qk", "qk-norm flattens accuracy over the rate", "beta2")
def _qk_norm(runs):
    plain, normed = (
        grid(runs, "linear_probe", "base_lr", **{**ANY_RATE, "qk_norm": on})
        for on in (False, True)
    )
    shared = [rate for rate in plain if rate in normed]
    loss = -(growth(plain[shared]) - growth(normed[shared]))
    return [effect("linear probe lost to the largest rate, without minus with", loss)]


@claim("C14b-stem", "A convolutional stem has no first-layer-first spike", "beta2")
def _stem(runs):
    def lead(stem):
        part = chosen(runs, **{**PLAIN, "stem": stem})
        return by_seed(part, lambda run: lead_score(run, "projector.0"))

    return [
        effect("lead over the projector in SDs, patch projection", lead("patch")),
        effect(
            "lead over the projector, patch projection minus stem",
            lead("patch") - lead("conv"),
        ),
    ]


# --- C15: rewind ------------------------------------------------------------------


@claim("C15", "Changing one thing just before a spike removes it", "table:causes")
def _causes(replayed):
    table = causes.judged(replayed)
    share = table.groupby(["seed", "change"])["comes"].mean().unstack()
    # Unchanged, each of them comes, for so they were chosen. What a change has to beat
    # is how often a spike turns up in as many steps anyway.
    folder = records.public_root()
    found = [records.Run(folder / id) for id in replayed["run"].unique()]
    rows = pd.DataFrame([(run.recipe.seed, causes.chance(run)) for run in found])
    by_chance = rows.groupby(0)[1].mean()
    return [
        effect(
            f"spikes by chance minus spikes that come, {change}",
            by_chance - share[change],
        )
        for change in dict.fromkeys(table["change"])
        if change not in ("nothing", causes.OTHER_IMAGES)
    ]
