"""A folder of class folders: its images, what is passed over, and what is kept of it.

PATH/train/CLASS and PATH/test/CLASS (or val, valid, validation for test), or
PATH/CLASS with every sixth image held out. Decoded images are kept under the user's
data until a file changes.
"""

import contextlib
import functools
import hashlib
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

import filelock
import torch
from safetensors.torch import load_file, save_file

from mocolib.data import decode
from mocolib.data.places import data_root, user_root
from mocolib.errors import BadInput
from mocolib.files import atomic, shown

ENDINGS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
TESTS = ("test", "val", "valid", "validation")  # names of a test split, best first
DECODER = 3  # of another way to decode nothing is taken from the cache
SHOWN = 3  # names of a kind that a report gives


def read(name: str, size: int, workers: int, largest: int) -> dict:
    """What `data.Dataset` needs of folder:PATH, images [N, C, size, size].

    A split of more than `largest` bytes has `decode.LazyImages`.
    """
    if size**2 * 3 > largest:
        raise BadInput(
            f"image_size is {size}, but must be smaller: one image takes "
            f"{size**2 * 3 / 2**30:.0f} GiB, and {largest / 2**30:.0f} are most."
        )
    root, notes = _find(Path(name.removeprefix("folder:"))), Notes()
    train, test = _splits(root, notes)
    for split, files in (("training", train.files), ("test", test.files)):
        if len(files) < 2:
            raise BadInput(
                f"dataset {shown(name)} has {len(files)} {split} images; 2 are least."
            )
        here = {label for _, label in files}
        absent = [c for label, c in enumerate(train.classes) if label not in here]
        notes.without(split, absent)
    tensors = _decoded(train.files, test.files, size, workers, largest)
    return dict(classes=tuple(train.classes), notes=notes.sentences(), **tensors)


def _find(path: Path) -> Path:
    """A folder by its name: as given, else under each of the data roots."""
    with contextlib.suppress(RuntimeError):  # ~ of a user who does not exist
        path = path.expanduser()
    if path.is_dir():
        return path
    for root in (user_root(), data_root()):
        if (root / path).is_dir():
            return root / path
    raise BadInput(
        f"dataset is {f'folder:{shown(path)}'!r}, but must name a folder of class "
        f"folders; none is there, nor in {user_root()}."
    )


# --- what lies there --------------------------------------------------------------


@dataclass(frozen=True)
class Notes:
    """What was passed over: {reason: names}, and classes that lack a split."""

    passed: dict = field(default_factory=dict)
    lacking: list = field(default_factory=list)

    def over(self, reason: str, name: str, count: int = 1):
        """`reason` is said of the name, which stands for `count` files."""
        self.passed.setdefault(reason, []).extend([shown(name)] * count)

    def without(self, split: str, classes: list):
        if classes:
            some = "class" if len(classes) == 1 else "classes"
            self.lacking.append(f"no {split} image in {some} {_listed(classes)}")

    def sentences(self) -> tuple:
        parts = [
            f"{len(n)} {reason} ({_listed(n)})" for reason, n in self.passed.items()
        ]
        passed = [f"passed over: {', '.join(parts)}"] if parts else []
        return (*passed, *self.lacking)


def _listed(names) -> str:
    distinct = [shown(name) for name in dict.fromkeys(names)]
    return ", ".join(distinct[:SHOWN]) + ", …" * (len(distinct) > SHOWN)


@dataclass(frozen=True)
class Split:
    """Class names, and (file, label) pairs; both sorted."""

    classes: list
    files: list


def _splits(root: Path, notes: Notes) -> tuple[Split, Split]:
    """Training and test images; both have the same classes."""
    train, tests = root / "train", [root / s for s in TESTS if (root / s).is_dir()]
    if not (train.is_dir() and tests):
        whole = _split(root, notes)
        held_out = [pair for i, pair in enumerate(whole.files) if i % 6 == 0]
        kept = [pair for i, pair in enumerate(whole.files) if i % 6]
        return Split(whole.classes, kept), Split(whole.classes, held_out)
    known = _class_names(train, Notes())
    # a folder test/ of a contest has no labels: then val/ is what can be tested on
    fit = [t for t in tests if set(_class_names(t, Notes())) & set(known)]
    if not fit:
        raise BadInput(
            f"dataset folder {shown(tests[0])} has none of the class folders of "
            f"{shown(train)}, but must have them to be tested on."
        )
    for entry in _entries(root):
        if entry not in (train, fit[0]):
            kind = "not used as a split" if entry.is_dir() else "beside the splits"
            notes.over(kind, entry.name)
    found = _split(train, notes), _split(fit[0], notes)
    if found[0].classes != found[1].classes:
        odd = sorted(set(found[0].classes) ^ set(found[1].classes))[0]
        raise BadInput(
            f"dataset folder {shown(root)} has class {shown(odd)!r} in one split only."
        )
    return found


def _split(folder: Path, notes: Notes) -> Split:
    """The images of the class folders in `folder`; each class has at least one."""
    classes = _class_names(folder, notes)
    files = []
    for label, name in enumerate(classes):
        images = _images(folder / name, notes)
        if not images:
            raise BadInput(
                f"dataset folder {shown(folder)} has no image in class {shown(name)!r}"
                f"{_instead(folder / name)}."
            )
        files += [(file, label) for file in images]
    if not classes:
        raise BadInput(f"dataset folder {shown(folder)} has no class folders.")
    return Split(classes, files)


def _entries(folder: Path) -> list[Path]:
    """What lies in a folder, sorted by name."""
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        reason = error.strerror or error
        raise BadInput(
            f"dataset folder {shown(folder)} cannot be read: {reason}."
        ) from None


def _class_names(folder: Path, notes: Notes) -> list[str]:
    classes = []
    for entry in _entries(folder):
        if entry.name.startswith("."):  # some program's own: .ipynb_checkpoints
            notes.over("hidden", entry.name)
        elif entry.is_dir():
            classes.append(entry.name)
        else:
            notes.over("beside the class folders", entry.name)
    return classes


def _images(folder: Path, notes: Notes) -> list[Path]:
    images = []
    for entry in _entries(folder):
        if entry.name.startswith("."):
            notes.over("hidden", entry.name)
        elif entry.suffix.lower() in ENDINGS:
            images.append(entry)
        elif entry.is_dir():
            inside, count = f"{folder.name}/{entry.name}", _count(entry)
            kind = "images in nested folders" if count else "folders without an image"
            notes.over(kind, inside, count or 1)
        else:
            notes.over("files of other endings", entry.suffix or entry.name)
    return images


def _count(folder: Path) -> int:
    """Images in a folder and all below it."""
    return sum(file.suffix.lower() in ENDINGS for file in folder.rglob("*"))


def _instead(folder: Path) -> str:
    """What lies in a class folder in place of images."""
    if below := _count(folder):
        return f", but {below} in folders inside it"
    if other := [entry.suffix for entry in _entries(folder) if entry.suffix]:
        ending = f"{len(other)} of {_listed(other)}; images end in {', '.join(ENDINGS)}"
        return f", but {ending}"
    return ""


# --- pixels, and what is kept of them ---------------------------------------------


def _decoded(train: list, test: list, size: int, workers: int, largest: int) -> dict:
    """Images and labels of both splits, from the cache where no file has changed."""
    splits = {"train": train, "test": test}
    large = [s for s, files in splits.items() if len(files) * size**2 * 3 > largest]
    key = _key([*train, *test], size)
    grey = functools.cache(lambda: decode.all_grey(f for f, _ in (*train, *test)))
    cache = _cache(f"{key}.safetensors")
    with _locked(cache):
        tensors = {}
        with contextlib.suppress(Exception):  # a cache that can't be read is made anew
            tensors = load_file(cache)
        if not tensors:
            decode.check_ranges(f for f, _ in (*train, *test))
            for split, files in splits.items():
                if split not in large:
                    images = [decode.image(f, size, grey()) for f, _ in files]
                    tensors[f"{split}_images"] = torch.stack(images)
                tensors[f"{split}_labels"] = torch.tensor([label for _, label in files])
            tensors["grey"] = torch.tensor(grey())
            _keep(tensors, cache)
    is_grey = bool(tensors.pop("grey"))
    for split in large:
        paths, kept = [f for f, _ in splits[split]], _cache(f"{key}-{split}.digest")
        tensors[f"{split}_images"] = decode.LazyImages(
            paths, size, is_grey, workers, kept
        )
    return tensors


def _cache(name: str) -> Path:
    return user_root() / "decoded" / name


def _key(files: list, size: int) -> str:
    """Of files as they lie there: nothing can be written to one and leave it alone."""
    listing = hashlib.sha256(f"{DECODER}|{size}".encode())
    for file, label in files:
        try:
            found, place = file.stat(), os.fsencode(file.resolve())
        except (OSError, RuntimeError) as error:  # the latter: links in a circle
            reason = getattr(error, "strerror", None) or "it is a link in a circle"
            raise BadInput(f"image {shown(file)} cannot be read: {reason}.") from None
        if not stat.S_ISREG(found.st_mode):  # to open a pipe is to wait for ever
            raise BadInput(f"image {shown(file)} cannot be read: it is no file.")
        times = f"{found.st_mtime_ns}|{found.st_ctime_ns}"
        listing.update(place + f"|{label}|{found.st_size}|{times}".encode())
    return listing.hexdigest()[:24]


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
    """Save decoded images; without room they are not kept."""
    with contextlib.suppress(Exception), atomic(cache) as part:
        save_file(tensors, part)
