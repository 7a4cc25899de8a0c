"""Intervals, outcomes, words, findings and the written ledger."""

import json
import re
import string

import numpy as np
import pandas as pd
import pytest

from mocolib import claims, runs, sweep
from mocolib.__main__ import main
from mocolib.claims import findings, statistics, text, verdicts
from mocolib.claims.verdicts import Effect, Verdict, difference, effect
from mocolib.claims.wordings import WORDINGS

SAMPLES = {
    "holds": (1.0, 2.0, 3.0, 2.0),
    "open": (-1.0, 0.5, 1.0, -0.25),
    "opposite": (-1.0, -2.0, -3.0, -2.0),
}


def made(outcome: str, **facts) -> Effect:
    return Effect(name=outcome, values=SAMPLES[outcome], levels=(7.25, 5.25), **facts)


def judged(*effects, id="C0") -> Verdict:
    named = {str(i): e for i, e in enumerate(effects)}
    return Verdict(id=id, title="T", claim="A claim", effects=named, runs=6)


# --- statistics -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("freedom", "t"),
    [
        (1, 12.7062),
        (2, 4.30265),
        (3, 3.18245),
        (4, 2.77645),
        (9, 2.26216),
        (30, 2.04227),
    ],
)
def test_the_quantiles_are_the_textbooks(freedom, t):
    assert statistics.quantile(freedom) == pytest.approx(t, rel=1e-5)


@pytest.mark.parametrize(
    ("kind", "seeds", "share"),
    [
        ("normal", 5, 0.95),
        ("normal", 10, 0.95),
        ("skewed", 5, 0.87),
        ("skewed", 10, 0.88),
    ],
)
def test_the_interval_covers_as_often_as_its_page_says(kind, seeds, share):
    draws = np.random.default_rng(0).normal(size=(4000, seeds))
    truth = 0.0
    if kind == "skewed":
        draws, truth = np.exp(0.8 * draws), np.exp(0.32)
    assert statistics.coverage(draws, truth) == pytest.approx(share, abs=0.015)


@pytest.mark.parametrize("seed", range(20))
def test_p_is_small_exactly_where_the_interval_excludes_zero(seed):
    values = np.random.default_rng(seed).normal(0.8, 1, 5)
    low, high = statistics.interval(values)
    assert (statistics.p_value(values) < 0.05) == (not low <= 0 <= high)


def test_holm_multiplies_by_how_many_are_left():
    found = statistics.holm({"a": 0.01, "b": 0.04, "c": 0.03})
    assert found == pytest.approx({"a": 0.03, "c": 0.06, "b": 0.06})
    assert statistics.holm({"a": 0.9, "b": 0.8})["a"] == 1


def test_an_effect_without_scatter_is_certain():
    assert statistics.interval([0.5, 0.5, 0.5]) == (0.5, 0.5)
    assert statistics.p_value([0.5, 0.5, 0.5]) == 0
    assert statistics.p_value([0.0, 0.0, 0.0]) == 1
    assert np.isnan(statistics.interval([0.5])).all()


# --- outcomes and words -----------------------------------------------------------


@pytest.mark.parametrize("outcome", SAMPLES)
def test_a_verdict_is_its_primary_effects_outcome(outcome):
    verdict = judged(made(outcome), made("holds"), made("opposite"))
    assert verdict.outcome == outcome
    assert verdict.word == {"holds": "reproduced"}.get(outcome, outcome)


def test_below_three_seeds_there_is_no_outcome():
    assert Effect(name="", values=(1.0, 1.0)).outcome == "too few runs"
    assert judged(Effect(name="", values=(1.0, 1.0))).word == "too few runs"
    assert judged().word == "too few runs"
    assert judged().finding == findings.TOO_FEW


def test_what_presupposes_something_that_was_not_found_is_open():
    assert made("holds", void=True).outcome == "open"
    assert made("opposite", void=True).outcome == "open"


def test_differences_are_paired_by_seed_and_keep_their_means():
    first = pd.Series({0: 1.0, 1: 2.0, 2: np.nan, 3: 9.0})
    second = pd.Series({1: 1.5, 0: 0.0, 2: 1.0})
    found = difference("d", first, second)
    assert found.values == (1.0, 0.5)
    assert found.levels == (1.5, 0.75)
    assert difference("d", first, pd.Series(dtype=float)).values == ()
    assert effect("e", pd.Series([None, None])).values == ()


# --- findings ---------------------------------------------------------------------


def test_every_claim_has_its_wording_and_every_wording_its_claim():
    assert set(WORDINGS) == set(claims.CLAIMS)


@pytest.mark.parametrize("id", WORDINGS)
@pytest.mark.parametrize("outcome", SAMPLES)
@pytest.mark.parametrize("also", SAMPLES)
def test_a_finding_is_a_sentence_with_numbers(id, outcome, also):
    wording = WORDINGS[id]
    effects = {"primary": made(outcome)} | (
        {wording.key: made(also)} if wording.key else {}
    )
    verdict = Verdict(id=id, title="", claim="", effects=effects, runs=1)
    told = verdict.finding
    assert re.search(r"[(;] ?4 seeds\)\.$", told)
    assert told.count("seeds") == 1
    assert ") (" not in told
    assert told[0].isupper()
    assert "nan" not in told
    assert "{" not in told
    assert any(digit in told for digit in string.digits)
    others = {
        Verdict(
            *(),
            id=id,
            title="",
            claim="",
            effects={**effects, "primary": made(other)},
            runs=1,
        ).finding
        for other in SAMPLES
    }
    assert len(others) == 3  # no two outcomes read the same


def test_the_finding_of_c7_reads_as_it_should():
    fall = Effect(name="", values=(0.7, 0.8, 0.9), levels=(1.8, 1.0))
    gain = Effect(name="", values=(6.5, 6.6, 6.7))
    effects = {"fall": fall, "accuracy": gain}
    verdict = Verdict(id="C7", title="", claim="", effects=effects, runs=6)
    assert verdict.finding == (
        "Fixing the projection cut the deepest fall at the shaking rates from 1.8 to "
        "1.0 points, and accuracy rose by 6.6 points (3 seeds)."
    )


@pytest.mark.parametrize("id", [id for id, w in WORDINGS.items() if w.void])
def test_where_there_was_nothing_to_explain_the_finding_says_so(id):
    effects = {"primary": made("holds", void=True)}
    verdict = Verdict(id=id, title="", claim="", effects=effects, runs=1)
    assert verdict.finding.startswith(WORDINGS[id].void)


def test_a_second_effect_that_is_void_is_not_told():
    key = WORDINGS["C3"].key
    effects = {"primary": made("holds"), key: made("holds", void=True)}
    told = Verdict(id="C3", title="", claim="", effects=effects, runs=1).finding
    assert "bank" not in told


def test_only_effects_that_a_claim_has_are_told(tmp_path):
    for id, claim in claims.CLAIMS.items():
        verdict = claim()
        key = WORDINGS[id].key
        assert not key or not verdict.effects or key in (*verdict.effects, "edge"), id


@pytest.mark.parametrize(
    ("x", "words"),
    [(6.62, "6.6"), (0.096, "0.10"), (-1.25, "−1.2"), (0.997, "1.0"), (12.0, "12.0")],
)
def test_numbers_are_short(x, words):
    assert findings.number(x) == words


# --- the ledger -------------------------------------------------------------------


def test_every_registered_claim_is_judged_from_the_public_runs():
    words = {"reproduced", "open", "opposite", "too few runs"}
    for verdict in claims.ledger():
        assert verdict.word in words
        assert verdict.finding.endswith(".")


def test_a_verdict_is_kept_until_a_record_changes(tmp_path, monkeypatch):
    """What was judged once is given again, but never for other files."""
    for run in sweep.recorded("lr", seed=(10, 11, 12)):
        (tmp_path / run.id).symlink_to(run.folder)
    monkeypatch.setattr(runs, "public_root", lambda: tmp_path)
    first = claims.judge("C4")
    assert claims.judge("C4") is first
    assert len(first.primary.values) == 3
    for run in sweep.recorded("lr", seed=12):
        (tmp_path / run.id).unlink()
    assert claims.judge("C4").word == "too few runs"


def test_the_ledger_is_a_line_a_claim_and_every_effect_where_asked():
    found = [judged(made("holds"), made("open"), id="C1"), judged(id="C2")]
    lines = text.as_text(found).splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["claim", "C1", "C2"]
    assert "reproduced" in lines[1]
    whole = text.as_text(found, every=True)
    assert "holds" in whole
    assert "open" in whole
    assert "+2.00 [" in whole


def test_the_second_data_set_has_its_own_column():
    second = {"C1": judged(made("opposite"), id="C1")}
    found = [judged(made("holds"), id="C1"), judged(made("open"), id="C2")]
    head, first, other, *_ = text.as_text(found, second).splitlines()
    assert head.split()[3] == "CIFAR-10"
    assert first.split()[3] == "opposite"
    assert other.split()[3] == "-"
    [row, plain] = json.loads(text.as_json(found, second))
    assert row["second"]["verdict"] == "opposite"
    assert "second" not in plain


def test_an_effect_that_stands_twice_counts_once():
    found = [judged(made("holds"), made("holds"), made("opposite"))]
    told = text.chance(found)
    assert told.startswith("2 distinct effects: 1 hold, 1 are opposite.")


def test_how_often_an_effect_of_nothing_holds_is_what_the_ledger_says():
    rng = np.random.default_rng(0)
    for seeds in (3, 5, 10):
        draws = rng.normal(size=(1000, seeds))
        held = np.mean([Effect(name="", values=tuple(v)).holds for v in draws])
        assert held == pytest.approx(text.BY_CHANCE, abs=0.015)


def test_no_effect_of_the_public_ledger_stands_there_twice():
    seen = [
        sorted({e.values, tuple(-x for x in e.values)})[0]
        for v in claims.ledger()
        for e in v.effects.values()
        if e.outcome != verdicts.FEW and any(e.values)
    ]
    assert len(seen) == len(set(seen))


def test_numbers_that_are_none_are_written_as_null():
    written = json.loads(text.as_json([judged(Effect(name="e", values=()))]))
    assert written[0]["effects"][0]["interval"] == [None, None]
    assert written[0]["p_holm"] is None


def test_the_written_ledger_follows_from_the_public_runs():
    kept = json.loads(text.file().read_text(encoding="utf-8"))
    now = json.loads(text.as_json(claims.ledger(), claims.second_ledger()))
    say = ("id", "verdict", "finding", "runs")
    assert [[v[k] for k in say] for v in kept] == [[v[k] for k in say] for v in now], (
        "run `mocolib claims --write`"
    )
    for old, new in zip(kept, now, strict=True):
        for a, b in zip(old["effects"], new["effects"], strict=True):
            assert (a["name"], a["seeds"], a["outcome"]) == (
                *(b["name"], b["seeds"]),
                b["outcome"],
            )
            assert a["mean"] == pytest.approx(b["mean"], rel=1e-3, abs=1e-6)
            assert a["interval"] == pytest.approx(b["interval"], rel=1e-3, abs=1e-6)


def test_the_command_prints_and_writes_the_ledger(capsys, monkeypatch, tmp_path):
    found = [judged(made("holds"), id="C7")]
    monkeypatch.setattr(claims, "ledger", lambda *_: found)
    monkeypatch.setattr(claims, "second_ledger", dict)
    assert main(["claims", "--write", str(tmp_path / "claims.json")]) == 0
    out = capsys.readouterr().out
    assert "C7     reproduced" in out
    assert found[0].finding in out
    [row] = json.loads((tmp_path / "claims.json").read_text())
    assert (row["id"], row["finding"]) == ("C7", found[0].finding)


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--pool"], "pool joins your runs with the book's, but needs yours"),
        (["--runs", "none"], "runs is 'none', but must be a folder"),
        (["--runs", ".", "--write"], "name another file for your own"),
    ],
)
def test_the_command_refuses_what_makes_no_sense(
    capsys, monkeypatch, tmp_path, words, part
):
    monkeypatch.chdir(tmp_path)
    assert main(["claims", *words]) == 2
    assert part in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
