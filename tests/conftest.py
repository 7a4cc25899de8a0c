"""What every test shares: one thread, no folder of the user's, the book, a browser."""

import threading
from collections.abc import Iterator

import hypothesis
import pytest
import torch
from playwright.sync_api import Browser

from tests.tiny import blobs
from tools.book import build
from tools.browser import MISSING, find_chromium, open_browser
from tools.serve import bind

# a busy core is no reason to fail
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Tiny tensors only; several threads would cost time, and bits."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory, monkeypatch):
    """Runs and decoded images of a test stay out of the user's folders."""
    monkeypatch.setenv("MOCOLIB_RUNS", str(tmp_path_factory.mktemp("runs")))
    monkeypatch.setenv("MOCOLIB_DATA", str(tmp_path_factory.mktemp("data")))


@pytest.fixture(scope="session")
def data():
    """96 training and 30 test images of three classes, in colour."""
    return blobs()


@pytest.fixture(scope="session")
def book() -> None:
    """The built book, made anew if a source has changed."""
    if not build():
        pytest.fail("The book could not be built.", pytrace=False)


@pytest.fixture(scope="session")
def site(book) -> Iterator[str]:
    """The address of the built book, served as on GitHub Pages."""
    server = bind(0)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://localhost:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium of the module's own: its loop would be in the way of kernels."""
    if find_chromium() is None:
        pytest.fail(MISSING, pytrace=False)
    with open_browser() as browser:
        yield browser
