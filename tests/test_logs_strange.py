"""Strange logs: each gets its right answer, or one sentence and exit code 2."""

import os
import tracemalloc

import numpy as np
import pytest

from mocolib import __main__ as cli
from mocolib import logs
from mocolib.errors import BadInput
from mocolib.logs import table, text
from tests.test_logs import taken


def test_a_step_that_was_written_twice_is_what_was_written_last(written):
    (log,) = written("step,loss\n1,5\n2,4\n3,3\n2,3.9\n3,2.9\n4,2\n")
    assert taken(log)["loss"] == {1: 5, 2: 3.9, 3: 2.9, 4: 2}
    assert log.notes == {"restarts": 1}
    (log,) = written("step,loss\n1,5\n1,4\n2,3\n")
    assert taken(log)["loss"] == {1: 4, 2: 3}
    assert log.notes == {"twice": 1}


def test_rows_in_no_order_are_sorted(written):
    order = np.random.default_rng(0).permutation(40)
    (log,) = written("step,loss\n" + "".join(f"{i},{i / 10}\n" for i in order))
    assert log.steps.tolist() == list(range(40))
    assert log.loss.tolist() == [i / 10 for i in range(40)]
    assert log.notes == {"shuffled": 1}


def test_steps_that_begin_anew_in_each_epoch_are_counted_on(written):
    (log,) = written("epoch,iter,loss\n1,50,5\n1,100,4\n2,50,3\n2,100,2\n")
    assert taken(log)["loss"] == {50: 5, 100: 4, 150: 3, 200: 2}
    (log,) = written("epoch,iter,loss\n0,0,5\n0,1,4\n1,0,3\n1,1,2\n")
    assert taken(log)["loss"] == {0: 5, 1: 4, 2: 3, 3: 2}
    assert log.notes == {"end_to_end": 1}


def test_many_rows_an_epoch_do_not_overwrite_each_other(written):
    (log,) = written("epoch,loss,val_acc\n0,5,\n0,4,\n0,,0.5\n1,3,\n1,2,\n1,,0.6\n")
    assert list(taken(log)["loss"].values()) == [5, 4, 3, 2]
    assert list(taken(log)["accuracy"].values()) == [0.5, 0.6]
    assert log.notes == {"spread": 1}
    (log,) = written("epoch,loss\n,9\n0,5\n0,4\n1,3\n1,2\n")
    assert list(taken(log)["loss"].values()) == [5, 4, 3, 2]


def test_a_row_without_its_step_stands_where_the_one_before_it_does(written):
    (log,) = written('{"step": 5, "loss": 2}\n{"val_acc": 0.5}\n{"step": 6, "loss": 1}')
    assert taken(log)["accuracy"] == {5: 0.5}
    assert log.notes == {"carried": 1}


def test_shares_and_percent_are_one_unit(written):
    readings = [*np.linspace(0.4, 0.45, 6), *np.linspace(46, 50, 5)]
    (log,) = written(
        "step,acc\n" + "".join(f"{i},{a}\n" for i, a in enumerate(readings))
    )
    assert log.accuracy[[0, -1]].tolist() == [0.4, 0.5]
    assert (log.accuracy < 1).all()
    assert log.notes == {"mixed": 1}


def test_a_start_below_one_percent_is_no_other_unit(written):
    readings = [0.1, 0.3, 0.8, 1.9, 4.2, 9.0, 20.0, 35.0]
    (log,) = written(
        "step,acc\n" + "".join(f"{i},{a}\n" for i, a in enumerate(readings))
    )
    assert log.accuracy.tolist() == pytest.approx([a / 100 for a in readings])
    assert log.notes == {}


def test_zeros_between_readings_are_none_and_a_curve_that_ends_at_zero_ends_there(
    written,
):
    filled = [0.5 if i % 4 == 0 else 0 for i in range(40)]
    (log,) = written("step,acc\n" + "".join(f"{i},{a}\n" for i, a in enumerate(filled)))
    assert len(taken(log)["accuracy"]) == 10
    assert log.notes == {"zeros": 30}
    ended = [0.5] * 5 + [0] * 20
    (log,) = written("step,acc\n" + "".join(f"{i},{a}\n" for i, a in enumerate(ended)))
    assert taken(log)["accuracy"][24] == 0


@pytest.mark.parametrize(
    ("end", "diverged"),
    [("nan nan", 3), ("inf", 3), ("nan", None), ("nan 1", None), ("", None)],
)
def test_a_loss_that_ends_as_no_number_has_diverged(written, end, diverged):
    (log,) = written("loss\n" + "\n".join(["2", "1", *end.split()]) + "\n")
    assert log.diverged == diverged


def test_nan_among_numbers_is_no_reading(written):
    (log,) = written("step,loss,knn\n1,nan,0.5\n2,2,nan\n3,NaN,\n4,1,None\n5,1,0.6\n")
    assert taken(log)["loss"] == {2: 2, 4: 1, 5: 1}
    assert taken(log)["accuracy"] == {1: 0.5, 5: 0.6}


def test_one_row_is_a_log(written):
    (log,) = written("step,loss\n7,2\n")
    assert taken(log)["loss"] == {7: 2}


def test_a_column_that_is_seldom_filled_is_known_to_hold_numbers(written):
    blank = "".join(f"{i},1,\n" for i in range(200))
    (log,) = written(f"step,loss,mine\n{blank}200,1,7\n")
    assert log.others == ("mine",)


def test_a_column_may_be_chosen(written):
    text = "step,epoch,knn,mine,loss,a,b\n1,0,0.5,0.7,2,3,4\n2,1,0.6,0.8,1,5,6\n"
    (log,) = written(text, accuracy="mine", axis="epoch", norms=["b", "a"])
    assert taken(log)["accuracy"] == {0: 0.7, 1: 0.8}
    assert list(log.norms) == ["b", "a"]
    assert "knn" in log.others


# --- refused ------------------------------------------------------------------------

REFUSED = {
    "nothing": (b"", "is empty"),
    "blank": (b" \r\n\n", "is empty"),
    "a page": (b"<!DOCTYPE html><html></html>", "HTML"),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00", "PNG picture"),
    "gzip": (b"\x1f\x8b\x08\x00", "gzip"),
    "zip": (b"PK\x03\x04", "zip archive"),
    "a pickle": (b"\x80\x04\x95", "pickle"),
    "zeros": (b"step,loss\n1,\x00\x002\n", "no text"),
    "prose": (b"Dear reader,\nthis is no log.\n", "no column of numbers"),
    "empty cells": (b",,\n\x0b\n", "no column of numbers"),
    "a form feed": (b"\x0b\x0c", "no column of numbers"),
    "talk": (b"=> creating model\nloaded\n", "no column of numbers"),
    "no names": (b"1,2\n3,4\n", "must name its columns"),
    "unknown names": (b"step,a,b\n1,2,3\n", "step, a, b, but must have an accuracy"),
    "words": (b"step,loss\n1,fast\n", "has no number in loss, but must have"),
    "no number": (b"step,loss,knn\n1,nan,inf\n2,nan,nan\n", "no number in loss, knn"),
    "half a JSON": (b'{\n"loss": [1,', "begins as JSON"),
    "a number": (b"[1, 2]", "must hold rows"),
    "half a Parquet": (b"PAR1abc", "cannot be read"),
    "an open quote": (b'step,loss\n1,"2\n' + b"3,4\n" * 50_000, "cannot be read as a"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_log_is_refused_in_a_sentence(tmp_path, capsys, name):
    content, reason = REFUSED[name]
    path = tmp_path / "metrics.csv"
    path.write_bytes(content)
    assert cli.main(["judge", str(path)]) == 2
    out, said = capsys.readouterr()
    assert out == ""
    (sentence,) = said.splitlines()
    assert sentence.startswith("mocolib: ")
    assert sentence.endswith(".")
    assert reason in sentence
    assert str(path) in sentence


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        (["--loss", "lss"], "loss is 'lss', but must be a column of"),
        (["--norm", "note"], "norm is 'note', which holds 'fine'"),
        (["--norm", "none"], "norm is 'none', which holds nothing"),
        (["--accuracy", "step"], "holds 100 to 200 in"),
        (["--svg", "a.png"], "must end in .svg"),
    ],
)
def test_a_choice_that_cannot_be_met_is_refused(tmp_path, capsys, typed, reason):
    path = tmp_path / "log"
    path.write_text("step,loss,note,none\n100,2,fine,\n200,1,fine,\n")
    assert cli.main(["judge", str(path), *typed]) == 2
    (sentence,) = capsys.readouterr().err.splitlines()
    assert reason in sentence


def test_a_folder_without_a_log_a_pipe_and_what_is_not_there_are_refused(
    tmp_path, capsys
):
    assert cli.main(["judge", str(tmp_path)]) == 2
    assert "is a folder, but must be" in capsys.readouterr().err
    assert cli.main(["judge", str(tmp_path / "none")]) == 2
    assert "No such file" in capsys.readouterr().err
    os.mkfifo(tmp_path / "pipe.csv")
    assert cli.main(["judge", str(tmp_path / "pipe.csv")]) == 2
    assert "cannot be read: it is no file" in capsys.readouterr().err


# --- large --------------------------------------------------------------------------


def test_a_long_file_needs_little_more_memory_than_what_is_judged(tmp_path):
    path, rest = tmp_path / "long", "0.123456789," * 40
    with open(path, "w") as file:
        file.write("step,loss," + ",".join(f"x{i}" for i in range(41)) + "\n")
        file.writelines(f"{i},{i % 7},{rest}0\n" for i in range(20_000))
    tracemalloc.start()
    (log,) = logs.read(path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(log.steps) == 20_000
    assert path.stat().st_size > 9e6
    # the beginning is looked at as a whole, the rest a line at a time
    assert most < 8e6


def test_more_than_fits_into_memory_is_refused(written, monkeypatch):
    lines = "step,loss\n" + "1,2\n" * 100
    monkeypatch.setattr(table, "MOST_NUMBERS", 50)
    with pytest.raises(BadInput, match="more than 50 numbers"):
        written(lines)
    monkeypatch.setattr(table, "MOST_COLUMNS", 1)
    with pytest.raises(BadInput, match="more than 1 columns"):
        written(lines)
    monkeypatch.setattr(text, "LONGEST", 5)
    with pytest.raises(BadInput, match="a line of over 5 letters"):
        written(lines)
    monkeypatch.setattr(text, "WHOLE", 5)
    with pytest.raises(BadInput, match="more than 5 letters"):
        written('{\n"loss": [1]}')
    # a row a line needs no end
    monkeypatch.undo()
    monkeypatch.setattr(text, "WHOLE", 5)
    (log,) = written('[{"loss": 3},\n{"loss": 2},\n{"loss": 1}]\n')
    assert taken(log)["loss"] == {1: 3, 2: 2, 3: 1}
