"""What a panel that trains shows: runs side by side, branches, what is learned.

The same is asked of a page, where a worker trains, and of a notebook, where a kernel
does.
"""

import re

import pytest

from mocolib.presets import named_recipe
from tests.served import choose, served
from tests.trainer import (
    TRAINING,
    first_losses,
    go_back,
    losses,
    open_in_kernel,
    open_trainer,
    paused_behind,
    press,
    rows_of,
    runs_of,
    take_steps,
    wait_for_phase,
    wait_for_steps,
    write_trainer,
)

KNN = "svg[data-key=knn]"
SIDES = ["learned projection", "fixed projection"]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    write_trainer(folder)
    with served(folder) as root:
        yield f"{root}/book/one.html"


@pytest.fixture(scope="module", params=["page", "kernel"])
def shared(request, browser):
    """The panel in a page, then in JupyterLab."""
    if request.param == "page":
        where = open_trainer(browser, request.getfixturevalue("address"))
    else:
        where = open_in_kernel(browser, request.getfixturevalue("jupyter"))
    with where as page:
        yield page


def test_the_answer_says_what_the_recorded_runs_behind_did(opened):
    assert not opened.locator("details p").first.is_visible()
    opened.click("summary:text('What is seen')")
    assert opened.locator("details:has-text('What is seen') p").all_text_contents() == [
        "Runs that we recorded in a page: the deepest fall, and kNN accuracy at the "
        "end.",
        "With base rate 0.004: 0 to 10 points, 50 %, 2 seeds.",
        "With base rate 0.096: 10 to 20 points, 50 %, 2 seeds.",
    ]


def test_the_recorded_runs_behind_follow_the_controls(own_page):
    """All seeds of the setting that is nearest, and nothing else."""
    page = own_page  # it is loaded anew
    behind, said = page.locator(f"{KNN} path.seed"), page.locator(".behind")
    axis = page.locator(f"{KNN} text[text-anchor=end]:not(.label, .said)")
    choose(page, "base_lr", 7)
    high, ticks = behind.first.get_attribute("d"), axis.all_text_contents()
    nearest = "Thin: recorded runs nearest to it, base rate 0.096 (seeds 0, 1)."
    assert said.text_content() == nearest  # 0.192 was not recorded
    choose(page, "base_lr", 0)
    assert behind.count() == 2
    assert behind.first.get_attribute("d") != high
    assert said.text_content() == "Thin: recorded runs of this setting (seeds 0, 1)."
    assert axis.all_text_contents() == ticks  # so that the two can be compared
    page.reload()  # the address kept it
    assert page.evaluate("document.querySelector('why-train').settings.base_lr") == 4e-3


def test_another_layers_gradient_has_no_recorded_runs_behind(opened):
    """What was recorded is the first layer's."""
    behind = opened.locator("svg[data-key=gradient] path.seed")
    assert behind.count() == 2
    opened.select_option("select.layer", index=1)
    assert behind.count() == 0
    assert why_empty(opened) == "it fills as you train: none was recorded"


def why_empty(page) -> str:
    return page.locator("svg[data-key=gradient] text.note").text_content()


def test_with_a_fixed_projection_the_first_layer_that_learns_is_drawn(own_page):
    """A reader who wants another layer has it."""
    title = own_page.locator("svg[data-key=gradient] .title")
    assert "patch projection" in title.text_content()
    choose(own_page, "patch_projection", 1)
    assert "block 1, qkv" in title.text_content()
    assert own_page.locator("select.layer").input_value() == "blocks.0.qkv"
    own_page.select_option("select.layer", index=0)
    assert "patch projection" in title.text_content()


def test_a_pair_begins_alike_and_differs_in_what_is_compared(opened):
    """One click trains both from one seed, each as it would train alone."""
    press(opened, "pair")
    wait_for_steps(opened, 6)
    press(opened, "pause")
    wait_for_phase(opened, "paused")
    learned, fixed = rows_of(opened, 0), rows_of(opened, 1)
    assert learned[0]["loss"] == fixed[0]["loss"]
    assert learned[5]["loss"] != fixed[5]["loss"]
    assert fixed[0]["grad_inf/patch_projection"] is None
    assert [words for words, *_ in runs_of(opened)] == SIDES
    drawn = opened.locator("svg[data-key=gradient]")  # of a layer that learns in both
    assert "block 1, qkv" in drawn.locator(".title").text_content()
    assert drawn.locator("path.line").count() == 2
    opened.select_option("select.layer", index=0)
    assert why_empty(opened) == "a fixed projection has no gradient"
    assert opened.locator("svg[data-key=knn] path.line").count() == 2
    press(opened, "reset")
    assert first_losses(opened, 6) == [row["loss"] for row in learned[:6]]


def test_a_race_over_seeds_has_a_chart_a_seed_and_a_tally(opened):
    press(opened, "race")
    wait_for_steps(opened, 12)
    press(opened, "pause")
    wait_for_phase(opened, "paused")
    names = [f"{side}, seed {seed}" for seed in range(3) for side in SIDES]
    assert [words for words, *_ in runs_of(opened)][:6] == names
    firsts = [rows_of(opened, part)[0]["loss"] for part in range(6)]
    assert firsts[::2] == firsts[1::2]  # of a seed both begin alike
    assert len({*firsts}) == 3
    small = opened.locator(".multiples why-charts")
    titles = [one.locator(".title").text_content() for one in small.all()]
    assert titles == ["seed 0", "seed 1", "seed 2"]
    assert all(one.locator("path.line").count() == 2 for one in small.all())
    side = r"\w+ projection: \d of 3 fell by more than 4.0 points \(deepest: .*\)"
    assert re.fullmatch(f"{side} · {side}", opened.text_content(".tally"))
    press(opened, "reset")
    assert opened.locator(".race").is_hidden()


def test_the_branch_of_one_of_a_pair_is_told_apart(opened):
    """It is the named one's; what is changed there leaves the others alone."""
    paused_behind(opened, 2, "pair")
    assert opened.locator("select.arm option").all_text_contents() == SIDES
    opened.select_option("select.arm", index=1)
    go_back(opened)
    choose(opened, "base_lr", 0)
    take_steps(opened, 1)
    lines = opened.evaluate("document.querySelector('why-train why-charts').data.lines")
    labels = [line["label"] for line in lines if not line.get("seed")]
    assert labels == [*SIDES, f"{SIDES[1]}, base rate 0.004"]
    thin = {line["colour"] for line in lines if line.get("seed")}
    assert thin == {line["colour"] for line in lines if line.get("label") in SIDES}
    rates = [rows_of(opened, part)[-1]["lr"] for part in range(3)]
    assert rates[0] == rates[1] > rates[2]


def test_ten_steps_back_is_the_same_run_until_something_is_changed(opened):
    """Both go on from there; left alone, the second is the first."""
    paused_behind(opened, 24)
    before = losses(opened)
    left = go_back(opened)
    assert len(before) - 15 < left <= len(before) - 10
    assert runs_of(opened) == [["", len(before), ""], [f"from step {left}", left, ""]]
    take_steps(opened, 3)
    branch = [row["loss"] for row in rows_of(opened, 1)]
    assert branch == before[: left + 3]
    assert len(losses(opened)) == len(before) + 3
    choose(opened, "base_lr", 0)
    take_steps(opened, 2)
    assert rows_of(opened, 1)[left + 4]["loss"] != before[left + 4]
    assert rows_of(opened, 0)[-1]["lr"] == rows_of(opened, 0)[-3]["lr"]
    assert opened.locator("svg[data-key=loss] path.line").count() == 2


def test_presses_at_once_are_one_way_back_and_lose_no_run(opened):
    paused_behind(opened, 31)
    count = len(losses(opened))
    go_back(opened, 3)
    whole, branch = runs_of(opened)
    assert whole[1] == count
    assert branch[1] <= count - 30


def test_a_change_that_was_made_before_going_back_holds_from_there_on(opened):
    take_steps(opened, 11)
    choose(opened, "temperature", 0)
    take_steps(opened, 1)
    assert go_back(opened) == 0
    changes = f"{TRAINING}.live[1].changes"
    assert opened.evaluate(changes) == [{"step": 0, "temperature": 0.05}]
    take_steps(opened, 1)
    assert rows_of(opened, 1)[0]["temperature"] == 0.05


def test_a_spike_is_marked_with_the_layer_that_it_began_in(opened):
    """Forty times the rate, once there is a past to judge by, makes one."""
    choose(opened, "base_lr", 0)
    choose(opened, "warmup_steps", 0)
    press(opened, "train")
    wait_for_steps(opened, 26)
    choose(opened, "base_lr", 7)
    opened.wait_for_function(f"{TRAINING}.live[0].spikes.list.length")
    press(opened, "pause")
    wait_for_phase(opened, "paused")
    [spike, *_] = opened.evaluate(f"{TRAINING}.live[0].spikes.list")
    assert spike["step"] > 26
    said = opened.text_content(".spikes")
    assert f"spike at step {spike['step']}, began in" in said
    mark = f"{KNN.replace('knn', 'gradient')} .symbol"
    assert opened.locator(mark).count() >= 1
    layers = opened.evaluate(
        "Object.keys(document.querySelector('why-train').data.layers)"
    )
    column = opened.evaluate(
        """(step) => { const map = document.querySelector(".heat canvas"),
            drawn = map.getContext("2d").getImageData(step - 1, 0, 1, map.height);
          return [...drawn.data].filter((_, i) => i % 4 === 3); }""",
        spike["step"],
    )
    assert len(column) == len(layers)
    assert column[layers.index(spike["layer"])] == max(column) >= 130  # of 2.5 medians


def test_what_is_learned_is_shown(opened):
    """Neighbours, filters and views, drawn anew at each reading."""
    picture = "(name) => document.querySelector(`.learned .${name} canvas`).toDataURL()"
    press(opened, "step")
    wait_for_steps(opened, 1)
    opened.wait_for_selector(".learned .filters canvas")
    filters, views = (opened.evaluate(picture, n) for n in ("filters", "views"))
    press(opened, "train")
    wait_for_steps(opened, 12)
    opened.wait_for_selector(".learned .neighbours canvas")
    assert re.search(r"\d+ of 10 votes right", opened.text_content(".neighbours"))
    marks = opened.text_content(".verdicts")
    assert len(marks) == 10
    assert set(marks) <= {"✓", "✗"}
    assert opened.evaluate(picture, "filters") != filters
    assert opened.evaluate(picture, "views") != views
    press(opened, "pause")
    wait_for_phase(opened, "paused")
    now = [opened.evaluate(picture, name) for name in ("filters", "map")]
    opened.locator(".reading").press("Home")
    then = [
        opened.evaluate(picture, "filters"),
        opened.text_content(".readings output"),
    ]
    assert then == [filters, "step 1"]
    opened.locator(".reading").press("End")
    assert [opened.evaluate(picture, name) for name in ("filters", "map")] == now
    press(opened, "reset")
    choose(opened, "patch_projection", 1)
    press(opened, "step")
    wait_for_steps(opened, 1)
    opened.wait_for_timeout(300)
    one = opened.evaluate(picture, "filters")
    press(opened, "step")
    wait_for_steps(opened, 2)
    opened.wait_for_timeout(300)
    assert opened.evaluate(picture, "filters") == one  # a fixed layer's never change


def test_all_curves_share_one_axis_of_steps(opened):
    """Whatever is shown, from step 0 to the last one of this shape."""
    spans = (
        "[...document.querySelectorAll('svg[data-key]')].map((s) => s.dataset.until)"
    )
    press(opened, "step")
    wait_for_steps(opened, 1)
    steps = str(named_recipe("page").steps)
    assert opened.evaluate(spans) == [steps] * 3
