"""Intervals, words and the written ledger."""

import json

import numpy as np
import pandas as pd
import pytest

from mocolib import claims
from mocolib.__main__ import main
from mocolib.claims import verdicts
from mocolib.claims.verdicts import CHANCE, Effect, Verdict, effect, interval


def test_the_interval_shrinks_around_the_mean():
    values = np.random.default_rng(0).normal(1, 1, 50)
    low, high = interval(values)
    assert low < values.mean() < high
    # close to the textbook's 1.96 standard errors
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 50**0.5, rel=0.1)
    assert interval([0.5, 0.5, 0.5]) == (0.5, 0.5)


@pytest.mark.parametrize(
    ("effects", "word"),
    [
        ([(0.1, 0.2, 0.3), (1, 1, 2)], "reproduced"),
        ([(0.1, 0.2, 0.3), (-1, 0, 1)], "partly"),
        ([(-0.1, -0.2, -0.3), (-1, 0, 1)], "not at this scale"),
        ([(0.1, 0.2)], "too few runs"),
        ([], "too few runs"),
    ],
)
def test_verdicts_follow_from_the_effects(effects, word):
    made = tuple(Effect("an effect", values) for values in effects)
    assert Verdict("C0", "a claim", made, 3).word == word


def test_every_registered_claim_is_judged_from_the_public_runs():
    words = {"reproduced", "partly", "not at this scale", "too few runs"}
    for verdict in claims.ledger():
        assert verdict.word in words
        assert verdict.as_dict()["verdict"] == verdict.word


def test_how_often_an_effect_of_nothing_holds_is_what_the_ledger_says():
    rng = np.random.default_rng(0)
    for seeds, share in CHANCE.items():
        draws = rng.normal(size=(400, seeds))
        held = np.mean([Effect("nothing", tuple(values)).holds for values in draws])
        assert held == pytest.approx(share, abs=0.04)


def test_seeds_without_a_value_are_left_out():
    assert effect("e", pd.Series([1.0, np.nan, 3.0])).values == (1.0, 3.0)
    assert effect("e", pd.Series([None, None])).values == ()
    assert not Effect("two seeds are none", (1.0, 1.0)).holds


def test_the_ledger_prints_what_did_not_hold_too():
    made = (Effect("grows", (1.0, 2.0, 3.0)), Effect("shrinks", (-1.0, 0.0, 1.0)))
    text = verdicts.as_text([Verdict("C0", "A claim", made, 6)])
    assert "C0  partly  (6 runs)" in text
    assert "yes    +2.0000" in text
    assert "no     +0.0000" in text
    assert "1 of 2 effects hold; if nothing were going on, about 0.2 would." in text


def test_numbers_that_are_none_are_written_as_null():
    written = json.loads(verdicts.as_json([Verdict("C0", "A", (Effect("e", ()),), 0)]))
    assert written[0]["effects"][0]["interval"] == [None, None]


def test_the_written_ledger_follows_from_the_public_runs():
    kept = json.loads(verdicts.file().read_text(encoding="utf-8"))
    now = json.loads(verdicts.as_json(claims.ledger()))
    assert [(v["id"], v["verdict"], v["runs"]) for v in kept] == [
        (v["id"], v["verdict"], v["runs"]) for v in now
    ], "run `mocolib claims --write`"
    for old, new in zip(kept, now, strict=True):
        for a, b in zip(old["effects"], new["effects"], strict=True):
            assert (a["name"], a["seeds"], a["holds"]) == (
                b["name"],
                b["seeds"],
                b["holds"],
            )
            assert a["mean"] == pytest.approx(b["mean"], rel=1e-3, abs=1e-6)
            assert a["interval"] == pytest.approx(b["interval"], rel=1e-3, abs=1e-6)


def test_the_command_prints_and_writes_the_ledger(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(verdicts, "file", lambda: tmp_path / "claims.json")
    monkeypatch.setattr(claims, "ledger", lambda: [Verdict("C0", "A claim", (), 0)])
    assert main(["claims", "--write"]) == 0
    out = capsys.readouterr().out
    assert "C0  too few runs  (0 runs)" in out
    assert json.loads((tmp_path / "claims.json").read_text())[0]["id"] == "C0"
