"""What a reader is told of a claim: the sentences of words/claims, with its numbers.

A file a claim. `title` and `text` name it, [effects] has a name for each effect by its
key. [finding] says what was seen, in whole sentences by the primary effect's outcome:
`holds`, `open`, `opposite`; [then.KEY] what is told in the same breath of another one;
[remarks.KEY] what follows from an effect, for the chapters. [void] and [certain] have
the reasons that the claim's function gives by their ids. every.toml has what is said of
all claims alike.

Fields: `first` and `second`, the two means that are compared; `mean` with its sign,
`size` without it, `less` with the other one, `times` and `part`, two to the power of
the mean and of minus the mean; `most` and `least`, the largest effect that the interval
leaves, the claim's way and the other, and `times_most`; `n`, the seeds; `p`, the
claim's. Beside them the claim's numbers, with which its function was registered. All
are in the effect's unit, points of accuracy unless the sentence says otherwise.
"""

import math

from mocolib import words
from mocolib.claims.register import CLAIMS
from mocolib.claims.verdicts import FEW, VOID, Effect, Verdict
from mocolib.words import said, table, together

EVERY = "every"


def sentences(id: str) -> dict:
    """All that can be said of a claim, in English and with its fields open."""
    return table(f"claims/{id}")


def title(id: str) -> str:
    """A claim in a few words."""
    return said(sentences(id)["title"], **numbers(id))


def text(id: str) -> str:
    """The claim itself, a sentence."""
    return said(sentences(id)["text"], **numbers(id))


def name(id: str, key: str) -> str:
    """What an effect of a claim is."""
    return said(sentences(id)["effects"][key], **numbers(id))


def sentence(verdict: Verdict) -> str:
    """A verdict's finding, as its outcome has it."""
    own, every, primary = sentences(verdict.id), sentences(EVERY), verdict.primary
    if verdict.outcome == FEW:
        return said(every["few"])
    if verdict.outcome == VOID:
        return _void(verdict, primary)
    told = fields(verdict, primary)
    first = [own["finding"][verdict.outcome]]
    first += [own["certain"][primary.certain]] if primary.certain else []
    then = own.get("then", {}).items()
    leans = every["leaning" if verdict.enough else "leaning_few"]
    return together(
        [said(part, **told) for part in first]
        + [_of(verdict, key, by_outcome) for key, by_outcome in then]
        + ([said(leans, **told)] if verdict.leans else [])
    )


def remark(verdict: Verdict, key: str) -> str:
    """What follows from one of its effects; "" where nothing is to be said of it."""
    told = sentences(verdict.id)["remarks"][key]
    effect = verdict.effects.get(key)
    if effect and effect.outcome == VOID and VOID not in told:
        return _void(verdict, effect)
    return _of(verdict, key, told)


def _of(verdict: Verdict, key: str, by_outcome: dict) -> str:
    """The sentence that fits an effect's outcome; "" where there is none."""
    effect = verdict.effects.get(key)
    message = by_outcome.get(effect.outcome) if effect else None
    return said(message, **fields(verdict, effect)) if message else ""


def _void(verdict: Verdict, effect: Effect) -> str:
    """Why there is nothing to judge."""
    own, every = sentences(verdict.id).get(VOID, {}), sentences(EVERY)[VOID]
    return said({**every, **own}[effect.why_void], **fields(verdict, effect))


def reason(verdict: Verdict, key: str) -> str:
    """Why an effect of it is void; "" where it is not."""
    effect = verdict.effects[key]
    return _void(verdict, effect) if effect.outcome == VOID else ""


def numbers(id: str) -> dict:
    """The design's numbers and arms that a claim's sentences take by name, in words."""
    return {
        name: str(x) if isinstance(x, int) else words.value(x)
        for name, x in CLAIMS[id].numbers.items()
    }


def fields(verdict: Verdict, effect: Effect) -> dict:
    """What a sentence may say of an effect, written out."""
    first, second = effect.levels or (math.nan, math.nan)
    low, high = effect.interval
    found = dict(
        first=first,
        second=second,
        size=abs(effect.mean),
        times_most=2 ** max(high, 0),
        most=max(high, 0),
        least=max(-low, 0),
    )
    written = whole if effect.unit.startswith("percent") else number
    return {name: written(x) for name, x in found.items()} | {
        "p": number(verdict.p),
        "mean": signed(effect.mean),
        "less": signed(-effect.mean),
        "times": multiple(2**effect.mean, number),
        "part": multiple(2**-effect.mean, "{:.2f}".format),
        "n": str(len(effect.values)),
        **numbers(verdict.id),
    }


def whole(x: float) -> str:
    """A share of a few things, in percent: no more digits than they have."""
    return f"{x:.0f}"


def number(x: float) -> str:
    """A tenth of a point, a hundredth below one; a true minus sign."""
    return f"{x:.{1 if abs(x) >= 0.995 else 2}f}".replace("-", "\N{MINUS SIGN}")


def multiple(x: float, written) -> str:
    """What something is multiplied by: from ten on no digits behind the point."""
    return (whole if x >= 10 else written)(x)


def signed(x: float) -> str:
    """The same with its sign."""
    return number(x) if x < 0 else f"+{number(x)}"
