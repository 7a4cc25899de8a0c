"""What every test shares: one thread, no folder of the user's, the book, a browser."""

import contextlib
import fcntl
import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import torch
from playwright.sync_api import Browser, BrowserContext, Page

from mocolib.analysis import baselines
from tests.tiny import blobs
from tools import ROOT
from tools.book import build
from tools.browser import MISSING, find_chromium, open_browser, open_page
from tools.serve import bind, running

# what these assert is told as a test's own is
HELPERS = ("faults", "layout", "near", "notebook", "panels", "trainer")
pytest.register_assert_rewrite(*(f"tests.{helper}" for helper in HELPERS))

THREADS = "MOCOLIB_TEST_THREADS"
WIDGETS7 = "7.7.1"  # what Colab has
# the two packages alone: their other requirements are what a browser needs
PACKAGES = [f"ipywidgets=={WIDGETS7}", "ipython_genutils==0.2.0"]

# a busy core is no reason to fail
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")


@contextlib.contextmanager
def one_process(name: str) -> Iterator[None]:
    """What two processes of the tests share is made by one, while the other waits."""
    place = ROOT / ".cache" / f"{name}.lock"
    place.parent.mkdir(exist_ok=True)
    with place.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def threads() -> int:
    """One, but where the numeric tests are to run with two."""
    return int(os.environ.get(THREADS, 1))


def pytest_report_header() -> str:
    kind = torch.backends.cpu.get_cpu_capability()
    return f"torch computes on {kind}, threads: {threads()}"


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Tiny tensors only; several threads would cost time, and bits."""
    torch.set_num_threads(threads())


@pytest.fixture(scope="session")
def fresh_folders(tmp_path_factory) -> Iterator[Path]:
    """One after the other; each by `mktemp` would look through all that there are."""
    top = tmp_path_factory.mktemp("own")
    return (top / str(count) for count in itertools.count())


@pytest.fixture(autouse=True)
def own_folders(fresh_folders, monkeypatch):
    """Runs and decoded images of a test stay out of the user's folders."""
    own = next(fresh_folders)
    for name in ("runs", "data"):
        (own / name).mkdir(parents=True)
        monkeypatch.setenv(f"MOCOLIB_{name.upper()}", str(own / name))


@pytest.fixture(scope="session")
def data():
    """96 training and 30 test images of three classes, in colour."""
    return blobs()


@pytest.fixture
def written(tmp_path):
    """Write a log whose file's name says nothing, and read it."""
    from mocolib import logs

    def read(text: str | bytes, **named) -> list[logs.Log]:
        path = tmp_path / "file"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return logs.read(path, **named)

    return read


@pytest.fixture(scope="session")
def book() -> None:
    """The built book, made anew if a source has changed."""
    with one_process("book"):
        built = build()
    if not built:
        pytest.fail("The book could not be built.", pytrace=False)


@pytest.fixture(scope="session")
def site(book) -> Iterator[str]:
    """The address of the built book, served as on GitHub Pages."""
    with running(bind(0)) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium of the module's own: its loop would be in the way of kernels."""
    if find_chromium() is None:
        pytest.fail(MISSING, pytrace=False)
    with open_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def reader(browser) -> Iterator[BrowserContext]:
    """Who goes from page to page: what these share is fetched and compiled once."""
    with contextlib.closing(browser.new_context()) as context:
        yield context


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory) -> Iterator[Page]:
    """A page with the book's scripts and nothing else, which may import modules."""
    from tests.served import served, write_page

    folder = tmp_path_factory.mktemp("page")
    write_page(folder, "")
    with served(folder) as address:
        url = f"{address}/book/one.html"
        with open_page(browser, url, 800, "light") as (page, problems):
            yield page
            assert problems == []


@pytest.fixture(scope="session")
def jupyter(tmp_path_factory) -> Iterator[tuple[str, Path, Path]]:
    """The address of a JupyterLab, the folder of its notebooks, and of its settings."""
    from tests.notebook import jupyterlab

    home, folder = tmp_path_factory.mktemp("jupyter"), tmp_path_factory.mktemp("book")
    with jupyterlab(home, folder) as (address, settings):
        yield address, folder, settings


@pytest.fixture
def own_page(address, browser) -> Iterator[Page]:
    """A page that trains, at the module's `address`, for what a page does not survive.

    What asserts is imported here, after pytest has been told of it.
    """
    from tests.trainer import open_trainer

    with open_trainer(browser, address) as page:
        yield page


@pytest.fixture(scope="module")
def shared(address, browser) -> Iterator[Page]:
    """The like for all tests of a module; `opened` is as it was at first."""
    from tests.trainer import open_trainer

    with open_trainer(browser, address) as page:
        yield page


@pytest.fixture
def opened(shared) -> Page:
    from tests.trainer import as_new

    return as_new(shared)


@pytest.fixture(scope="session")
def widgets7() -> Path:
    """A folder that holds ipywidgets 7.7 alone, filled once."""
    folder = ROOT / ".cache" / "widgets7"
    pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]
    command = [*pip, "--quiet", "--no-deps", "--target", str(folder), *PACKAGES]
    with one_process("widgets7"):
        if not (folder / f"ipywidgets-{WIDGETS7}.dist-info").exists():
            subprocess.run(command, check=True)
    return folder


@pytest.fixture
def an_untrained_network(monkeypatch):
    """It reads 20 % everywhere, in place of one that is made for each planted seed."""
    known = {"knn": 0.2, "linear_probe": 0.2}
    monkeypatch.setattr(baselines, "untrained", lambda recipe: known)
