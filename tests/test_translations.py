"""Catalogues of the book in other languages: whole, in its terms, and never in the way.

What is not translated yet fails nothing: the page shows English there.
"""

import re

import pandas as pd
import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from mocolib.claims import findings
from tools import ROOT, tables, translations
from tools.language import (
    ENGLISH,
    LOCALES,
    SCRIPTS,
    Pairs,
    asked,
    catalogue,
    compile_all,
    translated,
)
from tools.proofread import english, faults, terms

FILES = translations.catalogues()
EACH = pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)
SEARCHED = ("最大回撤", "学习率", "固定投影", "梯度尖峰", "随机初值")


@EACH
def test_a_translation_keeps_the_parts_and_the_terms_of_its_english(file):
    page = file.parent.name == "book"
    told = {m: faults(one, page) for m, one in translations.read(file).items()}
    assert {m: found for m, found in told.items() if found} == {}


def test_what_waits_for_a_translation_is_told():
    if lines := translations.waiting():
        pytest.skip("; ".join(lines))


DAMAGED = {
    "a formula $x^2$": ("公式 $x^3$", "$x^2$ is gone"),
    "see [this](freeze.ipynb)": (
        "见[这里](lamb.ipynb)",
        "link to freeze.ipynb is gone",
    ),
    "as {cite}`chen2021mocov3` says": ("如他们所说", "{cite}chen2021mocov3 is gone"),
    "a {term}`dip` of it": ("它的下陷", "{term} is gone"),
    "in `code`": ("在代码里", "`code` is gone"),
    "a *word* here": ("一个词", "em is gone"),
    "**Why?** So.": ("**为什么？**因为。", "strong is gone"),
    '<span id="a"></span>Here': ("这里", '<span id="a"> is gone'),
    "One thing": ("- 一件事", "begins like a list"),
    "Well, then": ("好,那么", "half-width punctuation"),
    "It collapses": ("它坍塌了", "no word for 'collapse'"),
}


@pytest.mark.parametrize("damaged", DAMAGED)
def test_a_planted_damage_is_found(damaged):
    said, fault = DAMAGED[damaged]
    assert any(fault in one for one in faults(Message(damaged, said)))


def test_fields_are_kept_and_a_term_can_be_set_free():
    assert faults(Message("{n} runs", "{m} 次"), page=False) == [
        "{n} is gone",
        "{m} is new",
    ]
    free = Message("It collapses", "它坍塌了", user_comments=["free: collapse"])
    assert faults(free) == []


def test_every_term_has_a_chinese_form():
    for term, forms in terms().values():
        assert re.fullmatch("[a-z-]+( [a-z-]+)*", term), term
        assert forms


def test_a_catalogue_keeps_what_is_said_and_drops_what_is_gone(tmp_path):
    file = tmp_path / "page.po"
    translations.update(file, {"one": {"a"}, 'two\n"lines"': set()})
    text = file.read_text().replace(
        'msgid "one"\nmsgstr ""', 'msgid "one"\nmsgstr "一"'
    )
    file.write_text(text.replace("#: a", "# free: dip\n#: a"))
    assert translations.update(file, {"new": set(), "one": {"b"}}) == []
    known = translations.read(file)
    assert {m: one.string for m, one in known.items()} == {"new": "", "one": "一"}
    assert known["one"].user_comments == ["free: dip"]
    assert translations.update(file, {"new": set()}) == ["one"]


def test_what_is_marked_as_uncertain_is_asked_for_again(tmp_path):
    file = tmp_path / "page.po"
    file.write_text(f'{translations.HEAD}\n#, fuzzy\nmsgid "a"\nmsgstr "b"\n')
    [one] = translations.read(file).values()
    assert faults(one) == ["marked as fuzzy"]
    translations.update(file, {"a": set()})
    assert translations.read(file)["a"].string == ""


def test_scripts_and_code_are_read_for_what_they_say():
    assert "Keep this curve" in translations.in_scripts()
    assert ("{count} seeds", "mocolib/figures/style.py") in translations._literal()
    place = "mocolib/words/claims/C7.toml"
    assert (findings.title("C7"), place) in translations._claimed()


def test_what_chapters_say_is_not_dropped_where_none_was_executed(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(translations, "BUILD", tmp_path)
    with pytest.raises(SystemExit, match="book/opening was not executed"):
        translations.in_code()


def test_what_gettext_reads_is_what_reviewers_read():
    compile_all()
    for language in set(LOCALES) - {ENGLISH}:
        file = catalogue(language, SCRIPTS)
        with file.open("rb") as text:
            told = {one.id: one.string for one in read_po(text) if one.id}
        known = {message: said for message, said in told.items() if said}
        assert translated(SCRIPTS, language) == known
    assert translated(SCRIPTS, ENGLISH) == {}


def test_english_in_a_page_is_found_but_for_code_and_fields_of_panels():
    page = """<article><p>中文</p><pre>this is a program here</pre>
    <script type="application/json">{"a": ["the rate that we chose"], "b": 1}</script>
    <p>one two three</p><p>This was left over, I see.</p></article>"""
    assert english(page) == ["the rate that we chose", "This was left over, I see"]


def test_a_question_is_cut_in_the_page_as_the_index_is(page):
    cut = f"(text) => {{ {Pairs.js_splitter_code} return splitQuery(text); }}"
    search = Pairs({})
    asked_for = [*SEARCHED, "梯", "kNN 精度，%", "用 AdamW 训练400步", "a_b τ=0.2", ""]
    for text in asked_for:
        assert page.evaluate(cut, text) == search.split(text)
    assert search.split("最大回撤") == ["最大", "大回", "回撤"]


def test_languages_are_asked_for_by_name(monkeypatch):
    monkeypatch.setenv("LANGUAGES", "en")
    assert asked() == ["en"]
    monkeypatch.delenv("LANGUAGES")
    assert asked() == list(LOCALES)
    monkeypatch.setenv("LANGUAGES", "en xx")
    with pytest.raises(SystemExit, match="LANGUAGES is 'xx'"):
        asked()


def test_no_catalogue_is_committed_as_gettext_reads_it():
    assert "*.mo" in (ROOT / ".gitignore").read_text().splitlines()


def test_a_table_has_its_words_said_and_its_numbers_left(monkeypatch):
    monkeypatch.setattr(tables, "said", lambda text: {"rate": "学习率"}.get(text, text))
    given = pd.DataFrame({"rate": [1.25, 2], "x": ["rate", None]}, index=["rate", "a"])
    shown = tables.told(given.rename_axis("rate"))
    assert shown.columns.tolist() == ["学习率", "x"]
    assert shown.index.tolist() == ["学习率", "a"]
    assert shown.index.name == "学习率"
    assert shown["x"].tolist() == ["学习率", None]
    assert shown["学习率"].tolist() == [1.25, 2]
    assert given.columns.tolist() == ["rate", "x"]  # a copy
    counts = tables.told(pd.DataFrame({3: [1], 2: [2]}))
    assert counts.columns.tolist() == [3, 2]
