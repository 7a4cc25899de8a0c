"""What a page that trains shows: runs side by side, branches, what is learned."""

import re

import pytest

from mocolib.presets import named_recipe
from tests.served import choose, served
from tests.trainer import (
    TRAINING,
    first_losses,
    losses,
    press,
    rows_of,
    runs_of,
    wait_for_phase,
    wait_for_steps,
    write_trainer,
)

KNN = "svg[data-key=knn]"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    write_trainer(folder)
    with served(folder) as root:
        yield f"{root}/book/one.html"


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
    names = [words for words, *_ in runs_of(opened)]
    assert names == ["learned projection", "fixed projection"]
    assert opened.locator("svg[data-key=knn] path.line").count() == 2
    press(opened, "reset")
    assert first_losses(opened, 6) == [row["loss"] for row in learned[:6]]


def test_the_branches_of_a_pair_are_told_apart(opened):
    press(opened, "pair")
    wait_for_steps(opened, 2)
    press(opened, "pause")
    wait_for_phase(opened, "paused")
    press(opened, "rewind")
    opened.wait_for_function(f"{TRAINING}.steps === 0")
    choose(opened, "base_lr", 0)
    press(opened, "step")
    opened.wait_for_function(f"{TRAINING}.live.every(({{ steps }}) => steps === 1)")
    lines = opened.evaluate("document.querySelector('why-train why-charts').data.lines")
    labels = [line["label"] for line in lines if not line.get("seed")]
    sides = ["learned projection", "fixed projection"]
    assert labels == [*sides, *(f"{side}, base rate 0.004" for side in sides)]
    thin = {line["colour"] for line in lines if line.get("seed")}
    assert thin == {line["colour"] for line in lines if line.get("label") in sides}


def test_ten_steps_back_is_the_same_run_until_something_is_changed(opened):
    """Both futures stay on the chart; left alone, the second is the first."""
    press(opened, "train")
    wait_for_steps(opened, 24)
    press(opened, "pause")
    wait_for_phase(opened, "paused")
    before = losses(opened)
    press(opened, "rewind")
    opened.wait_for_function(
        f"(n) => {TRAINING}.steps <= n - 10",
        arg=len(before),
    )
    left = len(losses(opened))
    assert len(before) - 15 < left <= len(before) - 10
    assert losses(opened) == before[:left]
    [branch, whole] = runs_of(opened)
    assert branch == [f"from step {left}", left, ""]
    assert whole == ["", len(before), f"left at step {len(before)}"]
    for count in range(left + 1, left + 4):
        press(opened, "step")
        wait_for_steps(opened, count)
    assert losses(opened) == before[: left + 3]
    choose(opened, "base_lr", 0)
    press(opened, "step")
    wait_for_steps(opened, left + 4)
    press(opened, "step")
    wait_for_steps(opened, left + 5)
    assert losses(opened)[left + 4] != before[left + 4]
    assert opened.locator("svg[data-key=loss] path.line").count() == 2


def test_a_change_that_was_made_before_going_back_holds_from_there_on(opened):
    for count in range(1, 13):
        press(opened, "step")
        wait_for_steps(opened, count)
        if count == 11:
            choose(opened, "temperature", 0)
    press(opened, "rewind")
    opened.wait_for_function(f"{TRAINING}.steps === 0")
    changes = f"{TRAINING}.live[0].changes"
    assert opened.evaluate(changes) == [{"step": 0, "temperature": 0.05}]
    press(opened, "step")
    wait_for_steps(opened, 1)
    row = rows_of(opened, 0)[0]
    assert row["temperature"] == 0.05


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
