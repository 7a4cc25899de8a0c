"""Files that appear whole or not at all, and sentences for those that can't be read."""

import contextlib
import json
import os
import tempfile
import threading
from pathlib import Path

import safetensors

from mocolib.errors import BadInput


def write_atomic(path: Path, content: bytes | str):
    """A file whole or not at all, even when the machine stops or the disk is full.

    Several processes or threads may write the same one: each has its own part.
    """
    if isinstance(content, str):
        content = content.encode("utf-8", "backslashreplace")
    with atomic(path) as part:
        part.write_bytes(content)


@contextlib.contextmanager
def atomic(path: Path):
    """A place to write to, which becomes `path` at the end, or nothing does.

    A link stays one: what it leads to is written. An error names the path.
    """
    real = Path(os.path.realpath(path))
    mark = f"{os.getpid()}-{threading.get_ident():x}"
    part = real.with_name(f".{real.name[:100]}.{mark}.part")
    try:
        with naming(path, part):
            yield part
            with open(part, "rb") as file:
                os.fsync(file.fileno())
            os.replace(part, real)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def naming(path: Path, part: Path | None = None):
    """Give an OSError that names no file, or the part of one, this path to name."""
    try:
        yield
    except OSError as error:
        if error.filename is None or str(error.filename) == str(part):
            error.filename = os.fspath(path)
        raise


def state(path: Path | str) -> tuple[int, int, int]:
    """Tells a file from the one that it has replaced."""
    found = os.stat(path)
    return found.st_ino, found.st_size, found.st_mtime_ns


def check_place(path: Path, what: str = "output") -> Path:
    """The path, if a file can be written there; asked before the work begins.

    A folder that is missing will be made; nothing is left behind by the question.
    """
    path = Path(path)
    try:
        with contextlib.suppress(FileNotFoundError):
            os.lstat(path)  # refuses a name that no file can have
        real = Path(os.path.realpath(path))
        if real.is_dir():
            raise IsADirectoryError("it is a folder")
        check_file(real)
        _try(real.parent)
        return path
    except (OSError, ValueError) as error:
        raise _refused(path, what, error) from None


def check_folder(path: Path, what: str) -> Path:
    """The path, if it is a folder that can be written in, or one that can be made."""
    try:
        _try(path)
        return Path(path)
    except (OSError, ValueError) as error:
        raise _refused(path, what, error) from None


def _try(folder: Path):
    """Write in a folder, or where it would be made, and leave nothing there."""
    there = Path(folder).absolute()
    while not os.path.lexists(there):
        there = there.parent
    with tempfile.TemporaryFile(dir=there):
        pass


def check_file(path: Path):
    """ValueError where a pipe or a device is: who opens one may wait for ever."""
    path = Path(path)
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise ValueError("it is no file")


def _refused(path: Path, what: str, error) -> BadInput:
    reason = getattr(error, "strerror", None) or str(error).rstrip(".")
    return BadInput(
        f"{what} is {shown(path)!r}, but must be a place that can be written: {reason}."
    )


def shown(path) -> str:
    """A path as it can be printed, also where its bytes are no UTF-8."""
    name = os.fsdecode(path) if isinstance(path, bytes) else str(path)
    return name.encode("utf-8", "backslashreplace").decode()


def read_tensors(path: Path) -> tuple[dict, dict]:
    """The tensors of a safetensors file and what its header tells; else BadInput."""
    try:
        check_file(path)
        with safetensors.safe_open(path, "pt") as file:
            tensors = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118
            return tensors, file.metadata() or {}
    except Exception as error:  # a broken file may raise anything
        raise unreadable(path, error) from None


def as_json(value: dict) -> str:
    return json.dumps(value, indent=1) + "\n"


def from_json(text: str):
    """What a text in JSON says; ValueError where a table says something twice."""

    def once(pairs: list) -> dict:
        names = [name for name, _ in pairs]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"it has {twice!r} twice")
        return dict(pairs)

    return json.loads(text, object_pairs_hook=once)


def read_json(path: Path) -> dict:
    """A table of values; BadInput where there is none."""
    try:
        check_file(path)
        value = from_json(path.read_text(encoding="utf-8-sig"))
        if not isinstance(value, dict):
            raise ValueError("not a table of values")
        return value
    except (OSError, ValueError, RecursionError) as error:
        raise unreadable(path, error) from None


def unreadable(path: Path, error) -> BadInput:
    """The sentence for a file that is there and makes no sense."""
    words = str(error) or f"it ends too early ({type(error).__name__})"
    reason = " ".join(words.split())[:200].rstrip(".")
    return BadInput(f"file {shown(path)} cannot be read: {reason}.")


def whole_lines(path: Path) -> list[bytes]:
    """The lines of a file that end as lines do; a torn last one is left out."""
    if not path.exists():
        return []
    return [line for line in path.read_bytes().splitlines(True) if line.endswith(b"\n")]
