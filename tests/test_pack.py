"""A sweep's runs in two files: the same records, for any reader, never half there."""

import json
import os
import shutil

import numpy as np
import pandas as pd
import pytest

from mocolib import runs, sweep
from mocolib.data import Dataset
from mocolib.errors import BadInput, LeftOut
from mocolib.runs import pack, publish, record
from mocolib.runs import replay as replaying
from mocolib.sweep.packing import pack_sweep
from mocolib.weights import of_run
from tests.tiny import blobs, tiny

# two lengths of training, two sets of layers, a run that reads no kNN
SWEEPS = {
    "first": [tiny(), tiny(steps=9), tiny(depth=2), tiny(patch_projection="fixed")],
    "second": [tiny(), tiny(knn_every=0), tiny(depth=2, seed=1)],
}


def copied(root):
    """What is recorded there, by id."""
    return {
        run.id: (run.recipe, run.provenance, run.end, run.steps)
        for run in runs.all_runs(root)
    }


def same(one: dict, other: dict) -> bool:
    return list(one) == list(other) and all(
        one[id][:3] == other[id][:3]
        and one[id][3].equals(other[id][3])
        and list(one[id][3]) == list(other[id][3])
        for id in one
    )


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A public set of folders, and the data they were trained on."""
    here, data = tmp_path_factory.mktemp("own"), blobs()
    for recipe in {recipe for recipes in SWEEPS.values() for recipe in recipes}:
        list(record.record(recipe, data, here / "own"))
        publish.publish(runs.Run(here / "own" / recipe.id), here / "public")
    return here / "public"


@pytest.fixture
def root(published, tmp_path, monkeypatch):
    """A copy of it, with the sweeps' files."""
    shutil.copytree(published, tmp_path / "public")
    planned = {
        name: sweep.Sweep(
            name=name, title="", core_hours=0, shows="", recipes=tuple(recipes)
        )
        for name, recipes in SWEEPS.items()
    }
    monkeypatch.setattr(sweep, "read", planned.__getitem__)
    return tmp_path / "public"


@pytest.fixture
def packed(root):
    for name in SWEEPS:
        pack_sweep(name, root)
    return root


def test_packed_runs_say_what_their_folders_said(root):
    before = copied(root)
    for name in SWEEPS:
        assert pack_sweep(name, root) == root / f"{name}.parquet"
        assert same(copied(root), before)
    names = {f"{name}.{kind}" for name in SWEEPS for kind in ("json", "parquet")}
    assert {file.name for file in root.iterdir()} == names
    assert all(publish.verify(run) == [] for run in runs.all_runs(root))


def test_packed_runs_are_found_as_folders_are(packed):
    for name, recipes in SWEEPS.items():
        assert [run.recipe for run in sweep.recorded(name, root=packed)] == recipes
        for recipe in recipes:
            run = runs.find(recipe, packed)
            assert run.finished
            assert run == runs.read(recipe.id[:7], packed)
            assert run.rows == len(run.steps) == recipe.steps
            assert run.fault == ""
    assert runs.find(tiny(seed=7), packed) is None
    # stored once, in the first
    [first] = sweep.recorded("second", root=packed, seed=0, knn_every=5)
    assert first.folder == packed / "first.parquet" / tiny().id
    told = json.loads((packed / "second.json").read_text())
    assert told["elsewhere"] == {"first": [tiny().id]}


def test_pandas_reads_a_sweep_without_mocolib(packed):
    table = pd.read_parquet(packed / "first.parquet")
    assert list(table)[:7] == [
        "run", "step", "samples", "lr", "temperature", "momentum", "loss",
    ]  # fmt: skip
    assert len(table) == sum(recipe.steps for recipe in SWEEPS["first"])
    for recipe in SWEEPS["first"]:
        run = runs.find(recipe, packed)
        own = table[table["run"] == recipe.id].reset_index(drop=True)
        assert own[list(run.steps)].equals(run.steps)
        lacking = own.drop(columns=["run", *run.steps])
        assert lacking.isna().all(axis=None)
    assert "grad_inf/blocks.1.qkv" not in runs.find(tiny(), packed).steps
    recipes = json.loads((packed / "first.json").read_text())["runs"]
    assert [recipes[id]["recipe"]["depth"] for id in table["run"].unique()] == [
        recipe.depth for recipe in SWEEPS["first"]
    ]


def test_a_table_that_was_asked_for_is_ones_own(packed):
    run = runs.find(tiny(), packed)
    table = run.steps
    table["loss"] = 0
    run.provenance["data"] = "none"
    again = runs.find(tiny(), packed)
    assert (again.steps["loss"] > 0).all()
    assert again.provenance["data"] != "none"


def test_a_sweep_is_packed_only_when_it_is_whole(root):
    [gone] = [run for run in runs.all_runs(root) if run.recipe == tiny(steps=9)]
    os.rename(gone.folder, root.parent / "away")
    before = copied(root)
    with pytest.raises(BadInput, match=r"^sweep first lacks 1 of 4 runs under .*\.$"):
        pack_sweep("first", root)
    assert same(copied(root), before)


def test_runs_that_came_later_join_those_that_are_packed(root, monkeypatch):
    before = copied(root)
    some = sweep.Sweep(
        name="first", title="", core_hours=0, shows="", recipes=(tiny(depth=2),)
    )
    with monkeypatch.context() as patch:
        patch.setattr(sweep, "read", lambda name: some)
        pack_sweep("first", root)
    pack_sweep("first", root)
    assert same(copied(root), before)
    assert len(pack.places(root)) == 4
    with pytest.raises(BadInput, match="sweep first has no folder under"):
        pack_sweep("first", root)


def leave_weights(folder):
    (folder / "weights.safetensors").touch()


def change_the_end(folder):
    told = json.loads((folder / "end.json").read_text())
    (folder / "end.json").write_text(json.dumps({**told, "knn": 1.0}))


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (leave_weights, r"has weights\.safetensors in .* to be packed\.$"),
        (change_the_end, r"checksum, but must be sound to be packed\.$"),
    ],
)
def test_what_is_not_as_published_is_not_packed(root, damage, sentence):
    damage(root / tiny().id)
    before = copied(root)
    with pytest.raises(BadInput, match=sentence):
        pack_sweep("first", root)
    assert same(copied(root), before)
    assert not list(root.glob(".*"))


def test_a_pack_that_differs_takes_no_folders_place(root, monkeypatch):
    before = copied(root)
    kept = pack.step_table.kept

    def lossy(table):
        return kept(table).assign(loss=table["loss"].astype("float32") + 1e-7)

    monkeypatch.setattr(pack.step_table, "kept", lossy)
    with pytest.raises(BadInput, match=r"differs from the one in"):
        pack_sweep("first", root)
    monkeypatch.setattr(pack.step_table, "kept", kept)
    assert same(copied(root), before)
    assert list(root.glob("*.parquet")) == []


@pytest.mark.parametrize("kill", range(6))
def test_stopped_at_any_move_nothing_is_lost(root, monkeypatch, kill):
    """The two files come, then four folders go: six moves."""
    before, done = copied(root), []

    def moved(move):
        def one(source, target):
            if len(done) == kill:
                raise KeyboardInterrupt
            done.append(target)
            return move(source, target)

        return one

    with monkeypatch.context() as patch:
        patch.setattr("mocolib.runs.pack.os.replace", moved(os.replace))
        patch.setattr("mocolib.sweep.packing.os.rename", moved(os.rename))
        patch.setattr("mocolib.runs.pack.write_atomic", plain_write)
        patch.setattr("mocolib.runs.step_table.write_atomic", plain_write)
        with pytest.raises(KeyboardInterrupt):
            pack_sweep("first", root)
    assert same(copied(root), before)
    pack_sweep("first", root)
    assert same(copied(root), before)
    assert not (root / tiny().id).exists()


def plain_write(path, content):
    path.write_bytes(content.encode() if isinstance(content, str) else content)


# ---- what else asks for runs


def test_a_published_run_stays_published(packed, published):
    """Out of a pack into a folder, and not a second time where it is."""
    run = runs.find(tiny(), packed)
    assert publish.publish(run, packed) == run
    again = publish.publish(run, packed.parent / "other")
    assert publish.digest(again) == publish.digest(runs.Run(published / run.id))
    assert same(copied(packed.parent / "other"), {run.id: copied(packed)[run.id]})


def test_a_packed_run_is_not_trained_again(packed, monkeypatch):
    monkeypatch.setattr(record, "train", None)
    assert list(record.record(tiny(), blobs(), packed)) == []
    assert sweep.standing([], packed) == ([], ())
    assert not (packed / tiny().id).exists()
    other: Dataset = blobs(channels=1)
    with pytest.raises(BadInput, match=r"under .*first\.parquet was trained on"):
        list(record.record(tiny(), other, packed))


def test_a_packed_run_is_replayed_from_its_start(packed, monkeypatch):
    monkeypatch.setenv("MOCOLIB_DATA", str(packed.parent / "user"))
    run = runs.find(tiny(), packed)
    again = replaying.replay(run, 5, blobs(), until=7)
    assert [step.loss for step in again] == run.steps["loss"][5:7].tolist()
    assert again.departure == ""
    assert list((packed.parent / "user/replay" / run.id).glob("*/*.safetensors"))


def test_a_packed_run_has_no_weights(packed):
    with pytest.raises(BadInput, match="published runs come without"):
        of_run(runs.find(tiny(), packed))


# ---- damage


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff\x00PAR1", b"null"])
@pytest.mark.parametrize("kind", ["json", "parquet"])
def test_any_damage_is_a_sentence_and_hides_no_other_pack(packed, kind, content):
    addresses = {id: runs.Run(at) for id, at in pack.places(packed).items()}
    (packed / f"first.{kind}").write_bytes(content)
    name = rf"first\.{kind}"
    for id, run in addresses.items():
        faults = publish.verify(run)
        if run.folder.parent.stem == "first":
            assert faults
            assert all(f.startswith(id) and "\n" not in f for f in faults)
        else:
            assert faults == []
    os.utime(packed, ns=(0, 0))
    with pytest.warns(LeftOut, match=rf"is left out: .*{name} cannot be read"):
        found = sweep.recorded("first", "second", root=packed)
    assert {run.folder.parent.stem for run in found} == {"second"}
    assert bool(pack.faults(packed)) == (kind == "json")


def test_an_entry_that_fits_no_table_is_a_sentence(packed):
    file = packed / "first.json"
    told = json.loads(file.read_text())
    broken = [
        (None, "it has no run"),
        ({"columns": 0}, "has no recipe"),
        (told["runs"][tiny().id] | {"columns": 99}, "are not those of the table"),
        (told["runs"][tiny().id] | {"columns": "a"}, "are not those of the table"),
    ]
    for entry, words in broken:
        file.write_text(json.dumps({**told, "runs": {tiny().id: entry}}))
        [fault] = publish.verify(runs.Run(packed / "first.parquet" / tiny().id))
        assert words in fault


def test_rows_of_a_run_that_do_not_stand_together_are_refused(packed):
    file = packed / "first.parquet"
    table = pd.read_parquet(file)
    shuffled = table.sample(frac=1, random_state=np.random.default_rng(0))
    shuffled.to_parquet(file, index=False)
    with pytest.raises(BadInput, match="do not stand together"):
        _ = runs.find(tiny(), packed).steps
