"""Intervals, exact tests, outcomes, words and the written ledger."""

import itertools
import json
import shutil

import numpy as np
import pandas as pd
import pytest

from mocolib import claims, runs, sweep
from mocolib.__main__ import main
from mocolib.claims import findings, statistics, text
from mocolib.claims.verdicts import (
    ENOUGH,
    FEW,
    HOLDS,
    NO_WIDTH,
    OPEN,
    OPPOSITE,
    VOID,
    Effect,
    Verdict,
    corrected,
    difference,
    effect,
)
from mocolib.runs.publish import publish

SAMPLES = {
    HOLDS: (1.0, 2.0, 3.0, 2.0),
    OPEN: (-1.0, 0.5, 1.0, -0.25),
    OPPOSITE: (-1.0, -2.0, -3.0, -2.0),
}


def made(outcome: str, seeds: int = 4, **facts) -> Effect:
    """An effect with this outcome; of more seeds the same values again."""
    values = tuple(itertools.islice(itertools.cycle(SAMPLES[outcome]), seeds))
    return Effect(values=values, levels=(7.25, 5.25), **facts)


def judged(*effects, id="C1", **facts) -> Verdict:
    """A verdict on these effects, by the keys of a claim that has as many."""
    keys = findings.sentences(id)["effects"]
    return Verdict(id=id, effects=dict(zip(keys, effects)), runs=6, **facts)  # noqa: B905


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


@pytest.mark.parametrize(
    ("values", "p"),
    [
        ((1, 2, 3), 2 / 8),
        ((1, -2, 3), 6 / 8),
        ((-1, -1, -1, -1, -1), 0.0625),
        ((5, 0.1, 0.2), 2 / 8),
        ((0, 0, 0), 1),
        (range(1, 21), 2 / 2**20),
    ],
)
def test_the_exact_p_counts_choices_of_signs(values, p):
    assert statistics.sign_flip(values) == p
    assert statistics.sign_flip([-value for value in values]) == p


@pytest.mark.parametrize("seed", range(3))
def test_the_exact_p_is_what_trying_all_signs_gives(seed):
    values = np.random.default_rng(seed).normal(0.5, 1, 9)
    signs = np.array(list(itertools.product((-1, 1), repeat=9)))
    far = abs(signs @ values) >= abs(values.sum()) - 1e-12
    assert statistics.sign_flip(values) == far.mean()


def test_of_many_values_choices_of_signs_are_drawn():
    values = np.random.default_rng(0).normal(0.4, 1, 30)
    exact, law = statistics.sign_flip(values), statistics.p_value(values)
    assert exact == statistics.sign_flip(values) > 0
    assert exact == pytest.approx(law, abs=0.01)


def test_an_effect_without_scatter_is_certain():
    assert statistics.interval([0.5, 0.5, 0.5]) == (0.5, 0.5)
    assert statistics.p_value([0.5, 0.5, 0.5]) == 0
    assert statistics.p_value([0.0, 0.0, 0.0]) == 1
    assert np.isnan(statistics.interval([0.5])).all()


# --- outcomes and words -----------------------------------------------------------


@pytest.mark.parametrize("outcome", SAMPLES)
def test_a_verdicts_outcome_is_its_primary_effects(outcome):
    verdict = judged(made(outcome), made(HOLDS), made(OPPOSITE))
    assert verdict.outcome == outcome


@pytest.mark.parametrize(
    ("outcome", "seeds", "p", "word"),
    [
        (HOLDS, ENOUGH, 0.04, "reproduced"),
        (HOLDS, ENOUGH, 0.06, "leaning"),
        (HOLDS, ENOUGH - 1, 0.001, "leaning"),
        (OPPOSITE, ENOUGH, 0.04, "opposite"),
        (OPPOSITE, ENOUGH, 0.06, "leaning_opposite"),
        (OPPOSITE, ENOUGH - 1, 0.001, "leaning_opposite"),
        (OPEN, ENOUGH, 0.001, "open"),
    ],
)
def test_a_claim_leans_where_chance_among_all_claims_could_have_made_it(
    outcome, seeds, p, word
):
    verdict = judged(made(outcome, seeds), p=p)
    assert verdict.word == word
    assert verdict.leans == word.startswith("leaning")


def test_without_chance_few_seeds_are_enough():
    same = {"values": (0.5, 0.5, 0.5)}
    assert judged(Effect(**same, certain="by_construction")).word == "reproduced"
    assert judged(Effect(**same)).word == OPEN


def test_holms_p_is_over_the_claims_that_can_be_judged():
    alone = judged(made(HOLDS, 8), id="C1")
    few, void = judged(id="C2"), judged(made(HOLDS, 8, void="guesses"), id="C3")
    other = judged(made(OPEN, 8), id="C4")
    first, second, third, fourth = corrected([alone, few, void, other])
    assert first.p == 2 * alone.primary.p
    assert fourth.p == other.primary.p
    assert np.isnan([second.p, third.p]).all()


def test_below_three_seeds_there_is_no_outcome():
    assert Effect(values=(1.0, 1.5)).outcome == FEW
    assert judged(Effect(values=(1.0, 1.5))).word == FEW
    assert judged().word == FEW


@pytest.mark.parametrize("outcome", [HOLDS, OPPOSITE])
def test_what_presupposes_something_that_was_not_found_is_void(outcome):
    effect = made(outcome, void="guesses")
    assert (effect.outcome, effect.why_void) == (VOID, "guesses")
    assert judged(effect).word == OPEN


@pytest.mark.parametrize("value", [0.0, -100 / 3, 0.1 + 0.2])
def test_what_is_the_same_in_all_seeds_has_no_interval_to_be_judged_by(value):
    near = value * (1 + 1e-15)
    effect = Effect(values=(value, near, value, value))
    assert (effect.outcome, effect.why_void) == (VOID, NO_WIDTH)


def test_differences_are_paired_by_seed_and_keep_their_means():
    first = pd.Series({0: 1.0, 1: 2.0, 2: np.nan, 3: 9.0})
    second = pd.Series({1: 1.5, 0: 0.0, 2: 1.0})
    found = difference(first, second)
    assert found.values == (1.0, 0.5)
    assert found.levels == (1.5, 0.75)
    assert difference(first, pd.Series(dtype=float)).values == ()
    assert effect(pd.Series([None, None])).values == ()


# --- the ledger -------------------------------------------------------------------


def test_every_registered_claim_is_judged_from_the_public_runs():
    words = {"reproduced", "leaning", OPEN, "leaning_opposite", OPPOSITE, FEW}
    for verdict in claims.ledger():
        assert verdict.word in words
        assert claims.finding(verdict).endswith(".")


def test_a_verdict_is_kept_until_a_record_changes(tmp_path, monkeypatch):
    """What was judged once is given again, but never for other files."""
    for run in sweep.recorded("rates", seed=(20, 21, 22), base_lr=(0.012, 0.12)):
        publish(run, tmp_path)
    monkeypatch.setattr(runs, "public_root", lambda: tmp_path)
    for id in {*claims.CLAIMS} - {"C4"}:  # whose runs are not there
        monkeypatch.delitem(claims.CLAIMS, id)
    first = claims.judge("C4")
    assert claims.judge("C4") is first
    assert len(first.primary.values) == 3
    for run in sweep.recorded("rates", seed=22):
        shutil.rmtree(tmp_path / run.id)
    assert claims.judge("C4").word == FEW


def test_the_ledger_is_a_line_a_claim_and_every_effect_where_asked():
    found = [judged(made(HOLDS), made(OPEN), id="C1"), judged(id="C2")]
    lines = text.as_text(found).splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["claim", "C1", "C2"]
    assert "leaning" in lines[1]
    whole = text.as_text(found, every=True)
    assert "holds" in whole
    assert "open" in whole
    assert "+2.00 [" in whole


def test_the_second_data_set_has_its_own_column():
    second = {"C1": judged(made(OPPOSITE), id="C1")}
    found = [judged(made(HOLDS), id="C1"), judged(made(OPEN), id="C2")]
    head, first, other, *_ = text.as_text(found, second).splitlines()
    assert head.split()[3] == "CIFAR-10"
    assert first.split()[2:4] == ["leaning", "opposite"]
    assert other.split()[2] == "-"
    [row, plain] = json.loads(text.as_json(found, second))
    assert row["second"]["verdict"] == "leaning_opposite"
    assert "second" not in plain


def test_an_effect_that_stands_twice_counts_once():
    found = [judged(made(HOLDS), made(HOLDS), made(OPPOSITE))]
    told = text.chance(found)
    assert told.startswith("2 distinct effects: 1 hold, 1 are opposite.")


def test_how_often_an_effect_of_nothing_holds_is_what_the_ledger_says():
    rng = np.random.default_rng(0)
    for seeds in (3, 5, 10):
        draws = rng.normal(size=(1000, seeds))
        held = np.mean([Effect(values=tuple(v)).holds for v in draws])
        assert held == pytest.approx(text.BY_CHANCE, abs=0.015)


def test_no_effect_of_the_public_ledger_stands_there_twice():
    seen = [
        sorted({e.values, tuple(-x for x in e.values)})[0]
        for v in claims.ledger()
        for e in v.effects.values()
        if e.outcome != FEW and any(e.values)
    ]
    assert len(seen) == len(set(seen))


def test_numbers_that_are_none_are_written_as_null():
    written = json.loads(text.as_json([judged(Effect(values=()))]))
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
    found = [judged(made(HOLDS), id="C7")]
    monkeypatch.setattr(claims, "ledger", lambda *_: found)
    monkeypatch.setattr(claims, "second_ledger", dict)
    assert main(["claims", "--write", str(tmp_path / "claims.json")]) == 0
    out = capsys.readouterr().out
    assert "C7     leaning" in out
    assert claims.finding(found[0]) in out
    [row] = json.loads((tmp_path / "claims.json").read_text())
    assert (row["id"], row["finding"]) == ("C7", claims.finding(found[0]))


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
