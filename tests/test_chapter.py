"""What a chapter shows: pictures that can be heard, verdicts that code has drawn."""

import html
import re

from matplotlib.figure import Figure

from mocolib import claims, moco
from mocolib.claims import findings
from mocolib.claims.verdicts import FEW
from mocolib.figures.themed import LETTERS
from mocolib.lab import (
    elsewhere,
    example,
    finding,
    headlines,
    ledger,
    picture,
    remarked,
    remarks,
    source,
    verdict,
)
from mocolib.words import value
from tools import ROOT


def test_a_picture_carries_alt_text_and_caption_and_takes_the_page_s_colours():
    figure = Figure(figsize=(2, 1))
    figure.subplots().plot([0, 1], color="#0173b2", label="τ")
    figure.axes[0].legend(fontsize=9)
    shown = picture(figure, alt='a "rising" line', caption="Look <here>.").data
    assert 'aria-label="a &quot;rising&quot; line"' in shown
    assert "Look &lt;here&gt;." in shown
    assert "stroke: var(--why-0, #0173b2)" in shown
    assert ">τ</text>" in shown
    # nothing is left that only one of the two themes can show
    outside = re.sub(r"var\([^;\"]*", "", shown)
    assert not re.search(r"#(0{6}|f{6})", outside)
    assert "<style" not in shown  # it would hold for the whole page


def test_a_picture_of_what_is_not_there_yet_says_so():
    said = picture(None, alt="A line.", caption="Look.").data
    assert "has not been recorded yet" in said
    assert "figure" not in said


def test_no_letter_of_a_picture_is_too_small():
    figure = Figure(figsize=(7.6, 3))
    figure.subplots().set_title("small", fontsize=9)
    shown = picture(figure, alt="", caption="").data
    wide = float(re.search(r'viewBox="0 0 ([\d.]+)', shown)[1])
    least = float(re.search(r"min-width:(\d+)px", shown)[1])
    assert 9 * least / wide >= LETTERS - 0.1


def test_a_verdict_is_the_ledgers_word():
    for found in claims.ledger():
        shown = verdict(found.id).data
        assert shown == verdict(found).data
        title = html.escape(findings.title(found.id))
        assert f"{title}: {value(found.word)}</strong> ({found.runs} runs" in shown
        if found.word != FEW:
            for effect in found.effects.values():
                assert f"<td>{value(effect.outcome)}</td>" in shown


def printed(words: str) -> str:
    """With *emphasis* as a page has it."""
    parts = html.escape(words).split("*")
    return "".join(f"<em>{one}</em>" if i % 2 else one for i, one in enumerate(parts))


def test_the_ledger_has_a_line_for_every_effect_and_a_place_for_every_claim():
    shown, found = ledger().data, claims.ledger()
    lines = sum(max(1, len(one.effects)) for one in found)
    assert shown.count("<tr") == 1 + lines
    for one in found:
        row = re.search(f'<tr id="ledger-{one.id}" class="primary">(.*?)</tr>', shown)
        cells = dict(re.findall(r'<td data-head="(.*?)">(.*?)</td>', row[1]))
        assert cells["claim"] == html.escape(findings.title(one.id))
        assert cells["measured"].endswith(f"<p>{printed(claims.finding(one))}</p>")
        assert cells["outcome"] == value(one.word)
        for key in list(one.effects)[1:]:
            name, why = findings.name(one.id, key), findings.reason(one, key)
            name = html.escape(name) + (f"<p>{printed(why)}</p>" if why else "")
            outcome = f'<td data-head="outcome">{value(one.effects[key].outcome)}</td>'
            assert f'<td data-head="measured">{name}</td>{outcome}' in shown


def test_the_source_of_a_wrapped_method_is_its_own():
    shown = source(moco.MoCo.update_key).data
    assert "_foreach_lerp_" in shown
    assert "blob/main/mocolib/moco.py#L" in shown


def test_an_example_is_shown_whole_and_linked():
    shown = example("moco_v3_in_one_page.py").data
    text = (ROOT / "examples" / "moco_v3_in_one_page.py").read_text()
    assert html.unescape(re.sub(r"<.*?>", "", shown)).startswith(text.strip())
    assert (
        f"blob/main/examples/moco_v3_in_one_page.py#L1-L{text.count(chr(10))}" in shown
    )


def test_remarks_make_a_paragraph_and_nothing_without_words():
    assert remarks("C2.loss").data.startswith("<p>")
    assert remarks().data == ""
    assert remarked("C2.loss") in re.sub(
        r"<.*?>", "", html.unescape(remarks("C2.loss").data)
    )
    second = claims.finding(claims.second_ledger()["C4"])
    assert second in html.unescape(elsewhere("C4").data)
    assert elsewhere("C13").data == ""


def test_findings_stand_in_a_paragraph_or_a_line_each_linked_to_the_ledger():
    for shown in (finding("C4", "C7").data, headlines("C4", "C7").data):
        for id in ("C4", "C7"):
            assert f'href="ledger.html#ledger-{id}"' in shown
            said = html.unescape(re.sub("<.*?>", "", shown))
            assert claims.finding(id).replace("*", "") in said
            assert "*" not in shown
    assert "What we saw" not in finding("C4", lead="").data
