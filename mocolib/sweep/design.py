"""The design: plain runs, what is changed of them, and the rates of the test.

Fixed before the runs that it speaks of.

    only(runs, "beta2")              those that are plain but for beta2
    only(runs, **REMEDIES["stableadamw"])

Claims, figures and chapters have rates, sizes and changes from here; what an id is
called says `words.settings`.
"""

from dataclasses import dataclass

from mocolib.errors import BadInput
from mocolib.presets import NAMED
from mocolib.recipe import FIELDS, Recipe
from mocolib.runs import Run
from mocolib.sweep import fits, points


@dataclass(frozen=True, kw_only=True)
class Design:
    """A plain run, and the base rates from calm to hopeless."""

    plain: Recipe
    smallest: float
    calm: float
    shaking: tuple
    hopeless: float
    fall: str = "deepest_fall"  # the measure of it that fits: these have no level

    @property
    def shaky(self) -> float:
        """The larger of the shaking rates."""
        return self.shaking[-1]


SHORT = Design(  # 400 steps, which collapse where they shake
    **dict(plain=NAMED["short"], smallest=4e-3, calm=1.6e-2),
    **dict(shaking=(3.2e-2, 4.8e-2), hopeless=9.6e-2),
)
MINI = Design(  # 1600 steps, which dip and climb back
    **dict(plain=NAMED["mini"], smallest=3e-3, calm=1.2e-2),
    **dict(shaking=(0.12,), hopeless=0.16, fall="fall_depth"),
)
CIFAR10 = Design(  # its runs had been seen when these were chosen
    **dict(plain=NAMED["cifar10"], smallest=1e-3, calm=4e-3),
    **dict(shaking=(1.6e-2, 4.8e-2), hopeless=4.8e-2),
)
DESIGNS = (SHORT, MINI, CIFAR10)

REMEDIES = points("remedies", "clip")  # what may calm without freezing
SCREENED = points("frontier_screen")  # the same, in runs that climb back
ARMS = {arm: SCREENED[arm] for arm in points("frontier")}  # those with seeds and rates
PLAIN, FIXED = "nothing", "projection_fixed"  # arms that all others are held against
PARTS = points("ablations")  # of the method, one left out or changed at a time
CHANGED = {name for way in (*REMEDIES.values(), *PARTS.values()) for name in way}

SMALL, LARGE, LARGEST = 128, 512, 1024  # batches beside the plain 256
BATCH_RATE = 0.048  # their base rate
MAP_RATES = (0.024, 0.048, MINI.shaky, MINI.hopeless)  # of the map of rates by decays
BELOW = 0.048  # below the shaking rate: where the temperature is changed
LOWERED, BEHIND = 0.05, 50  # to what; and the steps behind that are looked at
RUINOUS = 0.24  # the largest rate of the map of remedies: a plain run is lost
DECAYS = {"least": 0.01, "less": 0.03, "more": 0.3}  # beside none and the plain one
LOST = 2.0  # points of accuracy that a rate may cost and be usable
BROKEN = 5.0  # points below its best at which a run whose rate rises has broken
RAMP = MINI.plain.replace(base_lr=0.5, steps=800, warmup_steps=800)  # one long rise
# the paper's sizes; base rates of its 100 epochs, one good and one too much
VIT_B = tuple(NAMED["vit_b"].replace(base_lr=rate) for rate in (1e-4, 1.5e-4))
INSIDE = 36  # numbers in a patch of the sweep `width`: a token of them has room for all
UNDER, OVER = INSIDE // 3, 2 * INSIDE  # the other widths
FEW, SOME, MANY = 16, 256, 8192  # negatives
END_TO_END = 255  # the most that a batch alone has
DEVICES, FEWER = 32, 8  # whose BatchNorm is apart
EACH = 256 // DEVICES  # images of a batch on each


def of(runs: list[Run]) -> Design:
    """The design that runs are of, by their data set and the nearest plain run."""
    if not runs:
        return SHORT
    recipe = runs[0].recipe
    near = [d for d in DESIGNS if d.plain.dataset == recipe.dataset] or (SHORT, MINI)
    return min(near, key=lambda d: len(recipe.changed(d.plain)))


def only(runs: list[Run], *free: str, **where) -> list[Run]:
    """The runs that are plain, but for their seed, what is `free`, and `where`.

    `where`: settings; a tuple allows any of its values. What all runs share, such as
    other images, may be as it is, unless the design changes it. BadInput for a setting
    that no recipe has.
    """
    named = {"seed", *free, *where}
    if unknown := sorted(named - FIELDS.keys()):
        raise BadInput(f"setting is {unknown[0]!r}, but must be a field of recipes.")
    plain, first = of(runs).plain, runs[0].recipe if runs else SHORT.plain
    varied = CHANGED.union(*(run.recipe.changed(first) for run in runs)) - named
    kept = {name: getattr(plain, name) for name in varied}
    return [run for run in runs if fits(run.recipe, kept | where)]
