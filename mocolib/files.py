"""Files that appear whole or not at all, and sentences for those that can't be read."""

import json
import os
from pathlib import Path

from mocolib.errors import BadInput


def write_whole(path: Path, content: bytes | str):
    """A file whole or not at all, even when the machine stops or the disk is full."""
    part = path.with_suffix(".part")
    raw = content.encode() if isinstance(content, str) else content
    try:
        with open(part, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def as_json(value: dict) -> str:
    return json.dumps(value, indent=1) + "\n"


def read_json(path: Path) -> dict:
    """A table of values; BadInput where there is none."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(value, dict):
            raise ValueError("not a table of values")
        return value
    except (OSError, ValueError, RecursionError) as error:
        raise unreadable(path, error) from None


def unreadable(path: Path, error) -> BadInput:
    """The sentence for a file that is there and makes no sense."""
    reason = " ".join(str(error).split())[:200].rstrip(".")
    return BadInput(f"file {path} cannot be read: {reason}.")


def whole_lines(path: Path) -> list[bytes]:
    """The lines of a file that end as lines do; a torn last one is left out."""
    if not path.exists():
        return []
    return [line for line in path.read_bytes().splitlines(True) if line.endswith(b"\n")]
