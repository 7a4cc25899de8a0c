"""What training makes of the patch projection, step by step: its rank, its way (C16).

    table = along(run, data, keep=around_fall(run))
    matrix(table["weight"].iloc[0], run.recipe.width)

The public runs hold step tables and no weights; `along` trains a run again and looks at
the matrix behind each step.
"""

import numpy as np
import pandas as pd
import torch

from mocolib.analysis.measures import fall_steps
from mocolib.data import Dataset
from mocolib.runs import Run
from mocolib.runs.replay import replay


def effective_rank(weight: torch.Tensor) -> float:
    """exp of the entropy of singular values, as shares: 1 to a matrix' smaller side.

    After Roy and Vetterli, "The effective rank" (EUSIPCO 2007).

    >>> round(effective_rank(torch.eye(4)), 6)
    4.0
    """
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
    top, low = fall_steps(run)
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
