"""The published filters: whose they are, and what is known of them."""

import pytest
import torch

from mocolib import sweep
from mocolib.analysis import filters
from mocolib.analysis.completeness import project
from mocolib.errors import BadInput
from mocolib.runs import Run
from mocolib.runs.record import record
from tests.tiny import tiny

ROUNDING = 1e-3  # float16, relative


@pytest.fixture(scope="module")
def published():
    return filters.read()


def test_they_belong_to_public_runs_of_the_rate_sweep(published):
    wanted = filters.chosen(sweep.recorded("cifar10_lr"))
    assert [f.run.id for f in published] == [run.id for run in wanted]
    made = filters.provenance()
    assert set(made) == {f.run.id for f in published}
    for f in published:
        assert made[f.run.id]["data"] == f.run.provenance["data"]
        assert f.weight.shape == f.start.shape


def test_a_fixed_one_stayed_and_the_learned_ones_moved(published):
    *learned, fixed = published
    assert fixed.run.recipe.patch_projection == "fixed"
    assert torch.equal(fixed.weight, fixed.start.half().float())
    assert fixed.moved < ROUNDING
    for f in learned:
        assert f.run.recipe.patch_projection == "learned"
        assert f.moved > 10 * ROUNDING
        assert torch.equal(f.start, fixed.start)  # one seed, one start


def test_the_file_stays_small():
    assert filters.file().stat().st_size < 100_000


def test_what_is_written_is_read_back(tmp_path, data, monkeypatch):
    monkeypatch.setattr(filters.runs, "public_root", lambda: tmp_path / "runs")
    recipes = [tiny(base_lr=rate, patch_projection=kind) for rate, kind in KINDS]
    for recipe in recipes:
        list(record(recipe, data, tmp_path / "runs"))
    finished = [Run(tmp_path / "runs" / recipe.id) for recipe in recipes]
    kept = filters.chosen(finished)
    filters.write(kept, tmp_path / "own" / "filters.safetensors")
    found = filters.read(tmp_path / "own" / "filters.safetensors")
    settings = [(f.run.recipe.base_lr, f.run.recipe.patch_projection) for f in found]
    assert settings == [(0.01, "learned"), (0.1, "learned"), (0.1, "fixed")]
    assert found[-1].moved < ROUNDING < found[1].moved
    assert torch.equal(found[0].start, project(recipes[0], data.channels))


KINDS = [(0.1, "fixed"), (0.1, "learned"), (0.01, "fixed"), (0.01, "learned")]


def test_without_weights_there_is_a_sentence(tmp_path):
    [run, *_] = sweep.recorded("cifar10_lr")
    with pytest.raises(BadInput, match="has no weights, but must have kept them"):
        filters.write([run], tmp_path / "filters.safetensors")
    (tmp_path / "torn.safetensors").write_bytes(b"torn")
    with pytest.raises(BadInput, match=r"torn\.safetensors"):
        filters.read(tmp_path / "torn.safetensors")
