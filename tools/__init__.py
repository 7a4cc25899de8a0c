"""What the Makefile runs. Each tool is started from the root: python -m tools.NAME"""

import hashlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LEFT_OUT = {"__pycache__", ".ipynb_checkpoints", ".mo"}


def fingerprint(sources: list[str]) -> str:
    """A hash of what files and folders hold; their times would change with a checkout.

    `sources` are relative to the root.
    """
    digest = hashlib.sha256()
    for source in sources:
        top = ROOT / source
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and not LEFT_OUT & {*path.parts, path.suffix}:
                digest.update(f"{path.relative_to(ROOT)}\n".encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
