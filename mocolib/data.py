"""Images in: whole data sets as uint8 tensors, with labels.

Everything is decoded once and then lives in memory; no loader processes, no
per-image Python. `load` knows the embedded Fashion-MNIST subset, a few data sets
through torchvision (downloaded on first use) and any folder of class folders.
"""

import contextlib
import gzip
import hashlib
import os
import struct
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from mocolib.errors import BadInput

TORCHVISION = {"cifar10": "CIFAR10", "cifar100": "CIFAR100", "mnist": "MNIST"}
LONGEST = 64  # times its shorter side; of a longer image the middle is decoded
LARGEST = 16 * 2**30  # bytes of decoded images that we are ready to hold


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """uint8 images [N, C, H, W] and int64 labels [N], for training and test."""

    name: str
    train_images: torch.Tensor
    train_labels: torch.Tensor
    test_images: torch.Tensor
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
        flat = self.train_images.transpose(0, 1).flatten(1).numpy()
        counts = np.stack([np.bincount(c, minlength=256) for c in flat])
        share = counts / counts.sum(1, keepdims=True)
        mean = share @ values
        std = np.sqrt(np.maximum(share @ values**2 - mean**2, 1e-6))
        return torch.tensor(mean).float(), torch.tensor(std).float()

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hex digits over all pixels and labels."""
        digest = hashlib.sha256()
        for part in (self.train_images, self.train_labels):
            digest.update(part.contiguous().numpy().tobytes())
        for part in (self.test_images, self.test_labels):
            digest.update(part.contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]


def data_root() -> Path:
    """Where data lie: beside the package in a checkout, inside it when installed."""
    inside = Path(__file__).parent / "_data"
    return inside if inside.exists() else Path(__file__).parents[1] / "data"


def user_root() -> Path:
    """Where downloads and decoded folders go; MOCOLIB_DATA chooses another place."""
    return Path(os.environ.get("MOCOLIB_DATA", Path.home() / ".cache" / "mocolib"))


def load(name: str, image_size: int | None = None) -> Dataset:
    """The data set called `name`: fashion-mnist, cifar10, cifar100, mnist, folder:PATH.

    A relative folder is looked for here, then under MOCOLIB_DATA, then beside the
    embedded data. `image_size` is the side that folder images are decoded at.
    """
    if name == "fashion-mnist":
        return _embedded(name)
    if name in TORCHVISION:
        return _torchvision(name)
    if isinstance(name, str) and name.startswith("folder:"):
        return _folder(name, image_size or 32)
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


def _folder(name: str, size: int) -> Dataset:
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
    tensors = _decoded(train_files, test_files, size)
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


def _decoded(train_files, test_files, size: int) -> dict:
    """Tensors of both splits, from the cache where nothing changed on disk."""
    listing = hashlib.sha256(f"{size}".encode())
    for file, label in (*train_files, *test_files):
        try:
            stat = file.stat()
        except OSError as error:
            raise BadInput(f"image {file} cannot be read: {error}.") from None
        entry = f"{file.resolve()}|{label}|{stat.st_size}|{stat.st_mtime_ns}"
        listing.update(entry.encode())
    cache = user_root() / "decoded" / f"{listing.hexdigest()[:24]}.safetensors"
    # a cache that can't be read is made anew
    with contextlib.suppress(FileNotFoundError, SafetensorError):
        return load_file(cache)
    grey = all(_mode(file) in ("L", "1") for file, _ in train_files[:64])
    bytes_needed = (len(train_files) + len(test_files)) * size**2 * (1 if grey else 3)
    if bytes_needed > LARGEST:
        raise BadInput(
            f"image_size is {size}, but must be smaller for this folder: it decodes "
            f"to {bytes_needed / 2**30:.0f} GiB, and {LARGEST / 2**30:.0f} are most."
        )
    tensors = {}
    for split, files in (("train", train_files), ("test", test_files)):
        tensors[f"{split}_images"] = torch.stack(
            [_image(f, size, grey) for f, _ in files]
        )
        tensors[f"{split}_labels"] = torch.tensor([label for _, label in files])
    _keep(tensors, cache)
    return tensors


def _keep(tensors: dict, cache: Path):
    """Save decoded images, whole or not at all; without room they are not kept."""
    part = cache.with_suffix(f".{os.getpid()}")
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        save_file(tensors, part)
        os.replace(part, cache)
    except (OSError, SafetensorError):
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _open(file: Path) -> Image.Image:
    try:
        with Image.open(file) as image:  # closed again, also where it is broken
            image.load()
            return image
    except (
        OSError,
        UnidentifiedImageError,
        SyntaxError,
        ValueError,
        Image.DecompressionBombError,
    ) as error:
        raise BadInput(f"image {file} cannot be decoded: {error}.") from None


def _mode(file: Path) -> str:
    return _open(file).mode


def _image(file: Path, size: int, grey: bool) -> torch.Tensor:
    """One image, its shorter side resized to `size`, the centre cut out; [C, s, s]."""
    image = _middle(_open(file).convert("L" if grey else "RGB"))
    if image.size != (size, size):
        scale = size / min(image.size)
        wide, high = (max(size, round(side * scale)) for side in image.size)
        image = image.resize((wide, high), Image.Resampling.BICUBIC)
        left, top = (wide - size) // 2, (high - size) // 2
        image = image.crop((left, top, left + size, top + size))
    pixels = torch.from_numpy(np.array(image))
    return pixels[None] if grey else pixels.permute(2, 0, 1).contiguous()


def _middle(image: Image.Image) -> Image.Image:
    """An image without the far ends of a long strip: resized they would fill memory."""
    short = min(image.size)
    if max(image.size) <= LONGEST * short:
        return image
    wide, high = (min(side, LONGEST * short) for side in image.size)
    left, top = (image.width - wide) // 2, (image.height - high) // 2
    return image.crop((left, top, left + wide, top + high))
