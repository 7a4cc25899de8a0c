"""The ledger of the built book, sorted by its heads as a reader would."""

import re

import pytest

from tools.browser import WIDTHS, open_page

TABLE = ".why-ledger table"
NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


@pytest.fixture(scope="module", params=WIDTHS)
def page(site, browser, request):
    url = f"{site}/book/ledger.html"
    with open_page(browser, url, request.param, "light") as (page, problems):
        page.set_default_timeout(10_000)
        yield page
        assert problems == []


def column(page, head: str) -> list[str]:
    """What stands below a head, from the first row to the last."""
    cells = page.locator(f"{TABLE} tbody td[data-head='{head}']")
    return [text.strip() for text in cells.all_text_contents()]


def sorts(page) -> dict:
    """Which heads say that the table is sorted by them, and how."""
    heads = page.locator(f"{TABLE} th")
    found = heads.evaluate_all("all => all.map(h => [h.textContent, h.ariaSort])")
    return {name: how for name, how in found if how}


@pytest.mark.parametrize("head", ["mean", "95 % interval", "seeds", "exact p"])
def test_numbers_go_by_size_up_then_down_and_empty_cells_last(page, head):
    before = sorted(column(page, head))
    button = page.get_by_role("button", name=head, exact=True)
    for how, sign in (("ascending", 1), ("descending", -1)):
        button.click()
        shown = column(page, head)
        assert sorted(shown) == before
        full = [text for text in shown if text]
        assert shown == full + [""] * (len(shown) - len(full))
        values = [sign * float(NUMBER.match(text)[0]) for text in full]
        assert values == sorted(values)
        assert sorts(page) == {head: how}


def test_a_row_moves_as_a_whole(page):
    rows = page.locator(f"{TABLE} tbody tr")
    before = sorted(rows.all_text_contents())
    page.get_by_role("button", name="outcome", exact=True).click()
    assert sorted(rows.all_text_contents()) == before
    words = column(page, "outcome")
    groups = [word for i, word in enumerate(words) if word != words[i - 1] or not i]
    assert len(groups) == len(set(groups)) > 2  # opposites stand together
    assert page.locator("#ledger-C7").count() == 1  # where the chapters link to


def test_it_is_sorted_by_keyboard(page):
    """Tab goes from head to head, Enter and Space sort."""
    page.get_by_role("button", name="claim", exact=True).focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert sorts(page) == {"measured": "ascending"}
    page.keyboard.press("Space")
    assert sorts(page) == {"measured": "descending"}


def test_nothing_of_it_is_out_of_sight(page):
    """All cells lie on the screen, and on a phone each says what it is."""
    wide = page.viewport_size["width"]
    boxes = page.locator(f"{TABLE} :is(th, td)").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect())"
        ".map(({ left, right }) => [left, right])"
    )
    place = page.locator(".why-ledger").bounding_box()
    assert place["x"] + place["width"] <= wide
    assert max(right for _, right in boxes) <= place["x"] + place["width"] + 1
    assert min(left for left, _ in boxes) >= 0
    if wide < 600:
        said = page.locator(f"{TABLE} td").first.evaluate(
            "td => getComputedStyle(td, '::before').content"
        )
        assert said == '"claim"'
