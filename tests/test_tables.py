"""Recorded tables: made part by part, resumed, read back; the committed ones sound."""

import pandas as pd
import pytest

from mocolib import runs
from mocolib.__main__ import main
from mocolib.analysis import measures, tables
from mocolib.errors import BadInput
from mocolib.sweep.design import SHORT


@pytest.fixture
def counted(monkeypatch):
    """A table of three parts that notes which were computed; the third may fail."""
    made, failing = [], []

    def parts():
        for name in ("a", "b", "c"):

            def compute(data, name=name):
                if name in failing:
                    raise KeyboardInterrupt
                made.append(name)
                rows = pd.DataFrame({"value": [1.0, 2.0]})
                rows.attrs["departures"] = ["It departs."] if name == "b" else []
                return rows

            yield name, ("fashion-mnist",), compute

    monkeypatch.setitem(tables.TABLES, "counted", parts)
    return made, failing


def test_a_table_resumes_where_it_stopped(counted, tmp_path):
    made, failing = counted
    failing.append("c")
    with pytest.raises(KeyboardInterrupt):
        list(tables.make("counted", tmp_path))
    assert tables.read("counted", tmp_path)["part"].unique().tolist() == ["a", "b"]
    failing.clear()
    assert list(tables.make("counted", tmp_path)) == ["c"]
    assert made == ["a", "b", "c"]  # none twice
    assert len(tables.read("counted", tmp_path)) == 6
    assert not list(tmp_path.glob("*.part"))


def test_a_part_that_is_made_anew_stands_where_it_stood(counted, tmp_path):
    list(tables.make("counted", tmp_path))
    whole, file = tables.read("counted", tmp_path), tmp_path / "counted.parquet"
    whole[whole["part"] != "a"].to_parquet(file, index=False)
    assert list(tables.make("counted", tmp_path)) == ["a"]
    pd.testing.assert_frame_equal(tables.read("counted", tmp_path), whole)


def test_parts_of_other_images_are_not_added(counted, tmp_path, monkeypatch):
    _, failing = counted
    failing.append("c")
    with pytest.raises(KeyboardInterrupt):
        list(tables.make("counted", tmp_path))
    failing.clear()
    other = tables.load("fashion-mnist")
    other.test_labels[0] ^= 1
    monkeypatch.setattr(tables, "load", lambda *_: other)
    with pytest.raises(BadInput, match=r"which part 'a' of table counted .*\.$"):
        list(tables.make("counted", tmp_path))


def test_a_table_says_from_what_each_part_was_made(counted, tmp_path):
    list(tables.make("counted", tmp_path))
    made = tables.provenance("counted", tmp_path)
    assert list(made) == ["a", "b", "c"]
    assert {part["data"] for part in made.values()} == {
        tables.load("fashion-mnist").fingerprint
    }
    assert made["b"]["departures"] == ["It departs."]
    assert made["c"]["departures"] == []
    assert {"torch", "mocolib", "python", "date"} <= set(made["a"])


def test_killed_between_its_two_files_a_table_is_still_made_whole(
    counted, tmp_path, monkeypatch
):
    made, _ = counted
    write = tables.write_atomic

    def dying(path, content):
        if path.suffix == ".parquet" and len(made) == 2:
            raise KeyboardInterrupt
        write(path, content)

    monkeypatch.setattr(tables, "write_atomic", dying)
    with pytest.raises(KeyboardInterrupt):
        list(tables.make("counted", tmp_path))
    assert tables.read("counted", tmp_path)["part"].unique().tolist() == ["a"]
    monkeypatch.setattr(tables, "write_atomic", write)
    assert list(tables.make("counted", tmp_path)) == ["b", "c"]
    assert tables.faults(tmp_path) == []


def test_faults_of_tables_are_named(counted, tmp_path):
    list(tables.make("counted", tmp_path))
    (tmp_path / "counted.json").write_text("{}")
    pd.DataFrame({"part": ["x"], "run": ["0123"]}).to_parquet(
        tmp_path / "causes.parquet"
    )
    (tmp_path / "curvature.parquet").write_bytes(b"torn")
    found = "\n".join(tables.faults(tmp_path))
    assert "table causes: its parts are not those of causes.json." in found
    assert "table causes: its run 0123 is not among the runs." in found
    assert "table curvature: file " in found
    assert "table counted: its parts are not those of counted.json." in found
    assert "completeness" not in found


def test_the_command_lists_and_makes(counted, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tables, "root", lambda: tmp_path)
    assert main(["tables", "counted"]) == 0
    assert capsys.readouterr().out == "counted: 0 rows in 0 parts\n"
    assert main(["tables", "make", "counted", "--to", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "counted: c\ncounted: 6 rows in 3 parts" in told
    assert "\n  It departs.\n" in told
    assert main(["tables", "list", "other"]) == 2
    assert "table is 'other', but must be one of" in capsys.readouterr().err


def test_what_cannot_be_read_is_one_sentence(counted, tmp_path):
    with pytest.raises(BadInput, match="table is 'other', but must be one of"):
        tables.read("other")
    assert tables.read("counted", tmp_path).empty
    (tmp_path / "counted.parquet").write_bytes(b"torn")
    with pytest.raises(BadInput, match=r"counted\.parquet"):
        tables.read("counted", tmp_path)


def test_states_stand_where_their_kind_says():
    for run in tables.learned_runs(SHORT.shaky):
        spikes = measures.spike_steps(run)
        for step, kind in tables.states(run).items():
            assert 0 < step < run.recipe.steps
            if kind == "before_a_spike":
                assert step + 1 in spikes
            if kind == "calm":
                assert min(abs(spikes - step)) >= tables.FAR


def test_the_committed_tables_are_sound():
    assert tables.faults() == []
    for file in tables.root().glob("*.parquet"):
        table = tables.read(file.stem)
        assert len(table) > 0
        for column in table.columns.intersection(tables.LABELS):
            assert table[column].str.fullmatch("[a-z0-9_]+").all()  # ids


def test_the_committed_replays_meet_the_record():
    table = tables.read("causes")
    same = table[table["change"] == "nothing"]
    for id, part in same.groupby("run"):
        run = runs.read(id, runs.public_root())
        loss = run.steps.set_index("step")["loss"]
        assert (part["loss"].to_numpy() == loss[part["step"]].to_numpy()).all()
        assert set(part["spike"]) <= set(measures.spike_steps(run))


def test_the_committed_reconstruction_follows_from_its_code():
    table = tables.read("completeness")
    again = tables.completeness.reconstruction(
        tables.load("fashion-mnist"), widths=[12, 49], seeds=(0,), patch_size=7
    )
    ours = table[(table["dataset"] == "fashion-mnist") & (table["seed"] == 0)]
    ours = ours.set_index("width")["error_random"]
    assert ours[12] == pytest.approx(again.set_index("width")["error_random"][12])
    assert ours[49] < 1e-6
