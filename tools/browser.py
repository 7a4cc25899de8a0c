"""A headless Chromium that only reaches localhost: python -m tools.browser installs it
and Firefox, where they are missing and it may.

`look.py` and the page tests share what is here.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, Request, sync_playwright

THEMES = ("light", "dark")
WIDTHS = (1280, 390)
PATIENCE = 120_000  # ms for a page to come: the machine may have other work
# By name, not by a handler for each request, which would switch the cache off.
LOCAL_ONLY = (
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"
)
# Behind its address bar Chromium keeps two pages that take a tenth of a core all the
# time. The last list of what is off counts, so Playwright's own is said again.
OFF = [
    *("WebUIOmniboxPopup", "WebUIOmniboxAimPopup"),
    *("AcceptCHFrame", "AutoDeElevate", "AvoidUnnecessaryBeforeUnloadCheckSync"),
    *("DestroyProfileOnBrowserClose", "DialMediaRouteProvider", "GlobalMediaControls"),
    *("HttpsUpgrades", "LensOverlay", "MediaRouter", "PaintHolding", "RenderDocument"),
    *("ThirdPartyStoragePartitioning", "Translate"),
]
MISSING = (
    "The page tests need Chromium: install it (Debian: apt-get install chromium; "
    "elsewhere: .venv/bin/playwright install chromium)."
)


def find_chromium() -> str | None:
    """The system's Chromium, or the one Playwright has downloaded, if any."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


def find_firefox() -> str | None:
    """The system's Firefox; one test alone needs it, and is skipped without."""
    return shutil.which("firefox-esr") or shutil.which("firefox")


def install(*packages: str) -> None:
    """Install what the page tests need, where we may: as root, with apt-get."""
    if os.geteuid() or not shutil.which("apt-get"):
        return
    print(f"Installing {packages[0]} for the page tests", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        command = ["apt-get", "-qq", *step]
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL)


@contextmanager
def open_browser(*arguments: str) -> Iterator[Browser]:
    """A browser, started with Chromium's own arguments where some are given."""
    chromium = find_chromium()
    if chromium is None:
        raise FileNotFoundError(MISSING)
    arguments += (LOCAL_ONLY, f"--disable-features={','.join(OFF)}")
    # Chromium refuses to run as root inside its own sandbox
    arguments += ("--no-sandbox",) if os.geteuid() == 0 else ()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield browser
        browser.close()


@contextmanager
def _all_come(page: Page) -> Iterator[None]:
    """Go on when nothing has been under way for a fifth of a second.

    Playwright's own "networkidle" waits for ever for a worker that was ended at once.
    """
    under_way: set[Request] = set()
    page.on("request", lambda one: one.url.startswith("blob:") or under_way.add(one))
    for end in ("requestfinished", "requestfailed"):
        page.on(end, lambda one: under_way.discard(one))  # it takes no method of C
    yield
    quiet, end = 0, time.monotonic() + PATIENCE / 1000
    while quiet < 4:
        page.wait_for_timeout(50)
        quiet = 0 if under_way else quiet + 1
        if time.monotonic() > end:
            raise TimeoutError(f"still under way: {[one.url for one in under_way]}")


@contextmanager
def open_page(
    browser: Browser | BrowserContext, url: str, width: int, theme: str
) -> Iterator[tuple[Page, list[str]]]:
    """A loaded page, and the list of everything that went wrong on it so far.

    Its theme is the reader's choice, "light" or "dark", or with "auto" the system's.
    Pages of one context share what the browser keeps, a page of a browser nothing.
    """
    page = browser.new_page()
    page.set_viewport_size({"width": width, "height": 900})
    problems: list[str] = []
    page.on(
        "console",
        lambda message: message.type == "error" and problems.append(message.text),
    )
    page.on("pageerror", lambda error: problems.append(f"script error: {error}"))
    page.on(
        "requestfailed",
        lambda one: problems.append(f"request failed: {one.url} ({one.failure})"),
    )
    page.on(
        "response",
        lambda response: (
            response.status >= 400
            and problems.append(f"{response.status}: {response.url}")
        ),
    )
    # where the theme keeps the reader's choice
    choice = f"localStorage.mode = localStorage.theme = '{theme}'"
    page.add_init_script(choice)
    with _all_come(page):
        page.goto(url, timeout=PATIENCE)
    yield page, problems
    page.close()


FRAMES = "() => new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))"


def resize(page: Page, width: int) -> None:
    """Make the page so wide, and wait until what follows its width is drawn anew."""
    page.set_viewport_size({"width": width, "height": 900})
    page.evaluate(FRAMES)


if __name__ == "__main__":
    if not find_chromium():
        install("chromium", "fonts-liberation", "fonts-wqy-zenhei")
    if not find_firefox():
        install("firefox-esr")
    if not find_chromium():
        print(MISSING, file=sys.stderr)
        sys.exit(2)
