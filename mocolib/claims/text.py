"""The ledger as it is printed, and as data/claims.json holds it."""

import json
import math

from mocolib.claims import findings
from mocolib.claims.verdicts import FEW, HOLDS, OPPOSITE, VOID, Verdict
from mocolib.data import data_root
from mocolib.sweep.design import CIFAR10
from mocolib.words import value

SECOND = (
    "the JPEG re-encode of CIFAR-10, "
    f"runs of {CIFAR10.plain.steps} steps at a constant rate"
)
BY_CHANCE = 0.025  # how often an effect of nothing holds, and how often its opposite


def file():
    """Where the ledger of the public runs lies."""
    return data_root() / "claims.json"


def as_text(verdicts: list[Verdict], second: dict | None = None, every=False) -> str:
    """A line a claim, its verdict and its finding; `every` effect under it.

    second: verdicts on the second data set by id, in a column of their own.
    """
    second = second or {}
    lines = [_row("claim", "verdict", "p", second and "CIFAR-10", "finding")]
    for v in verdicts:
        other = second.get(v.id)
        word = value(other.word) if other else "-"
        said = findings.sentence(v)
        lines.append(_row(v.id, value(v.word), p(v), second and word, said))
        if every:
            title, text = findings.title(v.id), findings.text(v.id)
            lines += [f"       {title}. {text} {v.runs} runs."]
            lines += [f"       {line(v, key)}" for key in v.effects]
        if every and other and other.effects:
            told = findings.sentence(other)
            lines += [f"       {SECOND}: {told}"]
            lines += [f"       {line(other, key)}" for key in other.effects]
    about = [f"CIFAR-10: {SECOND}."] if second else []
    return "\n".join([*lines, "", *about, chance(verdicts)])


def _row(id: str, word: str, p: str, second, finding: str) -> str:
    return f"{id:6} {word:16} {p:6} {f'{second:16} ' if second else ''}{finding}"


def p(verdict: Verdict) -> str:
    """Holm's p of a claim, never as a bare zero; "" where it has none."""
    if math.isnan(verdict.p):
        return ""
    return f"{verdict.p:.3f}" if verdict.p >= 0.001 else "<0.001"


def line(verdict: Verdict, key: str) -> str:
    """An effect with its interval and its exact p, whatever its outcome."""
    e, name = verdict.effects[key], findings.name(verdict.id, key)
    low, high = e.interval
    unit, seeds = value(e.unit), len(e.values)
    numbers = f"{e.mean:+8.2f} [{low:+.2f}, {high:+.2f}] {unit}" if e.values else ""
    exact = "" if math.isnan(e.p_exact) else f"p {e.p_exact:.4f}"
    return f"{value(e.outcome):12} {numbers:40} {exact:8}  {seeds} seeds  {name}"


def chance(verdicts: list[Verdict]) -> str:
    """What luck alone would let through; an effect that stands twice counts once."""
    judged = {
        e.values: e
        for v in verdicts
        for e in v.effects.values()
        if e.outcome not in (FEW, VOID)
    }
    outcomes = [e.outcome for e in judged.values()]
    lucky = BY_CHANCE * len(outcomes)
    return (
        f"{len(outcomes)} distinct effects: {outcomes.count(HOLDS)} hold, "
        f"{outcomes.count(OPPOSITE)} are opposite. If nothing were going on, about "
        f"{lucky:.1f} would hold and as many be opposite. p: of the primary effect's "
        "t test, by Holm's correction over all claims; an effect's own is exact, over "
        "all choices of signs."
    )


def as_json(verdicts: list[Verdict], second: dict[str, Verdict] | None = None) -> str:
    """The ledger as data/claims.json holds it; `second`: by the second data set."""
    rows = []
    for v in verdicts:
        row = as_dict(v)
        other = (second or {}).get(v.id)
        rows.append(row | ({"second": as_dict(other)} if other else {}))
    return json.dumps(rows, indent=1) + "\n"


def as_dict(v: Verdict) -> dict:
    """A verdict as plain values; the first of its effects is the primary one."""
    effects = [
        {
            "key": key,
            "name": findings.name(v.id, key),
            "unit": e.unit,
            "mean": _rounded(e.mean),
            "interval": [_rounded(x) for x in e.interval],
            "levels": [_rounded(x) for x in e.levels],
            "seeds": len(e.values),
            "p_exact": _rounded(e.p_exact),
            "outcome": e.outcome,
            "void": e.why_void,
        }
        for key, e in v.effects.items()
    ]
    return {
        "id": v.id,
        "title": findings.title(v.id),
        "claim": findings.text(v.id),
        "verdict": v.word,
        "finding": findings.sentence(v),
        "runs": v.runs,
        "effects": effects,
        "p_holm": _rounded(v.p),
    }


def _rounded(x: float) -> float | None:
    """Four digits: more would differ between machines, and JSON knows no nan."""
    return None if math.isnan(x) else float(f"{x:.4g}")
