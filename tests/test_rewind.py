"""The panel that rewinds lays the changed replay over the record, spike by spike."""

import pandas as pd
import pytest

from mocolib.analysis import causes
from mocolib.analysis.measures import SPIKE
from mocolib.lab.rewind import rewind
from tests.planted import events, plant, shaking
from tests.told import frame, told

SPIKES = (90, 130)


@pytest.fixture
def run(tmp_path):
    norms = {"patch_projection": events(0)}
    return plant(tmp_path, shaking(0.001, 0), norms=norms, steps=240, warmup_steps=20)


@pytest.fixture
def replayed(run):
    """The record again, and a change under which the gradient stays at 1."""
    rows = []
    for spike in SPIKES:
        steps = run.steps[run.steps["step"].between(spike - 9, spike + 19)]
        record = steps["grad_inf/patch_projection"]
        for change, first in (("nothing", record), ("calm", 1.0)):
            part = steps[["step", "loss", "knn"]].assign(first=first, last=1.0)
            rows.append(part.assign(run=run.id, seed=0, spike=spike, change=change))
    return pd.concat(rows)


def test_it_shows_each_spike_with_each_change(run, replayed):
    judged = causes.responses(run, replayed)
    panel = rewind(replayed, judged, [run], question="Compare.").data
    spike, change = told(panel)["axes"]
    assert spike["words"] == ["1", "2"]
    assert change["words"] == ["calm"]  # nothing is the record
    peaks = judged.set_index(["spike", "change"])["peak_first"]
    assert peaks[130, "calm"] < SPIKE < peaks[130, "nothing"]
    drawn, words = frame(panel, spike=1)
    assert "spike at step 130" in words
    for name in ("nothing", "calm"):
        assert f"×{peaks[130, name]:.1f}" in words
    shown = told(drawn)
    assert [chart["key"] for chart in shown["charts"]] == ["first", "loss", "knn"]
    assert [line["name"] for line in shown["lines"]] == ["record", "calm"]
    # from 20 steps before the restart on: the axis does not begin at 0
    assert (shown["x"]["since"], shown["x"]["until"]) == (100, 149)
    restart, spike = shown["marks"]
    assert (restart["at"], restart["words"], spike["at"]) == (120, "restart", 130)


def test_an_unchanged_replay_that_left_the_record_stands_in_its_place(run, replayed):
    replayed.loc[replayed["change"] == "nothing", "loss"] += 0.1
    panel = rewind(replayed, causes.responses(run, replayed), [run]).data
    drawn, _ = frame(panel, spike=1)
    assert [line["name"] for line in told(drawn)["lines"]] == [
        "nothing changed",
        "calm",
    ]


def test_in_the_page_all_frames_are_drawn(run, replayed, monkeypatch):
    monkeypatch.setenv("MOCOLIB_PAGE", "1")
    judged = causes.responses(run, replayed)
    page = rewind(replayed, judged, [run], question="Compare.", id="own").data
    assert 'id="frames-own"' in page
    assert page.count("spike at step") == 2


def test_the_panel_can_open_on_the_spike_that_a_change_removes_most_visibly():
    peaks = {50: (40.0, 3.0), 20: (4.0, 2.0), 30: (3.0, 1.0)}  # the first still comes
    rows = [
        {"run": "b", "spike": spike, "change": change, "peak_first": peak}
        for spike, pair in peaks.items()
        for change, peak in zip(("nothing", causes.FIXED), pair, strict=True)
    ]
    table = pd.DataFrame(rows)
    table["comes"] = table["peak_first"] > SPIKE
    assert causes.clearest(table) == 3
    assert causes.clearest(table[table["spike"] == 50]) == 1
