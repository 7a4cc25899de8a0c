"""Recorded runs: nothing trained twice, nothing lost, nothing torn."""

import json
import multiprocessing
import pickle
import random
import shutil
import time
from importlib.metadata import version

import pandas as pd
import pytest
import safetensors.torch
import torch

from mocolib import files
from mocolib.errors import BadInput, LeftOut
from mocolib.runs import Run, all_runs, find, read, readable, step_table
from mocolib.runs import record as recorder
from mocolib.runs.publish import publish, verify
from mocolib.runs.record import record
from tests.campaign import LONG
from tests.quiet import run_quietly
from tests.tiny import CHOICES, blobs, flags, rows, tiny, write_images

COMPARED = ("steps.parquet", "weights.safetensors", "end.json")


@pytest.fixture(autouse=True)
def often(monkeypatch):
    """A checkpoint every 5 steps: three parts in a tiny run."""
    monkeypatch.setattr(recorder, "EVERY", 5)


def finish(root, recipe=None, data=None) -> Run:
    recipe = recipe or tiny()
    for _ in record(recipe, data or blobs(), root):
        pass
    return Run(root / recipe.id)


def stop_after(root, steps, recipe=None) -> Run:
    """A run whose iterator was closed behind the given step."""
    recipe = recipe or tiny()
    recording = record(recipe, blobs(), root)
    for _ in range(steps):
        next(recording)
    recording.close()
    return Run(root / recipe.id)


def content(run: Run) -> dict:
    return {name: (run.folder / name).read_bytes() for name in COMPARED}


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory) -> dict:
    return content(finish(tmp_path_factory.mktemp("unbroken")))


# ---- what is written


def test_a_run_reads_back_as_it_was(tmp_path, data):
    recipe = tiny(base_lr=4e-3, patch_projection="fixed")
    steps = [step.row() for step in record(recipe, data, tmp_path)]
    run = find(recipe, tmp_path)
    assert run.recipe == recipe
    assert run.end["outcome"] == "finished"
    assert run.end["loss"] == steps[-1]["loss"]
    assert 0 <= run.end["knn"] <= 1
    assert 0 <= run.end["linear_probe"] <= 1
    table = run.steps
    assert list(table.columns) == list(steps[0])
    assert table["step"].tolist() == list(range(1, 13))
    for name in ("samples", "lr", "temperature", "momentum", "loss"):
        assert table[name].tolist() == [row[name] for row in steps], name
    assert table["knn"].isna().tolist() == [row["knn"] is None for row in steps]
    assert table["grad_inf/patch_projection"].isna().all()
    exact = [row["grad_inf/blocks.0.qkv"] for row in steps]
    assert table["grad_inf/blocks.0.qkv"].tolist() == pytest.approx(exact, rel=4e-3)
    assert verify(run) == []


def test_the_weights_are_those_of_the_last_step(tmp_path, data):
    run = finish(tmp_path)
    training = recorder.train(tiny(), data)
    rows(training)
    kept = safetensors.torch.load_file(run.folder / "weights.safetensors")
    own = training.model.state_dict()
    assert kept.keys() == own.keys()
    assert all(torch.equal(kept[name], own[name]) for name in own)


def test_where_a_run_came_from(tmp_path, data):
    provenance = finish(tmp_path).provenance
    keys = {"mocolib", "python", "torch", "numpy", "timm", "torch-optimi", "data"}
    assert provenance.keys() >= keys | {"data_name", "threads", "machine", "date"}
    assert provenance["torch"] == version("torch")
    assert provenance["data"] == data.fingerprint
    assert provenance["threads"] == 1
    pd.Timestamp(provenance["date"])


def test_older_words_for_how_it_was_carried_out_are_no_change(tmp_path):
    run = stop_after(tmp_path, 9)
    file = run.folder / "provenance.json"
    older = run.provenance
    how = older["execution"]
    how["part"] = how.pop("chunk")
    how["recompute"] = how.pop("activation_checkpointing")
    file.write_text(json.dumps(older))
    assert finish(tmp_path).provenance == older
    assert json.loads(file.read_text()) == older


def test_a_finished_folder_holds_no_leftovers(tmp_path):
    names = {f.name for f in finish(tmp_path).folder.iterdir()} - {"lock"}
    assert names == {*COMPARED, "recipe.json", "provenance.json"}


def test_a_diverged_run_is_recorded(tmp_path, monkeypatch):
    recipe = tiny(optimizer="sgd", base_lr=1e4, head_norm="none", weight_decay=100.0)
    recipe = recipe.replace(steps=200, warmup_steps=0, momentum=0.0)
    run = finish(tmp_path, recipe)
    assert run.end["outcome"] == f"diverged at step {run.end['steps']}"
    assert len(run.steps) == run.end["steps"] < 200
    assert run.end["knn"] is None
    assert verify(run) == []
    monkeypatch.setattr(recorder, "train", None)
    assert list(record(recipe, blobs(), tmp_path)) == []


def test_divergence_on_the_last_step_is_sound(tmp_path):
    recipe = tiny(steps=3)
    recording = record(recipe, blobs(), tmp_path)
    next(recording)
    next(recording)
    training = recording.gi_frame.f_locals["training"]
    with torch.no_grad():
        training.model.query.projector[0].weight.fill_(torch.nan)
    assert len(list(recording)) == 1
    run = Run(tmp_path / recipe.id)
    assert run.end["outcome"] == "diverged at step 3"
    assert verify(run) == []


# ---- nothing is trained twice


def test_a_finished_run_is_read_not_trained(tmp_path, monkeypatch):
    run = finish(tmp_path)
    before = {f: (f.stat().st_mtime_ns, f.read_bytes()) for f in run.folder.iterdir()}

    def never(*_):
        raise AssertionError("a finished run was trained again")

    monkeypatch.setattr(recorder, "train", never)
    assert list(record(tiny(), blobs(), tmp_path)) == []
    after = {f: (f.stat().st_mtime_ns, f.read_bytes()) for f in run.folder.iterdir()}
    kept = {f for f in before if f.name != "lock"}
    assert all(before[f] == after[f] for f in kept)
    assert before.keys() == after.keys()


# ---- stop and go on


@pytest.mark.parametrize("steps", [1, 4, 5, 6, 11])
def test_a_closed_run_goes_on_byte_for_byte(tmp_path, unbroken, steps):
    run = stop_after(tmp_path, steps)
    assert not run.finished
    assert len(run.steps) == steps
    later = [step.index for step in record(tiny(), blobs(), tmp_path)]
    assert later == list(range(steps + 1, 13))  # what was shown is not shown again
    assert content(run) == unbroken


def test_a_run_stopped_at_every_step(tmp_path, unbroken):
    for _ in range(12):
        run = stop_after(tmp_path, 1)
    assert content(finish(tmp_path)) == unbroken
    assert run.finished


@pytest.mark.parametrize("optimizer", CHOICES["optimizer"])
def test_every_optimizer_goes_on_byte_for_byte(tmp_path, optimizer):
    recipe = tiny(optimizer=optimizer, temperature_schedule="learned")
    whole = content(finish(tmp_path / "whole", recipe))
    stop_after(tmp_path / "parts", 7, recipe)
    assert content(finish(tmp_path / "parts", recipe)) == whole


@pytest.mark.parametrize("torn", [b'{"step": 8, "lo', b"\x00\x00\x00", b'{"step": 8}'])
def test_a_torn_last_line_is_cut_off(tmp_path, unbroken, torn):
    run = stop_after(tmp_path, 7)
    with open(run.folder / "steps.jsonl", "ab") as file:
        file.write(torn)
    assert len(run.steps) == 7
    assert content(finish(tmp_path)) == unbroken


def test_a_half_written_file_is_not_read(tmp_path, unbroken):
    run = stop_after(tmp_path, 7)
    for name in ("checkpoint", "recipe", "provenance", "steps", "end", "weights"):
        (run.folder / f"{name}.part").write_bytes(b"half")
    assert content(finish(tmp_path)) == unbroken


class Killed(BaseException):
    """Stands for the end of the process: nothing in the library may catch it."""


def crash_at(monkeypatch, moment: int, behind: bool):
    """The process ends at the n-th change of the file system, before or behind it."""
    count = iter(range(10**6))
    replace, unlink = files.os.replace, recorder.Path.unlink

    def wrap(change):
        def changed(*args, **kwargs):
            now = next(count) == moment
            if now and not behind:
                raise Killed
            change(*args, **kwargs)
            if now:
                raise Killed

        return changed

    monkeypatch.setattr(files.os, "replace", wrap(replace))
    monkeypatch.setattr(recorder.Path, "unlink", wrap(unlink))


@pytest.mark.parametrize("behind", [False, True])
def test_an_end_at_any_change_of_a_file_loses_nothing(tmp_path, unbroken, behind):
    """Moment after moment, until a run gets through without meeting its end."""
    for moment in range(100):
        root = tmp_path / str(moment)
        with pytest.MonkeyPatch.context() as patch:
            crash_at(patch, moment, behind)
            try:
                finish(root)
                break
            except Killed:
                pass
        assert content(finish(root)) == unbroken, moment
    assert 7 <= moment < 20  # recipe, provenance, 2 checkpoints, 3 of the end, ...


# ---- faults in the files


def damage_end(file):
    file.write_bytes(file.read_bytes()[:-20])


def damage_start(file):
    file.write_bytes(b"\xff" * 50 + file.read_bytes()[50:])


def no_values(file):
    tensors = safetensors.torch.load_file(file)
    safetensors.torch.save_file(tensors, file)


def no_queue(file):
    with safetensors.safe_open(file, "pt") as opened:
        tensors = {k: opened.get_tensor(k) for k in opened.keys()}  # noqa: SIM118
        values = opened.metadata()
    kept = {k: v for k, v in tensors.items() if not k.startswith("queue")}
    safetensors.torch.save_file(kept, file, values)


def a_pickle(file):
    file.write_bytes(pickle.dumps({"model": 1}))


@pytest.mark.parametrize(
    "damage", [damage_end, damage_start, no_values, no_queue, a_pickle]
)
def test_a_damaged_checkpoint_is_one_sentence(tmp_path, damage):
    file = stop_after(tmp_path, 7).folder / "checkpoint.safetensors"
    damage(file)
    with pytest.raises(BadInput, match=r"\.$") as refused:
        finish(tmp_path)
    assert str(file) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path):
    other = stop_after(tmp_path, 7, tiny(width=16))
    own = stop_after(tmp_path, 7)
    name = "checkpoint.safetensors"
    (own.folder / name).write_bytes((other.folder / name).read_bytes())
    with pytest.raises(BadInput, match=name):
        finish(tmp_path)


def test_lines_lost_from_the_step_table_are_noticed(tmp_path):
    file = stop_after(tmp_path, 7).folder / "steps.jsonl"
    file.write_bytes(b"".join(file.read_bytes().splitlines(True)[:3]))
    with pytest.raises(BadInput, match="has 3 steps, but must have at least the 5"):
        finish(tmp_path)


def test_a_garbled_line_is_one_sentence(tmp_path):
    run = stop_after(tmp_path, 7)
    file = run.folder / "steps.jsonl"
    file.write_bytes(file.read_bytes().replace(b'"step"', b"step", 1))
    with pytest.raises(BadInput, match=r"steps\.jsonl cannot be read: .*\.$"):
        _ = run.steps


def test_other_images_cannot_continue_a_run(tmp_path):
    stop_after(tmp_path, 3)
    with pytest.raises(BadInput, match=r"fingerprint .* but must have .*\.$"):
        finish(tmp_path, data=blobs(channels=1))


def edit(name):
    """A change to a JSON file of a run."""

    def change(folder, **values):
        file = folder / name
        file.write_text(json.dumps({**json.loads(file.read_text()), **values}))

    return change


def drop_a_step(folder):
    table = Run(folder).steps
    step_table.write(table.drop(index=4), folder / "steps.parquet")


def drop_the_date(folder):
    file = folder / "provenance.json"
    values = json.loads(file.read_text())
    del values["date"]
    file.write_text(json.dumps(values))


PLANTED = {
    "another recipe": (lambda f: edit("recipe.json")(f, seed=9), "has the id"),
    "no such field": (lambda f: edit("recipe.json")(f, speed=9), "speed"),
    "not JSON": (lambda f: (f / "recipe.json").write_text("{"), "recipe.json"),
    "unfinished": (lambda f: (f / "end.json").unlink(), "unfinished"),
    "garbled end": (lambda f: (f / "end.json").write_text("[]"), "end.json"),
    "too few steps": (lambda f: edit("end.json")(f, steps=11), "11"),
    "wrong outcome": (
        lambda f: edit("end.json")(f, outcome="diverged at step 5"),
        "diverged at step 5",
    ),
    "a step missing": (drop_a_step, "steps are not 1 to 12"),
    "no table": (lambda f: (f / "steps.parquet").unlink(), "steps.parquet"),
    "garbled table": (lambda f: damage_end(f / "steps.parquet"), "steps.parquet"),
    "no provenance": (lambda f: (f / "provenance.json").unlink(), "provenance.json"),
    "no date": (drop_the_date, "date"),
    "garbled weights": (
        lambda f: damage_end(f / "weights.safetensors"),
        "weights.safetensors",
    ),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_verify_finds_a_planted_fault(tmp_path, fault):
    run = finish(tmp_path)
    plant, words = PLANTED[fault]
    plant(run.folder)
    faults = verify(Run(run.folder))
    assert all(sentence.startswith(run.id) for sentence in faults)
    assert any(words in sentence for sentence in faults)


# ---- finding runs


def test_runs_are_found_by_the_beginning_of_their_id(tmp_path):
    one, two = (stop_after(tmp_path, 1, tiny(seed=s)) for s in (0, 1))
    assert read(one.id[:6], tmp_path).recipe.seed == 0
    assert [r.id for r in all_runs(tmp_path)] == sorted([one.id, two.id])
    assert find(tiny(seed=0), tmp_path) is None  # not finished
    with pytest.raises(BadInput, match="2 fit"):
        read("", tmp_path)
    with pytest.raises(BadInput, match=r"'zz'.* 0 fit"):
        read("zz", tmp_path)


def test_a_full_id_is_found_beside_copies_of_its_folder(tmp_path):
    run = finish(tmp_path)
    for name in (f"{run.id} (copy)", f"{run.id}-old", f"{run.id}.bak"):
        shutil.copytree(run.folder, tmp_path / name)
        assert read(run.id, tmp_path).folder == run.folder
        assert read(run.id[:5], tmp_path).folder == run.folder
        assert read(name, tmp_path).folder == tmp_path / name


def test_rows_are_counted_without_reading_a_table(tmp_path, monkeypatch):
    half, whole = stop_after(tmp_path, 7), finish(tmp_path, tiny(seed=1))
    with open(half.folder / "steps.jsonl", "ab") as file:
        file.write(b'{"step": 8')  # torn

    def never(*_, **__):
        raise AssertionError("a table was read")

    monkeypatch.setattr(step_table, "read", never)
    monkeypatch.setattr(json, "loads", never)
    assert (half.rows, whole.rows) == (7, 12)


@pytest.mark.parametrize("name", ["recipe.json", "end.json", "steps.parquet"])
def test_a_damaged_run_is_left_out_with_a_warning(tmp_path, name):
    good, bad = finish(tmp_path), finish(tmp_path, tiny(seed=1))
    damage_end(bad.folder / name)
    bad = Run(bad.folder)
    with pytest.warns(LeftOut, match=rf"^run {bad.id} is left out: .*{name}"):
        assert readable([bad, good]) == [good]


def test_only_finished_runs_are_published(tmp_path):
    with pytest.raises(BadInput, match="unfinished"):
        publish(stop_after(tmp_path / "own", 1), tmp_path / "public")
    own = finish(tmp_path / "own")
    public = publish(own, tmp_path / "public")
    assert verify(public) == []
    assert public.steps.equals(own.steps)
    assert not (public.folder / "weights.safetensors").exists()


def test_no_pickle_is_written_or_read(tmp_path, monkeypatch, unbroken):
    def never(*_, **__):
        raise AssertionError("pickle was used")

    for name in ("load", "loads", "dump", "dumps", "Pickler", "Unpickler"):
        monkeypatch.setattr(pickle, name, never)
    for name in ("load", "save"):
        monkeypatch.setattr(torch, name, never)
    stop_after(tmp_path, 7)
    run = finish(tmp_path)
    assert content(run) == unbroken
    assert len(run.steps) == 12


# ---- other processes


def test_a_run_has_one_trainer(tmp_path, unbroken):
    recording = record(tiny(), blobs(), tmp_path)
    next(recording)
    with pytest.raises(BadInput, match="is being trained by another process"):
        finish(tmp_path)
    recording.close()
    assert content(finish(tmp_path)) == unbroken


def test_a_refused_start_does_not_keep_the_lock(tmp_path):
    file = stop_after(tmp_path, 7).folder / "checkpoint.safetensors"
    whole = file.read_bytes()
    damage_end(file)
    with pytest.raises(BadInput) as refused:  # holds the frames of the failed start
        finish(tmp_path)
    file.write_bytes(whole)
    assert finish(tmp_path).finished
    assert refused.value


def test_the_lock_is_not_a_file_that_stays(tmp_path):
    """A lock file left by a dead process locks nobody out."""
    folder = tmp_path / tiny().id
    folder.mkdir()
    (folder / "lock").touch()
    assert finish(tmp_path).finished


KILLS = 100 if LONG else 8


def command_line(root, images) -> list[str]:
    recipe = tiny(steps=60, dataset=f"folder:{images}", knn_every=10)
    return ["train", "--runs", str(root), *flags(recipe)]


def start(arguments):
    """`mocolib train` in a process of its own, forked from one that has imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["mocolib.__main__", "torchvision", "tests.quiet"])
    process = context.Process(target=run_quietly, args=(arguments,))
    process.start()
    return process


def test_killed_at_random_moments(tmp_path):
    """kill -9, again and again: what comes out at the end is the unbroken run."""
    for i, name in enumerate(("ant", "bee", "cow")):
        write_images(tmp_path / "images" / name, 16, seed=i)

    def complete(root) -> dict:
        process = start(command_line(root, tmp_path / "images"))
        process.join()
        assert process.exitcode == 0
        (run,) = all_runs(root)
        assert verify(run) == []
        return content(run)

    complete(tmp_path / "warm")  # decodes the images, starts the server
    began = time.monotonic()
    unbroken = complete(tmp_path / "unbroken")
    whole = time.monotonic() - began
    random_moment = random.Random(0)
    kills, root, roots = 0, tmp_path / "0", 1
    while kills < KILLS:
        process = start(command_line(root, tmp_path / "images"))
        process.join(random_moment.uniform(0, 0.8 * whole))
        alive = process.exitcode is None
        process.kill()
        process.join()
        kills += alive
        if not alive:  # it got through: look, then kill another one
            assert complete(root) == unbroken
            root, roots = tmp_path / str(roots), roots + 1
    assert complete(root) == unbroken


def test_a_table_is_kept_but_never_stale_nor_shared(tmp_path):
    run = finish(tmp_path)
    table = run.steps
    table.loc[:, "loss"] = 0.0
    assert run.steps["loss"].iloc[0] > 0
    table.to_parquet(run.folder / "steps.parquet", index=False)
    assert run.steps["loss"].iloc[0] == 0
