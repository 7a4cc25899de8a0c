"""Image files to uint8 tensors: one, some, or batch after batch ahead of a training.

`Files` stands where `data.Dataset` has a tensor, for a folder too large for memory.
Its images are decoded each time that they are asked for, to the same pixels; worker
processes of torch's DataLoader do so while the steps before are computed.
"""

import hashlib
import os
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch.utils.data import DataLoader

from mocolib.errors import BadInput

LONGEST = 64  # times its shorter side; of a longer image the middle is decoded


def image(file: Path, size: int, grey: bool) -> torch.Tensor:
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


def all_grey(files) -> bool:
    return all(_open(file).mode in ("L", "1") for file in files)


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


class Files(torch.utils.data.Dataset):
    """Images of a folder, decoded when asked for; what it has of a tensor is `len`,
    `shape` [N, C, s, s], `split`, and places by a slice or a tensor: fewer files.
    """

    def __init__(self, paths, size: int, grey: bool, workers: int = 0):
        # one array of bytes: workers share it, where they would copy a list of paths
        self.paths = np.array([os.fsencode(p) for p in paths])
        self.size, self.grey, self.workers = size, grey, workers

    @property
    def shape(self) -> tuple:
        return len(self.paths), 1 if self.grey else 3, self.size, self.size

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, place):
        if not isinstance(place, int):
            rest = self.size, self.grey, self.workers
            paths = self.paths[place if isinstance(place, slice) else np.asarray(place)]
            return Files([os.fsdecode(p) for p in paths], *rest)
        try:
            path = Path(os.fsdecode(self.paths[place]))
            return image(path, self.size, self.grey)
        except BadInput as error:  # a worker's own would come with its traceback
            return error

    def split(self, count: int):
        """The images in their order, as tensors of `count`."""
        places = range(len(self))
        yield from self.batches(places[i : i + count] for i in places[::count])

    def batches(self, places):
        """Tensors [n, C, s, s], one for each list of places."""
        loader = DataLoader(
            self,
            batch_sampler=places,
            num_workers=self.workers,
            collate_fn=_stacked,
            pin_memory=torch.cuda.is_available(),
            generator=torch.Generator(),  # not the user's
        )
        for batch in loader:
            if isinstance(batch, BadInput):
                raise batch
            yield batch

    def sample(self, count: int) -> torch.Tensor:
        """About `count` of the images, evenly spaced; all where there are fewer."""
        places = range(0, len(self), max(1, len(self) // count))
        return next(self.batches([places]))

    @property
    def digest(self) -> bytes:
        """Of names and sizes; the pixels would take too long."""
        found = hashlib.sha256(f"{self.shape}".encode())
        for path in self.paths:
            found.update(b"/".join(path.split(os.fsencode(os.sep))[-2:]))
            found.update(b"|%d\n" % os.stat(path).st_size)
        return found.digest()


def _stacked(images: list):
    broken = [i for i in images if isinstance(i, BadInput)]
    return broken[0] if broken else torch.stack(images)


class Ahead:
    """The batches of a training's steps, decoded while the steps before go on."""

    def __init__(self, files: Files, places, steps: int):
        """`places(index)` are those of a step's images, [b]; there are `steps`."""
        self.files, self.places, self.steps, self.next = files, places, steps, None

    def __call__(self, index: int) -> torch.Tensor:
        if index != self.next:  # the first, or a run that goes on from elsewhere
            coming = (self.places(i).tolist() for i in range(index, self.steps))
            self.coming = self.files.batches(coming)
        self.next = index + 1
        return next(self.coming)
