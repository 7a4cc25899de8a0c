"""What was seen, in a sentence: `wordings` filled with the numbers of a verdict."""

import math

from mocolib.claims.remarks import REMARKS
from mocolib.claims.wordings import WORDINGS

TOO_FEW = "Too few runs yet."
OUTCOMES = ("holds", "open", "opposite")


def sentence(verdict) -> str:
    """A verdict's finding, in the wording that fits its outcome."""
    wording, primary = WORDINGS.get(verdict.id), verdict.primary
    if wording is None or primary is None or verdict.outcome == "too few runs":
        return TOO_FEW
    lead = wording.void if primary.void else getattr(wording, verdict.outcome)
    second = verdict.effects.get(wording.key)
    text = lead.format(**fields(primary))
    if second and second.outcome in OUTCOMES and not second.void:
        text += wording.also[OUTCOMES.index(second.outcome)].format(**fields(second))
    return _counted(text, len(primary.values))


def _counted(text: str, seeds: int) -> str:
    """The sentence with its number of seeds, in a bracket that it may end in."""
    opened = f"{text[:-1]}; " if text.endswith(")") else f"{text} ("
    return f"{opened}{seeds} seeds)."


def remark(verdict, key: str) -> str:
    """What follows from one of its effects; "" where it is void or has no seeds."""
    effect = verdict.effects.get(key)
    if effect is None or effect.void or effect.outcome not in OUTCOMES:
        return ""
    remarked = getattr(REMARKS[f"{verdict.id}.{key}"], effect.outcome)
    return remarked.format(**fields(effect)) if remarked else ""


def fields(effect) -> dict:
    """What a sentence may say of an effect, written out."""
    first, second = effect.levels or (math.nan, math.nan)
    low, high = effect.interval
    numbers = dict(
        first=first,
        second=second,
        size=abs(effect.mean),
        times=2**effect.mean,
        low=low,
        high=high,
    )
    written = whole if effect.unit.startswith("%") else number
    return {name: written(x) for name, x in numbers.items()} | {
        "mean": signed(effect.mean),
        "less": signed(-effect.mean),
        "n": str(len(effect.values)),
    }


def whole(x: float) -> str:
    """A share of a few things, in percent: no more digits than they have."""
    return f"{x:.0f}"


def number(x: float) -> str:
    """A tenth of a point, a hundredth below one; a true minus sign."""
    return f"{x:.{1 if abs(x) >= 0.995 else 2}f}".replace("-", "\N{MINUS SIGN}")


def signed(x: float) -> str:
    """The same with its sign."""
    return number(x) if x < 0 else f"+{number(x)}"
