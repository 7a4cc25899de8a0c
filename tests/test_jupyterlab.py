"""Panels in a real JupyterLab, whose kernel has other work, or is restarted."""

import pytest
from playwright.sync_api import expect

from tests.notebook import (
    PATIENCE,
    execute,
    kernel_of,
    open_notebook,
    ready,
    save_shot,
    wait_for,
)
from tests.trainer import (
    TRAINING,
    open_in_kernel,
    press,
    wait_for_phase,
    wait_for_steps,
)

RECORDED = """from mocolib import lab
lines = [
    lab.Line(
        settings={"kind": kind}, steps=[5, 10, 15], samples=[5, 10, 15],
        y={"knn": [0.5, 0.6, end]}, seed=seed,
    )
    for kind, end in (("calm", 0.7), ("shaky", 0.2)) for seed in (0, 1)
]
lab.experiment(lines, id="one", by=("kind",), start={"kind": "calm"})"""
THREADS = """import threading
print(sum(one.name == "mocolib-panel" for one in threading.enumerate()), "threads")"""
BUSY = "import time\nfor _ in range(6000): time.sleep(0.1)"
ASKED = dict(fields=("base_lr",), recorded=[])


@pytest.fixture
def panel(browser, jupyter):
    """A panel in a notebook whose kernel trains."""
    with open_in_kernel(browser, jupyter, "kernel", **ASKED) as page:
        yield page


def steps(page) -> int:
    return page.evaluate(f"{TRAINING}.steps")


def goes_on(page):
    seen = steps(page)
    wait_for(page, lambda: steps(page) > seen)


def ask_server(page, jupyter, what: str):
    """ "interrupt" or "restart" the kernel of the panel."""
    address = jupyter[0]
    kernel = kernel_of(page, address, "kernel")["id"]
    assert page.request.post(f"{address}/api/kernels/{kernel}/{what}").ok


def test_other_cells_run_meanwhile_and_an_interrupt_is_for_them(panel, jupyter):
    press(panel, "train")
    wait_for_steps(panel, 2)
    output = panel.locator(".jp-Cell").nth(1).locator(".jp-Cell-outputArea")
    execute(panel, BUSY, 1, wait=False)
    goes_on(panel)
    ask_server(panel, jupyter, "interrupt")
    expect(output).to_contain_text("KeyboardInterrupt", timeout=PATIENCE)
    goes_on(panel)
    press(panel, "pause")
    wait_for_phase(panel, "paused")
    execute(panel, THREADS, 1)
    expect(output).to_contain_text("0 threads")


def test_the_cell_run_again_ends_what_it_had_begun(panel):
    press(panel, "train")
    wait_for_steps(panel, 2)
    execute(panel, f"lab.train_here('kernel', **{ASKED})")
    wait_for(panel, lambda: steps(panel) == 0)
    execute(panel, THREADS, 1)
    output = panel.locator(".jp-Cell").nth(1).locator(".jp-Cell-outputArea")
    expect(output).to_contain_text("0 threads")
    press(panel, "step")
    wait_for_steps(panel, 1)


def test_a_kernel_that_was_restarted_is_told_of(panel, jupyter):
    """JupyterLab's own widgets are lost, too, until its page is loaded anew."""
    press(panel, "train")
    wait_for_steps(panel, 2)
    ask_server(panel, jupyter, "restart")
    said = panel.locator(".trouble")
    expect(said).to_contain_text("reload this page", timeout=PATIENCE)
    panel.reload()
    ready(panel, jupyter[0], "kernel")
    execute(panel, f"from mocolib import lab\nlab.train_here('kernel', **{ASKED})")
    press(panel, "step")
    wait_for_steps(panel, 1)
    assert said.text_content() == ""


@pytest.mark.parametrize("width", [1280, 900])
def test_nothing_of_the_panel_is_cut_off(panel, width, request):
    panel.set_viewport_size({"width": width, "height": 1000})
    panel.wait_for_timeout(500)
    cut = "e => e.scrollWidth > e.clientWidth + 1"
    for part in panel.locator("why-train, why-train .control, why-train label").all():
        assert not part.evaluate(cut), f"{part.inner_text()!r} is cut off"
    save_shot(panel, request.node.name)


def test_recorded_runs_are_drawn_by_the_page_s_own_program(browser, jupyter, request):
    """Without a widget: what the cell showed works on when its kernel has gone."""
    page = open_notebook(browser, jupyter, "recorded", "dark")
    execute(page, RECORDED)
    address = page.url
    page.locator(".jp-Cell-outputArea button", has_text="Keep this curve").click()
    page.locator("why-lab").get_by_label("shaky").check()
    expect(page.locator("why-lab path.line")).to_have_count(2)
    expect(page.locator("why-lab path.seed")).to_have_count(2)
    expect(page.locator("why-lab text.said")).to_have_text("falls 40 points")
    chart = page.locator("why-lab svg[data-key]").first
    box = chart.bounding_box()
    chart.hover(position={"x": 0.4 * box["width"], "y": 0.5 * box["height"]})
    expect(page.locator("why-lab .readout")).to_contain_text("kNN accuracy, % 50")
    assert page.url == address  # JupyterLab's address is not ours
    save_shot(page, request.node.name)
    page.close()
