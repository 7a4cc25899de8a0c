"""The ledger as it is printed, and as data/claims.json holds it."""

import json
import math

from mocolib.claims.statistics import holm
from mocolib.claims.verdicts import FEW, HOLDS, OPPOSITE, Verdict
from mocolib.data import data_root

BY_CHANCE = 0.025  # how often an effect of nothing holds, and how often its opposite


def file():
    """Where the ledger of the public runs lies."""
    return data_root() / "claims.json"


def adjusted(verdicts: list[Verdict]) -> dict[str, float]:
    """Holm's p-values over the primary effects; claims with too few runs left out."""
    return holm({v.id: v.primary.p for v in verdicts if v.outcome != FEW})


def as_text(verdicts: list[Verdict], second: dict | None = None, every=False) -> str:
    """A line a claim, its verdict and its finding; `every` effect under it.

    second: verdicts on the second data set by id, in a column of their own.
    """
    p, second = adjusted(verdicts), second or {}
    lines = [_row("claim", "verdict", "p", second and "CIFAR-10", "finding")]
    for v in verdicts:
        other = second.get(v.id)
        beside = f"{p[v.id]:.3f}" if v.id in p else ""
        word = other.word if other else "-"
        lines.append(_row(v.id, v.word, beside, second and word, v.finding))
        if every:
            lines += [f"       {v.title}. {v.claim}. {v.runs} runs."]
            lines += [f"       {line(e)}" for e in v.effects.values()]
        if every and other and other.effects:
            lines += [f"       JPEG re-encode of CIFAR-10: {other.finding}"]
            lines += [f"       {line(e)}" for e in other.effects.values()]
    return "\n".join([*lines, "", chance(verdicts)])


def _row(id: str, word: str, p: str, second, finding: str) -> str:
    return f"{id:6} {word:12} {p:5} {f'{second:12} ' if second else ''}{finding}"


def line(e) -> str:
    """An effect with its interval, whatever its outcome."""
    low, high = e.interval
    numbers = f"{e.mean:+8.2f} [{low:+.2f}, {high:+.2f}] {e.unit}" if e.values else ""
    void = ", void" if e.void else ""
    return f"{e.outcome + void:12} {numbers:40} {len(e.values)} seeds  {e.name}"


def chance(verdicts: list[Verdict]) -> str:
    """What luck alone would let through; an effect that stands twice counts once."""
    judged = {
        e.values: e
        for v in verdicts
        for e in v.effects.values()
        if e.outcome != FEW and not e.void
    }
    outcomes = [e.outcome for e in judged.values()]
    lucky = BY_CHANCE * len(outcomes)
    return (
        f"{len(outcomes)} distinct effects: {outcomes.count(HOLDS)} hold, "
        f"{outcomes.count(OPPOSITE)} are opposite. If nothing were going on, about "
        f"{lucky:.1f} would hold and as many be opposite. p: of the primary effect, "
        "Holm's correction over all claims."
    )


def as_json(verdicts: list[Verdict], second: dict[str, Verdict] | None = None) -> str:
    """The ledger as data/claims.json holds it; `second`: by the second data set."""
    p, rows = adjusted(verdicts), []
    for v in verdicts:
        row = as_dict(v) | {"p_holm": _rounded(p.get(v.id, math.nan))}
        other = (second or {}).get(v.id)
        rows.append(row | ({"second": as_dict(other)} if other else {}))
    return json.dumps(rows, indent=1) + "\n"


def as_dict(v: Verdict) -> dict:
    """A verdict as plain values; the first of its effects is the primary one."""
    effects = [
        {
            "key": key,
            "name": e.name,
            "unit": e.unit,
            "mean": _rounded(e.mean),
            "interval": [_rounded(x) for x in e.interval],
            "levels": [_rounded(x) for x in e.levels],
            "seeds": len(e.values),
            "outcome": e.outcome,
            "void": bool(e.void),
        }
        for key, e in v.effects.items()
    ]
    return {
        "id": v.id,
        "title": v.title,
        "claim": v.claim,
        "verdict": v.word,
        "finding": v.finding,
        "runs": v.runs,
        "effects": effects,
    }


def _rounded(x: float) -> float | None:
    """Four digits: more would differ between machines, and JSON knows no nan."""
    return None if math.isnan(x) else float(f"{x:.4g}")
