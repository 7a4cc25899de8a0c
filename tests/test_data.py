"""Images in: the embedded set, torchvision's, and folders of images."""

import dataclasses
import gzip
import os
import pickle
import socket
import struct
import urllib.error

import numpy as np
import pytest
import torch
import torchvision.datasets
from PIL import Image

from mocolib import data as data_module
from mocolib.data import decode, load, read_idx
from mocolib.errors import BadInput
from tests.tiny import blobs, random_images, write_images


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*_):
        raise AssertionError("a test of data may not open a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def load_folder(root, size=8):
    return load(f"folder:{root}", size)


def refused(call, *words):
    """The sentence with which `call` is refused; every word stands in it."""
    with pytest.raises(BadInput) as error:
        call()
    sentence = str(error.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    for word in words:
        assert str(word) in sentence
    return sentence


# ---- the embedded images


def test_the_embedded_images():
    data = load("fashion-mnist")
    assert data.train_images.shape[1:] == (1, 28, 28)
    assert 10_000 <= len(data.train_images) <= 12_000
    assert data.test_images.shape == (10_000, 1, 28, 28)
    assert data.train_images.dtype == torch.uint8
    assert data.train_labels.dtype == torch.int64
    assert len(data.classes) == 10
    for labels in (data.train_labels, data.test_labels):
        counts = torch.bincount(labels)
        assert len(counts) == 10
        assert (counts == len(labels) // 10).all()


def test_the_embedded_labels_belong_to_the_images():
    """Trousers are narrow, bags are wide, sandals are dark: labels can't be shifted."""
    data = load("fashion-mnist")
    ink = torch.stack(
        [
            data.train_images[data.train_labels == c].float().mean(0)[0]
            for c in range(10)
        ]
    )
    share_in_the_middle = ink[:, :, 9:19].sum((1, 2)) / ink.sum((1, 2))
    assert data.classes[share_in_the_middle.argmax()] == "Trouser"
    assert data.classes[ink.mean((1, 2)).argmin()] == "Sandal"


def test_an_image_is_found_by_its_class():
    """A chapter that shows a boot asks for one, whichever images are embedded."""
    data = load("fashion-mnist")
    for name in ("T-shirt", "Ankle boot", "Coat"):
        place = data.first(name)
        before = {data.classes[label] for label in data.test_labels[:place]}
        assert name in data.classes[data.test_labels[place]]
        assert not any(name in one for one in before)
    with pytest.raises(BadInput, match="class is 'Hat', but must be one of T-shirt"):
        data.first("Hat")


def test_no_image_is_in_both_splits():
    data = load("fashion-mnist")
    train = {image.numpy().tobytes() for image in data.train_images}
    test = {image.numpy().tobytes() for image in data.test_images}
    assert len(train) == len(data.train_images)
    assert not train & test


def idx(array) -> bytes:
    head = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return head + array.astype(np.uint8).tobytes()


def test_an_idx_file_is_read(tmp_path):
    array = np.arange(24).reshape(2, 3, 4)
    file = tmp_path / "a.gz"
    file.write_bytes(gzip.compress(idx(array)))
    assert read_idx(file).tolist() == array.tolist()


whole = gzip.compress(idx(np.arange(24).reshape(2, 3, 4)))


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="empty"),
        pytest.param(whole[:-12], id="truncated gzip"),
        pytest.param(whole[:30] + b"\0\0\0\0" + whole[34:], id="garbled gzip"),
        pytest.param(idx(np.arange(3)), id="not gzip"),
        pytest.param(gzip.compress(idx(np.arange(24))[:-1]), id="a byte short"),
        pytest.param(gzip.compress(idx(np.arange(24)) + b"x"), id="a byte long"),
        pytest.param(gzip.compress(b"\0\0\x0d\x01" + bytes(8)), id="floats"),
        pytest.param(gzip.compress(b"\1\0\x08\x01" + bytes(8)), id="wrong magic"),
        pytest.param(gzip.compress(b"\0\0\x08"), id="no header"),
        pytest.param(gzip.compress(b"\0\0\x08\x03\0"), id="half a shape"),
    ],
)
def test_a_faulty_idx_file_is_one_sentence(tmp_path, raw):
    file = tmp_path / "a.gz"
    file.write_bytes(raw)
    refused(lambda: read_idx(file), file)


def test_a_missing_idx_file_is_one_sentence(tmp_path):
    refused(lambda: read_idx(tmp_path / "none.gz"), "none.gz")


# ---- torchvision's


def write_cifar10(root, monkeypatch):
    """Five images, the last one for test, in the layout of CIFAR-10's archive."""
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    pixels = random_images(5, 3, 32).flatten(1).numpy()
    for name, part in (("one", slice(0, 4)), ("two", slice(4, 5))):
        batch = {"data": pixels[part], "labels": [3, 1, 4, 1, 5][part]}
        (folder / name).write_bytes(pickle.dumps(batch))
    names = {"label_names": list("abcdefghij")}
    (folder / "names").write_bytes(pickle.dumps(names))
    source = torchvision.datasets.CIFAR10
    monkeypatch.setattr(source, "train_list", [["one", None]])
    monkeypatch.setattr(source, "test_list", [["two", None]])
    meta = {"filename": "names", "key": "label_names", "md5": None}
    monkeypatch.setattr(source, "meta", meta)
    return torch.from_numpy(pixels).view(5, 3, 32, 32)


def test_cifar10_through_torchvision(monkeypatch):
    pixels = write_cifar10(data_module.user_root(), monkeypatch)
    data = load("cifar10")
    assert torch.equal(data.train_images, pixels[:4])
    assert torch.equal(data.test_images, pixels[4:])
    assert data.train_labels.tolist() == [3, 1, 4, 1]
    assert data.classes == tuple("abcdefghij")
    assert data.train_images.is_contiguous()


def test_mnist_through_torchvision():
    raw = data_module.user_root() / "MNIST" / "raw"
    raw.mkdir(parents=True)
    pixels = random_images(5, 1, 28)
    for split, part in (("train", slice(0, 4)), ("t10k", slice(4, 5))):
        images, labels = pixels[part, 0].numpy(), np.array([3, 1, 4, 1, 5])[part]
        (raw / f"{split}-images-idx3-ubyte").write_bytes(idx(images))
        (raw / f"{split}-labels-idx1-ubyte").write_bytes(idx(labels))
    data = load("mnist")
    assert torch.equal(data.train_images, pixels[:4])
    assert data.test_labels.tolist() == [5]
    assert data.channels == 1


@pytest.mark.parametrize(
    "fault", [urllib.error.URLError("no route"), RuntimeError("File not found")]
)
def test_a_download_that_fails_is_one_sentence(monkeypatch, fault):
    def fail(*_, **__):
        raise fault

    monkeypatch.setattr(torchvision.datasets, "CIFAR10", fail)
    refused(lambda: load("cifar10"), "cifar10", data_module.user_root())


@pytest.mark.parametrize("name", ["imagenet", "", "Folder:x", "fashion_mnist"])
def test_an_unknown_name_is_one_sentence(name):
    refused(lambda: load(name), repr(name), "fashion-mnist", "folder:PATH")


# ---- folders


def write_two_classes(root, count=6, **how):
    for i, name in enumerate(("ant", "bee")):
        write_images(root / name, count, seed=i, **how)
    return root


def test_train_and_test_folders(tmp_path):
    for split, count in (("train", 5), ("test", 2)):
        write_two_classes(tmp_path / split, count)
    data = load_folder(tmp_path)
    assert data.classes == ("ant", "bee")
    assert data.train_labels.tolist() == [0] * 5 + [1] * 5
    assert data.test_labels.tolist() == [0] * 2 + [1] * 2
    first = np.asarray(Image.open(tmp_path / "train" / "ant" / "000.png"))
    assert data.train_images[0].permute(1, 2, 0).numpy().tolist() == first.tolist()


def test_val_stands_for_test(tmp_path):
    for split in ("train", "val"):
        write_two_classes(tmp_path / split, 2)
    assert len(load_folder(tmp_path).test_images) == 4


def test_without_splits_every_sixth_image_is_held_out(tmp_path):
    data = load_folder(write_two_classes(tmp_path, 9))
    assert data.test_labels.tolist() == [0, 0, 1]
    assert data.train_labels.tolist() == [0] * 7 + [1] * 8


def test_grey_images_keep_one_channel(tmp_path):
    assert load_folder(write_two_classes(tmp_path, mode="L")).channels == 1


def test_one_colour_image_makes_all_of_them_colour(tmp_path):
    write_two_classes(tmp_path, mode="L")
    write_images(tmp_path / "cat", 6)
    data = load_folder(tmp_path)
    assert data.channels == 3
    grey = data.train_images[data.train_labels == 0]
    assert torch.equal(grey[:, 0], grey[:, 2])


@pytest.mark.parametrize("side", [(8, 8), (30, 8), (9, 40), (3, 3), (1, 50), (8, 9)])
def test_any_size_is_cut_to_a_square(tmp_path, side):
    root = write_two_classes(tmp_path, side=side)
    write_images(root / "ant", 1, seed=9)  # 000.png anew, with another size
    assert load_folder(root).train_images.shape == (10, 3, 8, 8)


def test_the_centre_of_a_long_image_is_kept(tmp_path):
    write_two_classes(tmp_path)
    pixels = np.zeros((8, 24, 3), np.uint8)
    pixels[:, 8:16] = 200
    Image.fromarray(pixels).save(tmp_path / "ant" / "001.png")
    assert (load_folder(tmp_path).train_images[0] == 200).all()


def count_decoding(monkeypatch) -> list:
    seen, image = [], decode.image

    def counted(file, *rest):
        seen.append(file.name)
        return image(file, *rest)

    monkeypatch.setattr(decode, "image", counted)
    return seen


def test_hidden_folders_are_no_classes(tmp_path):
    for name in ("cat", "dog", ".ipynb_checkpoints"):
        write_images(tmp_path / name, 0 if name[0] == "." else 8)
    assert load_folder(tmp_path).classes == ("cat", "dog")


def test_a_folder_is_decoded_once(tmp_path, monkeypatch):
    seen = count_decoding(monkeypatch)
    first = load_folder(write_two_classes(tmp_path))
    assert len(seen) == 12
    again = load_folder(tmp_path)
    assert len(seen) == 12
    assert again.fingerprint == first.fingerprint
    assert torch.equal(again.train_images, first.train_images)
    load_folder(tmp_path, size=4)
    assert len(seen) == 24


def test_a_changed_file_is_decoded_anew(tmp_path):
    first = load_folder(write_two_classes(tmp_path))
    file = tmp_path / "bee" / "003.png"
    size, stat = file.stat().st_size, file.stat()
    Image.open(tmp_path / "ant" / "000.png").save(file)
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    assert load_folder(tmp_path).fingerprint != first.fingerprint, size
    file.unlink()
    assert len(load_folder(tmp_path).train_images) == 9


def test_a_broken_cache_is_made_anew(tmp_path):
    first = load_folder(write_two_classes(tmp_path))
    (cache,) = (data_module.user_root() / "decoded").glob("*.safetensors")
    cache.write_bytes(cache.read_bytes()[:100])
    assert load_folder(tmp_path).fingerprint == first.fingerprint


def test_where_a_folder_is_looked_for(tmp_path, monkeypatch):
    write_two_classes(tmp_path / "home" / "pictures")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert load("folder:~/pictures", 8).channels == 3
    write_two_classes(data_module.user_root() / "mine", mode="L")
    assert load("folder:mine", 8).channels == 1
    monkeypatch.chdir(tmp_path)
    write_two_classes(tmp_path / "mine")  # here comes first
    assert load("folder:mine", 8).channels == 3


@pytest.mark.parametrize("place", ["none", "~nobody-of-this-name/x", "a\0b", "a\nb"])
def test_a_folder_that_is_nowhere_is_one_sentence(place):
    refused(lambda: load(f"folder:{place}"), "dataset")


def test_an_empty_class_is_named(tmp_path):
    write_two_classes(tmp_path)
    (tmp_path / "cow").mkdir()
    (tmp_path / "cow" / "notes.txt").write_text("no image")
    refused(lambda: load_folder(tmp_path), tmp_path, "'cow'")


def test_a_folder_without_classes_is_refused(tmp_path):
    refused(lambda: load_folder(tmp_path), tmp_path)


def test_too_few_images_are_refused(tmp_path):
    write_images(tmp_path / "ant", 1)
    refused(lambda: load_folder(tmp_path), "0 training images")


@pytest.mark.parametrize(
    "raw", [b"", b"no image at all", b"\x89PNG\r\n\x1a\n" + b"x" * 9]
)
def test_a_file_that_is_no_image_is_named(tmp_path, raw):
    file = write_two_classes(tmp_path) / "bee" / "002.png"
    file.write_bytes(raw)
    refused(lambda: load_folder(tmp_path), file)


def test_a_truncated_image_is_named(tmp_path):
    file = write_two_classes(tmp_path, side=(40, 40)) / "bee" / "002.png"
    file.write_bytes(file.read_bytes()[:500])
    refused(lambda: load_folder(tmp_path), file)


def test_a_link_to_nowhere_is_named(tmp_path):
    file = write_two_classes(tmp_path) / "bee" / "009.png"
    file.symlink_to(tmp_path / "gone.png")
    refused(lambda: load_folder(tmp_path), file)


def test_a_class_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    """Root may read anything, so the refusal is played."""
    locked = write_two_classes(tmp_path) / "bee"
    listing = type(locked).iterdir

    def iterdir(folder):
        if folder == locked:
            raise PermissionError(13, "Permission denied", str(locked))
        return listing(folder)

    monkeypatch.setattr(type(locked), "iterdir", iterdir)
    refused(lambda: load_folder(tmp_path), locked, "Permission denied")


def test_classes_must_agree(tmp_path):
    write_two_classes(tmp_path / "train")
    write_two_classes(tmp_path / "test")
    write_images(tmp_path / "test" / "cow", 2)
    refused(lambda: load_folder(tmp_path), "'cow'")


def test_images_that_would_fill_the_memory_are_refused(tmp_path):
    root = write_two_classes(tmp_path)
    refused(lambda: load_folder(root, size=100_000), "image_size", "100000", "GiB")


# ---- what a data set says of itself


def test_mean_and_deviation():
    data = blobs()
    plain = data.train_images.double() / 255
    assert data.mean == pytest.approx(plain.mean((0, 2, 3)).tolist(), abs=1e-7)
    deviation = plain.std((0, 2, 3), correction=0)
    assert data.std == pytest.approx(deviation.tolist(), abs=1e-7)


def changed(part: str):
    """The data set with one value of one part changed."""
    data = blobs()
    getattr(data, part).view(-1)[-1] ^= 1
    return data


def test_the_fingerprint_knows_every_value():
    parts = ("train_images", "train_labels", "test_images", "test_labels")
    prints = {blobs().fingerprint, *(changed(part).fingerprint for part in parts)}
    assert len(prints) == 5
    assert blobs().fingerprint == blobs().fingerprint


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("place", [(..., None), slice(1, None), 0])
def test_labels_of_a_data_set_are_one_an_image(data, split, place):
    name = f"{split}_labels"
    labels = getattr(data, name)[place]
    with pytest.raises(BadInput, match=f"^{name} of dataset blobs have the shape"):
        dataclasses.replace(data, **{name: labels})
