"""The site around the pages: search, buttons, previews, 404, sitemap."""

import re
from urllib.parse import urlsplit
from xml.etree import ElementTree

import numpy as np
import pytest
from bs4 import BeautifulSoup
from PIL import Image

from tests.test_translations import SEARCHED
from tools import ROOT, social
from tools.book import HTML
from tools.browser import open_page
from tools.language import asked, below, tag
from tools.serve import BookHandler, bind, running
from tools.site import SITEMAP, address, pages
from tools.stamp import BRANCH, read_address

OWNER, NAME = read_address(ROOT)
GONE = "Failed to load resource: the server responded with a status of 404 (Not Found)"
CHAPTERS = [name for name in pages() if (ROOT / f"{name}.ipynb").exists()]


def parsed(name: str) -> BeautifulSoup:
    text = (HTML / f"{name}.html").read_text(encoding="utf-8")
    return BeautifulSoup(text, "html.parser")


def test_the_address_is_that_of_the_repositorys_pages():
    assert address() == f"https://{OWNER}.github.io/{NAME}/"


def test_the_root_leads_to_the_first_page(site, reader):
    with open_page(reader, f"{site}/", 1280, "light") as (page, _):
        page.wait_for_url(f"**/{pages()[0]}.html")


def test_the_sitemap_names_every_page(book):
    tree = ElementTree.parse(HTML / "sitemap.xml")
    named = [one.text for one in tree.iter(f"{{{SITEMAP}}}loc")]
    folders = [below(language) for language in asked()]
    assert named == [
        f"{address()}{at}{name}.html" for at in folders for name in pages()
    ]


@pytest.mark.parametrize("name", pages())
def test_a_page_names_itself_in_every_language(book, name):
    """Here and there: the language, where the others lie, and the same places."""
    own, wanted = {}, {tag(k): f"{address()}{below(k)}{name}.html" for k in asked()}
    for language in asked():
        page = parsed(f"{below(language)}{name}")
        assert page.html["lang"] == tag(language)
        others = page.select("link[rel=alternate][hreflang]")
        found = {one["hreflang"]: one["href"] for one in others}
        assert found == wanted | {"x-default": wanted["en"]}
        [switch] = page.select("a.why-switch")
        there = (HTML / f"{below(language)}{name}.html").parent / switch["href"]
        assert there.resolve() == HTML / f"{below(switch['lang'][:2])}{name}.html"
        own[language] = [one["id"] for one in page.select("article section[id]")]
    assert own["zh"] == own["en"]


def test_the_switch_keeps_section_and_panel(site, reader):
    url = f"{site}/book/learning_rate.html?lab-lr=1__step#the-mathematics"
    with open_page(reader, url, 1280, "light") as (page, problems):
        page.locator("a.why-switch").click()
        page.wait_for_url(
            "**/zh/book/learning_rate.html?lab-lr=1__step#the-mathematics"
        )
        assert page.locator("h1").first.inner_text().startswith("学习率")
        page.locator("a.why-switch").click()
        page.wait_for_url(url)
        assert problems == []


@pytest.mark.parametrize("asked_for", ["最大回撤", "预热", "学习率"])
def test_search_finds_chinese(site, reader, asked_for):
    url = f"{site}/zh/search.html?q={asked_for}"
    with open_page(reader, url, 1280, "light") as (page, problems):
        page.locator("ul.search li a").first.wait_for()
        found = page.locator("ul.search li a").evaluate_all(
            "all => all.map(a => a.href)"
        )
        assert any("/zh/book/glossary.html" in one for one in found)
        assert problems == []


@pytest.mark.parametrize("asked_for", SEARCHED)
def test_search_finds_what_the_articles_readers_ask_for(site, reader, asked_for):
    url = f"{site}/zh/search.html?q={asked_for}"
    with open_page(reader, url, 1280, "light") as (page, problems):
        page.locator("ul.search li a[href*='book/']").first.wait_for()
        assert problems == []


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_opens_in_colab_and_can_be_taken_home(book, name):
    page = parsed(name)
    [colab] = page.select("a[title='Launch on Colab']")
    place = f"github/{OWNER}/{NAME}/blob/{BRANCH}/{name}.ipynb"
    assert colab["href"] == f"https://colab.research.google.com/{place}"
    [file] = page.select("a.btn-download-source-button")
    stored = (HTML / name).parent / file["href"]
    assert stored.read_text() == (ROOT / f"{name}.ipynb").read_text()
    assert page.select("button.btn-download-pdf-button")


def test_a_page_without_cells_offers_no_colab(book):
    for name in set(pages()) - set(CHAPTERS):
        assert not parsed(name).select("a[title='Launch on Colab']")


def test_an_install_line_has_the_address_of_this_very_book(site, reader):
    with open_page(reader, f"{site}/book/what_to_do.html", 1280, "light") as (page, _):
        line = page.locator(".why-install").first.inner_text()
        command, _, url = line.rpartition(" ")
        assert command == "pip install"
        assert url.startswith(f"{site}/mocolib-")
        assert page.request.head(url).ok


@pytest.mark.parametrize("name", pages())
def test_a_shared_link_has_title_text_and_picture(book, name):
    page = parsed(name)
    said = {
        tag.get("property") or tag.get("name"): tag["content"]
        for tag in page.select("meta[content]")
    }
    assert said["og:url"] == f"{address()}{name}.html"
    assert page.select_one("link[rel=canonical]")["href"] == said["og:url"]
    assert said["og:title"] in page.title.get_text()
    assert len(said["og:description"]) > 40
    assert said["og:image"] == f"{address()}_static/social.png"
    assert said["twitter:card"] == "summary_large_image"


def test_the_shared_picture_is_drawn_from_the_recorded_run(tmp_path):
    social.draw(tmp_path / "again.png")
    committed, again = (
        np.asarray(Image.open(path).convert("L"), float)
        for path in (social.PICTURE, tmp_path / "again.png")
    )
    assert committed.shape == (630, 1200)
    assert np.abs(committed - again).mean() < 1
    assert social.PICTURE.stat().st_size < 200_000


def test_a_wrong_address_anywhere_shows_the_books_own_page(site, reader):
    public = urlsplit(address()).path
    for wrong in ("nowhere.html", f"{public.lstrip('/')}book/deep/nowhere.html"):
        with open_page(reader, f"{site}/{wrong}", 1280, "dark") as (page, problems):
            assert page.locator("h1:visible").first.inner_text() == "Page not found"
            assert page.evaluate("document.documentElement.dataset.theme") == "dark"
            own = [p for p in problems if p != GONE]
            assert own == [f"404: {site}/{wrong}"]
            page.get_by_role("link", name="its opening").click()
            page.wait_for_url(f"**/{pages()[0]}.html")


class Elsewhere(BookHandler):
    """The book under another path than the published one."""

    def translate_path(self, path: str) -> str:
        inside = path.startswith("/docs/why/")
        return f"{HTML}/{urlsplit(path).path[10:]}" if inside else "/nothing/here"


@pytest.mark.parametrize("wrong", ["nowhere.html", "book/deep/nowhere.html"])
def test_a_wrong_address_of_a_book_that_moved_finds_it(book, reader, wrong):
    with running(bind(0, Elsewhere)) as site:
        url = f"{site}/docs/why/{wrong}"
        with open_page(reader, url, 1280, "dark") as (page, problems):
            assert page.evaluate("document.documentElement.dataset.theme") == "dark"
            # what the browser asked for ahead, before the page knew where it stands
            kept = [one for one in problems if "ERR_ABORTED" not in one]
            assert {one for one in kept if not one.startswith("404: ")} <= {GONE}
            skip = page.locator("a[href$='#main-content']").first
            assert skip.evaluate("a => a.href") == f"{url}#main-content"
            page.get_by_role("link", name="its opening").click()
            page.wait_for_url(f"**/docs/why/{pages()[0]}.html")


def test_search_finds_a_word_without_a_network(site, reader):
    url = f"{site}/search.html?q=momentum+encoder"
    with open_page(reader, url, 1280, "light") as (page, problems):
        hits = page.locator("ul.search li a")
        hits.first.wait_for()
        found = {urlsplit(a.get_attribute("href")).path for a in hits.all()}
        assert any(name in path for path in found for name in CHAPTERS)
        assert problems == []


def test_a_page_reaches_no_other_machine(site, reader):
    """What the tests of pages stand on: such a request fails at once, and is told."""
    elsewhere = ["https://example.org/a.js", "http://192.0.2.1/a.js"]
    with open_page(reader, f"{site}/search.html", 1280, "light") as (page, problems):
        for url in elsewhere:
            page.evaluate("url => fetch(url).catch(() => null)", url)
        failed = [one for one in problems if "ERR_NAME_NOT_RESOLVED" in one]
        assert all(any(url in one for one in failed) for url in elsewhere)


def test_the_workflow_runs_what_a_reader_runs():
    text = (ROOT / ".github/workflows/book.yml").read_text()
    for command in ("make setup", "make test", "make book SERVE=0"):
        assert f"run: {command}" in text
    for action in re.findall(r"uses: (\S+)", text):
        assert re.fullmatch(r"actions/[\w-]+@v\d+", action), action
    assert "path: _build/html" in text
