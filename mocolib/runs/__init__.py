"""Recorded runs, written so that nothing written is ever lost. A folder a run:

    recipe.json         what was asked for
    provenance.json     commit and library versions, data fingerprint, threads, date
    steps.jsonl         a line a step, appended while the run goes on
    checkpoint.*        the state to continue from, replaced every n steps
    steps.parquet       the step table of a finished run (in place of steps.jsonl)
    end.json            outcome and final readings; its presence means finished
    weights.safetensors the model at the end
    checksum            of a published run: the digest of its record

`record` writes them, this module reads them back. The published runs of a sweep lie
together in two files, as `pack` has it. No pickle is ever written or read.
"""

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
from mocolib.files import shown, unreadable
from mocolib.presets import nearest
from mocolib.recipe import Recipe
from mocolib.runs import pack
from mocolib.runs.folder import Folder

COLUMNS = ("step", "samples", "loss", "knn")  # of every step table
ASKED_OR_ENDED = ("recipe.json", "end.json")  # one of both tells a run's folder
NUMBER = (int, float, type(None))  # None where a run diverged
OTHER_RUNS = "bring those images back, or name another folder of runs by --runs"
NAME = re.compile("[0-9a-f]{12}")  # of a run's folder
END = {"outcome": str, "steps": int}
END |= dict.fromkeys(("loss", "knn", "linear_probe"), NUMBER)


def default_root() -> Path:
    """Where `mocolib train` puts runs: MOCOLIB_RUNS, else ./runs."""
    return Path(os.environ.get("MOCOLIB_RUNS") or "runs")


def public_root() -> Path:
    """The recorded runs behind the book's figures."""
    return data_root() / "runs"


@dataclass(frozen=True)
class Run:
    """A recorded run; tables and values are read when asked for, and damage then told.

    `folder` is its address: its own folder, or of a packed run its place in the pack.
    Accuracies in `steps` and `end` are shares, 0 to 1. BadInput for a file that is not
    there or cannot be read.
    """

    folder: Path

    def __repr__(self) -> str:
        try:
            return f"<Run {self.line}>"
        except BadInput as error:  # a prompt shows what is wrong, and goes on
            return f"<Run {self.id}: {error}>"

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def line(self) -> str:
        """Its id, how it stands or has ended, and what was asked for."""
        arm = nearest(self.recipe)
        if not self.finished:
            done = f"unfinished, {self.rows} of {self.recipe.steps} steps"
            return f"{self.id}  {done}  {arm}"
        end = self.end
        if end["outcome"] != "finished":
            return f"{self.id}  {end['outcome']}  {arm}"
        words = {"loss": "loss", "knn": "kNN", "linear_probe": "linear probe"}
        # a run that was trained in the book's page has no linear probe
        known = [f"{w} {end[k]:.3f}" for k, w in words.items() if end[k] is not None]
        return "  ".join([self.id, f"{end['steps']} steps", *known, arm])

    @cached_property
    def reader(self) -> Folder | pack.Packed:
        """What knows how the run is kept."""
        packed = pack.is_pack(self.folder.parent)
        return pack.Packed(self.folder) if packed else Folder(self.folder)

    @cached_property
    def recipe(self) -> Recipe:
        return recipes.from_dict(self.reader.values("recipe"))

    @cached_property
    def provenance(self) -> dict:
        return self.reader.values("provenance")

    @cached_property
    def end(self) -> dict:
        """outcome, steps, loss, knn and linear_probe of a finished run."""
        values = self.reader.values("end")
        for name, kinds in END.items():
            if not isinstance(values.get(name), kinds):
                reason = f"{name} is {values.get(name)!r:.40}"
                raise unreadable(self.reader.file("end"), reason)
        return values

    @property
    def finished(self) -> bool:
        return self.reader.finished

    @property
    def written(self) -> tuple:
        """What tells a finished run's files from those that they have replaced."""
        return self.reader.written

    @property
    def rows(self) -> int:
        """How many steps are recorded; counted without reading a folder's table."""
        return self.reader.rows

    @property
    def steps(self) -> pd.DataFrame:
        """The step table, one row a step; of an unfinished run what there is so far."""
        return self.reader.steps

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
    kept = {f.parent for name in ASKED_OR_ENDED for f in root.glob(f"[!.]*/{name}")}
    found = {folder.name: folder for folder in kept} | pack.places(root)
    return [Run(found[id]) for id in sorted(found)]


def at(id: str, root: Path) -> Run:
    """The run with this whole id under `root`, packed or in a folder, if it is."""
    return Run(pack.places(root).get(id, root / id))


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
    for root in map(Path, roots or (default_root(), public_root())):
        run = at(recipe.id, root)
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
        check_recipe(own, recipe)
        check_data(own, data)
        return own
    public = None if root else find(recipe, public_root())
    known = public and public.provenance.get("data") == data.fingerprint
    return public if known else None


def check_recipe(run: Run, recipe: Recipe):
    """BadInput where another recipe stands in a run's place."""
    if run.recipe != recipe:
        raise BadInput(
            f"run {run.id} has the recipe of {run.recipe.id} in its folder, but must "
            "have its own to be continued or read."
        )


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
