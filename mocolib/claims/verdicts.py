"""From effects to outcomes, and from outcomes to the word of a claim.

An effect is one measured difference, a number a seed, with the sign that the claim
predicts. Its outcome is `holds` where its 95 % interval lies on the predicted side of
zero, `opposite` where it lies on the other, `open` where it contains zero, `too_few`
below three seeds, `void` where there is nothing to judge. A claim has one primary
effect, the paper's own prediction, chosen before its runs existed; the claim's word
follows that effect's outcome:

    reproduced         it holds, surely
    leaning            it holds, but not surely
    open               its interval contains zero, or it is void
    leaning_opposite   it is opposite, but not surely
    opposite           it is opposite, surely

Surely: with at least eight seeds, and with a p below .05 by Holm's correction over all
claims. The other effects are listed and change nothing. All of these words are ids, and
none knows an outcome beforehand; what a reader is told is `findings`' business.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from mocolib.claims.statistics import LEVEL, holm, interval, p_value, sign_flip

FEWEST = 3  # seeds without which there is no outcome
ENOUGH = 8  # seeds without which a claim can at best lean
HOLDS, OPEN, OPPOSITE, FEW, VOID = "holds", "open", "opposite", "too_few", "void"
NO_WIDTH = "no_width"
WORDS = {  # of a claim, by the outcome of its primary effect: surely, or not
    HOLDS: ("reproduced", "leaning"),
    OPPOSITE: ("opposite", "leaning_opposite"),
    VOID: (OPEN, OPEN),
}


@dataclass(frozen=True, kw_only=True)
class Effect:
    """One measured difference, a value a seed; the claim predicts a positive one.

    void: the id of the reason why there is nothing to judge: what it presupposes was
    not found, or it could not fail. certain: the id of the reason why no chance is in
    it, so that few seeds are enough. The words of both are the claim's own.
    """

    values: tuple
    unit: str = "points"  # of accuracy, a hundred to the whole
    levels: tuple = ()  # the means that it is the difference of
    void: str = ""
    certain: str = ""

    @property
    def mean(self) -> float:
        return float(np.mean(self.values)) if self.values else float("nan")

    @cached_property
    def interval(self) -> tuple[float, float]:
        return interval(self.values)

    @property
    def p(self) -> float:
        return p_value(self.values)

    @cached_property
    def p_exact(self) -> float:
        return sign_flip(self.values)

    @property
    def why_void(self) -> str:
        """Why there is nothing to judge; without scatter no interval has a width."""
        flat = np.ptp(self.values) <= 1e-9 * abs(self.mean) if self.values else False
        return self.void or (NO_WIDTH if flat and not self.certain else "")

    @property
    def outcome(self) -> str:
        if len(self.values) < FEWEST:
            return FEW
        if self.why_void:
            return VOID
        low, high = self.interval
        if low <= 0 <= high:
            return OPEN
        return HOLDS if low > 0 else OPPOSITE

    @property
    def holds(self) -> bool:
        return self.outcome == HOLDS


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What was measured for a claim, and what follows.

    p: of its primary effect, by Holm's correction over the claims that it was judged
    with; without one its own.
    """

    id: str
    effects: dict  # {key: Effect}, the primary first
    runs: int
    p: float = float("nan")

    def __repr__(self) -> str:
        """Word and primary effect; `claims.finding` says it in a sentence."""
        e = self.primary
        if e is None or not e.values:
            return f"<Verdict {self.id}: {self.word}, {self.runs} runs>"
        low, high = e.interval
        told = f"{e.mean:+.2f} [{low:+.2f}, {high:+.2f}] {e.unit}"
        counted = f"{len(e.values)} seeds, {self.runs} runs"
        return f"<Verdict {self.id}: {self.word}, {told}, {counted}>"

    @property
    def primary(self) -> Effect | None:
        return next(iter(self.effects.values()), None)

    @property
    def outcome(self) -> str:
        return self.primary.outcome if self.effects else FEW

    @property
    def enough(self) -> bool:
        """Whether it has the seeds that more than a leaning asks for."""
        return bool(self.primary.certain) or len(self.primary.values) >= ENOUGH

    @property
    def word(self) -> str:
        """The verdict: reproduced, leaning, open, ...; an id, as an outcome is."""
        if self.outcome not in WORDS:
            return self.outcome
        p = self.primary.p if np.isnan(self.p) else self.p
        surely, barely = WORDS[self.outcome]
        return surely if self.enough and p < 1 - LEVEL else barely

    @property
    def leans(self) -> bool:
        return self.word in (WORDS[HOLDS][1], WORDS[OPPOSITE][1])


def corrected(verdicts: list[Verdict]) -> list[Verdict]:
    """The same, each with Holm's p over all of them that can be judged."""
    judged = {v.id: v for v in verdicts if v.outcome not in (FEW, VOID)}
    p = holm({id: v.primary.p for id, v in judged.items()})
    return [replace(v, p=p.get(v.id, float("nan"))) for v in verdicts]


def effect(values: pd.Series, unit: str = "points", **facts) -> Effect:
    """An effect from a value a seed; seeds without one are left out."""
    kept = tuple(values.astype(float).dropna())
    return Effect(values=kept, unit=unit, **facts)


def difference(first, second, unit: str = "points", **facts) -> Effect:
    """The effect `first` minus `second`, two series by seed, and their means."""
    both = pd.concat([first, second], axis=1).astype(float).dropna()
    levels = tuple(float(x) for x in both.mean()) if len(both) else ()
    return effect(both.iloc[:, 0] - both.iloc[:, 1], unit, levels=levels, **facts)
