"""Export what trains inside the book's pages to _build/inpage: python -m tools.inpage

For each shape its graphs, packed, and a manifest; for all of them one file of images.
Does nothing when no source has changed since the last good export.
"""

import gzip
import hashlib
import json
import sys
import time
from pathlib import Path

import numpy as np

from tools import ROOT, fingerprint

INPAGE = ROOT / "_build" / "inpage"
MARK = INPAGE / "built-from"
SHAPES = ("page",)
SOURCES = [  # what decides what comes out
    *("requirements.txt", "tools/inpage.py", "data/fashion-mnist"),
    *sorted(f"mocolib/{path.name}" for path in (ROOT / "mocolib").glob("*.py")),
    *("mocolib/data", "mocolib/execution", "mocolib/export"),
]


def build() -> Path:
    """Bring _build/inpage up to date; its path."""
    before = fingerprint(SOURCES)
    if MARK.exists() and MARK.read_text() == before:
        return INPAGE
    from mocolib import load, named_recipe

    INPAGE.mkdir(parents=True, exist_ok=True)
    MARK.unlink(missing_ok=True)
    data, start = load("fashion-mnist"), time.monotonic()
    images = write_images(data)
    for name in SHAPES:
        print(f"Exporting the training step: {name}", flush=True)
        write_shape(name, named_recipe(name), data, images)
    MARK.write_text(before)
    print(f"Exported in {time.monotonic() - start:.0f} s.", flush=True)
    return INPAGE


def write_shape(name: str, recipe, data, images: dict):
    """Graphs and manifest of one shape, a step for each optimizer."""
    from mocolib.export import export
    from mocolib.export.update import UPDATES

    graphs = export(recipe, data, name)
    about = graphs.manifest | {"images": images}
    about["features"] |= packed(f"{name}.features.onnx", graphs.features)
    for optimizer in UPDATES:
        if optimizer == recipe.optimizer:
            step, entry = graphs, "step"
        else:
            step = export(recipe.replace(optimizer=optimizer), data, features=False)
            entry = optimizer
        file = f"{name}.{entry if entry == 'step' else f'step.{entry}'}.onnx"
        about[entry] = step.manifest["step"] | packed(file, step.step)
    (INPAGE / f"{name}.json").write_text(json.dumps(about, separators=(",", ":")))


def write_images(data) -> dict:
    """Pixels of both splits, then their labels, a byte each."""
    from mocolib.data import IN_PAGE, few

    own, (train, test) = few(data, *IN_PAGE), IN_PAGE
    parts = own.train_images, own.test_images, own.train_labels, own.test_labels
    raw = b"".join(part.numpy().astype(np.uint8).tobytes() for part in parts)
    _, channels, height, width = data.train_images.shape
    return {
        **packed("images.bin", raw),
        **{"train": train, "test": test, "classes": list(data.classes)},
        **{"channels": channels, "height": height, "width": width},
    }


def packed(name: str, content) -> dict:
    """Write a file gzipped; what the manifest says of it."""
    raw = content if isinstance(content, bytes) else content.SerializeToString()
    return stored(INPAGE / f"{name}.gz", raw)


def stored(path: Path, raw: bytes) -> dict:
    """Write a file, packed where its name says so; what a page knows it by.

    The bytes that are sent, and of the content its size and its hash, which hold also
    where a server unpacks what it sends.
    """
    sent = gzip.compress(raw, 9, mtime=0) if path.suffix == ".gz" else raw
    path.write_bytes(sent)
    digest = hashlib.sha256(raw).hexdigest()[:16]
    return {"file": path.name, "bytes": len(sent), "size": len(raw), "hash": digest}


if __name__ == "__main__":
    sys.exit(0 if build() else 1)
