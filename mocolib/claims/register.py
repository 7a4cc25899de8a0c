"""The register of claims, and what each is judged by.

A claim is a function from what was recorded, a list of runs for each sweep or a table,
to effects by a short key, the primary one first. Its sentences are in words/claims.
"""

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from mocolib import runs, sweep
from mocolib.analysis import tables
from mocolib.claims.verdicts import Verdict, corrected
from mocolib.files import state


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A claim and the sweeps or tables ("table:NAME") that speak on it."""

    id: str
    sources: tuple
    elsewhere: tuple  # the sources of the second data set, if there are any
    numbers: dict  # the design's, which its sentences take by name
    effects: Callable

    def __call__(self, *parts) -> Verdict:
        """The verdict by `parts`, one a source."""
        effects = self.effects(*parts) if any(map(len, parts)) else {}
        ids = set().union(*map(_ids, parts))
        return Verdict(id=self.id, effects=effects, runs=len(ids))

    def of(self, root, pooled: bool = False) -> Verdict:
        """The verdict by the runs under `root`, or by those and the book's own.

        A table is the book's, so it speaks only where both are pooled.
        """
        return self.by(sweep.own(root), pooled)

    def by(self, own: dict, pooled: bool = False) -> Verdict:
        """The same by what `sweep.own` has found, which is read once for all claims."""
        return self(*[_own(source, own, pooled) for source in self.sources])


CLAIMS: dict[str, Claim] = {}


def of_record(second: bool = False) -> dict[str, Verdict]:
    """By id the verdicts of the book's records; `second`: on the second data set."""
    return _of_record(second, _state())


@functools.lru_cache(maxsize=4)  # a chapter asks for verdicts many times
def _of_record(second: bool, written: int) -> dict[str, Verdict]:
    """The same; `written` tells which records those are."""
    sources = {
        id: claim.elsewhere if second else claim.sources for id, claim in CLAIMS.items()
    }
    found = [CLAIMS[id](*map(_recorded, some)) for id, some in sources.items() if some]
    return {verdict.id: verdict for verdict in corrected(found)}


def _state() -> int:
    """Of all files behind the verdicts: changes with each of them."""
    paths = sorted(
        os.path.join(folder, name)
        for root in (runs.public_root(), tables.root())
        for folder, _, names in os.walk(root, followlinks=True)
        for name in names
    )
    return hash(tuple((path, state(path)) for path in paths))


def claim(id: str, *sources: str, elsewhere: tuple = (), **numbers):
    """Register a function that turns what was recorded into effects.

    numbers: settings of the design that its sentences speak of, by name.
    """

    def register(function):
        facts = dict(id=id, sources=sources, elsewhere=elsewhere, numbers=numbers)
        CLAIMS[id] = Claim(**facts, effects=function)
        return function

    return register


def _recorded(source: str):
    kind, _, name = source.rpartition(":")
    return tables.read(name) if kind == "table" else sweep.recorded(name)


def _own(source: str, own: dict, pooled: bool):
    if source.startswith("table:"):
        return _recorded(source) if pooled else pd.DataFrame()
    ours = sweep.recorded(source) if pooled else []
    theirs = sweep.of_sweep(source, own)
    return list({run.recipe: run for run in [*ours, *theirs]}.values())


def asked_for() -> set:
    """The recipes of all sweeps that claims stand on, their seeds put to 0."""
    sources = {source for claim in CLAIMS.values() for source in claim.sources}
    named = [source for source in sources if not source.startswith("table:")]
    return {recipe for name in named for recipe in sweep.unseeded(name)}


def _ids(part) -> set:
    """The runs behind a source."""
    if isinstance(part, pd.DataFrame):
        return set(part["run"]) if "run" in part else set()
    return {run.id for run in part}
