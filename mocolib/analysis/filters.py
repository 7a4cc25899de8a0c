"""Patch projections as training left them: one matrix a run, small enough to publish.

The public runs hold step tables and no weights. data/tables/filters.safetensors keeps
the matrix [d, C p p] of five of them in float16 (relative rounding 2e-4), enough to
look at what training made of the random start. filters.json beside it says of which.

    for filters in read():
        print(filters.run.recipe.base_lr, filters.moved)

    write(chosen(sweep.recorded("lr", "runs")))    # where runs still have weights
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import safetensors
import safetensors.torch
import torch

from mocolib import runs
from mocolib.analysis.completeness import project
from mocolib.data import data_root
from mocolib.errors import BadInput
from mocolib.files import as_json, read_json, unreadable, write_whole
from mocolib.runs import Run

NAME = "query.backbone.patch_projection.weight"
KEPT = ("mocolib", "torch", "python", "data_name", "data", "date")  # of provenance


@dataclass(frozen=True, kw_only=True)
class Filters:
    """The patch projection at the end of a run, and the one it began with."""

    run: Run
    weight: torch.Tensor  # [d, C p p]

    @cached_property
    def start(self) -> torch.Tensor:
        """The random weight that the run started from, drawn again; [d, C p p]."""
        recipe = self.run.recipe
        return project(recipe, self.weight.shape[1] // recipe.patch_size**2)

    @property
    def moved(self) -> float:
        """|W - W0| / |W0| in the Frobenius norm: float16 alone gives 2e-4."""
        return float((self.weight - self.start).norm() / self.start.norm())


def file() -> Path:
    """Where the published filters lie."""
    return data_root() / "tables" / "filters.safetensors"


def read(path: Path | None = None) -> list[Filters]:
    """The published filters; learned before fixed, small rates first."""
    path = Path(path or file())
    try:
        weights = safetensors.torch.load_file(path)
    except (OSError, safetensors.SafetensorError) as error:
        raise unreadable(path, error) from None
    found = [
        Filters(run=Run(runs.public_root() / id), weight=weight.float())
        for id, weight in weights.items()
    ]
    return sorted(found, key=lambda f: _place(f.run))


def _place(run: Run) -> tuple:
    return run.recipe.patch_projection == "fixed", run.recipe.base_lr


def chosen(sweep: list[Run]) -> list[Run]:
    """Seed 0 of a sweep over the rate: every learned projection, and one fixed.

    All fixed ones are the same matrix, so that of the largest rate stands for them.
    """
    first = sorted((run for run in sweep if run.recipe.seed == 0), key=_place)
    fixed = [run for run in first if run.recipe.patch_projection == "fixed"]
    return [run for run in first if run not in fixed] + fixed[-1:]


def write(finished: list[Run], path: Path | None = None):
    """Take the matrices out of finished runs that still have their weights."""
    path = Path(path or file())
    path.parent.mkdir(parents=True, exist_ok=True)
    weights = {run.id: _weight(run).half() for run in finished}
    made = {run.id: {key: run.provenance[key] for key in KEPT} for run in finished}
    write_whole(path.with_suffix(".json"), as_json(made))
    write_whole(path, safetensors.torch.save(weights))


def provenance(path: Path | None = None) -> dict:
    """{run id: versions, data fingerprint and date} of the published filters."""
    return read_json(Path(path or file()).with_suffix(".json"))


def _weight(run: Run) -> torch.Tensor:
    path = run.folder / "weights.safetensors"
    if not path.exists():
        raise BadInput(f"run {run.id} has no weights, but must have kept them.")
    with safetensors.safe_open(path, "pt") as weights:
        return weights.get_tensor(NAME)
