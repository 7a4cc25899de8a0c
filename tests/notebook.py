"""A real JupyterLab with a notebook, driven in Chromium as a reader would."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Page

from tools import ROOT
from tools.serve import bind

IDLE = ".jp-Notebook-ExecutionIndicator[data-status=idle]"
SETTINGS = {
    "themes": lambda theme: {"theme": f"JupyterLab {theme.title()}"},
    "notification": lambda _: {"fetchNews": "false", "checkForUpdates": False},
}
CELL = ".jp-Notebook .cm-content"
PATIENCE = 240_000  # ms: the machine that runs the tests may have other work


def write_notebook(path: Path, cells: int = 2) -> None:
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell() for _ in range(cells)]
    )
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


@contextmanager
def jupyterlab(home: Path, chapters: Path) -> Iterator[tuple[str, Path]]:
    """The address of a JupyterLab of our own, and where its settings lie."""
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


def open_notebook(browser, jupyter, name: str, theme: str = "light") -> Page:
    """A page with a new notebook of two cells, once its kernel is idle."""
    address, folder, settings = jupyter
    write_notebook(folder / f"{name}.ipynb")
    write_settings(settings, theme)
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.set_viewport_size({"width": 1280, "height": 1000})
    page.goto(f"{address}/lab/tree/{name}.ipynb?reset")
    ready(page, address, name)
    return page


def ready(page: Page, address: str, name: str) -> None:
    """Wait until the page is there and its kernel idle."""
    page.locator(CELL).first.wait_for()
    wait_for(page, lambda: kernel_of(page, address, name))
    # the page knows: the server may have missed what its kernel said first
    page.locator(IDLE).first.wait_for()


def kernel_of(page: Page, address: str, name: str) -> dict | None:
    """The server's kernel of a notebook, where a page is connected to it."""
    for session in page.request.get(f"{address}/api/sessions").json():
        if session["name"] == f"{name}.ipynb" and session["kernel"]["connections"]:
            return session["kernel"]
    return None


def execute(page: Page, source: str, cell: int = 0, wait: bool = True) -> None:
    """Write into a cell and run it."""
    prompt = page.locator(".jp-InputPrompt").nth(cell)
    before = prompt.inner_text()
    page.locator(CELL).nth(cell).click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(source)
    page.keyboard.press("Control+Enter")
    if wait:
        wait_for(page, lambda: prompt.inner_text() not in (before, "[*]:"))


def wait_for(page: Page, condition, seconds: float = PATIENCE / 1000) -> float:
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < seconds, "waited in vain"
        page.wait_for_timeout(20)
    return time.monotonic() - start


def save_shot(page: Page, name: str) -> None:
    if folder := os.environ.get("MOCOLIB_SHOTS"):
        page.wait_for_timeout(300)
        page.locator(".jp-Notebook").screenshot(path=f"{folder}/lab_{name}.png")
