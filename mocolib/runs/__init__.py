"""Recorded runs: a folder a run, written so that nothing written is ever lost.

    recipe.json         what was asked for
    provenance.json     code and library versions, data fingerprint, threads, date
    steps.jsonl         a line a step, appended while the run goes on
    checkpoint.*        the state to continue from, replaced every n steps
    steps.parquet       the step table of a finished run (in place of steps.jsonl)
    end.json            outcome and final readings; its presence means finished
    weights.safetensors the model at the end

`record` writes them, this module reads them back. No pickle is ever written or read.
"""

import json
import os
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import pandas as pd

from mocolib import recipe as recipes
from mocolib.data import data_root
from mocolib.errors import BadInput
from mocolib.files import read_json, unreadable, whole_lines
from mocolib.recipe import Recipe

NUMBER = (int, float, type(None))  # None where a run diverged
END = {"outcome": str, "steps": int}
END |= dict.fromkeys(("loss", "knn", "linear_probe"), NUMBER)


def default_root() -> Path:
    """Where `mocolib train` puts runs: MOCOLIB_RUNS, else ./runs."""
    return Path(os.environ.get("MOCOLIB_RUNS", "runs"))


def public_root() -> Path:
    """The recorded runs behind the book's figures."""
    return data_root() / "runs"


@dataclass(frozen=True)
class Run:
    """One run folder; tables and values are read when asked for."""

    folder: Path

    @property
    def id(self) -> str:
        return self.folder.name

    @cached_property
    def recipe(self) -> Recipe:
        return recipes.from_file(self.folder / "recipe.json")

    @cached_property
    def provenance(self) -> dict:
        return read_json(self.folder / "provenance.json")

    @property
    def finished(self) -> bool:
        return (self.folder / "end.json").exists()

    @cached_property
    def end(self) -> dict:
        """outcome, steps, loss, knn and linear_probe of a finished run."""
        values = read_json(self.folder / "end.json")
        for name, kinds in END.items():
            if not isinstance(values.get(name), kinds):
                reason = f"{name} is {values.get(name)!r:.40}"
                raise unreadable(self.folder / "end.json", reason)
        return values

    @property
    def steps(self) -> pd.DataFrame:
        """The step table, one row a step; of an unfinished run what there is so far."""
        path, lines = self.folder / "steps.parquet", self.folder / "steps.jsonl"
        # a run that was trained in the book's page ends with its lines
        if self.finished and (path.exists() or not lines.exists()):
            try:
                state = path.stat()
                if not path.is_file():  # a folder would be read as a set of tables
                    raise ValueError("not a file")
                changed = (state.st_ino, state.st_size, state.st_mtime_ns)
                return _table(path, changed).copy()
            except (OSError, ValueError) as error:
                raise unreadable(path, error) from None
        try:
            return pd.DataFrame([json.loads(line) for line in whole_lines(lines)])
        except ValueError as error:
            raise unreadable(lines, error) from None


@lru_cache(maxsize=256)  # the ledger reads each table several times
def _table(path: Path, changed: tuple) -> pd.DataFrame:
    """A step table; `changed` tells a file from the one that it has replaced."""
    return pd.read_parquet(path)


def read(id: str, root: Path | None = None) -> Run:
    """The run with this id (a unique beginning is enough) under `root`."""
    root = Path(root or default_root())
    matches = [run for run in all_runs(root) if run.id.startswith(id)]
    if len(matches) != 1:
        raise BadInput(
            f"run is {id!r}, but must begin exactly one id under {root}; "
            f"{len(matches)} fit."
        )
    return matches[0]


def all_runs(root: Path | None = None) -> list[Run]:
    """Every run under `root`, finished or not, by id."""
    root = Path(root or default_root())
    return [Run(f.parent) for f in sorted(root.glob("*/recipe.json"))]


def find(recipe: Recipe, *roots: Path) -> Run | None:
    """The finished run of a recipe, from the first root that has it."""
    for root in roots or (default_root(), public_root()):
        run = Run(Path(root) / recipe.id)
        if run.finished:
            return run
    return None
