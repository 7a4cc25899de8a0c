"""The door that words leave by: English without a catalogue, other languages by one."""

import html
import json
import re

import matplotlib as mpl
import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mocolib import claims, lab, words
from mocolib.claims import findings
from mocolib.errors import BadInput
from mocolib.figures.style import STYLE
from mocolib.lab.page import figure
from mocolib.words import counted, language, said, together
from mocolib.words.settings import FACTS, LABELS, PHRASES, TITLES, VALUES


@pytest.fixture
def translated(tmp_path, monkeypatch):
    """Makes a language of some messages and speaks it; gives each its other words."""

    def speak(*messages: str, **others: str):
        catalogue = Catalog()
        for message in messages:
            others[message] = f"«{message}»"
        for message, other in others.items():
            catalogue.add(message, other)
        place = tmp_path / "xx/LC_MESSAGES/mocolib.mo"
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("wb") as file:
            write_mo(file, catalogue)
        language._catalogue.cache_clear()
        monkeypatch.setattr(language, "CATALOGUES", tmp_path)
        monkeypatch.setenv(language.LANGUAGE, "xx")

    yield speak
    language._catalogue.cache_clear()


def test_english_needs_no_catalogue_and_fields_are_filled_in():
    assert said("step {step} of {steps}", step=3, steps=400) == "step 3 of 400"
    assert said("{message}", message="any name will do") == "any name will do"
    assert said("") == ""


def test_another_language_says_what_it_has_in_its_own_order(translated):
    translated(**{"step {step} of {steps}": "of {steps}: {step}"})
    assert said("step {step} of {steps}", step=3, steps=400) == "of 400: 3"
    assert said("not translated") == "not translated"


def test_what_is_said_can_be_heard(tmp_path, monkeypatch):
    """Each message once, with what became of it; nothing where nobody listens."""
    said("not heard")
    file = tmp_path / "heard"
    monkeypatch.setenv(language.HEARD, str(file))
    for step in (1, 1, 2):
        said("step {step}", step=step)
    heard = [json.loads(line) for line in file.read_text().splitlines()]
    assert heard == [["step {step}", "step 1"], ["step {step}", "step 2"]]


def test_sentences_stand_together_as_the_language_has_it(translated):
    assert together(["One.", "", "Two.", "Three."]) == "One. Two. Three."
    assert together([]) == ""
    translated(**{"{before} {then}": "{before}{then}"})
    assert together(["一。", "二。"]) == "一。二。"


def test_a_language_that_is_not_there_is_one_sentence(monkeypatch):
    monkeypatch.setenv(language.LANGUAGE, "nowhere")
    with pytest.raises(BadInput, match="MOCOLIB_LANGUAGE is 'nowhere', but must be"):
        said("yes")


def test_what_leaves_is_said_in_the_readers_language(translated):
    """Panels, pictures, findings, remarks, settings and heads of tables."""
    own = findings.sentences("C7")
    found, price = own["finding"]["opposite"], own["remarks"]["price"]["holds"]
    translated(
        *("Look here.", "A line.", "What is seen", "See?", "No.", "qk-norm"),
        *(found, price, own["title"], own["text"], own["effects"]["fall"]),
        *("leaning opposite", "95 % interval", "with {label}", "linear probe, %"),
    )
    drawn = Figure(figsize=(2, 1))
    shown = lab.picture(drawn, alt="A line.", caption="Look here.").data
    assert "«A line.»" in shown
    assert "«Look here.»" in shown
    asked = figure("why-lab", "id", {}, question="See?", answer="No.\nYes.").data
    assert re.findall("«.*?»", asked) == ["«See?»", "«What is seen»", "«No.»"]
    assert claims.finding("C7").startswith("«At the shaking rate runs")
    assert html.unescape(lab.remarks("C7.price").data).startswith("<p>«Each at")
    told = html.unescape(lab.verdict("C7").data)
    word = "leaning opposite"
    for words_ in (own["title"], own["text"], own["effects"]["fall"], word):
        assert f"«{words_}»" in told
    assert "<th>«95 % interval»</th>" in told
    assert words.spoken("qk_norm", True) == "«with «qk-norm»»"
    assert words.fact("linear_probe") == "«linear probe, %»"


@pytest.mark.parametrize("table", [LABELS, TITLES, VALUES, FACTS, PHRASES])
def test_ids_are_ascii_and_words_are_never_asked_for_by_words(table):
    assert all(re.fullmatch("[a-z][a-z0-9_]*", id) for id in table)


@pytest.mark.parametrize(("count", "told"), [(1, "a: 1 run"), (3, "a: 3 runs")])
def test_one_thing_and_several_have_a_message_each(count, told):
    name = {"name": "a"}
    assert counted("{name}: 1 run", "{name}: {count} runs", count, **name) == told


def test_a_figure_measures_chinese_as_a_page_draws_it():
    """A sign is an em wide, and none is reported as missing from the font."""

    def width(words: str) -> float:
        figure = Figure(figsize=(9, 1), dpi=72)
        text = figure.text(0, 0, words, size=10)
        return text.get_window_extent(FigureCanvasAgg(figure).get_renderer()).width

    with mpl.rc_context(STYLE):
        assert width("最大回撤最大") - width("最大") == pytest.approx(40, abs=1)


def test_the_words_of_a_figure_are_said_where_it_leaves(translated):
    figure = Figure(figsize=(2, 1))
    figure.subplots().set_xlabel("steps & <epochs>")
    translated("steps & <epochs>")
    assert "«steps &amp; &lt;epochs&gt;»</text>" in lab.svg(figure)
