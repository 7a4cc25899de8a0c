"""The Chinese pages in a real browser: laid out, driven, and found from the article."""

import re

import pytest

from tests.layout import check_clipped, check_listings, check_tables, check_tags
from tests.test_page import BUT_COLOURS, against
from tests.test_panels import WORDS
from tools.browser import WIDTHS, open_page, resize
from tools.language import HAN
from tools.site import pages

HAN_SIGN = re.compile(f"[{HAN}]")
ARTICLE = [
    *(f"article-figure-{number}" for number in range(1, 8)),
    *("article-table-1", "article-equation-1"),
]


@pytest.fixture(scope="module", params=pages())
def opened(site, reader, request):
    url = f"{site}/zh/{request.param}.html"
    with open_page(reader, url, WIDTHS[0], "light") as (page, problems):
        yield page, problems


def test_a_page_has_its_room_and_says_what_it_shows(opened):
    """Nothing is cut, at a desk and on a phone, and a screen reader is told all."""
    page, problems = opened
    check_tables(page)
    for width in WIDTHS:
        resize(page, width)
        check_clipped(page, width)
        check_listings(page)
        check_tags(page)
    folds = page.locator("article summary:not([aria-label])").all_inner_texts()
    assert [text for text in folds if not HAN_SIGN.search(text)] == []
    broken, _ = against(page, BUT_COLOURS)
    assert broken == {}
    assert problems == []


def test_words_in_charts_are_neither_cut_nor_on_each_other(opened):
    page, _ = opened
    for width in WIDTHS:
        resize(page, width)
        assert page.evaluate(WORDS) == []


def test_a_panel_answers_in_chinese(site, reader):
    url = f"{site}/zh/book/learning_rate.html"
    with open_page(reader, url, WIDTHS[0], "light") as (page, problems):
        panel = page.locator("#lab-lr")
        panel.get_by_role("radio", name="0.048").check()
        panel.get_by_text(re.compile("0.048.*10 次训练中")).first.wait_for()
        assert panel.get_by_role("button", name="保留这条曲线").count()
        assert problems == []


def test_the_page_trains_in_chinese(site, reader):
    url = f"{site}/zh/book/in_page.html"
    with open_page(reader, url, WIDTHS[0], "light") as (page, problems):
        panel = page.locator("why-train").first
        panel.get_by_role("button", name="走一步").click()
        panel.get_by_text("第 1 步，共").first.wait_for(timeout=60_000)
        assert problems == []


@pytest.mark.parametrize("anchor", ARTICLE)
def test_each_picture_of_the_article_is_one_click_away(site, reader, anchor):
    with open_page(reader, f"{site}/zh/book/opening.html", 900, "light") as (page, _):
        page.locator(f"article a[href$='#{anchor}']").first.click()
        page.wait_for_url(f"**/zh/book/*.html#{anchor}")
        assert page.locator(f"#{anchor}").count() == 1
