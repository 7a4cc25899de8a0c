"""Image files to uint8 tensors: one, some, or batch after batch ahead of a training.

Whatever Pillow opens becomes 8 bits a channel: 16 and 32 bits by the range of their
format, floats from 0 to 1; the alpha channel is dropped, a photograph stands upright.
`LazyImages` stands where `data.Dataset` has a tensor, for a folder too large to hold.
Its images are decoded each time that they are asked for, to the same pixels; worker
processes of torch's DataLoader do so while the steps before are computed.
"""

import contextlib
import hashlib
import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader

from mocolib.data import bits
from mocolib.errors import BadInput
from mocolib.files import shown, write_atomic

LONGEST = 64  # times its shorter side; of a longer image the middle is decoded
GREY = ("1", "L", "LA", "La", "F")  # and all that begin with I: integers of more bits
ORIENTATION = 0x0112  # the EXIF tag, and what puts each of its values upright
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
JPEG = (".jpg", ".jpeg")
DARK = 1 / 16  # of a format's range: what fills no more has fewer bits than its format


def image(file: Path, size: int, grey: bool) -> torch.Tensor:
    """One image, its shorter side resized to `size`, the centre cut out; [C, s, s].

    BadInput names a file that cannot be decoded, or whose range is unknown.
    """
    with _opened(file) as opened:
        opened.load()
        image = _upright(bits.eight_bit(opened, file), opened)
        image = _middle(image.convert("L" if grey else "RGB"))
        if image.size != (size, size):
            scale = size / min(image.size)
            wide, high = (max(size, round(side * scale)) for side in image.size)
            image = image.resize((wide, high), Image.Resampling.BICUBIC)
            left, top = (wide - size) // 2, (high - size) // 2
            image = image.crop((left, top, left + size, top + size))
        pixels = torch.from_numpy(np.array(image))
    return pixels[None] if grey else pixels.permute(2, 0, 1).contiguous()


def check_ranges(files):
    """BadInput where images of more than 8 bits use a sixteenth of their range at most.

    They hold 8 or 12 bits in 16, say, and would be black. One may well be dark: what
    counts is the brightest. It stops at the first that is bright; of files with 8 bits
    only headers are read, and of a JPEG, which never has more, nothing.
    """
    brightest, share = None, 0.0
    for file in files:
        if file.suffix.lower() in JPEG:
            continue
        with _opened(file) as opened:
            own = bits.share_of_range(opened) if bits.are_many(opened) else 0.0
        if own > share:
            brightest, share = file, own
        if share > DARK:
            return
    if brightest is not None:  # black all over is black in any range
        raise BadInput(
            f"image {shown(brightest)} is the brightest of those with more than 8 bits "
            f"and uses {share:.2%} of its format's range, but must use more than "
            f"{DARK:.2%}, or be saved with as many bits as it has."
        )


def all_grey(files) -> bool:
    """Whether no file has colours, by their headers alone: it stops at the first."""
    for file in files:
        with _opened(file) as image:
            if image.mode not in GREY and image.mode[0] != "I":
                return False
    return True


@contextlib.contextmanager
def _opened(file: Path):
    """The one door to Pillow: whatever a format's reader raises names the file."""
    try:
        # what it warns of (EXIF, large images) is either refused or of no matter
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(file) as image:
                yield image
    except BadInput:
        raise
    except Exception as error:  # readers of formats raise anything
        reason = " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
        raise BadInput(f"image {shown(file)} cannot be decoded: {reason}.") from None


def _upright(image: Image.Image, opened: Image.Image) -> Image.Image:
    """Turned and mirrored as the camera noted; a note in disorder counts as none."""
    orientation = None
    with contextlib.suppress(Exception):
        orientation = opened.getexif().get(ORIENTATION)
    return image.transpose(UPRIGHT[orientation]) if orientation in UPRIGHT else image


def _middle(image: Image.Image) -> Image.Image:
    """An image without the far ends of a long strip: resized they would fill memory."""
    short = min(image.size)
    if max(image.size) <= LONGEST * short:
        return image
    wide, high = (min(side, LONGEST * short) for side in image.size)
    left, top = (image.width - wide) // 2, (image.height - high) // 2
    return image.crop((left, top, left + wide, top + high))


class LazyImages(torch.utils.data.Dataset):
    """Images of a folder, decoded when asked for; what it has of a tensor is `len`,
    `shape` [N, C, s, s], `split`, and places by a slice or a tensor: fewer files.
    """

    def __init__(self, paths, size: int, grey: bool, workers: int = 0, kept=None):
        # one array of bytes: workers share it, where they would copy a list of paths
        self.paths = np.array([os.fsencode(p) for p in paths])
        self.size, self.grey, self.workers = size, grey, workers
        self.kept = kept  # a file that keeps the digest

    @property
    def shape(self) -> tuple:
        return len(self.paths), 1 if self.grey else 3, self.size, self.size

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, place):
        if not isinstance(place, int):
            rest = self.size, self.grey, self.workers
            paths = self.paths[place if isinstance(place, slice) else np.asarray(place)]
            return LazyImages([os.fsdecode(p) for p in paths], *rest)
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
        for batch in _whole(loader, self.workers):
            if isinstance(batch, BadInput):
                raise batch
            yield batch

    def sample(self, count: int) -> torch.Tensor:
        """About `count` of the images, evenly spaced; all where there are fewer."""
        places = range(0, len(self), max(1, len(self) // count))
        return next(self.batches([places]))

    @property
    def digest(self) -> bytes:
        """SHA-256 of the shape and of all files' bytes, in order.

        It takes one reading of the folder; the file `kept` spares the next one.
        """
        if self.kept and self.kept.exists():
            return self.kept.read_bytes()
        found = hashlib.sha256(f"{self.shape}".encode())
        with ThreadPoolExecutor() as readers:
            for one in readers.map(_digest, self.paths):
                found.update(one)
        if self.kept:
            with contextlib.suppress(OSError):
                write_atomic(self.kept, found.digest())
        return found.digest()


def _digest(path: bytes) -> bytes:
    try:
        return hashlib.sha256(Path(os.fsdecode(path)).read_bytes()).digest()
    except OSError as error:
        raise BadInput(f"image {shown(path)} cannot be read: {error}.") from None


def _stacked(images: list):
    broken = [i for i in images if isinstance(i, BadInput)]
    return broken[0] if broken else torch.stack(images)


def _whole(loader, workers: int):
    """The batches, or a sentence where a worker was killed or had no memory."""
    try:
        yield from loader
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200].rstrip(".")
        raise BadInput(
            f"workers is {workers}, but must be as many as there is memory for: "
            f"{reason}."
        ) from None


def taken(images, places: torch.Tensor) -> torch.Tensor:
    """The images at these places, [b, C, H, W], of a tensor or of `LazyImages`."""
    if torch.is_tensor(images):
        return images[places]
    return next(images.batches([places.tolist()]))


class Prefetcher:
    """The batches of a training's steps, decoded while the steps before go on.

    Nothing here leads back to itself: its workers end when the last one who holds it
    lets go. Found by the garbage collector they would be waited for, 5 s each.
    """

    def __init__(self, files: LazyImages, places, steps: int):
        """`places(index)` are those of a step's images, [b]; there are `steps`."""
        self.files, self.places, self.steps, self.next = files, places, steps, None

    def __call__(self, index: int) -> torch.Tensor:
        if index != self.next:  # the first, or a run that goes on from elsewhere
            places = self.places
            coming = (places(i).tolist() for i in range(index, self.steps))
            self.coming = self.files.batches(coming)
        self.next = index + 1
        return next(self.coming)
