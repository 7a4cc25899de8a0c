"""Training in a page, on the built graphs, in a real browser without a network."""

import io
import json
import re
import time
import zipfile

import pytest
from PIL import Image

from mocolib import lab, runs
from mocolib.data import load
from mocolib.lab.recorded import PAGE
from mocolib.lab.train_here import VALUES
from mocolib.presets import named_recipe
from tests.served import choose, served, write_graphs, write_page
from tools.browser import open_page

TRAINING = "document.querySelector('why-train').training"
PATIENCE = 120_000  # ms: the machine that runs the tests may have other work


def a_run(base_lr: float, seed: int) -> dict:
    """What stands for a recorded run of the page."""
    own = vars(named_recipe("page", base_lr=base_lr))
    curve = [[5, 10], [50 + seed, 100 * base_lr]]
    settings = {name: own[name] for name in VALUES}
    lines = {"knn": curve, "loss": curve}
    return {"settings": settings, "seed": seed, "name": "recorded", "lines": lines}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A page with the panel, laid out as in the built book."""
    folder = tmp_path_factory.mktemp("site")
    write_graphs(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PAGE, "1")
        recorded = [a_run(rate, seed) for rate in (4e-3, 0.096) for seed in (0, 1)]
        panel = lab.train_here(
            "train",
            question="Does it shake?",
            compare="patch_projection",
            charts=("knn", "loss", "gradient"),
            recorded=recorded,
        )
    write_page(folder, panel.data)
    with served(folder) as root:
        yield f"{root}/book/one.html"


@pytest.fixture
def opened(address, browser):
    with open_page(browser, address, 900, "light") as (page, problems):
        page.set_default_timeout(PATIENCE)
        yield page
        assert problems == []


def press(page, name: str):
    page.click(f"[data-press={name}]")


def losses(page) -> list:
    return page.evaluate(f"{TRAINING}.live[0]?.rows.map((row) => row.loss) ?? []")


def wait_for_steps(page, count: int) -> list:
    page.wait_for_function(f"(n) => {TRAINING}.steps >= n", arg=count)
    return losses(page)


def phase(page) -> str:
    return page.evaluate("document.querySelector('why-train').training.phase")


def wait_for_phase(page, name: str):
    page.wait_for_function(
        "(p) => document.querySelector('why-train').training.phase === p", arg=name
    )


def runs_of(page) -> list:
    """What the panel has of each run: its words, where it stands, how it ended."""
    return page.evaluate(
        """() => { const { live, kept } = document.querySelector('why-train').training;
          return [...live, ...kept].map(({ words, steps, outcome }) =>
            [words, steps, outcome]); }"""
    )


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
    press(opened, "step")
    wait_for_steps(opened, 2)
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


def first_losses(page, count: int) -> list:
    press(page, "train")
    found = wait_for_steps(page, count)[:count]
    press(page, "reset")
    return found


def test_the_same_seed_gives_the_same_curve_and_another_another(opened):
    one, again = first_losses(opened, 5), first_losses(opened, 5)
    assert one == again
    opened.fill(".seed", "1")
    opened.press(".seed", "Tab")
    assert first_losses(opened, 5) != one
    assert "_1" in opened.url


@pytest.mark.parametrize(
    ("name", "place"),
    [
        *(("base_lr", 0), ("patch_projection", 1), ("temperature", 0)),
        *(("momentum", 0), ("beta2", 0), ("optimizer", 1)),
    ],
)
def test_what_is_changed_in_mid_run_changes_the_outcome(opened, name, place):
    """Six steps left alone, and six with a change behind the third."""

    def six(change: bool) -> list:
        for count in range(1, 7):
            press(opened, "step")
            wait_for_steps(opened, count)
            if change and count == 3:
                choose(opened, name, place)
        found = losses(opened)
        if change:
            assert opened.locator("svg[data-key=loss] path.change").count() >= 1
        press(opened, "reset")
        return found

    alone, changed = six(False), six(True)
    assert changed[:3] == alone[:3]
    assert changed[3:] != alone[3:]


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
    [main] = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    } & {(e["pid"], e["tid"]) for e in events if e["name"].endswith("RunTask")}
    tasks = [
        event.get("tdur", 0) / 1000
        for event in events
        if (event["pid"], event["tid"]) == main and event["name"].endswith("RunTask")
    ]
    print(f"{len(tasks)} tasks, the longest {max(tasks):.0f} ms")
    assert len(tasks) > 100
    assert max(tasks) <= 100


def test_a_killed_worker_is_told_and_the_curve_stays(opened):
    press(opened, "train")
    wait_for_steps(opened, 3)
    opened.workers[0].evaluate("self.close()")
    opened.wait_for_selector(".trouble:not(:empty)")
    assert "the curve so far stays" in opened.text_content(".trouble")
    assert len(losses(opened)) >= 3
    assert opened.locator("svg[data-key=loss] path.line").count() == 1
    press(opened, "train")  # and it can begin anew
    wait_for_steps(opened, 2)
    assert opened.text_content(".trouble") == ""


def test_out_of_memory_is_told_and_the_curve_stays(opened):
    press(opened, "train")
    wait_for_steps(opened, 3)
    opened.workers[0].evaluate("""() => {
      const full = new RangeError("Array buffer allocation failed");
      Float32Array.from = () => { throw full; };
    }""")
    opened.wait_for_selector(".trouble:not(:empty)")
    assert "out of memory; the curve so far stays" in opened.text_content(".trouble")
    assert len(losses(opened)) >= 3


def test_a_missing_graph_is_told(address, browser):
    with open_page(browser, address, 900, "light") as (page, _):
        page.route("**/page.json", lambda route: route.fulfill(status=404))
        press(page, "train")
        page.wait_for_selector(".trouble:not(:empty)")
        assert "page.json cannot be fetched (404)" in page.text_content(".trouble")


def test_an_unsupported_browser_gets_a_sentence_and_the_recorded_view(address, browser):
    context = browser.new_context()
    context.add_init_script("delete globalThis.WebAssembly")
    page = context.new_page()
    page.goto(address)
    assert "cannot train here" in page.text_content(".trouble")
    assert page.locator("[data-press=train]").is_disabled()
    assert page.locator("svg[data-key=loss] path.seed").count() == 2
    context.close()


def test_the_recorded_runs_behind_follow_the_controls(opened):
    """All seeds of the setting that is nearest, and nothing else."""
    behind = opened.locator("svg[data-key=knn] path.seed")
    choose(opened, "base_lr", 7)
    high = behind.first.get_attribute("d")
    choose(opened, "base_lr", 0)
    assert behind.count() == 2
    assert behind.first.get_attribute("d") != high
    opened.reload()  # the address kept it
    assert (
        opened.evaluate("document.querySelector('why-train').settings.base_lr") == 4e-3
    )


def rows_of(page, part: int) -> list:
    rows = "document.querySelector('why-train').training.live[{}].rows"
    return page.evaluate(rows.format(part))


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


def test_leaving_the_page_stops_the_training(opened):
    press(opened, "train")
    wait_for_steps(opened, 2)
    opened.goto(opened.url.split("/book")[0] + "/book/")
    opened.wait_for_timeout(500)
    assert opened.workers == []


@pytest.fixture(scope="module")
def own_pictures(tmp_path_factory):
    """Two folders of pictures from the data set, as a reader might have them."""
    folder = tmp_path_factory.mktemp("own")
    data = load("fashion-mnist")
    for label in (1, 9):
        (folder / str(label)).mkdir()
        chosen = data.train_images[data.train_labels == label][:165]
        for i, image in enumerate(chosen):
            big = Image.fromarray(image[0].numpy()).resize((84, 56))
            big.save(folder / str(label) / f"{i}.png")
    return folder


def test_own_pictures_train_and_give_a_knn(opened, own_pictures):
    opened.click("summary")
    opened.locator(".files").nth(1).set_input_files(own_pictures)
    press(opened, "train")
    wait_for_steps(opened, 10)
    press(opened, "pause")
    row = opened.evaluate(f"{TRAINING}.live[0].rows[9]")
    assert 0.5 < row["knn"] <= 1  # trousers and boots
    assert opened.locator("svg[data-key=knn] path.seed").count() == 0  # other images
    wait_for_phase(opened, "paused")
    with opened.expect_download() as download:
        press(opened, "download")
    with zipfile.ZipFile(io.BytesIO(download.value.path().read_bytes())) as archive:
        recipe = next(n for n in archive.namelist() if n.endswith("recipe.json"))
        assert "folder:own-pictures" in archive.read(recipe).decode()


def test_pictures_without_classes_train_without_a_knn(opened, own_pictures):
    opened.click("summary")
    files = sorted(own_pictures.rglob("*.png"))
    opened.locator(".files").nth(0).set_input_files(files)
    press(opened, "train")
    wait_for_steps(opened, 10)
    assert opened.evaluate(f"{TRAINING}.live[0].last('knn')") is None


def test_too_few_pictures_are_told(opened, own_pictures):
    opened.click("summary")
    files = sorted(own_pictures.rglob("*.png"))[:5]
    opened.locator(".files").nth(0).set_input_files(files)
    press(opened, "train")
    opened.wait_for_selector(".trouble:not(:empty)")
    said = opened.text_content(".trouble")
    assert re.fullmatch(r"5 of your pictures .* 256, one batch, are least\.", said)
    opened.click(".back")
    press(opened, "step")
    wait_for_steps(opened, 1)
