"""The live panel, its widgets driven as a reader would, without a browser."""

import itertools
import json
import math
import os
import re
import time

import ipywidgets
import pytest
import torch

from mocolib import lab, words
from mocolib.lab import controls, numbers, panel, session
from mocolib.lab import recorded as recorded_panel
from mocolib.lab.traces import Trace, from_run, labels
from mocolib.runs import all_runs
from mocolib.runs.record import record
from tests.tiny import CHOICES, tiny
from tests.told import told
from tools import ROOT

QUICK = tiny(batch_size=64, steps=2, warmup_steps=1)
LONG = tiny(batch_size=64, steps=100_000)


@pytest.fixture
def live(data):
    """Panels on the tiny data; whatever they started has stopped afterwards."""
    made = []

    def make(recipe=None, recorded=()):
        made.append(lab.live(recipe or tiny(batch_size=64), recorded, data))
        return made[-1]

    yield make
    for one in made:
        one.close()
        if one.session:
            one.session.join()
    torch.set_num_threads(1)  # panels take all cores


@pytest.fixture
def recorded(data, tmp_path):
    """Two finished runs of different rates."""
    for base_lr in (1e-3, 4e-3):
        list(record(tiny(base_lr=base_lr), data, tmp_path))
    return sorted(all_runs(tmp_path), key=lambda run: run.recipe.base_lr)


def wait(condition, seconds=60.0):
    """The time until `condition()` holds."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < seconds, "waited in vain"
        time.sleep(0.01)
    return time.monotonic() - start


def train(one):
    one.run.click()
    wait(lambda: not one.session.is_alive())


def names(one) -> list:
    return labels(one.traces)


def shown(one) -> dict:
    """What the panel's charts are told to show."""
    return told(one.charts.value)


def drawn(one, key: str) -> list[list]:
    """The y values of each line of a chart."""
    return [line["data"][key][1] for line in shown(one)["lines"] if line["data"][key]]


def test_the_widgets_are_of_the_version_that_is_asked_for():
    asked = os.environ.get("MOCOLIB_WIDGETS", ipywidgets.__version__)
    assert ipywidgets.__version__ == asked


def test_run_draws_curves_and_tells_the_outcome(live):
    one = live()
    assert shown(one)["lines"] == []
    train(one)
    assert [len(drawn(one, key)[0]) for key in ("loss", "gradient")] == [12, 12]
    assert drawn(one, "knn")
    assert shown(one)["x"]["until"] == 12
    assert "12 of 12" in one.table.value
    assert "finished" in one.table.value
    assert one.bar.value == 1
    assert (one.run.disabled, one.stop.disabled) == (False, True)
    assert one.error.value == ""


def test_curves_grow_while_training_runs(live, monkeypatch):
    monkeypatch.setattr(session, "WAIT", 0.01)
    one = live(LONG)
    one.run.click()
    shown = set()
    wait(lambda: shown.add(one.table.value) or len(shown) > 5)
    assert one.run.disabled
    assert "images/s" in one.progress.value


def test_stop_ends_the_training_after_the_step_it_is_in(live):
    one = live(LONG)
    one.run.click()
    wait(lambda: one.traces[0].steps > 3)
    one.stop.click()
    seen = one.traces[0].steps
    wait(lambda: not one.session.is_alive())
    assert one.traces[0].steps <= seen + 1
    assert one.traces[0].outcome == "stopped"
    assert (one.run.disabled, one.stop.disabled) == (False, True)


def test_a_second_click_on_run_starts_nothing(live):
    one = live(LONG)
    one.run.click()
    first = one.session
    one.run.click()
    assert one.session is first
    assert len(one.traces) == 1


def test_the_same_run_as_the_loop_itself(live, data):
    """The panel is a consumer: what it shows is what `train` yields."""
    one = live(tiny(batch_size=64))
    train(one)
    loop = panel.train(tiny(batch_size=64), data, os.cpu_count())
    assert one.traces[0].loss == [step.loss for step in loop]


def test_runs_stay_and_are_told_apart_by_what_differs(live):
    one = live(QUICK)
    train(one)
    assert names(one) == ["run 1: base rate 0.001, learned projection"]
    one.controls["patch_projection"].value = "fixed"
    train(one)
    assert names(one) == ["run 1: learned projection", "run 2: fixed projection"]
    one.controls["base_lr"].value = 4e-3
    one.controls["seed"].value = 3
    train(one)
    assert names(one)[2] == "run 3: base rate 0.004, fixed projection, seed 3"
    assert all(name in one.table.value for name in names(one))
    train(one)
    assert len(one.traces) == 4


def test_the_same_settings_twice_say_so(live):
    one = live(QUICK)
    train(one)
    train(one)
    assert names(one) == ["run 1: the same settings", "run 2: the same settings"]


@pytest.mark.parametrize("optimizer", CHOICES["optimizer"])
@pytest.mark.parametrize("projection", ["learned", "fixed"])
def test_every_optimizer_runs(live, optimizer, projection):
    one = live(QUICK)
    one.controls["optimizer"].value = optimizer
    one.controls["patch_projection"].value = projection
    train(one)
    assert one.traces[0].outcome == "finished"
    first = "patch_projection" if projection == "learned" else "blocks.0.qkv"
    assert one.traces[0].layer == first


def test_clear_empties(live):
    one = live(QUICK)
    train(one)
    one.clear.click()
    assert one.traces == []
    assert one.table.value == ""
    assert shown(one)["lines"] == []


def test_clear_in_mid_run_keeps_the_run_that_goes_on(live):
    one = live(LONG)
    one.run.click()
    wait(lambda: one.traces[0].steps)
    one.stop.click()
    wait(lambda: not one.session.is_alive())
    one.run.click()
    one.clear.click()
    assert len(one.traces) == 1
    assert one.traces[0].outcome == "training"


def sentence(one) -> str:
    text = re.sub(r"<[^>]+>", "", one.error.value)
    assert text.endswith(".")
    assert 'role="alert"' in one.error.value
    return text


def test_a_batch_beyond_the_images_is_one_sentence(live):
    one = live(tiny(batch_size=128))
    train(one)
    assert sentence(one).startswith("batch_size is 128, but must be at most 96")
    assert one.traces == []
    one.controls["batch_size"].value = 64
    assert one.error.value == ""
    train(one)
    assert one.traces[0].outcome == "finished"


def test_a_setting_out_of_range_is_one_sentence_at_once(live):
    one = live()
    one.controls["seed"].value = -1
    assert sentence(one).startswith("seed is -1, but must be")
    one.run.click()
    assert one.session is None
    one.controls["seed"].value = 1
    train(one)
    assert one.traces[0].outcome == "finished"


def test_an_unknown_data_set_leaves_the_panel_usable():
    one = lab.live(tiny(dataset="folder:not-there"))
    assert "not-there" in sentence(one)
    train(one)
    assert "not-there" in sentence(one)
    assert not one.run.disabled


def test_any_failure_is_shown_and_run_works_afterwards(live, monkeypatch):
    one = live()

    def fail(*_):
        raise RuntimeError("no memory\nleft")

    with monkeypatch.context() as broken:
        broken.setattr(panel, "train", fail)
        train(one)
    assert sentence(one) == "The training failed: no memory left (RuntimeError)."
    train(one)
    assert one.error.value == ""
    assert one.traces[0].outcome == "finished"


def test_a_diverged_run_is_shown_as_such(live):
    one = live(tiny(batch_size=64, base_lr=1e4, optimizer="sgd", head_norm="none"))
    train(one)
    assert "diverged at step" in one.table.value
    assert "not finite" in one.table.value
    json.dumps(shown(one), allow_nan=False)


def test_executing_the_cell_again_stops_the_old_panel(live):
    old = live(LONG)
    old.run.click()
    wait(lambda: old.traces[0].steps)
    new = live(tiny(batch_size=64))
    seen = old.traces[0].steps
    wait(lambda: not old.session.is_alive())
    assert old.traces[0].steps <= seen + 1
    train(new)
    assert new.traces[0].outcome == "finished"


def test_two_panels_never_train_at_once(live):
    first, second = live(LONG), live(LONG)
    first.run.click()
    wait(lambda: first.traces[0].steps)
    second.run.click()
    wait(lambda: second.traces[0].steps)
    assert not first.session.is_alive()
    assert first.traces[0].outcome == "stopped"


def test_batches_beyond_the_data_are_not_offered(live):
    sizes = [value for _, value in live().controls["batch_size"].options]
    assert sizes == [64]


def test_rates_are_even_on_a_log_axis_and_readable(live):
    rates = controls.BASE_LRS
    assert (rates[0], rates[-1]) == (1e-4, 1e-1)
    steps = [math.log10(b / a) for a, b in itertools.pairwise(rates)]
    assert max(steps) < 2 * min(steps)
    own = live(tiny(batch_size=64, base_lr=2.5e-3)).controls["base_lr"]
    assert ("0.0025", 2.5e-3) in own.options
    assert own.value == 2.5e-3


def test_every_batch_size_sees_as_many_images():
    recipe = tiny(batch_size=512, steps=120, warmup_steps=10, knn_every=10)
    small = controls.at_batch(recipe, 64)
    assert (small.steps, small.warmup_steps, small.knn_every) == (960, 80, 80)
    assert controls.at_batch(recipe, 512) is recipe
    assert controls.at_batch(recipe.replace(knn_every=0), 64).knn_every == 0


def test_recorded_runs_stand_in_grey_behind_live_ones(live, recorded):
    one = live(QUICK, recorded)
    [behind] = shown(one)["lines"]
    assert behind["name"].startswith("recorded: base rate 0.001")
    train(one)
    assert names(one) == ["run 1: base rate 0.001, learned projection"]
    assert [line["colour"] == "currentColor" for line in shown(one)["lines"]] == [
        True,
        False,
    ]
    one.controls["base_lr"].value = 6e-3  # nearer to the other run
    assert "recorded: base rate 0.004" in one.charts.value
    assert "recorded: base rate 0.001" not in one.charts.value


def test_a_rate_changed_in_mid_run_is_marked_and_obeyed(live):
    one = live(LONG)
    one.run.click()
    wait(lambda: one.traces[0].steps > 3)
    one.controls["base_lr"].value = 0.1
    one.controls["patch_projection"].value = "fixed"
    one.controls["seed"].value = 5  # not in mid-run
    assert "from the next run on" in one.note.value
    reached = one.traces[0].steps
    wait(lambda: one.traces[0].steps > reached + 5)
    one.stop.click()
    wait(lambda: not one.session.is_alive())
    assert [word for _, word in one.traces[0].marks] == [
        "base rate 0.1",
        "fixed projection",
    ]
    assert [mark["words"] for mark in shown(one)["marks"]] == [
        "base rate 0.1",
        "fixed projection",
    ]
    # the first layer's gradient is read no more, once it is fixed
    assert one.traces[0].gradient[-1] is None
    assert one.traces[0].gradient[1] > 0


def test_a_recorded_run_is_read_as_it_was_trained(recorded, data):
    trace = from_run(recorded[0])
    same = Trace(recipe=trace.recipe)
    for step in panel.train(trace.recipe, data):
        same.add(step)
    assert trace.knn == same.knn
    assert trace.at == same.at
    assert trace.gradient == pytest.approx(same.gradient, rel=1e-2)
    assert (trace.layer, trace.outcome) == (same.layer, "finished")


def test_a_built_page_shows_recorded_runs_and_no_widget(monkeypatch, recorded):
    monkeypatch.setenv(recorded_panel.PAGE, "1")
    shown = lab.live(tiny(), recorded=recorded)
    assert not isinstance(shown, ipywidgets.Widget)
    data = told(shown.data)
    assert len(data["groups"]) == len(recorded)
    assert "make lab" in shown.data
    assert "No run" in lab.live(tiny()).data


def test_the_book_sets_what_the_panel_looks_for():
    assert f'"{recorded_panel.PAGE}"' in (ROOT / "tools" / "chapters.py").read_text()


def test_drawing_is_rarer_where_it_is_dear():
    pace = session.Pace()
    assert pace.due()
    pace.took(0.1)
    assert 2 < pace.next - time.perf_counter() <= 2.5
    pace.took(0.0001)
    assert 0.2 < pace.next - time.perf_counter() <= 0.3


def test_thinning_keeps_peaks():
    y = [0.0] * 1000
    y[333] = 9.0
    thinned = numbers.points(range(1000), y, log=False)
    assert (333, 9.0) in thinned
    assert len(thinned) <= numbers.MOST_POINTS + 4
    assert thinned == sorted(thinned)
    assert thinned[-1] == (999, 0.0)


def test_what_cannot_be_drawn_is_passed_over():
    y = [None, math.nan, 0, -1, 2]
    assert numbers.points(range(5), y, log=True) == [(4, 2)]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.004, "0.004"), (4e-4, "4e-4"), (1.5e-4, "1.5e-4"), (0.2, "0.2"), (0, "0"),
     (61440, "61.4k"), (999.84, "1k"), (71.3, "71.3"), (1e-3, "0.001"), (0.1, "0.1"),
     (3e7, "3e7")],
)  # fmt: skip
def test_short_numbers(value, text):
    assert words.short(value) == text
