"""One layer kicked: a single update made too long, and how the run goes on from it.

    along(run, data)           # a table over layers and lengths, from one state
    costs(table, 0.2)          # of each, by seed and layer

The kick is the layer's own update, lengthened, or a random one of that length; the run
behind it sees the images and views that it would have seen.
"""

import pandas as pd
import torch

from mocolib import sweep
from mocolib.data import Dataset
from mocolib.errors import BadInput
from mocolib.optim import PROJECTION
from mocolib.runs import Run
from mocolib.runs.replay import replay
from mocolib.train import Training

STATE = 400  # steps done when the kick comes
FIRST = PROJECTION.rpartition(".")[2]
SIZES = (0.05, 0.1, 0.2, 0.4)  # of the layer's norm
USUAL = 0.2  # at which the claim is judged, and a random direction tried
LARGEST = SIZES[-1]  # the run goes on behind it
READ = (1, 5, 10, 25, 50, 75, 100)  # steps behind the state with a kNN reading
LATE = READ[-2:]
NOTHING, OWN, RANDOM = "nothing", "own", "random"


def layers() -> list[str]:
    """The projection, and those that the placebo fixes in its place."""
    return [FIRST, *dict.fromkeys(r.frozen for r in sweep.read("placebo").recipes)]


def along(run: Run, data: Dataset, state: int = STATE, read=READ) -> pd.DataFrame:
    """Step by step what each kick makes of a run, from the state behind `state` on.

    Rows of run, seed, layer, change, size, step (1: the kick's), loss (of its batch,
    ahead of its update) and knn (behind it, on all test images, a share; nan where it
    is not read). `change` is `own` or `random`, and `nothing` where the run goes on as
    it was. Kicks below LARGEST are followed to the next batch's loss. The table's
    attrs["departures"] holds sentences where the record was not met.
    """
    kicks = [("none", NOTHING, 0.0, max(read))]
    for layer in layers():
        kicks += [(layer, OWN, s, max(read) if s == LARGEST else 2) for s in SIZES]
        kicks += [(layer, RANDOM, USUAL, 2)]
    parts, departures = [], set()
    for layer, change, size, steps in kicks:
        again = replay(run, state, data, until=state + steps)
        again.changed = change != NOTHING
        if again.changed:
            kick(again.training, layer, size, change == RANDOM)
        place = {"layer": layer, "change": change, "size": size}
        parts.append(pd.DataFrame(_followed(again, read)).assign(**place))
        departures |= {again.departure} - {""}
    table = pd.concat(parts, ignore_index=True)
    table.attrs["departures"] = sorted(departures)
    return table.assign(run=run.id, seed=run.recipe.seed)


def _followed(again, read) -> list[dict]:
    """The steps of a replay, with kNN where it is asked for and nowhere else."""
    monitor, rows = again.training.monitor, []
    monitor.pauses = True
    for step in again:
        behind = step.index - again.start
        knn = monitor.final_knn() if behind in read else float("nan")
        rows.append({"step": behind, "loss": step.loss, "knn": knn})
    return rows


def kick(training: Training, layer: str, size: float, random: bool = False):
    """Let the next update of the matrices whose names begin so be `size` long, once.

    In norms of all of them together. random: in place of their own update one of normal
    entries, each matrix's part as long beside the others as its norm.
    """
    pieces = training.probe.pieces
    held = [pieces[name].parameter for name in pieces if name.startswith(layer)]
    if not held:
        raise BadInput(
            f"layer is {layer!r}, but must begin one of {', '.join(pieces)}."
        )
    before = [p.detach().clone() for p in held]
    draw = torch.Generator().manual_seed(training.recipe.seed)

    @torch.no_grad()
    def lengthen(*_):
        taken.remove()
        steps = [p - old for p, old in zip(held, before, strict=True)]
        if random:
            drawn = [torch.randn(old.shape, generator=draw) for old in before]
            pairs = zip(drawn, before, strict=True)
            steps = [d * (old.norm() / d.norm()) for d, old in pairs]
        longer = size * _norm(before) / _norm(steps)
        for p, old, step in zip(held, before, steps, strict=True):
            p.copy_(old + longer * step)

    taken = training.optimizer.register_step_post_hook(lengthen)


def _norm(tensors: list) -> torch.Tensor:
    return torch.stack([t.norm() for t in tensors]).norm()


def costs(table: pd.DataFrame, size: float, column: str = "knn", change=OWN, at=(1,)):
    """By seed (rows) and layer, what kicks of a size cost `column`, `at` these steps.

    For knn unkicked minus kicked, for loss the other way round; the mean over steps.
    """
    sign = {"knn": 1, "loss": -1}[column]
    seen = table[table["step"].isin(at)]
    plain = seen[seen["change"] == NOTHING].set_index(["seed", "step"])[column]
    kicked = seen[(seen["change"] == change) & (seen["size"] == size)]
    kicked = kicked.pivot(index=["seed", "step"], columns="layer", values=column)
    return (-kicked).add(plain, axis=0).mul(sign).groupby("seed").mean()
