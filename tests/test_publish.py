"""The public runs are sound, and those of the embedded images can be trained again."""

import os
import subprocess
import sys

import pytest
import torch

from mocolib.data import load
from mocolib.errors import BadInput
from mocolib.runs import Run, all_runs, public_root, publish
from mocolib.runs.record import record
from tests.tiny import tiny

PUBLIC = all_runs(public_root())


def test_every_public_run_verifies():
    assert PUBLIC
    assert [fault for run in PUBLIC for fault in publish.verify(run)] == []


def test_the_public_set_stays_small():
    files = [one for one in public_root().rglob("*") if one.is_file()]
    assert sum(file.stat().st_size for file in files) < 25_000_000


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
    (tmp_path / run.id).symlink_to(run.folder)
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


def test_a_changed_byte_is_found(tmp_path, data):
    list(record(tiny(), data, tmp_path / "own"))
    run = publish.publish(Run(tmp_path / "own" / tiny().id), tmp_path / "public")
    assert publish.verify(run) == []
    file = run.folder / "provenance.json"
    file.write_text(file.read_text().replace("20", "19", 1))
    assert publish.verify(Run(run.folder)) == [
        f"{run.id}: its files are not those in checksums.json."
    ]


def test_a_run_that_differs_departs(tmp_path, data):
    list(record(tiny(), data, tmp_path))
    run = Run(tmp_path / tiny().id)
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
    list(record(tiny(), data, tmp_path))
    with pytest.raises(BadInput, match="fingerprint"):
        publish.departures(Run(tmp_path / tiny().id), load("fashion-mnist"))


def test_only_what_is_sound_is_published_and_nowhere_else(tmp_path, data):
    list(record(tiny(), data, tmp_path / "own"))
    run = Run(tmp_path / "own" / tiny().id)
    public = publish.publish(run, tmp_path / "public")
    assert public.folder == tmp_path / "public" / run.id
    (run.folder / "end.json").write_text("{}")
    with pytest.raises(BadInput, match=r"end\.json.* must be sound to publish\.$"):
        publish.publish(Run(run.folder), tmp_path / "other")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("name", publish.FILES)
@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff\x00PAR1", b"null"])
def test_any_damage_is_a_sentence_of_verify(tmp_path, data, name, content):
    list(record(tiny(), data, tmp_path))
    run = Run(tmp_path / tiny().id)
    (run.folder / name).write_bytes(content)
    faults = publish.verify(Run(run.folder))
    assert faults
    assert all(f.startswith(run.id) and "\n" not in f for f in faults)
