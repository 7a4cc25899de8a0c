"""The panel that rewinds: a recorded spike, and what one change makes of it.

    table = tables.read("causes")
    rewind(table, causes.judged(table), [runs.read(id, root) for id in ...])

Each frame lays a changed replay over the record, in charts over one x axis.
"""

import pandas as pd

from mocolib.analysis import causes
from mocolib.analysis.measures import first_layer
from mocolib.lab.curves import COLOURS, DASHES, picture
from mocolib.lab.numbers import columns, points
from mocolib.lab.page import chart_data
from mocolib.lab.pictures import Frame, frames
from mocolib.runs import Run
from mocolib.words import said, short, value

ORDER = (  # of the changes, the placebo last
    causes.FIXED,
    causes.HALF,
    causes.CLIPPED,
    causes.MEMORY,
    causes.OTHER_IMAGES,
)
PAST = 20  # recorded steps shown before the restart
CHARTS = {
    "first": "first layer: largest gradient entry",
    "loss": "loss",
    "knn": "kNN accuracy, %",
}


def rewind(replayed, judged, runs: list[Run], *, id: str = "rewind", **asked):
    """A slider over the spikes of a table of replays, and a switch over the changes.

    replayed: as `causes.curves` gives it. judged: its `causes.responses`. runs: the
    recorded runs that both are about. asked: question, answer, start of the panel.
    """
    found = {run.id: run for run in runs}
    kinds = replayed[["run", "spike"]].drop_duplicates()
    places = list(kinds.itertuples(index=False, name=None))
    names = [name for name in replayed["change"].unique() if name != "nothing"]
    changes = sorted(names, key=lambda name: ORDER.index(name) if name in ORDER else -1)

    def draw(spike: int, change: str) -> Frame:
        run, step = places[spike - 1]
        steps = _of(replayed, run, step)
        told = _of(judged, run, step).set_index("change")
        return Frame(
            html=_charts(found[run], step, dict(list(steps.groupby("change"))), change),
            spoken=_told(found[run], step, told, change),
        )

    numbers = range(1, len(places) + 1)
    return frames(draw, id=id, spike=numbers, change=changes, **asked)


def _of(table: pd.DataFrame, run: str, spike: int) -> pd.DataFrame:
    return table[(table["run"] == run) & (table["spike"] == spike)]


def _charts(run: Run, spike: int, replays: dict, change: str) -> str:
    """Gradient, loss and kNN: the record in grey, the replay over it; as HTML."""
    steps, shown = replays[change], value(change)
    restart, end = int(steps["step"].iloc[0]) - 1, int(steps["step"].iloc[-1])
    since = max(0, restart - PAST)
    below = {"colour": "currentColor", "dash": DASHES[1]}
    above = {"colour": COLOURS[3], "width": 2.4}
    looks = ((*_base(run, replays, since, end), below), (shown, steps, above))
    marks = {"restart": restart, "spike": spike}
    return picture(
        {
            "charts": chart_data(CHARTS, log=("first",)),
            "x": {"title": said("training step"), "since": since, "until": end},
            "lines": [
                {"name": name, "label": name, **look, "data": _data(table)}
                for name, table, look in looks
            ],
            "marks": [{"at": at, "words": said(words)} for words, at in marks.items()],
        }
    )


def _base(run: Run, replays: dict, since: int, end: int) -> tuple[str, pd.DataFrame]:
    """What a change is laid over: the record, or the unchanged replay that left it."""
    record = run.steps.rename(columns={f"grad_inf/{first_layer(run)}": "first"})
    record = record[record["step"].between(since, end)]
    if "nothing" in replays and _left(record, replays["nothing"]):
        return said("nothing changed"), replays["nothing"]
    return said("record"), record


def _left(record: pd.DataFrame, unchanged: pd.DataFrame) -> bool:
    """Whether an unchanged replay has another loss than the record somewhere."""
    recorded = record.set_index("step")["loss"].reindex(unchanged["step"])
    return bool((recorded.to_numpy() != unchanged["loss"].to_numpy()).any())


def _data(table: pd.DataFrame) -> dict:
    """{chart key: [steps, values]}, the accuracy in percent."""
    return {
        key: columns(
            points(
                table["step"].to_numpy(),
                table[key].to_numpy(float) * (100 if key == "knn" else 1),
                log=key == "first",
            )
        )
        for key in CHARTS
    }


def _told(run: Run, spike: int, told: pd.DataFrame, change: str) -> str:
    """Where the spike is, and the numbers that it is judged by."""
    before, after = told.loc[["nothing", change]].to_dict("records")
    rate, seed = short(run.recipe.base_lr), run.recipe.seed
    return said(
        "Base rate {rate}, seed {seed}, spike at step {spike}. The first layer's "
        "gradient reaches ×{peak} its recent median in the record, ×{new_peak} with "
        "{change}. The highest loss, less that before the restart: {rise} and "
        "{new_rise}.",
        rate=rate,
        seed=seed,
        spike=spike,
        change=value(change),
        peak=f"{before['peak_first']:.1f}",
        new_peak=f"{after['peak_first']:.1f}",
        rise=f"{before['loss_rise']:+.2f}",
        new_rise=f"{after['loss_rise']:+.2f}",
    )
