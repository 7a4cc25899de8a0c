"""What a log holds is not lost: no number, ends that stand still, odd forms."""

import numpy as np
import pandas as pd
import pytest

from mocolib import logs
from mocolib.logs.words import sentences
from tests.lost_logs import BROKEN, CURVE, FEW, LOSS, NAN, READ, STEPS, UNLIKE, table


def read(written, text: str) -> logs.Log:
    (log,) = written(text)
    return log


@pytest.mark.parametrize(
    ("name", "found", "diverged"),
    [
        ("inf inside", {"loss": {"infinite": (4, 200)}}, None),
        ("minus inf inside", {"loss": {"infinite": (1, 200)}}, None),
        ("NaN for a while", {"loss": {"nan": (150, 200)}}, None),
        ("NaN once", {"loss": {"nan": (1, 200)}}, None),
        ("inf norms", {"patch_embed": {"infinite": (3, 150)}}, None),
        ("a norm that never is", {"head": {"nan": (500, 0)}}, None),
        ("NaN, then for good", {"loss": {"nan": (3, 100)}}, 400),
        ("NaN from the second step on", {}, 1),
        ("gaps of NaN", {}, None),
        ("gaps", {}, None),
        ("every tenth", {}, None),
        ("every tenth, then none", {}, 291),
        ("one number a step", {}, None),
        ("Hugging Face", {"whole gradient": {"infinite": (100, 0)}}, 6),
    ],
)
def test_what_is_no_number_is_told_and_a_gap_is_none(written, name, found, diverged):
    log = read(written, BROKEN[name])
    told = {
        k: {kind: (one["count"], one["first"]) for kind, one in kinds.items()}
        for k, kinds in log.broken.items()
    }
    assert (told, log.diverged) == (found, diverged)
    judged = logs.judge(log)
    assert ("broken" in judged.symptoms) == bool(found.keys() & judged.bursts.keys())
    if "loss" in found:
        assert "fine" not in judged.advice
        assert "no_number" in " ".join(judged.advice)
    assert sum("NaN" in s or "infinite" in s for s in logs.told(judged)) == len(
        found
    ) + (diverged is not None)


def test_what_is_infinite_stands_out_as_a_spike(written):
    judged = logs.judge(read(written, BROKEN["inf inside"]))
    assert set(judged.bursts["loss"]["at"]) >= {200, 300, 400}
    assert 201 not in judged.bursts["loss"]["at"]
    assert "loss_spikes" in judged.symptoms
    judged = logs.judge(read(written, BROKEN["inf norms"]))
    assert judged.jumps["patch_embed"] == 3
    assert logs.judge(read(written, BROKEN["Hugging Face"])).bursts["loss"]["at"] == ()
    assert "one_layer_jumps" in judged.advice


def test_of_many_broken_norms_a_few_are_told(written):
    told = logs.told(logs.judge(read(written, BROKEN["many broken norms"])))
    assert sum("At one reading" in sentence for sentence in told) == 3
    assert any(sentence.startswith("4 more gradients") for sentence in told)


def test_a_collapse_to_a_constant_is_one(written):
    for name in ("collapsed to a constant", "held, then a constant"):
        judged = logs.judge(read(written, UNLIKE[name]))
        assert judged.readings == 100
        assert judged.noise > 0
        assert judged.collapsed
    held = logs.judge(read(written, UNLIKE["held"]))
    assert (held.readings, held.every, held.collapsed) == (100, 5, False)
    assert logs.judge(read(written, UNLIKE["held unevenly"])).readings == 100
    for name in ("constant", "constant from the second on"):
        judged = logs.judge(read(written, UNLIKE[name]))
        assert (judged.readings, judged.noise, judged.risen) == (100, 0, False)
        assert judged.collapsed == (name != "constant")


def test_what_is_rounded_too_coarsely_is_not_counted(written):
    judged = logs.judge(read(written, UNLIKE["rounded"]))
    found = judged.bursts["loss"]
    assert (found["coarse"], found["smoothed"], found["at"]) == (True, False, ())
    (told,) = [s for s in logs.told(judged) if "Spikes of the loss" in s]
    assert "too coarsely" in told
    assert {"fine", "dip_without_spike"}.isdisjoint(judged.advice)
    assert "too_coarse" in judged.advice
    judged = logs.judge(read(written, UNLIKE["rounded, with inf"]))
    assert judged.bursts["loss"]["at"] == (200,)
    judged = logs.judge(read(written, UNLIKE["a norm held still"]))
    assert "fine" in judged.advice


@pytest.mark.parametrize(
    ("name", "column"),
    [("errors", None), ("best so far", "acc1"), ("settings", "val_acc")],
)
def test_the_accuracy_is_what_rises_as_features_do(written, name, column):
    assert read(written, UNLIKE[name]).columns.get("accuracy") == column


@pytest.mark.parametrize(
    ("name", "rows", "accuracies", "last"),
    [
        ("a list beside", 100, 100, 99),
        ("a list in some rows", 300, 100, 299),
        ("only a list of rates", 100, 0, 99),
        ("lists and a count", 3, 2, 3),
        ("state in a line", 2, 0, 2),
        ("begins anew", 200, 100, 995),
        ("started again from its begin", 3, 0, 3),
        ("a comment", 100, 100, 99),
        ("names behind a sign", 2, 0, 2),
        ("a note and a comment", 2, 0, 2),
        ("behind a time", 100, 100, 99),
        ("behind a name", 100, 0, 99),
        ("a dict in a cell of Python's", 2, 0, 6),
        ("a dict in a cell", 2, 0, 6),
    ],
)
def test_no_row_of_a_strange_form_is_lost(written, name, rows, accuracies, last):
    log = read(written, UNLIKE[name])
    assert len(log.steps) == np.isfinite(log.loss).sum() == rows
    assert np.isfinite(log.accuracy).sum() == accuracies
    assert log.steps[-1] == last


def test_thousands_have_commas(written):
    log = read(written, UNLIKE["thousands"])
    assert log.steps[-1] == 4950
    # what lies beyond 100 is no accuracy
    assert log.others == ("knn",)
    log = read(written, 'step,loss\n1,"1,234.5"\n2,"1,000"\n')
    assert (log.steps.tolist(), log.loss.tolist()) == ([1], [1234.5])


def test_the_unit_of_small_shares_is_said(written):
    shares, percent = (
        logs.judge(read(written, table(step=FEW, knn=scale * CURVE)))
        for scale in (1, 100)
    )
    assert (shares.unit, percent.unit) == ("share", "percent")
    assert sentences.SHARES in logs.told(shares)
    assert sentences.SHARES not in logs.told(percent)


@pytest.mark.parametrize("missing", [NAN, None])
def test_parquet_keeps_what_is_no_number(tmp_path, missing):
    frame = pd.DataFrame({"step": STEPS, "loss": LOSS, "knn": READ, "note": None})
    frame["loss"] = frame["loss"].astype(object).where(STEPS < 300, missing)
    frame["loss"] = frame["loss"].astype(float)
    frame["grad_norm/head"] = NAN
    frame.to_parquet(tmp_path / "table")
    (log,) = logs.read(tmp_path / "table")
    assert log.diverged == 300
    assert not log.norms
    assert np.isfinite(log.accuracy).sum() == 100


def test_tags_of_tensorboard_are_in_order(tmp_path):
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    with tensorboard.SummaryWriter(str(tmp_path)) as writer:
        for step in range(6):
            for tag in ("loss", "knn", "lr", *(f"grad_norm/{k}" for k in range(4))):
                writer.add_scalar(tag, 0.5, step)
    (log,) = logs.read(tmp_path)
    assert log.notes == {}
    assert log.steps.tolist() == list(range(6))
