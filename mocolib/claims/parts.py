"""Claims on the parts of the method, taken one at a time (C8, C10, C12, C13)."""

import numpy as np
import pandas as pd

from mocolib.analysis.measures import falls, jitter, monitored
from mocolib.claims.contrasts import at, by_seed, chosen
from mocolib.claims.verdicts import claim, effect

NOTHING = 0.01  # accuracy: the margin within which freezing counts as free
WHOLE = 1e-6  # relative error that counts as none


# --- the random projection --------------------------------------------------------


@claim(
    "C8",
    "A random projection keeps the patch from 3p^2 numbers on; there, training with it "
    "costs nothing",
    "table:completeness",
    "width",
)
def _complete(table, runs):
    under, just, whole = (
        table[mask].groupby("seed")["error_random"]
        for mask in (
            table["width"] < table["inside"],
            table["width"] == table["inside"],
            table["width"] >= table["inside"],
        )
    )
    # of all widths and images the one that speaks most against the claim
    effects = [
        effect(
            "error of the best decoder, under 3p^2 minus at", under.min() - just.max()
        ),
        effect("1e-6 minus that error, from 3p^2 on", WHOLE - whole.max()),
    ]
    inside = 3 * runs[0].recipe.patch_size ** 2
    widths = sorted({run.recipe.width for run in runs})
    name = "linear probe, fixed minus learned plus one point, width"
    effects += [
        effect(f"{name} {width}", _gain(runs, width) + NOTHING)
        for width in widths
        if width >= inside
    ]
    dearer = _gain(runs, inside) - _gain(runs, widths[0])
    return [
        *effects,
        effect(f"cost of freezing, width {widths[0]} minus {inside}", dearer),
    ]


def _gain(runs, width: int) -> pd.Series:
    """Linear probe, fixed minus learned, at one width."""
    return at(runs, "linear_probe", width=width, patch_projection="fixed") - at(
        runs, "linear_probe", width=width, patch_projection="learned"
    )


# --- the temperature --------------------------------------------------------------


@claim(
    "C10",
    "An abrupt change of temperature, or a learned one, makes jitter",
    "temperature",
)
def _temperature(runs):
    stepped = chosen(runs, temperature_schedule="step")
    if not stepped:
        return []
    at, start = stepped[0].recipe.temperature_step, stepped[0].recipe.temperature

    def behind(run) -> float:
        """Jitter of the readings after the step at which the others change."""
        seen = monitored(run)
        return jitter(seen.loc[seen["step"] > at, "knn"])

    def fall(run) -> float:
        seen = monitored(run)
        return falls(seen["step"], seen["knn"]).get(at + 1, np.nan)

    def by(measure, schedule) -> pd.Series:
        # the constant at the other end is not what the changes are held against
        part = chosen(runs, temperature_schedule=schedule, temperature=start)
        return by_seed(part, measure)

    def throughout(run) -> float:
        return jitter(monitored(run)["knn"])

    return [
        effect(
            "jitter after the change, stepped minus constant",
            by(behind, "step") - by(behind, "constant"),
        ),
        effect(
            "jitter after the change, stepped minus ramped",
            by(behind, "step") - by(behind, "ramp"),
        ),
        effect(
            "fall of kNN at the change, stepped minus constant",
            by(fall, "step") - by(fall, "constant"),
        ),
        effect(
            "jitter, learned minus constant",
            by(throughout, "learned") - by(throughout, "constant"),
        ),
    ]


# --- short of freezing ------------------------------------------------------------


@claim(
    "C12",
    "Clipping the projection's gradient helps only near the freezing limit; BatchNorm "
    "on the projection does not help",
    "clip",
)
def _clip(runs):
    learned = chosen(runs, patch_projection="learned", patch_projection_norm="none")
    limits = sorted({r.recipe.patch_projection_clip for r in learned} - {0.0})

    def clipped(column: str, limit: float) -> pd.Series:
        return at(learned, column, patch_projection_clip=limit)  # 0: no clipping

    if not limits:
        return []
    near = limits[0]
    shaking, probe = clipped("jitter", near), clipped("linear_probe", near)
    effects = [
        effect(
            f"jitter, not clipped minus at {near:g}", clipped("jitter", 0.0) - shaking
        ),
        effect(
            f"linear probe, at {near:g} minus not clipped",
            probe - clipped("linear_probe", 0.0),
        ),
    ]
    effects += [
        effect(
            f"jitter, at {limit:g} minus at {near:g}",
            clipped("jitter", limit) - shaking,
        )
        for limit in limits[1:]
    ]
    normed = at(runs, "jitter", patch_projection_norm="batch")
    fixed = at(runs, "jitter", patch_projection="fixed")
    return [*effects, effect("jitter, BatchNorm minus fixed", normed - fixed)]


# --- what each part is worth ------------------------------------------------------


@claim(
    "C13",
    "Each part is worth accuracy: positions, class token, BatchNorm in the heads, "
    "prediction head, momentum .99",
    "heads",
    "momentum",
)
def _ablations(heads, momenta):
    whole = {
        "position": "sincos",
        "pool": "class_token",
        "head_norm": "batch",
        "predictor": True,
    }
    full = at(heads, "linear_probe", **whole)
    effects = []
    for field, value in whole.items():
        others = {getattr(r.recipe, field) for r in heads} - {value}
        for other in sorted(others, key=str):
            without = at(heads, "linear_probe", **{**whole, field: other})
            words = f"{field.replace('_', ' ')} {value} minus {other}".replace("_", " ")
            effects.append(effect(f"linear probe, {words}", full - without))
    momenta_seen = sorted({run.recipe.momentum for run in momenta} - {0.99})
    paper = at(momenta, "linear_probe", momentum=0.99)
    effects += [
        effect(
            f"linear probe, m .99 minus m {m:g}",
            paper - at(momenta, "linear_probe", momentum=m),
        )
        for m in momenta_seen
    ]
    return effects
