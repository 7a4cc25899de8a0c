"""The record of a page's parity as tables, from planted numbers."""

from mocolib import figures
from mocolib.analysis import inpage
from mocolib.analysis.inpage import VECTORS
from mocolib.files import as_json

PROJECTION, BLOCK = "patch_projection", "blocks.0.qkv"
FAR = {"median": 1.25e-7, "largest": 2e-6}


def test_steps_and_runs_are_told(tmp_path):
    record = {
        "steps": {
            "adamw fixed": {"steps": 50, "at_a_kink": 4}
            | {"distance": dict.fromkeys((*VECTORS, "cosine"), FAR)}
        },
        "whole": [
            {"seed": 2, "knn": {"graph": 0.71, "mocolib": 0.7}}
            | {"loss": {"graph": 2.5004, "mocolib": 2.5}}
        ],
    }
    path = tmp_path / "inpage.json"
    path.write_text(as_json(record))
    steps = inpage.parity_steps(path)
    [row] = steps.to_dict("records")
    assert row["at a kink"] == 4
    assert {row[words] for words in VECTORS.values()} == {"1.2e-07"}
    assert row["furthest"] == "2.0e-06"
    [run] = inpage.parity_runs(path).to_dict("records")
    assert run == {
        "seed": 2,
        **{"kNN, graph, %": 71.0, "kNN, mocolib, %": 70.0},
        **{"loss, graph": 2.5, "loss, mocolib": 2.5},
    }


def test_runs_of_a_page_are_told(tmp_path):
    read = {"jitter": 0.01234, "deepest fall": 0.09, "final knn": 0.51}
    shown = {
        "jitter, points": 1.2,
        "deepest fall, points": 9.0,
        "kNN at the end, %": 51.0,
    }
    learned = {"base_lr": 0.12, "patch_projection": "learned", "seed": 0, **read}
    learned |= {"outcome": "finished", "spikes": {PROJECTION: 7, BLOCK: 2}}
    learned["curves"] = {"knn": {"5": 0.25, "10": 0.5}, f"grad_inf/{BLOCK}": [1.0, 2.0]}
    fixed = learned | {"patch_projection": "fixed", "spikes": {BLOCK: 1}}
    other = learned | {"beta2": 0.5}  # another question's
    path = tmp_path / "inpage.json"
    path.write_text(as_json({"runs": [learned, learned | {"seed": 1}, fixed, other]}))
    first, _, last = inpage.page_runs(path).to_dict("records")
    assert first == {
        **{"base rate": 0.12, "patch projection": "learned", "seed": 0},
        **{"outcome": "finished", "spikes, patch projection": 7},
        **{"spikes, block 1, qkv": 2, **shown},
    }
    assert last["spikes, patch projection"] == "–"
    figure = figures.page_curves(path)
    left, right = figure.axes
    assert left.lines[0].get_xydata().tolist() == [[5, 25], [10, 50]]
    assert right.lines[0].get_ydata().tolist() == [1, 2]
    strokes = [line.get_linestyle() for line in right.lines]
    assert strokes[0] == strokes[1] != strokes[2]
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == ["0.12, learned", "0.12, fixed"]


def test_without_a_record_the_tables_are_empty(tmp_path):
    assert inpage.parity_steps(tmp_path / "none.json").empty
    assert inpage.parity_runs(tmp_path / "none.json").empty
    assert inpage.page_runs(tmp_path / "none.json").empty
    assert figures.page_curves(tmp_path / "none.json") is None
