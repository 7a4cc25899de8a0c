"""The words of the prose follow the ledger: no sentence decides an outcome.

A verdict's word may be printed by code, or spoken about in italics or quotes, as in
"read *not at this scale* literally". Bare, or beside a claim's id, it would be a
statement, and has to be what the ledger says now.
"""

import json
import re

import nbformat
import pytest
from bs4 import BeautifulSoup

from mocolib import claims
from mocolib.claims import findings as words
from mocolib.claims import text
from mocolib.claims.verdicts import FEW
from mocolib.words import value
from tools import ROOT, findings
from tools.book import HTML
from tools.site import pages

# `open` and `leaning` are plain English too
WORDS = ("reproduced", "leaning opposite", "opposite", "too few runs")
STATEMENTS = ("reproduced",)  # the others are plain English too
KEPT = json.loads(text.file().read_text())
LEDGER = {one["id"]: value(one["verdict"]) for one in KEPT}
ID = re.compile(
    r"(?<![\w-])(" + "|".join(map(re.escape, claims.CLAIMS)) + r")(?![\w-])"
)
SPOKEN_ABOUT = re.compile(rf"[*\"“`]({'|'.join(WORDS)})[*\"”`]")
TITLES = {words.title(id): id for id in claims.CLAIMS}


def paragraphs(name: str) -> list[str]:
    """The prose of a page, captions and alt texts included, in lower-case lines."""
    file = ROOT / f"{name}.ipynb"
    if not file.exists():
        return split((ROOT / f"{name}.md").read_text())
    cells = nbformat.read(file, as_version=4).cells
    return [part for cell in cells for part in split(cell.source)]


def split(text: str) -> list[str]:
    # a string may go on in the next line of code
    text = re.sub(r'"\s*\n\s*"', "", text)
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n", text)]


def wrong(paragraph: str, ledger: dict) -> list[str]:
    """What a paragraph says of an outcome that it may not say."""
    found = []
    lower = paragraph.lower()
    for id in ID.findall(paragraph):
        told = re.findall(rf"\b({'|'.join(WORDS)})\b", lower)  # the longer word first
        others = [w for w in told if w != ledger.get(id)]
        found += [f"{id} is {ledger.get(id)!r}, not {w!r}" for w in others]
    bare = SPOKEN_ABOUT.sub(" ", lower)
    if not ID.search(paragraph):
        found += [f"{w!r} of what?" for w in STATEMENTS if says(w, bare)]
    return found


def says(word: str, text: str) -> bool:
    return bool(re.search(rf"\b{word}\b", text))


@pytest.mark.parametrize("name", pages())
def test_the_prose_says_no_more_than_the_ledger(name):
    found = {part: wrong(part, LEDGER) for part in paragraphs(name)}
    assert {part: what for part, what in found.items() if what} == {}


def test_a_wrong_word_is_found():
    ledger = dict.fromkeys(claims.CLAIMS, "open")
    assert wrong("C4 is reproduced here.", ledger) == ["C4 is 'open', not 'reproduced'"]
    assert wrong("Figure 3 is reproduced.", ledger) == ["'reproduced' of what?"]
    assert wrong('caption="Figure 3 is reproduced."', ledger)
    assert wrong("**C7**, *opposite*.", ledger)
    assert not wrong("C4 is open.", ledger)
    assert not wrong("C4 is leaning opposite.", {"C4": "leaning opposite"})
    assert wrong("C4 is opposite.", {"C4": "leaning opposite"})
    assert not wrong('Read *opposite* literally, and "reproduced".', ledger)
    assert split('"It is re"\n    "produced."') == ['"It is reproduced."']


def assumed(name: str) -> dict[str, str]:
    """The outcomes that a chapter's cells are written for, by effect: C4.fall.

    A cell whose words depend on an outcome names it: metadata {"outcomes": {...}}.
    What has too few runs yet contradicts nothing.
    """
    file = ROOT / f"{name}.ipynb"
    cells = nbformat.read(file, as_version=4).cells if file.exists() else []
    return {k: v for c in cells for k, v in c.metadata.get("outcomes", {}).items()}


OUTCOMES = {
    f"{one['id']}.{effect['key']}": effect["outcome"]
    for one in KEPT
    for effect in one["effects"]
}


@pytest.mark.parametrize("name", pages())
def test_the_prose_is_written_for_what_was_found(name):
    expected = assumed(name)
    found = {key: OUTCOMES.get(key, FEW) for key in expected}
    assert {k: v for k, v in found.items() if v not in (FEW, expected[k])} == {}


def told(name: str) -> dict[str, str]:
    """The verdicts that code has printed on a built page."""
    page = BeautifulSoup((HTML / f"{name}.html").read_text(), "html.parser")
    leads = [one.get_text().rpartition(": ") for one in page.select("p > strong")]
    return {TITLES[title]: word for title, _, word in leads if title in TITLES}


def test_the_printed_words_are_those_of_the_ledger(book):
    assert set(LEDGER) == set(claims.CLAIMS)
    for name in pages():
        for id, word in told(name).items():
            assert word == LEDGER[id], (name, id)


def test_every_claim_has_its_chapter(book):
    chapters = [name for name in pages() if (ROOT / f"{name}.ipynb").exists()]
    shown = {id for name in chapters if "ledger" not in name for id in told(name)}
    assert shown == set(claims.CLAIMS)


def test_the_readme_says_what_the_ledger_found():
    text = findings.README.read_text(encoding="utf-8")
    assert findings.filled(text) == text
    assert len(findings.PLACE.findall(text)) == 1
