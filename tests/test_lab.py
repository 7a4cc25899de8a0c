"""What trains behind a panel in a kernel, asked as its script asks it."""

import json
import math
import os
import re
import time
from html import unescape

import ipywidgets
import pytest
import torch

from mocolib import lab, words
from mocolib.data import IN_PAGE, load
from mocolib.lab import branch, engine, numbers, page, wire
from mocolib.lab.train_here import VALUES
from mocolib.train import train
from tests.tiny import blobs, tiny
from tests.told import told
from tools import ROOT

LONG = tiny(steps=100_000)


def wait(condition, seconds=300.0):  # the machine may have other work
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < seconds, "waited in vain"
        time.sleep(0.01)


class Asked:
    """An engine, and what it has said."""

    def __init__(self):
        self.said = []
        self.engine = engine.Engine(self.said.append, lambda: None)

    def begin(self, *recipes, **more):
        runs = [{"seed": r.seed, "settings": dict(vars(r))} for r in recipes]
        self.tell("begin", run=1, runs=runs, **more)

    def tell(self, do: str, **more):
        self.engine.hear({"do": do, **more})

    def ended(self) -> list[str]:
        """What it has said by the time that nothing is left to do."""
        wait(lambda: not self.engine.busy)
        return [message["is"] for message in self.said]

    def rows(self, part: int = 0) -> list[dict]:
        own = [m for m in self.said if m["is"] == "step" and m["part"] == part]
        return [message["row"] for message in own]


@pytest.fixture
def asked(data, monkeypatch):
    """One on the tiny data, which has stopped afterwards."""
    monkeypatch.setattr(engine, "images", lambda name: data)
    one = Asked()
    yield one
    one.engine.stop(300)


def test_the_widgets_are_of_the_version_that_is_asked_for():
    version = os.environ.get("MOCOLIB_WIDGETS", ipywidgets.__version__)
    assert ipywidgets.__version__ == version


def test_its_steps_are_those_of_the_loop(asked, data):
    before = torch.get_num_threads()
    asked.begin(tiny(steps=6))
    asked.tell("train")
    assert asked.ended() == ["ready", *["step"] * 6, "done"]
    assert asked.rows() == [step.row() for step in train(tiny(steps=6), data)]
    assert asked.said[-1]["outcome"] == "finished"
    assert torch.get_num_threads() == before


def test_a_pair_takes_a_step_in_turn_from_one_start(asked):
    asked.begin(tiny(steps=3), tiny(steps=3, patch_projection="fixed"))
    asked.tell("train")
    asked.ended()
    assert [m["part"] for m in asked.said if m["is"] == "step"] == [0, 1] * 3
    assert asked.rows(0)[0]["loss"] == asked.rows(1)[0]["loss"]
    assert asked.rows(0)[2]["loss"] != asked.rows(1)[2]["loss"]
    assert asked.rows(1)[0]["grad_inf/patch_projection"] is None


def test_a_pause_comes_after_the_step_and_leaves_no_thread(asked):
    asked.begin(LONG)
    asked.tell("train")
    wait(lambda: len(asked.rows()) > 3)
    asked.tell("pause")
    assert asked.ended()[-1] == "paused"
    count = len(asked.rows())
    asked.tell("step")
    asked.ended()
    assert len(asked.rows()) == count + 1
    assert asked.said[-1]["look"]  # one that is asked for alone is looked at


def test_what_is_stopped_says_no_more(asked):
    """Not that it is paused: its kernel goes, and nothing stands behind its panel."""
    asked.begin(LONG)
    asked.tell("train")
    wait(lambda: len(asked.rows()) > 3)
    asked.engine.stop(300)
    assert "paused" not in asked.ended()


def test_back_and_on_again_is_the_same_run(asked):
    """Also where the settings of then are in force again, by the panel's word."""
    asked.begin(tiny(steps=40))
    for _ in range(8):
        asked.tell("step")
    asked.ended()
    asked.tell("change", part=0, settings={"beta2": 0.9, "optimizer": "lamb"})
    for _ in range(6):
        asked.tell("step")
    asked.ended()
    before = asked.rows()
    asked.tell("rewind", part=0, steps=3)
    asked.ended()
    assert asked.said[-1]["left"] == 10
    asked.said.clear()
    asked.tell("step")
    asked.tell("rewind", part=0, steps=100)
    asked.tell("change", part=0, settings={"beta2": 0.999, "optimizer": "adamw"})
    for _ in range(4):
        asked.tell("step")
    asked.ended()
    assert [row["loss"] for row in asked.rows()] == [
        row["loss"] for row in [before[10], *before[:4]]
    ]


def test_going_back_keeps_the_settings_of_now(asked):
    asked.begin(tiny(steps=40))
    for _ in range(6):
        asked.tell("step")
    asked.ended()
    asked.tell("change", part=0, settings={"temperature": 0.5})
    asked.tell("rewind", part=0, steps=1)
    asked.tell("step")
    asked.ended()
    assert asked.rows()[-1]["step"] == 6
    assert asked.rows()[-1]["temperature"] == 0.5


def test_a_fork_goes_its_own_way_and_both_go_on(asked):
    asked.begin(tiny(steps=12))
    for _ in range(8):
        asked.tell("step")
    asked.tell("fork", part=0, steps=2)
    asked.ended()
    forked = asked.said[-1]
    assert (forked["part"], forked["from"], forked["left"]) == (1, 0, 5)
    asked.tell("change", part=1, settings={"temperature": 0.5})
    asked.tell("train")
    asked.ended()
    assert [row["step"] for row in asked.rows(0)] == [*range(1, 13)]
    assert [row["step"] for row in asked.rows(1)] == [*range(6, 13)]
    assert asked.rows(0)[5]["temperature"] == 0.2
    assert asked.rows(1)[0]["temperature"] == 0.5


@pytest.mark.parametrize("name", VALUES)
def test_what_is_changed_in_mid_run_changes_the_outcome(asked, name):
    recipe = tiny(steps=40, warmup_steps=4)
    asked.begin(recipe, recipe)
    asked.tell("step")
    asked.ended()
    other = next(v for v in VALUES[name] if v != getattr(recipe, name))
    asked.tell("change", part=1, settings={name: other})
    for _ in range(4):
        asked.tell("step")
    assert "trouble" not in asked.ended()
    one, changed = ([row["loss"] for row in asked.rows(part)] for part in (0, 1))
    assert one[0] == changed[0]
    assert one[3:] != changed[3:]


def test_another_optimizer_has_the_moments_and_their_count(data):
    training = train(tiny(steps=40), data)
    for _ in range(3):
        next(training)
    weight = next(training.model.query.parameters())
    moment = training.optimizer.state[weight]["exp_avg"].clone()
    for name in ("lamb", "adamw"):
        training.recipe = training.recipe.replace(optimizer=name)
        branch.exchange_optimizer(training)
        state = training.optimizer.state[weight]
        assert torch.equal(state["exp_avg"], moment)
        group = training.optimizer.param_groups[0]
        assert branch.optim.steps_averaged(group, state) == 3
    assert next(training).loss


def test_what_is_learned_is_looked_at_with_each_reading(asked, data):
    asked.begin(tiny(steps=5, knn_memory="clean"))
    asked.tell("train")
    asked.ended()
    seen = [m["look"] for m in asked.said if m["is"] == "step"]
    assert seen[:4] == [None] * 4
    look = seen[4]
    assert len(look["filters"]) == math.prod(look["shape"])
    assert look["views"].shape == (2 * 8 * 3 * 8 * 8,)
    assert [row["name"] for row in look["neighbours"]] == list(data.classes)
    first = look["neighbours"][0]["images"]
    assert first[0].tolist() == data.test_images[0].flatten().tolist()
    assert len(first) == 5


def test_votes_are_those_of_the_reading(asked, monkeypatch):
    """With one test image a class the verdicts are the accuracy."""
    few = blobs()
    for name in ("test_images", "test_labels"):
        object.__setattr__(few, name, getattr(few, name)[:3])
    monkeypatch.setattr(engine, "images", lambda name: few)
    asked.begin(tiny(steps=20, knn_memory="clean"))
    asked.tell("train")
    asked.ended()
    read = [m for m in asked.said if m.get("look")]
    assert len(read) == 4
    for message in read:
        right = [row["right"] for row in message["look"]["neighbours"]]
        assert message["row"]["knn"] == pytest.approx(sum(right) / 3)


def test_trouble_is_one_sentence_and_a_new_run_begins(asked, monkeypatch):
    asked.begin(tiny(batch_size=128))
    asked.tell("train")
    assert asked.ended() == ["trouble"]
    assert asked.said[0]["sentence"].startswith("batch_size is 128, but must be at")
    with monkeypatch.context() as broken:
        broken.setattr(branch, "train", lambda *_: 1 / 0)
        asked.begin(tiny())
        asked.ended()
    told = "The training failed: division by zero (ZeroDivisionError)."
    assert asked.said[-1]["sentence"] == told
    asked.begin(tiny(base_lr=1e4, optimizer="sgd", head_norm="none"))
    asked.tell("train")
    assert asked.ended()[-1] == "done"
    assert asked.said[-1]["outcome"].startswith("diverged at step")


def test_it_trains_on_the_images_of_a_page():
    whole, own = load("fashion-mnist"), engine.images("fashion-mnist")
    assert (len(own.train_images), len(own.test_images)) == IN_PAGE
    assert torch.equal(own.mean, whole.mean)


# --- the wire -----------------------------------------------------------------------


class Script:
    """What assets/lab/kernel.js does, on the widgets' kernel side."""

    def __init__(self, live, name="one"):
        self.wire, self.name, self.count, self.heard = live.wire, name, 0, []
        self.next = 0

    def tell(self, *messages):
        numbered = [[self.count + i, m] for i, m in enumerate(messages)]
        self.count += len(messages)
        self.write(numbered)

    def write(self, numbered):
        value = json.dumps({"from": self.name, "messages": numbered})
        self.wire.into.value = value

    def read(self) -> dict:
        text = re.search(r">(.*)</pre>", self.wire.out.value, re.S)[1]
        batch = json.loads(unescape(text))
        fresh = batch["messages"][self.next - batch["since"] :]
        self.heard += fresh
        self.next += len(fresh)
        return batch


def begin(recipe) -> dict:
    runs = [{"seed": 0, "settings": vars(recipe)}]
    return {"do": "begin", "run": 1, "runs": runs}


@pytest.fixture
def live(asked):
    made = []

    def make(id="one"):
        made.append(lab.train_here(id, recorded=[]))
        return made[-1]

    yield make
    for one in made:
        one.wire.engine.stop(300)


def test_a_panel_in_a_kernel_is_that_of_a_page(live, monkeypatch):
    own = told(live().html.data)
    monkeypatch.setenv(page.PAGE, "1")
    assert own | {"wire": None} == told(lab.train_here("one", recorded=[]).data)


def test_what_is_said_twice_is_done_once_and_what_was_lost_is_said_again(live):
    script = Script(live())
    script.tell(begin(tiny(steps=3)), {"do": "step"})
    script.write([[1, {"do": "step"}], [2, {"do": "step"}]])
    script.count = 3
    wait(lambda: not script.wire.engine.busy)
    script.tell({"do": "again", "since": 0})
    assert script.read()["heard"] == 4
    assert [message["is"] for message in script.heard] == ["ready", "step", "step"]
    assert script.heard[1]["row"]["step"] == 1


def test_what_is_not_finite_and_pictures_travel(live):
    script = Script(live())
    recipe = tiny(base_lr=1e4, optimizer="sgd", head_norm="none")
    script.tell(begin(recipe), {"do": "train"})
    wait(lambda: not script.wire.engine.busy)
    script.tell({"do": "again", "since": 0})
    script.read()
    *_, last, done = script.heard
    assert last["row"]["loss"] == {"number": "NaN"}
    assert done["is"] == "done"
    look = wire.plain({"filters": torch.ones(1).numpy()})
    assert look == {"filters": {"array": "float32", "base64": "AACAPw=="}}


@pytest.mark.parametrize("again", ["the cell", "the page"])
def test_what_comes_anew_ends_what_trained_before(live, again):
    one = live()
    script = Script(one)
    script.tell(begin(LONG), {"do": "train"})
    old = one.wire.engine
    wait(lambda: old.runs and old.runs[0].training.done > 2)
    if again == "the cell":
        live()
    else:
        Script(one, "two").tell({"do": "hello"})
    wait(lambda: not old.busy)
    assert old.runs[0].goes_on


def test_without_a_script_a_button_trains_and_the_curve_grows(live, monkeypatch):
    plain = live().wire.plain
    assert "No script runs" in plain.curve.value
    plain.recipe = tiny(steps=10)
    plain.button.click()
    wait(lambda: "Step 10" in plain.curve.value)
    assert re.search(r'points="200.0,[\d.]+ 400.0,[\d.]+"', plain.curve.value)


# --- numbers and words --------------------------------------------------------------


def test_the_book_sets_what_the_panel_looks_for():
    assert f'"{page.PAGE}"' in (ROOT / "tools" / "chapters.py").read_text()


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
