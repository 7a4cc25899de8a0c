"""Images in: whole data sets as uint8 tensors, with labels.

Everything is decoded once and then lives in memory; no loader processes, no
per-image Python. `load` knows the embedded Fashion-MNIST subset, a few data sets
through torchvision (downloaded on first use) and any folder of class folders. Of a
folder too large for memory the images stay `Files`, decoded again for each step.
"""

import contextlib
import functools
import gzip
import hashlib
import os
import struct
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import filelock
import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from mocolib.data import decode
from mocolib.errors import BadInput

TORCHVISION = {"cifar10": "CIFAR10", "cifar100": "CIFAR100", "mnist": "MNIST"}
LARGEST = 16 * 2**30  # bytes of decoded images of a split that we are ready to hold
SAMPLE = 10_000  # images that mean and deviation are taken from, if they are not held


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """uint8 images [N, C, H, W] and int64 labels [N], for training and test.

    Images too many to hold are `decode.Files` in place of a tensor.
    """

    name: str
    train_images: torch.Tensor | decode.Files
    train_labels: torch.Tensor
    test_images: torch.Tensor | decode.Files
    test_labels: torch.Tensor
    classes: tuple

    @property
    def channels(self) -> int:
        return self.train_images.shape[1]

    @cached_property
    def mean(self) -> torch.Tensor:
        """Mean of each channel over the training images, in 0..1, [C]."""
        return self._moments[0]

    @cached_property
    def std(self) -> torch.Tensor:
        return self._moments[1]

    @cached_property
    def _moments(self):
        # from a histogram: exact, and the same on every machine and thread count
        values = np.arange(256) / 255
        images = self.train_images
        held = images if torch.is_tensor(images) else images.sample(SAMPLE)
        flat = held.transpose(0, 1).flatten(1).numpy()
        counts = np.stack([np.bincount(c, minlength=256) for c in flat])
        share = counts / counts.sum(1, keepdims=True)
        mean = share @ values
        std = np.sqrt(np.maximum(share @ values**2 - mean**2, 1e-6))
        return torch.tensor(mean).float(), torch.tensor(std).float()

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hex digits over all pixels and labels."""
        digest = hashlib.sha256()
        train, test = self.train_images, self.test_images
        for part in (train, self.train_labels, test, self.test_labels):
            held = torch.is_tensor(part)
            digest.update(part.contiguous().numpy().tobytes() if held else part.digest)
        return digest.hexdigest()[:16]


def data_root() -> Path:
    """Where data lie: beside the package in a checkout, inside it when installed."""
    inside = Path(__file__).parents[1] / "_data"
    return inside if inside.exists() else Path(__file__).parents[2] / "data"


def user_root() -> Path:
    """Where downloads and decoded folders go; MOCOLIB_DATA chooses another place."""
    return Path(os.environ.get("MOCOLIB_DATA", Path.home() / ".cache" / "mocolib"))


def load(name: str, image_size: int | None = None, workers: int = 0) -> Dataset:
    """The data set called `name`: fashion-mnist, cifar10, cifar100, mnist, folder:PATH.

    A relative folder is looked for here, then under MOCOLIB_DATA, then beside the
    embedded data. `image_size` is the side that folder images are decoded at, by
    so many worker processes if they are too many to hold.
    """
    if name == "fashion-mnist":
        return _embedded(name)
    if name in TORCHVISION:
        return _torchvision(name)
    if isinstance(name, str) and name.startswith("folder:"):
        return _folder(name, image_size or 32, workers)
    known = ", ".join(["fashion-mnist", *TORCHVISION, "folder:PATH"])
    raise BadInput(f"dataset is {name!r}, but must be one of {known}.")


def read_idx(path: Path) -> torch.Tensor:
    """A gzipped idx file (the MNIST format) as a uint8 tensor."""
    try:
        raw = gzip.decompress(Path(path).read_bytes())
        zero, kind, dims = struct.unpack(">HBB", raw[:4])
        shape = struct.unpack(f">{dims}I", raw[4 : 4 + 4 * dims])
        if zero or kind != 8:
            raise ValueError("not an idx file of bytes")
        values = np.frombuffer(raw, np.uint8, offset=4 + 4 * dims).reshape(shape)
    except (OSError, EOFError, ValueError, struct.error) as error:
        raise BadInput(f"data file {path} cannot be read: {error}.") from None
    return torch.from_numpy(values.copy())


def _embedded(name: str) -> Dataset:
    folder = data_root() / name
    images = {
        s: read_idx(folder / f"{s}-images-idx3-ubyte.gz") for s in ("train", "t10k")
    }
    labels = {
        s: read_idx(folder / f"{s}-labels-idx1-ubyte.gz") for s in ("train", "t10k")
    }
    return Dataset(
        name=name,
        train_images=images["train"][:, None],
        train_labels=labels["train"].long(),
        test_images=images["t10k"][:, None],
        test_labels=labels["t10k"].long(),
        classes=(
            *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
            *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        ),
    )


def _torchvision(name: str) -> Dataset:
    import torchvision.datasets  # slow to import, and only readers need it

    source = getattr(torchvision.datasets, TORCHVISION[name])
    parts = {}
    for split in ("train", "test"):
        try:
            part = source(user_root(), train=split == "train", download=True)
        except (OSError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise BadInput(
                f"dataset {name} cannot be had in {user_root()}: {reason}."
            ) from None
        images = torch.as_tensor(np.asarray(part.data))
        images = images[:, None] if images.ndim == 3 else images.permute(0, 3, 1, 2)
        parts[f"{split}_images"] = images.contiguous()
        parts[f"{split}_labels"] = torch.as_tensor(part.targets).long()
    return Dataset(name=name, classes=tuple(part.classes), **parts)


def _find(path: Path) -> Path:
    """A folder by its name: as given, else under each of the data roots."""
    with contextlib.suppress(RuntimeError):  # ~ of a user who does not exist
        path = path.expanduser()
    for base in (Path(), user_root(), data_root()):
        if (base / path).is_dir():
            return base / path
    raise BadInput(
        f"dataset is {f'folder:{path}'!r}, but must name a folder of class folders; "
        f"none is there, nor in {user_root()}."
    )


def _folder(name: str, size: int, workers: int) -> Dataset:
    """PATH/train/CLASS and PATH/test/CLASS, or PATH/CLASS with every sixth held out."""
    root = _find(Path(name.removeprefix("folder:")))
    test = next((root / s for s in ("test", "val") if (root / s).is_dir()), None)
    if test and (root / "train").is_dir():
        classes, train_files = _list(root / "train")
        test_classes, test_files = _list(test)
        if classes != test_classes:
            odd = sorted(set(classes) ^ set(test_classes))[0]
            raise BadInput(f"dataset {name} has class {odd!r} in one split only.")
    else:
        classes, files = _list(root)
        test_files = files[::6]
        train_files = [f for i, f in enumerate(files) if i % 6]
    for split, files in (("training", train_files), ("test", test_files)):
        if len(files) < 2:
            raise BadInput(
                f"dataset {name} has {len(files)} {split} images; 2 are least."
            )
    tensors = _decoded(train_files, test_files, size, workers)
    return Dataset(name=name, classes=tuple(classes), **tensors)


def _list(folder: Path):
    """Class names and (file, label) pairs, sorted."""
    from torchvision.datasets.folder import IMG_EXTENSIONS

    try:
        # hidden folders are some program's own, .ipynb_checkpoints for one
        folders = (d for d in folder.iterdir() if d.is_dir())
        classes = sorted(d.name for d in folders if not d.name.startswith("."))
        files = [
            (file, label)
            for label, name in enumerate(classes)
            for file in sorted((folder / name).iterdir())
            if file.suffix.lower() in IMG_EXTENSIONS
        ]
    except OSError as error:
        raise BadInput(f"dataset folder {folder} cannot be read: {error}.") from None
    found = {label for _, label in files}
    if not classes or len(found) < len(classes):
        empty = classes[min(set(range(len(classes))) - found)] if classes else "any"
        raise BadInput(f"dataset folder {folder} has no image in class {empty!r}.")
    return classes, files


def _decoded(train_files, test_files, size: int, workers: int) -> dict:
    """Images and labels of both splits, from the cache where nothing changed on disk.

    A split that is too large to hold has its images as `Files`.
    """
    if size**2 * 3 > LARGEST:
        raise BadInput(
            f"image_size is {size}, but must be smaller: one image takes "
            f"{size**2 * 3 / 2**30:.0f} GiB, and {LARGEST / 2**30:.0f} are most."
        )
    listing = hashlib.sha256(f"{size}".encode())
    for file, label in (*train_files, *test_files):
        try:
            stat = file.stat()
        except OSError as error:
            raise BadInput(f"image {file} cannot be read: {error}.") from None
        entry = f"{file.resolve()}|{label}|{stat.st_size}|{stat.st_mtime_ns}"
        listing.update(entry.encode())
    cache = user_root() / "decoded" / f"{listing.hexdigest()[:24]}.safetensors"
    splits = {"train": train_files, "test": test_files}
    large = [s for s, files in splits.items() if len(files) * size**2 * 3 > LARGEST]
    grey = functools.cache(lambda: decode.all_grey(f for f, _ in train_files[:64]))
    with _locked(cache):
        tensors = {}
        # a cache that can't be read is made anew
        with contextlib.suppress(FileNotFoundError, SafetensorError):
            tensors = load_file(cache)
        if not tensors:
            for split, files in splits.items():
                if split not in large:
                    images = [decode.image(f, size, grey()) for f, _ in files]
                    tensors[f"{split}_images"] = torch.stack(images)
                tensors[f"{split}_labels"] = torch.tensor([label for _, label in files])
            _keep(tensors, cache)
    for split in large:
        paths = [file for file, _ in splits[split]]
        tensors[f"{split}_images"] = decode.Files(paths, size, grey(), workers)
    return tensors


@contextlib.contextmanager
def _locked(cache: Path):
    """Of several processes one decodes; without room for a lock each does."""
    lock = filelock.FileLock(cache.with_suffix(".lock"))
    with contextlib.suppress(OSError):
        cache.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _keep(tensors: dict, cache: Path):
    """Save decoded images, whole or not at all; without room they are not kept."""
    part = cache.with_suffix(f".{os.getpid()}")
    try:
        save_file(tensors, part)
        os.replace(part, cache)
    except (OSError, SafetensorError):
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
