"""Patch projections as training left them: one matrix a run, small enough to publish.

The public runs hold step tables and no weights. data/tables/filters.safetensors keeps
the matrix [d, C p p] of five of them in float16 (relative rounding 2e-4), enough to
look at what training made of the random start. filters.json beside it says of which.

    for filters in read():
        print(filters.run.recipe.base_lr, filters.moved)

    write(chosen(sweep.recorded("lr", root="runs")))   # where runs still have weights

`along` trains a run again and looks at the matrix behind each step.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import safetensors
import safetensors.torch
import torch

from mocolib import runs
from mocolib.analysis.completeness import project
from mocolib.analysis.measures import ends_of_fall, monitored
from mocolib.data import Dataset, data_root
from mocolib.errors import BadInput
from mocolib.files import as_json, read_json, unreadable, write_atomic
from mocolib.runs import Run
from mocolib.runs.replay import replay

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
    write_atomic(path.with_suffix(".json"), as_json(made))
    write_atomic(path, safetensors.torch.save(weights))


def provenance(path: Path | None = None) -> dict:
    """{run id: versions, data fingerprint and date} of the published filters."""
    return read_json(Path(path or file()).with_suffix(".json"))


def _weight(run: Run) -> torch.Tensor:
    path = run.folder / "weights.safetensors"
    if not path.exists():
        raise BadInput(f"run {run.id} has no weights, but must have kept them.")
    with safetensors.safe_open(path, "pt") as weights:
        return weights.get_tensor(NAME)


# --- step by step -----------------------------------------------------------------


def effective_rank(weight: torch.Tensor) -> float:
    """exp of the entropy of the singular values, as shares: 1 to the smaller side."""
    values = torch.linalg.svdvals(weight.double())
    shares = values / values.sum()
    return float(torch.special.entr(shares).sum().exp())


def sudden(rank: pd.Series, within: int = 10) -> tuple[int, float]:
    """Where `rank`, by step, loses most within so many steps: the last one, how much.

    The warmup counts too: leave it out before.
    """
    lost = rank.shift(within) - rank
    return int(lost.idxmax()), float(lost.max())


def around_fall(run: Run) -> list[int]:
    """The states that show a run's deepest fall: start, top, half-way, low, end."""
    seen = monitored(run)
    top, low = (int(seen["step"].iloc[i]) for i in ends_of_fall(seen["knn"]))
    return sorted({0, top, (top + low) // 2, low, run.end["steps"]})


def along(run: Run, data: Dataset, keep=()) -> pd.DataFrame:
    """step, rank, cosine to the start, weight: the patch projection behind each step.

    Step 0 is the start. `weight` holds the bytes of the matrix in float16 behind the
    steps in `keep`, else nothing; `matrix` reads them. The table's attrs["departures"]
    holds sentences where the record was not met.
    """
    again = replay(run, 0, data)
    again.training.monitor.pauses = True  # a reading changes no state
    layer = again.training.model.query.backbone.patch_projection
    start = layer.weight.detach().flatten(1).clone()

    def row(step: int) -> dict:
        weight = layer.weight.detach().flatten(1)
        cosine = torch.cosine_similarity(weight.flatten(), start.flatten(), dim=0)
        return {
            "step": step,
            "rank": effective_rank(weight),
            "cosine": float(cosine),
            "weight": weight.half().numpy().tobytes() if step in keep else None,
        }

    table = pd.DataFrame([row(0), *(row(step.index) for step in again)])
    table.attrs["departures"] = [again.departure] if again.departure else []
    return table


def matrix(kept: bytes, width: int) -> torch.Tensor:
    """A kept `weight` as a matrix [width, C p p]."""
    values = np.frombuffer(kept, np.float16).astype(np.float32)
    return torch.from_numpy(values.reshape(width, -1))
