"""A folder too large for memory trains as one that is held, bit for bit."""

import psutil
import pytest
import torch

from mocolib import data as data_module
from mocolib.data import load
from mocolib.data.decode import LazyImages
from mocolib.errors import BadInput
from mocolib.runs import checkpoint
from mocolib.train import train
from tests.tiny import rows, tiny, write_images


@pytest.fixture
def folder(tmp_path):
    for seed, name in enumerate(("ant", "bee", "cow")):
        write_images(tmp_path / name, 30, side=(11, 9), seed=seed)
    return f"folder:{tmp_path}"


@pytest.fixture
def small_memory(monkeypatch):
    """What 60 images take is held, the 75 of training are not."""
    monkeypatch.setattr(data_module, "LARGEST", 60 * 8 * 8 * 3)


def test_files_are_what_a_tensor_would_be(folder, small_memory, monkeypatch):
    streamed = load(folder, 8)
    monkeypatch.undo()
    held = load(folder, 8)
    files, images = streamed.train_images, held.train_images
    assert isinstance(files, LazyImages)
    assert torch.is_tensor(streamed.test_images)
    assert files.shape == tuple(images.shape)
    assert torch.equal(torch.cat(list(files.split(32))), images)
    places = torch.tensor([60, 3, 41])
    assert torch.equal(next(files[places].split(9)), images[places])
    assert torch.equal(next(files[5:8].split(9)), images[5:8])
    assert (streamed.channels, streamed.classes) == (held.channels, held.classes)
    assert torch.equal(streamed.train_labels, held.train_labels)
    assert torch.equal(streamed.mean, held.mean)
    assert torch.equal(streamed.std, held.std)
    assert files.sample(25).shape == (25, 3, 8, 8)


@pytest.mark.parametrize("workers", [0, 2])
def test_the_run_is_the_same(folder, monkeypatch, workers):
    """Also where it goes on from a state in the middle."""
    changes = dict(dataset=folder, batch_size=16, steps=7, knn_memory="clean")
    held = train(tiny(**changes), load(folder, 8))
    monkeypatch.setattr(data_module, "LARGEST", 60 * 8 * 8 * 3)
    torch.manual_seed(5)
    streamed = train(tiny(**changes), load(folder, 8, workers))
    assert rows(streamed, 3) == rows(held, 3)
    tensors, values = checkpoint.state(streamed)
    state = {k: v.clone() for k, v in tensors.items()}, values
    assert rows(streamed) == (rest := rows(held))
    again = train(tiny(**changes), load(folder, 8, workers))
    checkpoint.restore(again, *state)
    assert rows(again) == rest
    assert again.monitor.linear_probe() == held.monitor.linear_probe()
    drawn = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(3))


@pytest.mark.parametrize("steps", [3, 7], ids=["broken off", "whole"])
def test_workers_end_with_the_run(folder, small_memory, steps):
    """And not when the garbage collector finds them, which then waits for each."""
    recipe = tiny(dataset=folder, batch_size=16, steps=7, knn_memory="clean")
    before = set(psutil.Process().children())
    running = train(recipe, load(folder, 8, 2))
    rows(running, steps)
    workers = set(psutil.Process().children()) - before
    assert len(workers) == 2
    del running
    assert not workers & set(psutil.Process().children())


def test_a_fingerprint_tells_folders_apart(folder, small_memory, tmp_path):
    first = load(folder, 8).fingerprint
    assert load(folder, 8).fingerprint == first
    write_images(tmp_path / "bee", 30, side=(12, 9), seed=9)
    assert load(folder, 8).fingerprint != first


@pytest.mark.parametrize("workers", [0, 1])
def test_a_broken_image_is_one_sentence(folder, small_memory, tmp_path, workers):
    (tmp_path / "bee" / "004.png").write_bytes(b"no image")
    with pytest.raises(BadInput, match=r"^image \S+004.png cannot be decoded: .*\.$"):
        rows(train(tiny(batch_size=60, steps=3), load(folder, 8, workers)))
