"""The words of a setting, which stand alone in legends and are read aloud."""

import json
from dataclasses import replace

import nbformat
import numpy as np
import pytest

from mocolib import lab
from mocolib.errors import BadInput
from mocolib.lab.describe import FEW, Line, axis, describe
from mocolib.lab.page import as_data
from mocolib.sweep.design import MINI
from mocolib.words import spoken
from tests.calls import calls, made
from tests.planted import plant, shaking
from tools.chapters import chapters


def test_each_setting_can_be_understood_without_its_control():
    assert spoken("patch_projection", "fixed") == "fixed projection"
    assert spoken("stem", "conv") == "convolutional stem"
    assert spoken("base_lr", 4e-4) == "base rate 4e-4"
    said = [spoken("qk_norm", given) for given in (False, True)]
    assert said == ["without qk-norm", "with qk-norm"]


def line(seed: int, knn: list, rate: float = 0.1) -> Line:
    steps = np.arange(1, len(knn) + 1)
    return Line(
        settings={"rate": rate, "warmup_steps": 2},
        steps=steps,
        samples=8 * steps,
        y={"knn": np.array(knn), "gradient": np.ones(len(knn))},
        seed=seed,
        facts={"deepest_fall": 100 * (max(knn) - min(knn))},
        spikes=[3],
    )


CALM = [0.1, 0.1, 0.2, 0.3, 0.4, 0.5]
FALLS = [0.9, 0.1, 0.2, 0.5, 0.3, 0.4]  # 0.2 after the warmup; what was before is not
DEEP = [0.1, 0.1, 0.5, 0.1, 0.6, 0.6]


def test_the_strong_line_is_the_run_with_the_median_fall():
    """A run that was, with its fall and its spikes marked where they were."""
    lines = [line(0, CALM), line(1, DEEP), line(2, FALLS)]
    [group] = describe(lines, id="x", by=("rate",)).groups.values()
    assert [value for _, value in group.lines["knn"]] == [100 * k for k in FALLS]
    assert len(group.others) == 2
    [fall] = group.points["knn"]
    assert (fall["x"], fall["y"]) == ([4, 5], [50.0, 30.0])
    assert fall["words"] == "falls 20 points"
    assert group.points["gradient"] == [{"kind": "spike", "x": 3, "y": 1.0}]


def test_a_chapter_can_name_the_seed_that_stands_for_all():
    lines = [line(0, CALM), line(1, DEEP), line(2, FALLS)]
    described = describe(lines, id="x", by=("rate",), seed=1)
    [group] = described.groups.values()
    assert [value for _, value in group.lines["knn"]] == [100 * k for k in DEEP]
    assert described.strong == "seed 1"


def test_a_panel_opens_on_the_setting_that_falls_deepest():
    lines = [line(0, CALM), line(0, DEEP, rate=0.2), line(0, CALM, rate=0.3)]
    assert describe(lines, id="x", by=("rate",)).start == (1,)
    assert describe(lines, id="x", by=("rate",), start={"rate": 0.3}).start == (2,)


def test_what_a_start_leaves_out_is_as_in_the_kept_setting():
    lines = [line(0, CALM), line(0, DEEP, rate=0.2), line(0, CALM, rate=0.3)]
    for one, kind in zip(lines, ("a", "b", "b"), strict=True):
        one.settings["kind"] = kind
    by = ("rate", "kind")
    described = describe(
        lines, id="x", by=by, start={"kind": "b"}, keep=[{"rate": 0.3}]
    )
    assert described.keep == ((2, None),)
    assert described.start == (2, 1)
    with pytest.raises(BadInput, match=r"setting .* was not recorded"):
        describe(lines, id="x", by=by, start={"kind": "b", "rate": 0.1})


def test_lines_of_one_setting_differ_in_nothing_but_the_seed(tmp_path):
    """Two optimizers are no two seeds, of a run as of a line that tells less of it."""
    runs = [
        plant(tmp_path, shaking(0, 0), seed=i, optimizer=name)
        for i, name in enumerate(("sgd", "adamw"))
    ]
    lines = [Line.of(run, ["knn"], settings={"kind": "a"}) for run in runs]
    told = (
        r"differ in optimizer \(sgd, adamw\), but must differ in nothing but the seed"
    )
    for some, by in ((runs, "base_lr"), (lines, "kind")):
        with pytest.raises(BadInput, match=f"^runs of {by}=.* {told}"):
            describe(some, id="x", by=(by,), charts={"knn": "kNN"})
        apart = describe(some, id="x", by=(by, "optimizer"), charts={"knn": "kNN"})
        assert [group.seeds for group in apart.groups.values()] == [(0,), (1,)]


def test_a_seed_stands_once_in_a_setting():
    lines = [line(0, CALM), line(1, CALM), line(0, DEEP)]
    with pytest.raises(BadInput, match=r"^runs of rate=0.1 have seed 0 2 times"):
        describe(lines, id="x", by=("rate",))


def test_a_kept_curve_holds_what_it_names_alone():
    """The rest is left to the controls; what it names was recorded together."""
    lines = [line(0, CALM), line(0, DEEP, rate=0.2), line(0, CALM, rate=0.3)]
    for one, kind in zip(lines, ("a", "b", "b"), strict=True):
        one.settings["kind"] = kind
    by = ("rate", "kind")
    kept = describe(lines, id="x", by=by, keep=[{"kind": "b"}, {"rate": 0.2}]).keep
    assert kept == ((None, 1), (1, None))
    for one in ({"rate": 0.1, "kind": "b"}, {"kind": "c"}):
        with pytest.raises(BadInput, match=r"was not recorded|must be one of a, b"):
            describe(lines, id="x", by=by, keep=[one])


def test_a_map_has_two_of_the_controls_and_what_its_cells_may_show():
    facts = {"deepest_fall": 3.0, "linear_probe": 70.0, "spikes": 2}
    lines = [replace(line(0, CALM, rate), facts=facts) for rate in (0.1, 0.2)]
    described = describe(lines, id="x", by=("warmup_steps", "rate"))
    told = as_data(described.mapped("rate", "warmup_steps"))["map"]
    assert (told["rows"], told["columns"]) == (1, 0)
    assert told["by"] == ["deepest fall, points", "linear probe, %"]
    assert told["good"] == ["linear probe, %"]
    assert "map" not in as_data(described)
    with pytest.raises(BadInput, match="'seed', but must name two of warmup_steps, r"):
        described.mapped("rate", "seed")


def test_an_arm_is_known_by_what_it_changes_and_loses_against_a_run_of_its_seed(
    tmp_path, an_untrained_network
):
    arms = {"nothing": {}, "projection_fixed": {"patch_projection": "fixed"}}
    probes = {("nothing", 0): 0.7, ("nothing", 1): 0.6}
    probes |= {("projection_fixed", 0): 0.68, ("projection_fixed", 1): 0.62}
    runs = []
    for (arm, seed), probe in probes.items():
        recipe = MINI.plain.replace(**arms[arm], seed=seed)
        settings = {"knn_every": recipe.knn_every, **recipe.changed()}
        runs.append(plant(tmp_path, shaking(0.001, seed, 160), probe, **settings))
    asked = dict(id="x", by=("arm",), against={"arm": "nothing"})
    described = describe(runs, arms=arms, **asked)
    assert described.axes[0].values == ("nothing", "projection_fixed")
    nothing, fixed = (g.facts["lost"] for g in described.groups.values())
    assert nothing == (0, 0, 0)
    assert fixed == pytest.approx((0, -2, 2))
    told = as_data(describe(runs, arms=arms, **{**asked, "by": ("arm", "seed")}))
    assert "accuracy lost, points" in told["groups"][0]["facts"]
    with pytest.raises(BadInput, match="is of no arm, but must be of nothing"):
        describe(runs, arms={"nothing": {}}, **asked)


def test_a_tally_counts_the_outcomes_that_all_runs_of_a_setting_have():
    known = {"dips": True, "collapsed": False}
    lines = [
        replace(line(seed, CALM), outcomes=known if seed else {"dips": False})
        for seed in range(3)
    ]
    [group] = describe(lines, id="x", by=("rate",)).groups.values()
    assert group.tally == {"dips": 2}
    [group] = describe(lines[1:], id="x", by=("rate",)).groups.values()
    assert group.tally == {"dips": 2, "collapsed": 0}


def test_a_run_collapsed_where_it_ends_below_its_untrained_network(tmp_path):
    """Known of those whose start was read; a run on other images has no such word."""
    from mocolib import sweep

    [lost] = sweep.recorded("lr", base_lr=0.048, patch_projection="learned", seed=11)
    [calm] = sweep.recorded("lr", base_lr=0.004, patch_projection="learned", seed=11)
    for run, word in ((lost, 1), (calm, 0)):
        [group] = describe([run], id="x", by=("base_lr",)).groups.values()
        assert group.tally["collapsed"] == word
    other = plant(tmp_path, shaking(0, 0), seed=0)
    [group] = describe([other], id="x", by=("base_lr",)).groups.values()
    assert "collapsed" not in group.tally


@pytest.mark.parametrize("chapter", chapters(), ids=lambda path: path.stem)
def test_every_panel_of_the_book_lays_alike_runs_together(chapter, monkeypatch):
    def described(runs, *, map=(), question=None, answer=None, **given):
        panels.append(describe(runs, **given))

    panels = []
    monkeypatch.setattr(lab, "experiment", described)
    monkeypatch.setattr(lab, "remarked", lambda *_: "")
    wanted = calls(chapter, "experiment")
    for one in wanted:
        made(one)
    assert len(panels) == len(wanted)
    assert all(panel.groups for panel in panels)


def test_a_call_of_a_chapter_is_made_with_all_that_it_stands_on(tmp_path, monkeypatch):
    cells = [
        "from mocolib import lab",
        "runs = [1]\nother = 1 / 0",
        "runs += [2]\ndef more(run):\n    return 10 * run",
        "lab.experiment([more(run) for run in runs], id='x', by=())",
    ]
    book = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, cells)))
    nbformat.write(book, tmp_path / "one.ipynb")
    seen = []
    monkeypatch.setattr(lab, "experiment", lambda runs, **_: seen.append(runs))
    [only] = calls(tmp_path / "one.ipynb", "experiment")
    made(only)
    assert seen == [[10, 20]]


def test_lines_read_at_the_same_steps_share_them():
    lines = [line(0, CALM), line(1, CALM), line(0, CALM, 2)]
    data = as_data(describe(lines, id="x", by=("rate",)))
    assert data["steps"] == [[1, 2, 3, 4, 5, 6]]
    for group in data["groups"]:
        for drawn in (group["lines"], *group["others"]):
            assert {one[0] for one in drawn.values() if one} == {0}
    json.dumps(data, allow_nan=False)


def test_the_other_seeds_stand_in_the_first_chart_alone():
    """In the others they would hide each other, and they weigh most of a page."""
    [group] = as_data(describe([line(0, CALM), line(1, CALM)], id="x", by=("rate",)))[
        "groups"
    ]
    assert {key for other in group["others"] for key in other} == {"knn"}
    assert set(group["lines"]) == {"knn", "loss", "gradient"}


def test_a_few_values_get_a_button_each():
    assert not axis("base_lr", [0.1 * i for i in range(FEW)]).slides
    assert axis("base_lr", [0.1 * i for i in range(FEW + 1)]).slides
    assert not axis("keys", list("abcdefgh")).slides
