"""From effects to words: how a claim is judged, and how the ledger is written.

A claim becomes a few effects, one number a seed each, with a sign that the claim
predicts. An effect holds when its 95 % bootstrap interval over seeds lies on the
predicted side of zero. All hold: `reproduced`; some: `partly`; none: `not at this
scale`. Nothing here knows the outcome beforehand.

The intervals are not corrected for their number, and over few seeds they are too
narrow: where nothing is going on, an effect of five seeds holds in about 8 of 100
cases (CHANCE). So the ledger prints every effect, held or not, and says how many of
all of them chance alone would let through.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mocolib import sweep
from mocolib.analysis import tables
from mocolib.data import data_root

FEWEST = 3  # seeds without which there is no verdict
CHANCE = {3: 0.125, 4: 0.1, 5: 0.08}  # how often an effect of nothing holds, by seeds


def interval(values, seed: int = 0) -> tuple[float, float]:
    """95 % bootstrap interval of the mean over seeds; (nan, nan) of no seed."""
    values = np.asarray(values, float)
    if not len(values):
        return float("nan"), float("nan")
    picks = np.random.default_rng(seed).integers(
        len(values), size=(10_000, len(values))
    )
    low, high = np.percentile(values[picks].mean(1), [2.5, 97.5])
    return float(low), float(high)


@dataclass(frozen=True)
class Effect:
    """One measured difference, a value a seed; the claim predicts a positive one."""

    name: str
    values: tuple

    @property
    def mean(self) -> float:
        return float(np.mean(self.values)) if self.values else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        return interval(self.values)

    @property
    def holds(self) -> bool:
        return len(self.values) >= FEWEST and self.interval[0] > 0

    def __str__(self):
        low, high = self.interval
        return f"{self.name}: {self.mean:+.3g} [{low:+.3g}, {high:+.3g}]"


@dataclass(frozen=True)
class Verdict:
    """A claim, what was measured for it, and what follows."""

    id: str
    claim: str
    effects: tuple
    runs: int

    @property
    def word(self) -> str:
        fewest = min((len(e.values) for e in self.effects), default=0)
        if fewest < FEWEST:
            return "too few runs"
        held = sum(effect.holds for effect in self.effects)
        if held == len(self.effects):
            return "reproduced"
        return "partly" if held else "not at this scale"

    def as_dict(self) -> dict:
        effects = [
            {
                "name": e.name,
                "mean": _rounded(e.mean),
                "interval": [_rounded(x) for x in e.interval],
                "seeds": len(e.values),
                "holds": e.holds,
            }
            for e in self.effects
        ]
        return {
            "id": self.id,
            "claim": self.claim,
            "verdict": self.word,
            "runs": self.runs,
            "effects": effects,
        }


def _rounded(x: float) -> float | None:
    """Four digits: more would differ between machines, and JSON knows no nan."""
    return None if np.isnan(x) else float(f"{x:.4g}")


# --- the register -----------------------------------------------------------------

CLAIMS: dict[str, Callable] = {}


def claim(id: str, text: str, *sources: str):
    """Register a function that turns what was recorded into effects.

    A source is a sweep, read as a list of runs, or "table:NAME", read as a table.
    `CLAIMS[id]()` judges by the public ones, `CLAIMS[id](runs, ...)` by others.
    """

    def register(function):
        def judge(*parts) -> Verdict:
            parts = parts or [_recorded(source) for source in sources]
            effects = tuple(function(*parts)) if all(map(len, parts)) else ()
            return Verdict(id, text, effects, len(set().union(*map(_ids, parts))))

        CLAIMS[id] = judge
        return function

    return register


def _recorded(source: str):
    kind, _, name = source.rpartition(":")
    return tables.read(name) if kind == "table" else sweep.recorded(name)


def _ids(part) -> set:
    """The runs behind a source."""
    if isinstance(part, pd.DataFrame):
        return set(part["run"]) if "run" in part else set()
    return {run.id for run in part}


def effect(name: str, values: pd.Series) -> Effect:
    """An effect from a value a seed; seeds without one are left out."""
    return Effect(name, tuple(values.astype(float).dropna()))


# --- the ledger -------------------------------------------------------------------


def as_json(verdicts: list[Verdict]) -> str:
    """The ledger as data/claims.json holds it."""
    return json.dumps([v.as_dict() for v in verdicts], indent=1) + "\n"


def file():
    """Where the ledger of the public runs lies."""
    return data_root() / "claims.json"


def as_text(verdicts: list[Verdict]) -> str:
    """The ledger as a table, every effect with its interval, held or not."""
    lines = []
    for v in verdicts:
        lines += ["", f"{v.id}  {v.word}  ({v.runs} runs)", f"    {v.claim}."]
        lines += [f"    {_line(e)}" for e in v.effects]
    return "\n".join([*lines[1:], "", _chance(verdicts)])


def _line(e: Effect) -> str:
    low, high = e.interval
    judged = len(e.values) >= FEWEST
    held = ("yes" if e.holds else "no") if judged else "-"
    numbers = f"{e.mean:+9.4f}  [{low:+.4f}, {high:+.4f}]" if e.values else " " * 29
    return f"{held:3}  {numbers}  {len(e.values)} seeds  {e.name}"


def _chance(verdicts: list[Verdict]) -> str:
    judged = [e for v in verdicts for e in v.effects if len(e.values) >= FEWEST]
    held = sum(e.holds for e in judged)
    lucky = sum(CHANCE[min(len(e.values), max(CHANCE))] for e in judged)
    return (
        f"{held} of {len(judged)} effects hold; if nothing were going on, "
        f"about {lucky:.1f} would."
    )
