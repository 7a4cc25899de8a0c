"""Training in a page, on the built graphs, in a real browser without a network."""

import io
import json
import time
import zipfile

import pytest

from mocolib import runs
from mocolib.presets import named_recipe
from tests.served import choose, served, write_page
from tests.trainer import (
    PATIENCE,
    TRAINING,
    as_new,
    first_losses,
    go_back,
    losses,
    open_trainer,
    phase,
    press,
    rows_of,
    runs_of,
    take_steps,
    wait_for_phase,
    wait_for_steps,
    write_trainer,
)
from tools import ROOT, inpage, ort
from tools.browser import open_page


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    write_trainer(folder)
    write_page(folder, "", "next.html")
    with served(folder) as root:
        yield f"{root}/book/one.html"


def test_nothing_is_loaded_before_train_and_then_the_curve_moves(address, browser):
    """The first reading comes within seconds; on an idle machine within five."""
    asked = []
    with open_page(browser, address, 900, "light") as (page, problems):
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda request: asked.append(request.url))
        page.wait_for_timeout(300)
        assert asked == []
        chart = page.locator("svg[data-key=loss] path.line")
        assert chart.count() == 0
        behind = page.locator("svg[data-key=loss] path.seed")
        assert behind.count() == 2  # the recorded runs of this setting
        start = time.monotonic()
        press(page, "train")
        wait_for_steps(page, 3)
        print(f"first readings after {time.monotonic() - start:.1f} s")
        page.wait_for_function(
            "document.querySelectorAll('svg[data-key=loss] path.line').length === 1"
        )
        before = chart.first.get_attribute("d")
        wait_for_steps(page, 12)
        page.wait_for_timeout(600)
        assert chart.first.get_attribute("d") != before
        assert "wasm, one thread" in page.text_content(".state")
        assert any(url.endswith(".wasm.gz?v=" + url[-16:]) for url in asked)
        assert problems == []


def test_pause_step_and_reset(opened):
    press(opened, "step")
    assert len(wait_for_steps(opened, 1)) == 1
    assert "step 1 of " in opened.text_content(".heard")
    press(opened, "step")
    wait_for_steps(opened, 2)
    assert "step 2 of " in opened.text_content(".heard")  # each of these is told
    press(opened, "train")
    wait_for_steps(opened, 4)
    press(opened, "pause")
    wait_for_phase(opened, "paused")
    count = len(losses(opened))
    opened.wait_for_timeout(1500)
    assert len(losses(opened)) == count
    press(opened, "train")
    wait_for_steps(opened, count + 2)
    press(opened, "reset")
    assert phase(opened) == "idle"
    assert losses(opened) == []
    opened.wait_for_timeout(1500)
    assert losses(opened) == []
    assert [outcome for _, _, outcome in runs_of(opened)] == ["stopped"]
    assert opened.locator("svg[data-key=loss] path.line").count() == 1  # it stays


def test_reset_and_train_at_once_begin_a_new_run(opened):
    """Both asked for within one step: the old run must not take the new one's turn."""
    press(opened, "train")
    wait_for_steps(opened, 2)
    opened.evaluate("""() => {
      for (const name of ["reset", "train"])
        document.querySelector(`[data-press=${name}]`).click();
    }""")
    wait_for_steps(opened, 2)
    assert opened.evaluate(f"{TRAINING}.live[0].rows[0].step") == 1


def test_the_same_seed_gives_the_same_curve_and_another_another(opened):
    one, again = first_losses(opened, 5), first_losses(opened, 5)
    assert one == again
    opened.fill(".seed", "1")
    opened.press(".seed", "Tab")
    assert first_losses(opened, 5) != one
    assert "_1" in opened.url


@pytest.fixture(scope="module")
def alone(shared):
    """The losses of six steps in which nothing is changed."""
    return six_steps(as_new(shared))


def six_steps(page, name="", place=0) -> list:
    """The losses of six steps; with a name that setting changes behind the third."""
    for count in range(1, 7):
        press(page, "step")
        wait_for_steps(page, count)
        if name and count == 3:
            choose(page, name, place)
    return losses(page)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        *(("base_lr", 0), ("patch_projection", 1), ("temperature", 0)),
        *(("momentum", 0), ("beta2", 0), ("optimizer", 1)),
    ],
)
def test_what_is_changed_in_mid_run_changes_the_outcome(alone, opened, name, place):
    changed = six_steps(opened, name, place)
    assert changed[:3] == alone[:3]
    assert changed[3:] != alone[3:]
    assert len(opened.evaluate(f"{TRAINING}.live[0].changes")) == 1
    assert opened.locator("svg[data-key=loss] path.change").count() >= 1


def test_a_link_does_again_what_was_done(opened, browser):
    """The setting, the seed, a change and a branch that is changed as well."""
    choose(opened, "momentum", 1)
    opened.fill(".seed", "3")
    opened.press(".seed", "Tab")
    take_steps(opened, 4)
    choose(opened, "temperature", 0)
    take_steps(opened, 8)
    go_back(opened)
    choose(opened, "patch_projection", 1)
    take_steps(opened, 3)
    press(opened, "link")
    opened.wait_for_function("document.querySelector('.state').textContent")
    done = [rows_of(opened, part) for part in (0, 1)]
    with open_trainer(browser, opened.url) as page:
        press(page, "replay")
        counts = [len(rows) for rows in done]
        page.wait_for_function(
            f"(n) => n.every((count, i) => {TRAINING}.live[i]?.steps >= count)",
            arg=counts,
        )
        again = [rows_of(page, part) for part in (0, 1)]
    for rows, count in zip(again, counts, strict=True):
        del rows[count:]
    assert [[row["loss"] for row in rows] for rows in again] == [
        [row["loss"] for row in rows] for rows in done
    ]


@pytest.mark.parametrize(
    "text", ["", "x~0.1.0.0", "o~1.1.0.0", "o~0.9.0.99", "o~0.5.7", "p~0.4.0", "o~0.5"]
)
def test_a_link_that_makes_no_sense_is_left_alone(opened, text):
    """But for a pair's, which this panel has."""
    read = f"Why.link.read({text!r}, document.querySelector('why-train').data)"
    found = opened.evaluate(read)
    assert (found is not None) == (text == "p~0.4.0")


def test_a_fixed_projection_does_not_move_and_has_no_gradient(opened):
    choose(opened, "patch_projection", 1)
    press(opened, "step")
    wait_for_steps(opened, 1)
    row = opened.evaluate(f"{TRAINING}.live[0].rows[0]")
    assert row["grad_inf/patch_projection"] is None
    assert row["update/patch_projection"] is None
    assert row["grad_inf/blocks.0.qkv"] > 0


def test_the_download_is_a_run_that_mocolib_reads(opened, tmp_path):
    opened.fill(".seed", "7")
    opened.press(".seed", "Tab")
    press(opened, "train")
    wait_for_steps(opened, 3)
    choose(opened, "base_lr", 0)
    wait_for_steps(opened, 11)
    press(opened, "pause")
    wait_for_phase(opened, "paused")
    with opened.expect_download() as download:
        press(opened, "download")
    with zipfile.ZipFile(io.BytesIO(download.value.path().read_bytes())) as archive:
        archive.extractall(tmp_path)
    [run] = runs.all_runs(tmp_path)
    recipe = named_recipe("page")
    assert run.recipe == recipe.replace(seed=7)
    assert run.steps["loss"].tolist() == losses(opened)[: len(run.steps)]
    assert run.steps["knn"].notna().sum() == len(run.steps) // recipe.knn_every
    assert set(run.steps.columns) >= {"grad_inf/patch_projection", "update/predictor.0"}
    assert run.provenance["trained_in"] == "page"
    assert run.provenance["changes"][-1]["base_lr"] == 4e-3
    assert run.provenance["changes"][-1]["step"] >= 3


def test_the_second_visit_loads_nothing_large(address, browser):
    large = []

    def note(response):
        if response.url.split("?")[0].endswith(".gz"):
            large.append(response.url)

    with open_page(browser, address, 900, "light") as (page, _):
        page.set_default_timeout(PATIENCE)
        page.on("response", note)
        press(page, "step")
        wait_for_steps(page, 1)
        assert len(large) == 4  # runtime, step, features, images
        large.clear()
        page.reload()
        press(page, "step")
        wait_for_steps(page, 1)
        assert large == []


def test_the_main_thread_is_never_blocked_for_long(opened, browser):
    """No task of the page's main thread takes it more than 100 ms.

    Measured as the thread's own time: a busy machine would otherwise be blamed on us.
    """
    browser.start_tracing(page=opened, categories=["toplevel"])
    press(opened, "train")
    wait_for_steps(opened, 12)
    choose(opened, "base_lr", 3)
    wait_for_steps(opened, 20)
    events = json.loads(browser.stop_tracing())["traceEvents"]
    mains = {  # of another page that is open too, which has nothing to do
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    tasks = [
        event.get("tdur", 0) / 1000
        for event in events
        if (event["pid"], event["tid"]) in mains and event["name"].endswith("RunTask")
    ]
    print(f"{len(tasks)} tasks, the longest {max(tasks):.0f} ms")
    assert len(tasks) > 100
    assert max(tasks) <= 100


def test_leaving_the_page_stops_the_training(own_page):
    press(own_page, "train")
    wait_for_steps(own_page, 2)
    own_page.goto(own_page.url.replace("one.html", "next.html"))
    own_page.wait_for_timeout(500)
    assert own_page.workers == []


def test_what_training_loads_weighs_what_the_chapter_says():
    """The runtime of the device, the pictures and the graphs, in whole megabytes."""
    runtime, shared = ort.build(), inpage.build()
    for device, words in (
        ("wasm", "about five megabytes"),
        ("webgpu", "eight where a"),
    ):
        script, wasm = ort.PAIRS[device]
        files = [runtime / script, runtime / f"{wasm}.gz", shared / "images.bin.gz"]
        files += [shared / f"page.{name}.onnx.gz" for name in ("step", "features")]
        whole = round(sum(file.stat().st_size for file in files) / 1e6)
        assert whole == {"wasm": 5, "webgpu": 8}[device]
        assert words in (ROOT / "book" / "in_page.ipynb").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["train", "pause", "step", "reset"])
def test_a_button_that_is_pressed_by_a_key_keeps_the_focus(opened, name):
    """Also one that cannot be pressed again, and that a second key leaves alone."""
    if name in ("pause", "reset"):
        press(opened, "train")
        wait_for_steps(opened, 2)
    button = opened.locator(f"[data-press={name}]")
    button.focus()
    opened.keyboard.press("Enter")
    opened.keyboard.press("Enter")
    done = {"pause": "paused", "step": "paused", "reset": "idle"}
    wait_for_phase(opened, done.get(name, "training"))
    focused = "document.activeElement.dataset.press"
    assert opened.evaluate(focused) == name
    assert button.is_disabled() == (name != "step")
    if name == "train":
        wait_for_steps(opened, 3)
        assert opened.evaluate(focused) == name


def test_a_seed_can_be_typed_while_the_curves_move(opened):
    press(opened, "train")
    wait_for_steps(opened, 2)
    opened.fill(".seed", "7")
    wait_for_steps(opened, 6)
    opened.evaluate("document.querySelector('why-train').show()")
    assert opened.input_value(".seed") == "7"
    opened.keyboard.press("Tab")
    assert opened.evaluate("document.querySelector('why-train').seed") == 7
