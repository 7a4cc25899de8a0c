"""The edge by batch and by block: sharpness over its limit before a spike and in calm.

    along(run, data)    # a table over two states of a run, two batches, and parts

What is struck out is held constant: its rows and columns leave the Hessian, which can
only lower the largest eigenvalue (see `curvature`).
"""

import pandas as pd

from mocolib.analysis import causes, measures
from mocolib.analysis.curvature import preconditioned_sharpness, threshold
from mocolib.data import Dataset
from mocolib.optim import PROJECTION
from mocolib.runs import Run
from mocolib.runs.replay import replay

AHEAD = 3  # steps from a state to the step whose batch spikes
LATER = 10  # from that batch to the other one
FAR = 15  # steps from any spike at which a state counts as calm
ITERATIONS = 12
BEFORE, CALM = "before_a_spike", "calm"
OWN, OTHER = "own", "other"  # batches
NOTHING = "nothing"
PARTS = {  # held constant, by how the names of parameters begin
    "patch_projection": (PROJECTION,),
    "blocks.0": ("query.backbone.blocks.0.",),
    "blocks.1": ("query.backbone.blocks.1.",),
    "heads": ("query.projector.", "predictor."),
}


def states(run: Run) -> dict[str, int]:
    """{kind: step}: ahead of the first lone spike that has a calm state, and that one.

    The calm state is the last before it; {} where no spike has one.
    """
    spikes = measures.spike_steps(run)
    first = run.recipe.warmup_steps + measures.WINDOW + 1
    for spike in causes.lone_spikes(run):
        for step in range(spike - FAR, first - 1, -1):
            if all(abs(step - other) >= FAR for other in spikes):
                return {CALM: step, BEFORE: spike - AHEAD}
    return {}


def along(run: Run, data: Dataset, iterations: int = ITERATIONS) -> pd.DataFrame:
    """Rows of run, seed, kind, step, batch, constant, sharpness, threshold and ratio.

    `batch` is `own`, AHEAD steps on, before a spike the one that spikes; or `other`,
    LATER behind it. `constant` is what is struck out, on the first batch alone. The
    table's attrs["departures"] holds sentences where the record was not met.
    """
    looks = [(OWN, NOTHING), (OTHER, NOTHING), *((OWN, part) for part in PARTS)]
    rows, departures = [], set()
    for kind, step in states(run).items():  # the calm one is the earlier
        again = replay(run, step, data)
        departures |= {again.departure} - {""}
        limit = threshold(again.training)
        for batch, constant in looks:
            sharpness = preconditioned_sharpness(
                again.training,
                iterations,
                later=AHEAD - 1 + (LATER if batch == OTHER else 0),
                constant=PARTS.get(constant, ()),
            )
            row = {"kind": kind, "step": step, "batch": batch, "constant": constant}
            row |= {"sharpness": sharpness, "threshold": limit}
            rows.append(row | {"ratio": sharpness / limit})
    table = pd.DataFrame(rows).assign(run=run.id, seed=run.recipe.seed)
    table.attrs["departures"] = sorted(departures)
    return table
