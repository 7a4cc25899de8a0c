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
import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from mocolib import recipe as recipes
from mocolib.data import Dataset, data_root
from mocolib.errors import BadInput, LeftOut
from mocolib.files import read_json, shown, state, unreadable, whole_lines
from mocolib.recipe import Recipe
from mocolib.runs import step_table

COLUMNS = ("step", "samples", "loss", "knn")  # of every step table
ASKED_OR_ENDED = ("recipe.json", "end.json")  # one of both tells a run's folder
NUMBER = (int, float, type(None))  # None where a run diverged
OTHER_RUNS = "bring those images back, or name another folder of runs by --runs"
NAME = re.compile("[0-9a-f]{12}")  # of a run's folder
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
    """One run folder; tables and values are read when asked for, and damage then told.

    Accuracies in `steps` and `end` are shares, 0 to 1. BadInput for a file that is not
    there or cannot be read.
    """

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

    @property
    def written(self) -> tuple:
        """What tells a finished run's files from those that they have replaced."""
        kept = [self.folder.glob(name) for name in ("end.json", "steps.*")]
        return tuple(state(path) for paths in kept for path in sorted(paths))

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
    def rows(self) -> int:
        """How many steps are recorded; counted without reading the table."""
        path, lines = self.folder / "steps.parquet", self.folder / "steps.jsonl"
        if self._in_parquet:
            try:
                return step_table.rows(path)
            except (OSError, ValueError) as error:
                raise unreadable(path, error) from None
        try:
            with open(lines, "rb") as file:
                parts = iter(lambda: file.read(2**20), b"")
                return sum(part.count(b"\n") for part in parts)
        except FileNotFoundError:
            return 0

    @property
    def _in_parquet(self) -> bool:
        # a run that was trained in the book's page ends with its lines
        kept = self.folder / "steps.parquet", self.folder / "steps.jsonl"
        return self.finished and (kept[0].exists() or not kept[1].exists())

    @property
    def fault(self) -> str:
        """What keeps a finished run from being read whole, a sentence; else nothing."""
        try:
            recipe, end, steps = self.recipe, self.end, self.steps
        except BadInput as error:
            return str(error)
        if NAME.fullmatch(self.id) and recipe.id != self.id:
            return f"its recipe has the id {recipe.id}."
        lacking = [name for name in COLUMNS if name not in steps]
        if lacking:
            return f"its step table has no column {', '.join(lacking)}."
        if len(steps) != end["steps"]:
            return f"its step table has {len(steps)} steps of {end['steps']}."
        return ""

    @property
    def steps(self) -> pd.DataFrame:
        """The step table, one row a step; of an unfinished run what there is so far."""
        path, lines = self.folder / "steps.parquet", self.folder / "steps.jsonl"
        if self._in_parquet:
            try:
                return step_table.read(path)
            except (OSError, ValueError) as error:
                raise unreadable(path, error) from None
        try:
            return pd.DataFrame([json.loads(line) for line in whole_lines(lines)])
        except ValueError as error:
            raise unreadable(lines, error) from None


def read(id: str, root: Path | None = None) -> Run:
    """The run with this id (a unique beginning is enough) under `root`.

    Without a root, where `default_root` says. BadInput where none or several fit.
    """
    root = Path(root or default_root())
    found = [run for run in all_runs(root) if run.id.startswith(id)]
    named = [run for run in found if NAME.fullmatch(run.id)]  # and no copy of one
    matches = [run for run in found if run.id == id] or named or found
    if len(matches) != 1:
        raise BadInput(
            f"run is {id!r}, but must begin exactly one id under {root}; "
            f"{len(matches)} fit."
        )
    return matches[0]


def all_runs(root: Path | None = None) -> list[Run]:
    """Every run under `root`, finished or not, by id."""
    root = Path(root or default_root())
    kept = {f.parent for name in ASKED_OR_ENDED for f in root.glob(f"*/{name}")}
    return [Run(folder) for folder in sorted(kept)]


def readable(found: Iterable[Run]) -> list[Run]:
    """Those that can be read whole; a warning says of each other one what is wrong."""
    good = []
    for run in found:
        if fault := run.fault:
            warnings.warn(f"run {run.id} is left out: {fault}", LeftOut, stacklevel=3)
        else:
            good.append(run)
    return good


def find(recipe: Recipe, *roots: Path) -> Run | None:
    """The finished run of a recipe, from the first root that has it."""
    for root in roots or (default_root(), public_root()):
        run = Run(Path(root) / recipe.id)
        if run.finished:
            return run
    return None


def trained(recipe: Recipe, data: Dataset, root: Path | None = None) -> Run | None:
    """The finished run of a recipe on these images, under `root`.

    Without a root a public one will do too. BadInput where the place of the run is
    taken by one of other images.
    """
    own = find(recipe, root or default_root())
    if own:
        check_data(own, data)
        return own
    public = None if root else find(recipe, public_root())
    known = public and public.provenance.get("data") == data.fingerprint
    return public if known else None


def no_origin(run: Run) -> str:
    """A sentence where a run does not tell which images it was trained on."""
    try:
        return "" if "data" in run.provenance else "its provenance names no images."
    except BadInput as error:
        return str(error)


def check_data(run: Run, data: Dataset, remedy: str = OTHER_RUNS):
    """BadInput where a run was not trained on these images; `remedy` says what to do.

    Data are known by their fingerprint: a folder's name says nothing of what is in it.
    """
    recorded = run.provenance.get("data")
    if recorded != data.fingerprint:
        raise BadInput(
            f"dataset {shown(data.name)} has fingerprint {data.fingerprint}, but must "
            f"have {recorded}, which run {run.id} under {shown(run.folder.parent)} was "
            f"trained on: {remedy}."
        )
