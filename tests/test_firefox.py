"""The chapter that trains in the page, in Firefox."""

import pytest

from tools.browser import find_firefox, open_page
from tools.firefox import open_tab

CHAPTER = "book/in_page.html"
STEPS = 20
CLOSE = 1e-4  # both run the same instructions; their Math differs in the last digit
TRAINING = "document.querySelector('why-train').training"
LOSSES = f"{TRAINING}.live[0].rows.map((row) => row.loss)"
ENOUGH = f"{TRAINING}.steps >= {STEPS}"


@pytest.fixture(scope="module")
def tab(site):
    """The chapter in a tab."""
    firefox = find_firefox()
    if firefox is None:
        pytest.skip("No Firefox here (Debian: apt-get install firefox-esr).")
    with open_tab(firefox) as tab:
        tab.open(f"{site}/{CHAPTER}")
        yield tab


def test_the_chapter_trains_in_firefox_as_in_chromium(tab, site, browser):
    tab.evaluate("document.querySelector('[data-press=train]').click()")
    tab.wait_for(ENOUGH)
    ours = tab.evaluate(LOSSES)[:STEPS]
    said = tab.evaluate("document.querySelector('why-train .state').textContent")
    tab.evaluate("document.querySelector('[data-press=reset]').click()")
    with open_page(browser, f"{site}/{CHAPTER}", 900, "light") as (page, problems):
        page.set_default_timeout(120_000)
        page.click("[data-press=train]")
        page.wait_for_function(ENOUGH)
        theirs = page.evaluate(LOSSES)[:STEPS]
        assert problems == []
    assert ours == pytest.approx(theirs, rel=CLOSE)
    assert said.endswith("wasm, one thread")
    assert tab.problems == []


def test_what_a_page_complains_of_is_heard(tab):
    tab.evaluate("console.error('bad') ?? setTimeout(() => worse)")
    tab.wait_for("new Promise((go) => setTimeout(go, 100, true))")
    assert tab.problems == ["bad", "ReferenceError: worse is not defined"]
