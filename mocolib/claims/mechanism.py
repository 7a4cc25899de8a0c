"""Claims on what makes a spike, and what might prevent it (C14 to C16, C20, C21)."""

import math

import numpy as np
import pandas as pd

from mocolib.analysis import causes, curvature, edge, kicks
from mocolib.analysis.measures import (
    AHEAD,
    dips,
    first_layer,
    lead_score,
    loss_spike_steps,
    monitored,
    spike_steps,
)
from mocolib.claims.contrasts import POINT, best, by_seed, calm_noise, chosen, means
from mocolib.claims.register import claim
from mocolib.claims.verdicts import difference, effect
from mocolib.sweep import design
from mocolib.sweep.design import REMEDIES, SHORT, only

EDGE = curvature.edge(SHORT.plain.beta1)


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


@claim("C14", "lr", "table:curvature", edge=EDGE, ahead=AHEAD)
def _under_estimated(runs, states):
    part = chosen(runs, patch_projection="learned", base_lr=design.of(runs).shaking)

    def before(events) -> pd.Series:
        """log2 of sqrt(mean g^2/v) of the first layer, above 0: under-estimated."""

        def misjudged(run):
            column = f"adam_rms/{first_layer(run)}"
            return before_events(run, column, events(run), np.log2)

        return by_seed(part, misjudged)

    def lone(run):
        """Its spikes that have no other in the AHEAD steps before them."""
        return causes.lone_spikes(run, AHEAD + 1)

    return {
        "spike": effect(before(spike_steps), "log2"),
        "loss": effect(before(loss_spike_steps), "log2"),
        "lone": effect(before(lone), "log2"),
        **_sharpness(states),
    }


def _sharpness(states: pd.DataFrame) -> dict:
    """Where training settles, in log2 of sharpness over its limit."""
    if states.empty:
        return {}
    # a loss that curves down counts as flat
    ratio = np.log2(states["ratio"].clip(lower=1e-3))
    kinds = ratio.groupby([states["seed"], states["kind"]]).mean().unstack()
    kinds = kinds.reindex(columns=["before_a_spike", "calm"])
    near = 1 - ratio.abs().groupby(states["seed"]).mean()
    return {
        "edge": effect(near, "log2"),
        "sharp": difference(kinds["before_a_spike"], kinds["calm"], "log2"),
    }


# --- C14b: what should help, if that story is right -------------------------------


CALMERS = {"stable": "stableadamw", "qk": "qk_norm", "stem": "conv_stem"}


@claim("C14b", "remedies", "lr", **REMEDIES["beta2_95"])
def _shorter_memory(runs, rates_runs):
    shaky = design.of(runs).shaky

    def part(remedy):
        return only(runs, base_lr=shaky, **REMEDIES[remedy])

    def of(remedy, column="deepest_fall"):
        return means(part(remedy), column)

    gap = difference(of("nothing"), of("projection_fixed"))
    closed, half = of("nothing") - of("beta2_95"), of("nothing")
    half = (half - of("projection_fixed")) / 2
    probe = "linear_probe"
    return {
        "beta2": difference(closed, half, void="" if gap.holds else "no_gap"),
        **{
            key: difference(of("nothing"), of(remedy))
            for key, remedy in CALMERS.items()
        },
        "qk_accuracy": difference(of("qk_norm", probe), of("nothing", probe)),
        "stem_lead": difference(
            _leads(part("nothing")), _leads(part("conv_stem")), "chance_sds"
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

    part = chosen(learned, base_lr=design.of(runs).shaking)
    return effect(by_seed(part, lower), "cosine")


# --- C15: rewind ------------------------------------------------------------------

SHORTER = REMEDIES[causes.MEMORY]["beta2"]


@claim(
    *("C15", "table:causes"),
    ahead=causes.BEFORE,
    beta2=SHORTER,
    halving=round(math.log(0.5) / math.log(SHORTER)),  # steps
)
def _causes(replayed):
    table = causes.judged(replayed)
    gone = 100 * (1 - table.groupby(["seed", "change"])["comes"].mean().unstack())
    others = {"fixed": causes.FIXED, "half": causes.HALF}
    others |= {"clipped": causes.CLIPPED, "beta2": causes.MEMORY}
    return {
        key: difference(gone[change], gone[causes.OTHER_IMAGES], "percent_of_spikes")
        for key, change in others.items()
    }


# --- C16: what shaking does to the first layer ------------------------------------


@claim("C16", "table:first_layer")
def _rank(table):
    shaking, calm = (
        table[table["base_lr"] == rate].sort_values("step").groupby("seed")["rank"]
        for rate in (SHORT.shaky, SHORT.calm)
    )
    return {
        "rank": difference(shaking.first(), shaking.last(), "dimensions"),
        "calm": difference(calm.last(), shaking.last(), "dimensions"),
        "narrows": difference(calm.first(), calm.last(), "dimensions"),
    }


# --- C20: one layer kicked --------------------------------------------------------

TENTH, USUAL, LARGEST = kicks.SIZES[1:]


@claim(
    *("C20", "table:kicks"),
    **{"size": round(POINT * USUAL), "largest": round(POINT * LARGEST)},
    **{"tenth": round(POINT * TENTH), "late": kicks.LATE[-1], "early": kicks.LATE[0]},
)
def _kicked(table):
    def weakest(size, *how, unit="points", scale=POINT):
        """The projection's cost, minus the other layers' largest by other seeds."""
        costs = scale * kicks.costs(table, size, *how)
        others = best(costs.drop(columns=kicks.FIRST))
        return difference(costs[kicks.FIRST], others, unit)

    def first(size, **how):
        return POINT * kicks.costs(table, size, **how)[kicks.FIRST]

    return {
        "fall": weakest(USUAL),
        "tenth": weakest(TENTH),
        "largest": weakest(LARGEST),
        "loss": weakest(USUAL, "loss", kicks.OWN, (2,), unit="loss", scale=1),
        "random": difference(first(USUAL), first(USUAL, change=kicks.RANDOM)),
        "back": difference(first(LARGEST), first(LARGEST, at=kicks.LATE)),
    }


# --- C21: the edge, by batch and by block -----------------------------------------

LITTLE = 10  # percent of the sharpness that the projection is to take off at most


@claim("C21", "table:edge", ahead=edge.AHEAD, little=LITTLE)
def _edge(table):
    ratio = np.log2(table["ratio"].clip(lower=1e-3))  # one that curves down is flat
    looks = ratio.groupby(
        [table["seed"], table["kind"], table["batch"], table["constant"]]
    )
    looks = looks.first().unstack(["kind", "batch", "constant"])

    def sharp(kind, batch=edge.OWN, constant=edge.NOTHING):
        return looks[kind, batch, constant]

    def rise(batch):
        return sharp(edge.BEFORE, batch) - sharp(edge.CALM, batch)

    def goes(part):
        """Percent of the sharpness before a spike that go with a part."""
        return POINT * (1 - 2 ** (sharp(edge.BEFORE, constant=part) - whole))

    whole, first = sharp(edge.BEFORE), kicks.FIRST
    parts = {"heads": "heads", "block": "blocks.0", "second": "blocks.1"}
    unit = "percent_of_sharpness"
    return {
        "sharp": difference(whole, sharp(edge.CALM), "log2"),
        "other": effect(rise(edge.OTHER), "log2"),
        "batch": difference(rise(edge.OWN), rise(edge.OTHER), "log2"),
        "little": difference(0 * whole + LITTLE, goes(first), unit),
        **{
            key: difference(goes(part), goes(first), unit)
            for key, part in parts.items()
        },
    }
