"""Every link of the built book and of the repository's own pages leads somewhere.

The machine has no network: a link to another site is checked by its form, and it must
stand in tests/links.txt, so that nobody adds one by a slip.
"""

import functools
import re
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup

from tools import ROOT
from tools.book import HTML
from tools.language import asked, below
from tools.site import address, pages
from tools.stamp import BRANCH, read_address

REPOSITORY = "https://github.com/{}/{}".format(*read_address(ROOT))
COLAB = REPOSITORY.replace("github.com", "colab.research.google.com/github")
IN_TREE = re.compile(
    rf"(?:{re.escape(REPOSITORY)}|{re.escape(COLAB)})/blob/{BRANCH}/(?P<path>[^#?]+)"
    r"(?:#L(?P<first>\d+)(?:-L(?P<last>\d+))?)?"
)
ABOUT_US = re.compile(rf"{re.escape(REPOSITORY)}(/issues(/new\?.*)?)?")
FORM = re.compile(r"https://[a-z0-9-]+(\.[a-z0-9-]+)+(/[\w./~%#?=&+:()-]*)?")
LISTED = (ROOT / "tests/links.txt").read_text().split("\n")
REFERRING = {"a": "href", "link": "href", "img": "src", "script": "src"}
TEXTS = [*ROOT.glob("*.md"), *ROOT.glob("data/*.md")]


@functools.cache
def parsed(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


@functools.cache
def targets(path: Path) -> set[str]:
    return {tag["id"] for tag in parsed(path).find_all(id=True)}


@functools.cache
def tracked() -> set[str]:
    """The files that a push would bring to the repository."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    return set(subprocess.check_output(command, cwd=ROOT, text=True).splitlines())


def links(page: Path) -> set[str]:
    """All addresses that a page names; pictures inside of it are none."""
    found = set()
    for tag, attribute in REFERRING.items():
        for one in parsed(page).find_all(tag, **{attribute: True}):
            found.add(one[attribute])
    return {link for link in found if link and not link.startswith("data:")}


def trouble_inside(page: Path, link: str) -> str | None:
    """Why a link within the site leads nowhere."""
    parts = urlsplit(link)
    path, public = unquote(parts.path), urlsplit(address()).path
    if path.startswith(public):
        target = HTML / path.removeprefix(public)
    else:
        target = (page.parent / path).resolve() if path else page
    if target.is_dir():
        target /= "index.html"
    if not target.is_file():
        return f"{link}: no such file"
    fragment = unquote(parts.fragment)
    if fragment and target.suffix == ".html" and fragment not in targets(target):
        return f"{link}: no such place on the page"
    return None


def trouble_in_tree(path: str, first: str | None, last: str | None) -> str | None:
    """Why a link to a file of the repository leads nowhere."""
    if path not in tracked() or not (ROOT / path).is_file():
        return f"{path}: no such file in the repository"
    count = len((ROOT / path).read_text().splitlines()) if first else 0
    if first and not 1 <= int(first) <= int(last or first) <= count:
        return f"{path}: it has {count} lines, not {last or first}"
    return None


def trouble(page: Path, link: str) -> str | None:
    """Why a link leads nowhere, or None."""
    if not urlsplit(link).scheme and not link.startswith("//"):
        return trouble_inside(page, link)
    if link.startswith(address()):
        return trouble_inside(page, urlsplit(link).path)
    if found := IN_TREE.fullmatch(link):
        return trouble_in_tree(found["path"], found["first"], found["last"])
    if ABOUT_US.fullmatch(link):
        return None
    if not FORM.fullmatch(link):
        return f"{link}: not the form of an address"
    return None if link in LISTED else f"{link}: is it right? Then list it in links.txt"


NAMES = [*pages(), "index", "search", "genindex"]
NAMES += [f"{below(language)}{name}" for language in asked()[1:] for name in NAMES]


@pytest.mark.parametrize("name", [*NAMES, "404"])
def test_every_link_of_a_page_leads_somewhere(book, name):
    page = HTML / f"{name}.html"
    found = {trouble(page, link) for link in links(page)}
    assert sorted(filter(None, found)) == []


def test_a_listing_shows_the_lines_that_it_links_to(book):
    seen = 0
    for name in pages():
        for listing in parsed(HTML / f"{name}.html").select(".why-source"):
            found = IN_TREE.fullmatch(listing.select_one("p a")["href"])
            lines = (ROOT / found["path"]).read_text().splitlines()
            shown = listing.select_one("pre").get_text().strip().splitlines()
            linked = lines[int(found["first"]) - 1 : int(found["last"])]
            assert [line.strip() for line in shown] == [x.strip() for x in linked]
            seen += 1
    assert seen


def test_every_citation_has_its_entry(book):
    for name in pages():
        for one in parsed(HTML / f"{name}.html").select("a.bibtex, a[href*='#id']"):
            assert "?" not in one.get_text()


@pytest.mark.parametrize("text", TEXTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_repositorys_own_pages_lead_somewhere(text):
    found = re.findall(r"\]\(([^)\s]+)\)", text.read_text())
    wrong = [
        link if not urlsplit(link).scheme else trouble(text, link)
        for link in found
        if urlsplit(link).scheme or not (text.parent / urlsplit(link).path).exists()
    ]
    assert list(filter(None, wrong)) == []


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ("nowhere.html", "no such file"),
        ("#nowhere", "no such place"),
        (f"{REPOSITORY}/blob/{BRANCH}/mocolib/nothing.py", "no such file"),
        (f"{REPOSITORY}/blob/{BRANCH}/mocolib/moco.py#L1-L99999", "lines, not 99999"),
        ("http://example.org/", "not the form"),
        ("https://example.org/unlisted", "Then list it"),
    ],
)
def test_a_wrong_link_is_found(book, link, said):
    assert said in trouble(HTML / f"{pages()[0]}.html", link)
