"""What is said of claims: whole sentences, for every outcome, and nothing stale."""

import re
import string

import pytest

from mocolib import claims, sweep
from mocolib.claims import findings
from mocolib.claims.verdicts import (
    FEW,
    HOLDS,
    OPEN,
    OPPOSITE,
    VOID,
    Effect,
    Verdict,
)
from mocolib.sweep import design
from mocolib.sweep.design import MINI, PARTS, REMEDIES, SHORT
from mocolib.words import short, value
from tests.test_verdicts import SAMPLES, made
from tools import ROOT

OUTCOMES = (HOLDS, OPEN, OPPOSITE)
SECTIONS = {"title", "text", "effects", "finding", "then", "remarks", VOID, "certain"}
EXCLUDED = {"most", "least", "times_most"}  # one of them is in every open finding
DIGITS = re.compile(r"MoCo v1|log2|g²|β₂|\{\w+\}")  # names with digits
DESIGN = re.compile(r"^\| (C\d\S*) \|", re.M)
EACH = pytest.mark.parametrize("id", claims.CLAIMS)


def templates(id: str):
    """(where, sentence) of all that follows an outcome."""
    own = findings.sentences(id)
    by_outcome = {("finding",): own["finding"]}
    for section in ("then", "remarks"):
        by_outcome |= {
            (section, key): some for key, some in own.get(section, {}).items()
        }
    by_outcome |= {(name,): own[name] for name in (VOID, "certain") if name in own}
    for where, some in by_outcome.items():
        yield from (((*where, outcome), text) for outcome, text in some.items())


def names(id: str):
    """What names a claim and its effects."""
    own = findings.sentences(id)
    return [own["title"], own["text"], *own["effects"].values()]


def fields(text: str) -> set:
    return {name for _, name, *_ in string.Formatter().parse(text) if name}


def test_a_claim_is_a_function_a_file_and_its_line_in_the_design():
    files = {path.stem for path in (ROOT / "mocolib/words/claims").glob("*.toml")}
    assert files == {*claims.CLAIMS, findings.EVERY}
    design = (ROOT / "data/README.md").read_text(encoding="utf-8")
    assert set(DESIGN.findall(design)) == claims.CLAIMS.keys()


@EACH
def test_a_file_has_sentences_for_the_effects_of_its_claim_and_no_others(id):
    own = findings.sentences(id)
    assert set(own) <= SECTIONS
    assert set(own["finding"]) == set(OUTCOMES)
    effects = claims.judge(id).effects
    assert list(own["effects"]) == list(effects) or not effects
    for section in ("then", "remarks"):
        assert set(own.get(section, ())) <= set(own["effects"])
        for some in own.get(section, {}).values():
            assert set(some) <= {*OUTCOMES, VOID, FEW}
    assert all(set(some) == set(OUTCOMES) for some in own.get("then", {}).values())


@EACH
def test_a_sentence_has_the_fields_that_are_offered_and_every_number_is_told(id):
    numbers = set(claims.CLAIMS[id].numbers)
    verdict = Verdict(id=id, effects={"": made(HOLDS)}, runs=3)
    offered = set(findings.fields(verdict, verdict.primary))
    told = set().union(*(fields(text) for _, text in templates(id)))
    assert told <= offered
    named = set().union(*map(fields, names(id)))
    assert named <= numbers <= named | told


@EACH
def test_an_effect_without_levels_is_told_without_them(id):
    effects = claims.judge(id).effects
    for (section, *key, _), text in templates(id):
        effect = effects.get(key[0] if key else next(iter(effects), ""))
        if effect and effect.values and section != VOID and not effect.levels:
            assert not {"first", "second"} & fields(text)


@EACH
def test_what_is_open_says_what_is_excluded(id):
    assert EXCLUDED & fields(findings.sentences(id)["finding"][OPEN])


@EACH
def test_settings_in_sentences_are_the_designs(id):
    """A number that is spelled out would stay when the design's changes."""
    for text in [*names(id), *(text for _, text in templates(id))]:
        assert not re.search(r"\d", DIGITS.sub("", text)), text


def whole(text: str):
    """A sentence, or several, that can stand in a chapter."""
    assert text[0].isupper()
    assert text.endswith(".")
    assert not {"{", "nan", "  ", ".."} & {*text, *re.findall("nan|  |\\.\\.", text)}


@EACH
@pytest.mark.parametrize("outcome", SAMPLES)
@pytest.mark.parametrize("p", [0.001, 0.5])
@pytest.mark.parametrize("seeds", [4, 8])
def test_a_finding_is_whole_sentences_with_numbers(id, outcome, p, seeds):
    then = findings.sentences(id).get("then", {})
    for other in SAMPLES:
        effects = {"": made(outcome, seeds)} | {key: made(other) for key in then}
        verdict = Verdict(id=id, effects=effects, runs=1, p=p)
        told = findings.sentence(verdict)
        whole(told)
        assert f"{seeds} seeds" in told
        assert ("lean" in told) == verdict.leans


@EACH
def test_no_two_outcomes_read_the_same(id):
    told = {
        findings.sentence(Verdict(id=id, effects={"": made(*given)}, runs=1))
        for given in [(outcome, seeds) for outcome in SAMPLES for seeds in (4, 8)]
    }
    assert len(told) == 6


@EACH
def test_a_remark_follows_the_outcome_of_its_effect(id):
    for key, told in findings.sentences(id).get("remarks", {}).items():
        for outcome in SAMPLES:
            verdict = Verdict(id=id, effects={key: made(outcome)}, runs=3)
            said = findings.remark(verdict, key)
            assert bool(said) == (outcome in told)
            if said:
                whole(said)
        flat = Effect(values=(1.0, 1.0, 1.0), levels=(2.0, 1.0))
        whole(findings.remark(Verdict(id=id, effects={key: flat}, runs=3), key))
        assert findings.remark(Verdict(id=id, effects={}, runs=0), key) == ""


@EACH
def test_what_is_void_says_why(id):
    for reason in findings.sentences(id).get(VOID, ()):
        effects = {"": made(HOLDS, void=reason)}
        whole(findings.sentence(Verdict(id=id, effects=effects, runs=1)))


def test_without_runs_a_claim_says_so_and_an_unknown_one_nothing():
    few = Verdict(id="C7", effects={}, runs=0)
    assert (few.word, findings.sentence(few)) == (FEW, "Too few runs yet.")
    with pytest.raises(claims.BadInput, match="claim is 'C0', but must be one of C1,"):
        claims.finding("C0")
    with pytest.raises(claims.BadInput, match=r"C0\.toml"):
        findings.sentence(Verdict(id="C0", effects={}, runs=0))


def test_the_finding_of_c7_reads_as_it_should():
    gain = Effect(values=(0.7, 0.8, 0.9) * 3, levels=(76.8, 76.0))
    fall = Effect(values=(6.5, 6.6, 6.7) * 3)
    effects = {"accuracy": gain, "fall": fall}
    verdict = Verdict(id="C7", effects=effects, runs=6)
    assert claims.finding(verdict) == (
        "At the shaking rate runs with the first layer frozen ended 0.80 points "
        "higher by the linear probe, at 76.8 % instead of 76.0 (9 seeds). Their "
        "deepest fall was 6.6 points smaller."
    )


def test_a_second_effect_that_is_void_is_not_told():
    effects = {"queue": made(HOLDS), "rival": made(HOLDS, void="guesses")}
    assert "bank" not in findings.sentence(Verdict(id="C3", effects=effects, runs=1))


@pytest.mark.parametrize(
    ("x", "words"),
    [(6.62, "6.6"), (0.096, "0.10"), (-1.25, "−1.2"), (0.997, "1.0"), (12.0, "12.0")],
)
def test_numbers_are_short(x, words):
    assert findings.number(x) == words


# --- the design's numbers ---------------------------------------------------------


def recorded(name: str, field: str) -> set:
    """The values that a sweep's recipes have."""
    return {getattr(recipe, field) for recipe in sweep.read(name).recipes}


@pytest.mark.parametrize(
    ("name", "field", "values"),
    [
        ("batches", "batch_size", {design.SMALL, design.LARGE, design.LARGEST}),
        ("rates", "base_lr", {MINI.smallest, MINI.calm, MINI.shaky, MINI.hopeless}),
        ("frontier", "base_lr", {MINI.calm, MINI.shaky, design.RUINOUS}),
        ("lr", "steps", {SHORT.plain.steps}),
        ("ablations", "steps", {SHORT.plain.steps}),
        ("width", "width", {design.UNDER, design.INSIDE, design.OVER}),
        (
            *("negatives", "negatives"),
            {design.FEW, design.SOME, design.MANY, design.END_TO_END},
        ),
        ("bn_leak", "bn_groups", {design.DEVICES, design.FEWER}),
        ("bn_leak", "batch_size", {design.DEVICES * design.EACH}),
    ],
)
def test_the_settings_of_sentences_are_those_of_the_sweeps(name, field, values):
    assert values <= recorded(name, field)


def test_a_token_of_the_design_has_room_for_a_patch():
    assert recorded("width", "patch_size") == {round(design.INSIDE**0.5)}


@pytest.mark.parametrize(("name", "change"), [*REMEDIES.items(), *PARTS.items()])
def test_the_words_of_a_change_have_its_numbers(name, change):
    numbers = [x for x in change.values() if isinstance(x, float)]
    assert re.findall(r"[\d.]+(?:e-\d+)?", value(name)) == list(map(short, numbers))
