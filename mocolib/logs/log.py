"""A log: what a run has written of itself, whoever wrote it.

    from mocolib import logs

    for log in logs.read("metrics.csv"):
        print(log.title, log.columns)

`read` takes what W&B, TensorBoard, Lightning, timm, DINO, MAE, DINOv2, moco-v3 and
Hugging Face write, and any table of numbers; `Log.of` takes a recorded run.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mocolib.errors import BadInput
from mocolib.files import check_file, shown
from mocolib.logs import axis, binary, text
from mocolib.logs.broken import broken
from mocolib.logs.chosen import ROLES, chosen, nothing_known, shares
from mocolib.logs.table import Table, Tables
from mocolib.logs.words import refusals as words
from mocolib.runs import Run
from mocolib.words import said


@dataclass(frozen=True, kw_only=True, eq=False)
class Log:
    """Readings of a run along one axis, [n] each; nan where one was not taken."""

    title: str
    axis: str = "step"  # what is counted: step, sample, epoch, row, or a column's name
    steps: np.ndarray  # ascending, none twice
    accuracy: np.ndarray  # shares, 0 to 1
    loss: np.ndarray  # inf where it was infinite, as norms are
    rate: np.ndarray
    norms: dict = field(default_factory=dict)  # by layer, first to last
    warmup: float | None = None  # where it ended, if that is known beforehand
    columns: dict = field(default_factory=dict)  # what was read as what
    others: tuple = ()  # columns that were not
    notes: dict = field(default_factory=dict)  # what had to be done to read it
    unit: str | None = None  # what accuracy was taken for: share, percent, both
    broken: dict = field(default_factory=dict)  # by loss, layer: NaN and infinite ones
    diverged: float | None = None  # from where on the loss is no number

    def __repr__(self) -> str:
        ends = f"{len(self.steps)} readings along {self.axis}"
        return f"<Log {self.title}: {ends}, {len(self.norms)} norms>"

    @classmethod
    def of(cls, run: Run) -> "Log":
        """A recorded run; its norms are the largest gradient entries by layer."""
        table = run.steps
        before = "grad_inf/"
        norms = {
            name.removeprefix(before): table[name].to_numpy(float)
            for name in table
            if name.startswith(before) and table[name].notna().any()
        }
        own = {"accuracy": "knn", "loss": "loss", "rate": "lr"}
        known = {k: v for k, v in own.items() if v in table}
        empty = np.full(len(table), np.nan)
        return cls(
            title=run.id,
            steps=table["step"].to_numpy(float),
            **{
                k: table[v].to_numpy(float) if k in known else empty
                for k, v in own.items()
            },
            norms=norms,
            warmup=run.recipe.warmup_steps,
            columns={"axis": "step", **known, "norms": {k: before + k for k in norms}},
        )


def read(path, **named) -> list[Log]:
    """The logs in a file or a folder, one a run.

    named: columns to be taken in place of those that names tell: axis, accuracy, loss,
    rate, and norms, a list. BadInput where there is no log, or nothing to be judged.
    """
    path = Path(path)
    place = shown(path)
    if unknown := set(named) - {*ROLES, "norms"}:
        raise TypeError(f"{min(unknown)} is no role of a column")
    named = {role: name for role, name in named.items() if name}
    listed = list(named.get("norms", ()))
    wanted = [*listed, *(name for role, name in named.items() if role != "norms")]
    tables = Tables(place, wanted)
    if path.is_dir() and (path / "recipe.json").exists():
        return [Log.of(Run(path))]
    _fill(path, tables)
    made = (_log(run or path.stem, t, named, tables) for run, t in tables.of.items())
    found = [log for log in made if log is not None and len(log.steps)]
    if not found:
        raise nothing_known(tables.of, place)
    return found


def _fill(path: Path, tables: Tables):
    """The rows of whatever the file is."""
    if path.is_dir():
        if next(path.rglob(binary.EVENTS), None) is None:
            raise BadInput(
                f"file {tables.place} is a folder, but must be a file, a folder of "
                "TensorBoard's events, or a run of mocolib."
            )
        binary.read_events(path, tables)
        return
    try:
        check_file(path)
        with open(path, "rb") as file:
            head = file.read(text.HEAD)
    except ValueError as error:  # that, or a name that no file can have
        raise BadInput(f"file {tables.place} cannot be read: {error}.") from None
    if not head.strip(b"\0 \t\r\n\xef\xbb\xbf\xff\xfe"):
        fields = dict(place=tables.place, kinds=said(words.KINDS))
        raise BadInput(said(words.EMPTY, **fields))
    binary.refuse_known(head, tables.place)
    if head.startswith(b"PAR1"):
        binary.read_parquet(path, tables)
    elif b"brain.Event:" in head[:64]:
        binary.read_events(path, tables)
    else:
        text.read(path, head, tables)


def _log(title: str, table: Table, named: dict, tables: Tables) -> Log | None:
    """One run's columns, laid along one axis; None where there is nothing to judge."""
    roles, layers = chosen(table, named, tables.place)
    used = [*(v for k, v in roles.items() if k != "axis"), *layers.values()]
    if not used or used == [roles.get("rate")]:
        return None
    notes = dict.fromkeys(tables.facts, 1)
    kind, along, at = axis.laid(table, roles.get("axis"), used, notes)
    judged = ({"loss": roles["loss"]} if "loss" in roles else {}) | layers
    steps, curves = axis.aligned(table, at, used, set(judged.values()), notes)
    nothing = np.full(len(steps), np.nan)
    accuracy, loss, rate = (curves.get(roles.get(role), nothing) for role in ROLES[1:])
    accuracy, unit = shares(accuracy, roles.get("accuracy", ""), tables.place, notes)
    lost, diverged = broken(table, at, judged)
    return Log(
        title=title,
        axis=kind,
        steps=steps,
        accuracy=accuracy,
        unit=unit,
        loss=loss,
        rate=rate,
        norms={layer: curves[name] for layer, name in layers.items()},
        columns=roles | {"axis": along, "norms": layers},
        others=tuple(
            n for n in (*table.kept, *table.numeric) if n not in {*used, along}
        ),
        notes=notes,
        broken=lost,
        diverged=diverged,
    )
