"""What a curve is made of: a run's readings, and the words that tell runs apart."""

import math
from dataclasses import dataclass, field

from mocolib.recipe import FIELDS, Recipe
from mocolib.runs import Run
from mocolib.train import Step
from mocolib.words import spoken

# what a panel can set comes first in a name
FIRST = (
    "base_lr",
    "batch_size",
    "patch_projection",
    "optimizer",
    "temperature",
    "momentum",
)
ORDER = sorted(FIELDS, key=lambda n: FIRST.index(n) if n in FIRST else len(FIRST))

ALONE = ("base_lr", "patch_projection")  # what names a run without fellows

# follow from the batch size, where all runs see equally many images
DERIVED = ("steps", "warmup_steps", "knn_every")


@dataclass(kw_only=True)
class Trace:
    """A run as the panel shows it; the lists grow by one entry a step."""

    recipe: Recipe
    recorded: bool = False
    outcome: str = "training"
    steps: int = 0
    layer: str = ""  # first trained layer, whose gradient is drawn
    at: list = field(default_factory=list)  # the steps
    loss: list = field(default_factory=list)
    knn: list = field(default_factory=list)  # None where it was not read
    gradient: list = field(default_factory=list)
    marks: list = field(default_factory=list)  # (step, what was changed there)

    def add(self, step: Step):
        """Take what is shown out of a step's record."""
        if not self.layer:
            trained = [n for n, value in step.grad_inf.items() if value is not None]
            self.layer = trained[0]
        self.steps = step.index
        self.at.append(step.index)
        self.loss.append(step.loss)
        self.knn.append(step.knn)
        self.gradient.append(step.grad_inf[self.layer])

    @property
    def last_knn(self) -> float | None:
        return next((k for k in reversed(self.knn) if k is not None), None)


def from_run(run: Run) -> Trace:
    """A recorded run as a trace."""
    table = run.steps
    layers = [c for c in table if c.startswith("grad_inf/") and table[c].notna().any()]
    missing = [math.nan] * len(table)
    return Trace(
        recipe=run.recipe,
        recorded=True,
        outcome=run.end["outcome"] if run.finished else "unfinished",
        steps=len(table),
        layer=layers[0].removeprefix("grad_inf/") if layers else "",
        at=table["step"].tolist(),
        loss=table["loss"].tolist(),
        knn=[k if k == k else None for k in table["knn"].astype(float)],
        gradient=table[layers[0]].tolist() if layers else missing,
    )


def labels(traces: list[Trace]) -> list[str]:
    """A name for each trace: the settings in which it differs from its fellows."""
    names, live = [], 0
    for trace in traces:
        fellows = [t.recipe for t in traces if t.recorded == trace.recorded]
        live += not trace.recorded
        kind = "recorded" if trace.recorded else f"run {live}"
        names.append(f"{kind}: {', '.join(_settings(trace.recipe, fellows))}")
    return names


def _settings(recipe: Recipe, fellows: list[Recipe]) -> list[str]:
    differing = [
        name
        for name in ORDER
        if name not in DERIVED and len({getattr(r, name) for r in fellows}) > 1
    ]
    if not differing and len(fellows) > 1:
        return ["the same settings"]
    return [words(name, getattr(recipe, name)) for name in differing or ALONE]


def words(name: str, value) -> str:
    """A setting as a reader would say it: `base rate 0.004`, `fixed projection`."""
    if name == "dataset":
        return value
    return spoken(name, value)
