"""The live panel in a real JupyterLab, driven in Chromium as a reader would.

In each theme one notebook of one cell is opened; a test writes its code into the cell.
Screenshots of the panel go to the folder MOCOLIB_SHOTS, where it is set.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Page, expect

from tools import ROOT
from tools.browser import THEMES
from tools.serve import bind

PANEL = "from mocolib import lab, named_recipe\nlab.live(named_recipe({}))"
SMALL = "width=8, depth=1, head_hidden=16, head_dim=8"
TINY = f"{SMALL}, base_lr=1e-3, batch_size=64, steps=2000"
CELLS = {
    "live": PANEL.format("'mini'"),
    "tiny": PANEL.format(f"'mini', {TINY}"),
    "recorded": """from mocolib import lab
lines = [
    lab.Line(
        settings={"kind": kind}, steps=[5, 10, 15], samples=[5, 10, 15],
        y={"knn": [0.5, 0.6, end]}, seed=seed,
    )
    for kind, end in (("calm", 0.7), ("shaky", 0.2)) for seed in (0, 1)
]
lab.experiment(lines, id="one", by=("kind",), start={"kind": "calm"})""",
}
IDLE = ".jp-Notebook-ExecutionIndicator[data-status=idle]"
SETTINGS = {
    "themes": lambda theme: {"theme": f"JupyterLab {theme.title()}"},
    "notification": lambda _: {"fetchNews": "false", "checkForUpdates": False},
}


def write_notebook(path: Path) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell()])
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.metadata["kernelspec"] = kernel
    nbformat.write(notebook, path)


def write_settings(folder: Path, theme: str) -> None:
    folder = folder / "@jupyterlab" / "apputils-extension"
    folder.mkdir(parents=True, exist_ok=True)
    for name, values in SETTINGS.items():
        file = folder / f"{name}.jupyterlab-settings"
        file.write_text(json.dumps(values(theme)))


def free_port() -> int:
    server = bind(0)
    port = server.server_address[1]
    server.server_close()
    return port


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory) -> Iterator[tuple[str, Path]]:
    """The address of a JupyterLab of our own, and the folder of its settings."""
    home, chapters = tmp_path_factory.mktemp("jupyter"), tmp_path_factory.mktemp("book")
    for theme in THEMES:
        write_notebook(chapters / f"{theme}.ipynb")
    places = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")
    environment = {
        **os.environ,
        **{f"JUPYTER_{place}": str(home / place) for place in places},
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "IPYTHONDIR": str(home / "ipython"),
        "PYTHONPATH": str(ROOT),
    }
    port = free_port()
    options = dict(
        ip="127.0.0.1", port=port, port_retries=0, root_dir=chapters,
        open_browser=False, allow_root=True, token="", password="",
    )  # fmt: skip
    command = [sys.executable, "-m", "jupyter", "lab"]
    command += [f"--ServerApp.{name}={value}" for name, value in options.items()]
    command += ["--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True"]
    with (home / "log").open("w") as log:
        server = subprocess.Popen(
            command, env=environment, cwd=chapters, stdout=log, stderr=log
        )
    try:
        wait_until_it_answers(server, home / "log")
        yield f"http://127.0.0.1:{port}", home / "settings"
    finally:
        server.terminate()  # takes its kernels along
        server.wait(30)


def wait_until_it_answers(server: subprocess.Popen, log: Path) -> None:
    for _ in range(600):
        if "is running at:" in log.read_text():
            return
        assert server.poll() is None, log.read_text()
        time.sleep(0.1)
    pytest.fail("JupyterLab did not start: " + log.read_text(), pytrace=False)


@pytest.fixture(scope="module")
def notebooks(jupyter, browser) -> dict[str, Page]:
    """The open notebooks by theme, each with a kernel of its own."""
    return {}


def opened(notebooks, jupyter, browser, theme: str) -> Page:
    """The notebook in this theme; opened when it is first asked for."""
    if theme not in notebooks:
        address, settings = jupyter
        write_settings(settings, theme)
        page = browser.new_page()
        page.goto(f"{address}/lab/tree/{theme}.ipynb?reset")
        page.locator(".jp-Notebook .cm-content").first.wait_for(timeout=60_000)
        count = len(notebooks) + 1
        wait_for(page, lambda: len(kernels(page, address)) == count)
        # the page knows: the server may have missed what its kernel said first
        page.locator(IDLE).first.wait_for(timeout=60_000)
        notebooks[theme] = page
    notebooks[theme].bring_to_front()  # one behind another waits to be drawn
    return notebooks[theme]


@pytest.fixture
def panel(jupyter, browser, notebooks, request) -> Page:
    """A notebook whose one cell has been run, with its panel on the screen."""
    name, theme, width = request.param
    page = opened(notebooks, jupyter, browser, theme)
    page.set_viewport_size({"width": width, "height": 1000})
    before = prompt(page)
    page.locator(".jp-Notebook .cm-content").first.click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(CELLS[name])
    page.keyboard.press("Control+Enter")
    wait_for(page, lambda: prompt(page) not in (before, "[*]:"))
    ready = "Keep this curve" if name == "recorded" else "Run"
    expect(button(page, ready)).to_be_enabled(timeout=60_000)
    return page


def prompt(page: Page) -> str:
    """How often the cell has been executed, as it stands before it."""
    return page.locator(".jp-InputPrompt").first.inner_text()


def kernels(page: Page, address: str) -> list[dict]:
    """The server's kernels that a page is connected to."""
    known = page.request.get(f"{address}/api/kernels").json()
    return [kernel for kernel in known if kernel["connections"]]


def button(page: Page, name: str):
    return page.locator(".jp-Cell-outputArea button", has_text=name)


def steps(page: Page) -> int:
    """The step that the last row of the table tells."""
    rows = page.locator(".jp-Cell-outputArea td[data-head=step]").all_inner_texts()
    return int(rows[-1].split()[0].replace(",", "")) if rows else 0


def wait_for(page: Page, condition, seconds: float = 60) -> float:
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < seconds, "waited in vain"
        page.wait_for_timeout(20)
    return time.monotonic() - start


def save_shot(page: Page, name: str) -> None:
    if folder := os.environ.get("MOCOLIB_SHOTS"):
        page.wait_for_timeout(300)
        page.locator(".jp-Notebook").screenshot(path=f"{folder}/lab_{name}.png")


@pytest.mark.parametrize("panel", [("tiny", "light", 1280)], indirect=True)
def test_slider_run_stop_clear_and_trouble(panel: Page) -> None:
    rate = panel.locator(".widget-hslider", has_text="base rate")
    assert "0.001" in rate.inner_text()
    rate.locator(".noUi-handle").focus()
    for _ in range(4):
        panel.keyboard.press("ArrowRight")
    expect(rate).to_contain_text("0.004")
    expect(panel.locator(".jp-Cell-outputArea")).to_contain_text("= 0.001; every run")

    button(panel, "Run").click()
    wait_for(panel, lambda: steps(panel) > 0)
    seen = steps(panel)
    wait_for(panel, lambda: steps(panel) > seen)
    expect(button(panel, "Run")).to_be_disabled()
    button(panel, "Stop").click()
    waited = wait_for(panel, lambda: "stopped" in panel.locator("td").last.inner_text())
    print(f"Stop took {waited:.2f} s.")
    assert waited < 5  # a second, where no other work holds the cores
    expect(button(panel, "Run")).to_be_enabled()
    stopped = steps(panel)
    panel.wait_for_timeout(500)
    assert steps(panel) == stopped
    table = panel.locator(".jp-Cell-outputArea table")
    expect(table).to_contain_text("run 1: base rate 0.004")

    seed = panel.locator(".widget-text input[type=number]")
    seed.fill("-1")
    seed.press("Enter")
    button(panel, "Run").click()
    expect(panel.get_by_role("alert")).to_have_text(
        re.compile(r"^seed is -1, but .*\.$")
    )
    seed.fill("1")
    seed.press("Enter")
    expect(panel.get_by_role("alert")).to_have_count(0)

    button(panel, "Clear").click()
    expect(panel.locator(".jp-Cell-outputArea table")).to_have_count(0)
    expect(panel.locator("svg[data-key] circle")).to_have_count(0)


@pytest.mark.parametrize("panel", [("tiny", "light", 1280)], indirect=True)
def test_a_change_in_mid_run_is_marked_on_the_curves(panel: Page) -> None:
    """The rate and the freeze of the run that goes on, which grows past its marks."""
    button(panel, "Run").click()
    wait_for(panel, lambda: steps(panel) > 0)
    marks = panel.locator("svg[data-key] path.change")
    assert marks.count() == 0
    rate = panel.locator(".widget-hslider", has_text="base rate")
    rate.locator(".noUi-handle").focus()
    panel.keyboard.press("ArrowRight")
    expect(marks).to_have_count(3)  # one a chart
    told = panel.locator("svg[data-key] text.said")
    expect(told.first).to_have_text("base rate 0.0015")
    button(panel, "fixed").click()
    expect(marks).to_have_count(6)
    expect(told.nth(1)).to_have_text("fixed projection")
    seen = steps(panel)
    wait_for(panel, lambda: steps(panel) > seen + 5)
    expect(button(panel, "Run")).to_be_disabled()  # it is the same run
    assert panel.locator(".jp-Cell-outputArea tbody tr").count() == 1
    button(panel, "Stop").click()
    expect(button(panel, "Run")).to_be_enabled(timeout=10_000)
    expect(marks).to_have_count(6)


@pytest.mark.parametrize("panel", [("tiny", "light", 1280)], indirect=True)
def test_executing_the_cell_again_stops_the_training(panel: Page) -> None:
    button(panel, "Run").click()
    wait_for(panel, lambda: steps(panel) > 0)
    panel.locator(".jp-Notebook .cm-content").first.click()
    panel.keyboard.press("Control+Enter")
    wait_for(panel, lambda: button(panel, "Run").is_enabled())
    assert panel.locator(".jp-Cell-outputArea table").count() == 0
    button(panel, "Run").click()  # waits for the old training, then trains
    wait_for(panel, lambda: steps(panel) > 0)
    button(panel, "Stop").click()
    expect(button(panel, "Run")).to_be_enabled(timeout=10_000)


@pytest.mark.parametrize("panel", [("recorded", "dark", 1280)], indirect=True)
def test_recorded_runs_are_drawn_by_the_page_s_own_program(
    panel: Page, request
) -> None:
    """Without a widget: what the cell showed works on when its kernel has gone."""
    address = panel.url
    button(panel, "Keep this curve").click()
    panel.locator("why-lab").get_by_label("shaky").check()
    expect(panel.locator("why-lab path.line")).to_have_count(2)
    expect(panel.locator("why-lab path.seed")).to_have_count(2)
    expect(panel.locator("why-lab text.said")).to_have_text("falls 40 points")
    chart = panel.locator("why-lab svg[data-key]").first
    box = chart.bounding_box()
    chart.hover(position={"x": 0.4 * box["width"], "y": 0.5 * box["height"]})
    expect(panel.locator("why-lab .readout")).to_contain_text("kNN accuracy, % 50")
    assert panel.url == address  # JupyterLab's address is not ours
    save_shot(panel, request.node.name)


LOOKS = [("live", "light", 1280), ("live", "dark", 640)]


@pytest.mark.parametrize(
    "panel", LOOKS, indirect=True, ids=lambda p: "-".join(map(str, p))
)
def test_the_recipe_of_the_chapters(panel: Page, request) -> None:
    button(panel, "Run").click()
    waited = wait_for(panel, lambda: steps(panel) > 0)
    print(f"The first point came {waited:.2f} s after Run.")
    assert waited < 15  # 3 s, where no other work holds the cores
    wait_for(
        panel, lambda: "images/s" in panel.locator(".jp-Cell-outputArea").inner_text()
    )
    if os.environ.get("MOCOLIB_SHOTS"):
        wait_for(panel, lambda: steps(panel) > 60, 300)
        button(panel, "Stop").click()
        expect(button(panel, "Run")).to_be_enabled(timeout=10_000)
        button(panel, "fixed").click()
        button(panel, "Run").click()
        wait_for(panel, lambda: 30 < steps(panel) < 60, 300)
        save_shot(panel, request.node.callspec.id)
    button(panel, "Stop").click()
    expect(button(panel, "Run")).to_be_enabled(timeout=10_000)
    for control in panel.locator(".widget-label:visible").all():
        clipped = control.evaluate("e => e.scrollWidth > e.clientWidth + 1")
        assert not clipped, f"{control.inner_text()!r} is cut off"
