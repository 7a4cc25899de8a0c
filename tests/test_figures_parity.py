"""The record of a page's parity as tables, from planted numbers."""

from mocolib import figures
from mocolib.figures.parity import VECTORS
from mocolib.files import as_json

FAR = {"median": 1.25e-7, "largest": 2e-6}


def test_steps_and_runs_are_told(tmp_path):
    record = {
        "steps": {
            "adamw fixed": {"steps": 50, "at a kink": 4}
            | {"distance": dict.fromkeys((*VECTORS, "cosine"), FAR)}
        },
        "whole": [
            {"seed": 2, "knn": {"graph": 0.71, "mocolib": 0.7}}
            | {"loss": {"graph": 2.5004, "mocolib": 2.5}}
        ],
    }
    path = tmp_path / "inpage.json"
    path.write_text(as_json(record))
    steps = figures.parity_steps(path)
    [row] = steps.to_dict("records")
    assert row["at a kink"] == 4
    assert {row[words] for words in VECTORS.values()} == {"2.0e-06"}
    [run] = figures.parity_runs(path).to_dict("records")
    assert run == {
        "seed": 2,
        **{"kNN, graph": 0.71, "kNN, mocolib": 0.7},
        **{"loss, graph": 2.5, "loss, mocolib": 2.5},
    }


def test_runs_of_a_page_are_told(tmp_path):
    run = {"base_lr": 0.12, "seed": 0, "outcome": "finished", "spikes": 7}
    run |= {"jitter": 0.01234, "deepest fall": 0.09, "final knn": 0.51, "curves": {}}
    path = tmp_path / "inpage.json"
    path.write_text(as_json({"shaky": [run]}))
    [told] = figures.page_runs(path).to_dict("records")
    del run["curves"]
    assert told == run | {"jitter": 0.012}


def test_without_a_record_the_tables_are_empty(tmp_path):
    assert figures.parity_steps(tmp_path / "none.json").empty
    assert figures.parity_runs(tmp_path / "none.json").empty
    assert figures.page_runs(tmp_path / "none.json").empty
