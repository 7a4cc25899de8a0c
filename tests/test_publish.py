"""The public runs are sound, and those of the embedded images can be trained again."""

import pytest

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
    size = sum(file.stat().st_size for file in public_root().rglob("*"))
    assert size < 25 * 2**20


def test_a_recorded_run_can_be_trained_again():
    # a calm one: where a run shakes, another processor's rounding grows within steps
    ours = [run for run in PUBLIC if run.recipe.dataset == "fashion-mnist"]
    run = min(ours, key=lambda run: run.recipe.lr)
    departures = publish.retrained(run, load("fashion-mnist"))
    assert max(departures[: publish.FIRST]) <= publish.ROUNDING


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
    assert not any(publish.retrained(run, data))
    (run.folder / "recipe.json").write_text(tiny(base_lr=0.5).to_json())
    assert max(publish.retrained(Run(run.folder), data)) > 0.01


def test_other_images_are_refused(tmp_path, data):
    list(record(tiny(), data, tmp_path))
    with pytest.raises(BadInput, match="fingerprint"):
        publish.retrained(Run(tmp_path / tiny().id), load("fashion-mnist"))
