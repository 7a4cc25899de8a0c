"""Every page of the built book, in a real browser that can reach nothing else."""

import threading
from collections.abc import Iterator

import pytest
import yaml
from playwright.sync_api import Browser

from tools import ROOT
from tools.book import build
from tools.browser import (
    MISSING,
    THEMES,
    WIDTHS,
    find_chromium,
    open_browser,
    open_page,
)
from tools.serve import bind


def pages() -> list[str]:
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    listed = [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]
    return [toc["root"], *listed]


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The address of the book, built anew if a source has changed."""
    if not build():
        pytest.fail("The book could not be built.", pytrace=False)
    server = bind(0)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://localhost:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if find_chromium() is None:
        pytest.fail(MISSING, pytrace=False)
    with open_browser() as browser:
        yield browser


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", pages())
def test_page(site: str, browser: Browser, name: str, theme: str, width: int) -> None:
    url = f"{site}/{name}.html"
    with open_page(browser, url, width, theme) as (page, problems):
        shown = page.evaluate("document.documentElement.dataset.theme")
        wide = page.evaluate("document.documentElement.scrollWidth")
        dead_widgets = page.locator("script[type*='jupyter.widget']").count()
    assert problems == []  # a request to another host is refused and listed here
    assert shown == theme
    assert wide <= width, "the page scrolls sideways"
    assert dead_widgets == 0, "a widget without a kernel is an empty box"


def test_the_root_leads_to_the_first_page(site: str, browser: Browser) -> None:
    with open_page(browser, f"{site}/", 1280, "light") as (page, _):
        page.wait_for_url(f"**/{pages()[0]}.html")


def test_formulas_are_set(site: str, browser: Browser) -> None:
    """Local MathJax: no dollar is left where a formula should be."""
    for name in pages():
        with open_page(browser, f"{site}/{name}.html", 1280, "light") as (page, _):
            page.wait_for_timeout(500)
            asked = page.locator(".math").count()
            assert page.locator("mjx-container").count() >= asked
