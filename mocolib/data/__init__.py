"""Images in: whole data sets as uint8 tensors, with labels.

Everything is decoded once and then lives in memory; no loader processes, no
per-image Python. `load` knows the embedded Fashion-MNIST subset, a few data sets
through torchvision (downloaded on first use) and any folder of class folders. Of a
folder too large for memory the images stay `LazyImages`, decoded again for each step.
"""

import gzip
import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import torch

from mocolib.data import decode, folders
from mocolib.data.places import data_root, user_root
from mocolib.errors import BadInput
from mocolib.files import shown

__all__ = ["CATALOGUE", "Dataset", "Source", "data_root", "load", "title", "user_root"]

LARGEST = 16 * 2**30  # bytes of decoded images of a split that we are ready to hold
ALL_RIGHT = "with one class kNN and probe are 1 whatever is learned"
SAMPLE = 10_000  # images that mean and deviation are taken from, if they are not held
IN_PAGE = 2560, 640  # images of both splits that a page trains on; 1.4 MB packed


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """uint8 images [N, C, H, W] and int64 labels [N], for training and test.

    Images too many to hold are `decode.LazyImages` in place of a tensor.
    """

    name: str
    train_images: torch.Tensor | decode.LazyImages
    train_labels: torch.Tensor
    test_images: torch.Tensor | decode.LazyImages
    test_labels: torch.Tensor
    classes: tuple
    notes: tuple = ()  # what was passed over, and which classes lack a split

    def __post_init__(self):
        for split in ("train", "test"):
            name = f"{split}_labels"
            count, labels = len(getattr(self, f"{split}_images")), getattr(self, name)
            if labels.shape != (count,):
                raise BadInput(
                    f"{name} of dataset {shown(self.name)} have the shape "
                    f"{list(labels.shape)}, but must be one an image, [{count}]."
                )

    def __repr__(self) -> str:
        return f"<Dataset {self.report.rstrip('.')}>"

    @property
    def report(self) -> str:
        """What was loaded and what was not, in one sentence."""
        counts = f"{len(self.train_images)} training and {len(self.test_images)} test"
        colours = {1: "grey", 3: "colour"}.get(
            self.channels, f"{self.channels}-channel"
        )
        some = "class" if len(self.classes) == 1 else "classes"
        loaded = f"{counts} {colours} images of {len(self.classes)} {some}"
        notes = [ALL_RIGHT] if len(self.classes) == 1 else []
        return f"{shown(self.name)}: {'; '.join([loaded, *notes, *self.notes])}."

    def first(self, name: str) -> int:
        """The place of the first test image of a class, which may be named in part.

        BadInput where no class or no test image is called so.
        """
        named = [i for i, one in enumerate(self.classes) if name in one]
        places = torch.isin(self.test_labels, torch.tensor(named, dtype=torch.int64))
        if not places.any():
            raise BadInput(
                f"class is {name!r}, but must be one of {', '.join(self.classes)}, "
                f"with a test image of {shown(self.name)}."
            )
        return int(places.nonzero()[0])

    @property
    def channels(self) -> int:
        return self.train_images.shape[1]

    @cached_property
    def mean(self) -> torch.Tensor:
        """Mean of each channel over the training images, in 0..1, [C]."""
        return self._mean_and_std[0]

    @cached_property
    def std(self) -> torch.Tensor:
        return self._mean_and_std[1]

    @cached_property
    def _mean_and_std(self) -> tuple[torch.Tensor, torch.Tensor]:
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
        """Sixteen hex digits over all pixels and labels; over files where not held."""
        digest = hashlib.sha256()
        train, test = self.train_images, self.test_images
        for part in (train, self.train_labels, test, self.test_labels):
            held = torch.is_tensor(part)
            digest.update(part.contiguous().numpy().tobytes() if held else part.digest)
        return digest.hexdigest()[:16]


def load(name: str, image_size: int | None = None, workers: int = 0) -> Dataset:
    """The data set called `name`: fashion-mnist, cifar10, cifar100, mnist, folder:PATH.

    A relative folder is looked for here, then under MOCOLIB_DATA, then beside the
    embedded data. `image_size` is the side that folder images are decoded at, by so
    many worker processes if they are too many to hold. BadInput for any other name.
    """
    if isinstance(name, str) and name.startswith("folder:"):
        found = folders.read(name, image_size or 32, workers, LARGEST)
        return Dataset(name=name, **found)
    if isinstance(name, str) and name in CATALOGUE:
        return CATALOGUE[name].load(name)
    known = [known for known in CATALOGUE if not known.startswith("folder:")]
    raise BadInput(
        f"dataset is {name!r}, but must be one of {', '.join(known)}, folder:PATH."
    )


def few(data: Dataset, train: int, test: int) -> Dataset:
    """The first images of both splits, with the mean and deviation of all."""
    part = replace(
        data,
        train_images=data.train_images[:train],
        train_labels=data.train_labels[:train],
        test_images=data.test_images[:test],
        test_labels=data.test_labels[:test],
    )
    vars(part)["_mean_and_std"] = data._mean_and_std  # where it would be kept
    return part


def title(name: str) -> str:
    """A data set's name in words; its own where the catalogue has none."""
    return CATALOGUE[name].title if name in CATALOGUE else name


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


def _torchvision(kind: str, name: str) -> Dataset:
    import torchvision.datasets  # slow to import, and only readers need it

    source = getattr(torchvision.datasets, kind)
    parts = {}
    for split in ("train", "test"):
        try:
            part = source(user_root(), train=split == "train", download=True)
        except Exception as error:  # a server, an archive, a pickle: all fail their way
            reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
            raise BadInput(
                f"dataset {name} cannot be had in {user_root()}: {reason}."
            ) from None
        images = torch.as_tensor(np.asarray(part.data))
        images = images[:, None] if images.ndim == 3 else images.permute(0, 3, 1, 2)
        parts[f"{split}_images"] = images.contiguous()
        parts[f"{split}_labels"] = torch.as_tensor(part.targets).long()
    return Dataset(name=name, classes=tuple(part.classes), **parts)


@dataclass(frozen=True, kw_only=True)
class Source:
    """A data set that has a name: what is known of it before it is loaded."""

    title: str
    images: int  # of the training split: an epoch
    channels: int
    load: Callable[[str], Dataset] = load


CATALOGUE = {
    "fashion-mnist": Source(
        title="Fashion-MNIST subset", images=10_000, channels=1, load=_embedded
    ),
    "cifar10": Source(
        title="CIFAR-10",
        images=50_000,
        channels=3,
        load=partial(_torchvision, "CIFAR10"),
    ),
    "cifar100": Source(
        title="CIFAR-100",
        images=50_000,
        channels=3,
        load=partial(_torchvision, "CIFAR100"),
    ),
    "mnist": Source(
        title="MNIST", images=60_000, channels=1, load=partial(_torchvision, "MNIST")
    ),
    "folder:cifar10": Source(
        title="JPEG re-encode of CIFAR-10", images=50_000, channels=3
    ),
    "folder:imagenet": Source(title="ImageNet", images=1_281_167, channels=3),
}
