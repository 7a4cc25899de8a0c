"""From effects to words.

An effect is one measured difference, a number a seed, with the sign that the claim
predicts. Its outcome is `holds` where its 95 % interval lies on the predicted side of
zero, `opposite` where it lies on the other, `open` where it contains zero, `too few
runs` below three seeds. A claim has one primary effect, the paper's own prediction,
chosen before its runs existed; the claim's word is that effect's outcome. The other
effects are listed and change nothing. No word here knows an outcome beforehand.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from mocolib.claims import findings
from mocolib.claims.statistics import interval, p_value

FEWEST = 3  # seeds without which there is no outcome
HOLDS, OPEN, OPPOSITE, FEW = "holds", "open", "opposite", "too few runs"


@dataclass(frozen=True, kw_only=True)
class Effect:
    """One measured difference, a value a seed; the claim predicts a positive one."""

    name: str
    values: tuple
    unit: str = "points"  # of accuracy, a hundred to the whole
    levels: tuple = ()  # the means that it is the difference of
    void: bool = False  # what it presupposes was not found

    @property
    def mean(self) -> float:
        return float(np.mean(self.values)) if self.values else float("nan")

    @cached_property
    def interval(self) -> tuple[float, float]:
        return interval(self.values)

    @property
    def p(self) -> float:
        return p_value(self.values)

    @property
    def outcome(self) -> str:
        if len(self.values) < FEWEST:
            return FEW
        low, high = self.interval
        if self.void or low <= 0 <= high:
            return OPEN
        return HOLDS if low > 0 else OPPOSITE

    @property
    def holds(self) -> bool:
        return self.outcome == HOLDS


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A claim, what was measured for it, and what follows."""

    id: str
    title: str
    claim: str
    effects: dict  # {key: Effect}, the primary first
    runs: int

    @property
    def primary(self) -> Effect | None:
        return next(iter(self.effects.values()), None)

    @property
    def outcome(self) -> str:
        return self.primary.outcome if self.effects else FEW

    @property
    def word(self) -> str:
        """The verdict: reproduced, open, opposite or too few runs."""
        return "reproduced" if self.outcome == HOLDS else self.outcome

    @property
    def finding(self) -> str:
        """What was seen, in an English sentence."""
        return findings.sentence(self)


def effect(name: str, values: pd.Series, unit: str = "points", **facts) -> Effect:
    """An effect from a value a seed; seeds without one are left out."""
    kept = tuple(values.astype(float).dropna())
    return Effect(name=name, values=kept, unit=unit, **facts)


def difference(name: str, first, second, unit: str = "points", **facts) -> Effect:
    """The effect `first` minus `second`, two series by seed, and their means."""
    both = pd.concat([first, second], axis=1).astype(float).dropna()
    levels = tuple(float(x) for x in both.mean()) if len(both) else ()
    values = both.iloc[:, 0] - both.iloc[:, 1]
    return effect(name, values, unit, levels=levels, **facts)
