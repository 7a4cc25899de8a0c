"""The public runs are sound, and those of the embedded images can be trained again."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from mocolib.data import load
from mocolib.errors import BadInput
from mocolib.runs import Run, all_runs, public_root, publish, step_table
from mocolib.runs.record import record
from tests.tiny import blobs, tiny

PUBLIC = all_runs(public_root())


def test_every_public_run_verifies():
    assert PUBLIC
    assert [fault for run in PUBLIC for fault in publish.verify(run)] == []


def test_the_public_set_stays_small():
    files = [one for one in public_root().rglob("*") if one.is_file()]
    assert sum(file.stat().st_size for file in files) < 30_000_000


def test_a_recorded_run_can_be_trained_again():
    ours = [run for run in PUBLIC if run.recipe.dataset == "fashion-mnist"]
    for choose in (min, max):  # the calmest and the wildest
        run = choose(ours, key=lambda run: run.recipe.lr)
        found = publish.departures(run, load("fashion-mnist"), steps=2)
        assert publish.agrees(found), (run.id, found)


WHOLE = "without vectors"
ELSEWHERE = {
    WHOLE: {"ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE"},
    "avx2": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    },
    "two threads": {"OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"},
}


@pytest.fixture
def calmest(tmp_path):
    """A folder of the run alone that is trained again."""
    ours = [run for run in PUBLIC if run.recipe.dataset == "fashion-mnist"]
    run = min(ours, key=lambda run: run.recipe.lr)
    publish.publish(run, tmp_path)
    return tmp_path


@pytest.mark.parametrize("where", ELSEWHERE)
def test_the_record_verifies_on_other_processors(calmest, where):
    """As a reader's first check, in a process with fewer instructions than this one.

    One reads the whole record; what a processor can change is in one run's digits.
    """
    root, count = (calmest, 1) if where != WHOLE else (public_root(), len(PUBLIC))
    command = [sys.executable, "-m", "mocolib", "runs", "verify", "--runs", str(root)]
    env = {**os.environ, **ELSEWHERE[where]}
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    again, *_, counted = done.stdout.splitlines()
    assert "trained again: its first" in again
    assert f"torch {torch.__version__.split('+')[0]}" in again
    assert counted == f"{count} runs, 0 faults."


def recorded(root, data, **changes) -> Run:
    list(record(tiny(**changes), data, root))
    return Run(root / tiny(**changes).id)


@pytest.mark.parametrize("name", publish.FILES)
def test_a_changed_record_is_found(tmp_path, data, name):
    run = publish.publish(recorded(tmp_path / "own", data), tmp_path / "public")
    assert publish.verify(run) == []
    file = run.folder / name
    if name == "steps.parquet":
        table = run.steps
        table.loc[3, "update/patch_projection"] *= 1.01
        step_table.write(table, file)
    else:
        text = file.read_text()
        file.write_text(text.replace("0", "1", 1) if "0" in text else "0")
    assert any("checksum" in fault for fault in publish.verify(Run(run.folder)))


def test_a_checksum_is_of_what_is_said_not_of_how_it_is_written(tmp_path, data):
    run = publish.publish(recorded(tmp_path / "own", data), tmp_path / "public")
    told = json.loads((run.folder / "recipe.json").read_text())
    turned = json.dumps(dict(reversed(told.items())))
    (run.folder / "recipe.json").write_text(turned)
    run.steps.to_parquet(run.folder / "steps.parquet", index=False)
    assert publish.verify(Run(run.folder)) == []


def test_a_run_that_differs_departs(tmp_path, data):
    run = recorded(tmp_path, data)
    assert publish.departures(run, data, steps=12) == [0] * 12
    sentence, agrees = publish.trained_again(run, data)
    assert agrees
    assert "8 steps are the record's, bit for bit" in sentence
    assert run.provenance["machine"] in sentence
    (run.folder / "recipe.json").write_text(tiny(base_lr=0.5).to_json())
    changed = publish.departures(Run(run.folder), data)
    assert max(changed) > 0.01
    assert not publish.agrees(changed)


def test_other_images_are_refused(tmp_path, data):
    with pytest.raises(BadInput, match="fingerprint"):
        publish.departures(recorded(tmp_path, data), load("fashion-mnist"))


def test_only_what_is_sound_is_published_and_nowhere_else(tmp_path, data):
    run = recorded(tmp_path / "own", data)
    public = publish.publish(run, tmp_path / "public")
    assert public.folder == tmp_path / "public" / run.id
    assert {file.name for file in public.folder.iterdir()} == set(publish.FILES)
    (run.folder / "end.json").write_text("{}")
    with pytest.raises(BadInput, match=r"end\.json.* must be sound to publish\.$"):
        publish.publish(Run(run.folder), tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_of_a_run_the_first_and_last_gradients_alone_may_be_published(tmp_path, data):
    run = recorded(tmp_path / "own", data)
    public = publish.publish(run, tmp_path / "public", every_layer=False)
    layered = [name for name in public.steps if "/" in name]
    assert layered == ["grad_inf/patch_projection", "grad_inf/predictor.1"]
    kept = step_table.kept(run.steps)[list(public.steps)]
    assert public.steps.equals(kept)
    assert publish.verify(public) == []


def test_another_record_of_the_same_recipe_is_not_replaced(tmp_path, data):
    run = publish.publish(recorded(tmp_path / "a", data), tmp_path / "public")
    before = {file.name: file.read_bytes() for file in run.folder.iterdir()}
    again = recorded(tmp_path / "a", data)
    assert publish.publish(again, tmp_path / "public") == run  # the same: nothing to do
    other = recorded(tmp_path / "b", blobs(channels=1))
    with pytest.raises(BadInput, match=r"has another record in .*: remove one of the"):
        publish.publish(other, tmp_path / "public")
    assert before == {file.name: file.read_bytes() for file in run.folder.iterdir()}


def test_a_run_that_is_not_published_whole_is_not_there(tmp_path, data, monkeypatch):
    run = recorded(tmp_path / "own", data)

    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(step_table, "write_atomic", full)
    with pytest.raises(OSError, match="no space"):
        publish.publish(run, tmp_path / "public")
    assert list((tmp_path / "public").iterdir()) == []


def test_all_runs_keep_their_checksums_when_many_are_published_at_once(tmp_path, data):
    own = [recorded(tmp_path / "own", data, seed=seed) for seed in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda run: publish.publish(run, tmp_path / "public"), own))
    public = all_runs(tmp_path / "public")
    assert [publish.digest(run) for run in public] == [
        run.reader.checksum for run in public
    ]
    assert len(public) == 6


@pytest.mark.parametrize("name", publish.FILES)
@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff\x00PAR1", b"null"])
def test_any_damage_is_a_sentence_of_verify(tmp_path, data, name, content):
    run = publish.publish(recorded(tmp_path / "own", data), tmp_path)
    (run.folder / name).write_bytes(content)
    faults = publish.verify(Run(run.folder))
    assert faults
    assert all(f.startswith(run.id) and "\n" not in f for f in faults)
