"""Files of weights as others write them: safetensors, and torch.save's two formats.

Foreign code is never run: of a pickle only tensors, plain values, numpy's scalars and
argparse's table of options are made.
"""

import argparse
import contextlib
import itertools
import json
import re
import warnings
import zipfile

import numpy as np
import torch

from mocolib.files import check_file, read_tensors, unreadable

AUTHORS_HEADS = 12  # of vit_small and of vit_base in the authors' vits.py
WRAPPERS = ("state_dict", "model_state_dict", "model")
# What makes numpy's scalars and arrays, under the names of its versions 1 and 2.
MAKERS = [np.float64(0).__reduce__()[0], np.zeros(1).__reduce__()[0]]
HARMLESS = [
    *(argparse.Namespace, np.dtype, np.ndarray),
    *{type(np.dtype(kind)) for kind in np.typecodes["AllInteger"] + "?efdFDgGUSMm"},
    *(
        (f, f"numpy.{c}.multiarray.{f.__name__}")
        for f in MAKERS
        for c in ("core", "_core")
    ),
]
# The number that torch.save began with before it wrote archives, in pickles of any
# protocol; and the protocols of which torch can make tensors without running code.
OLDER = (b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", b"L119547037146038801333356L\n.")
PROTOCOLS = (2, 3)
FOREIGN = re.compile(
    "Unsupported (global|class|operand)|GLOBAL|REDUCE|NEWOBJ|BUILD"
    "|Can only (build|create)"
)


def read(path) -> tuple[dict, dict]:
    """The tensors of a .safetensors or torch.save file, and what else it tells."""
    try:
        check_file(path)
        with open(path, "rb") as file:
            start = file.read(40)
    except (OSError, ValueError) as error:
        raise unreadable(path, getattr(error, "strerror", None) or error) from None
    if start[8:9] == b"{":
        tensors, header = read_tensors(path)
        with contextlib.suppress(ValueError, RecursionError):
            told = json.loads(header.get("mocolib", "{}"))
            return tensors, told if isinstance(told, dict) else {}
        return tensors, {}
    _check_pickle(path, start)
    try:
        with torch.serialization.safe_globals(HARMLESS), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of storages in the older format
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a broken archive may raise anything
        if FOREIGN.search(str(error)):
            error = "it holds more than tensors, and foreign code is never run"
        elif "Weights only" in str(error):  # whose advice is to run it
            error = "what torch.save wrote is damaged"
        raise unreadable(path, error) from None
    return _unwrapped(path, content)


def _check_pickle(path, start: bytes):
    """BadInput where a file is not torch.save's, or of a protocol that is not read."""
    older = any(mark in start for mark in OLDER)
    if start[:2] != b"PK" and not older:
        reason = "it is neither safetensors nor what torch.save writes"
        raise unreadable(path, reason)
    first = start if older else _first_of_archive(path)
    protocol = first[1] if first[:1] == b"\x80" else 0
    if first and protocol not in PROTOCOLS:
        told = f"protocol {protocol}" if protocol else "protocol 0 or 1"
        raise unreadable(
            path,
            f"its pickle is of {told}, but must be of 2, which torch.save writes where "
            "no other is asked for",
        )


def _first_of_archive(path) -> bytes:
    """The first bytes of the pickle in an archive; none where it has no whole one."""
    with contextlib.suppress(Exception), zipfile.ZipFile(path) as archive:
        [name] = [n for n in archive.namelist() if n.split("/")[1:] == ["data.pkl"]]
        with archive.open(name) as file:
            return file.read(2)
    return b""


def _unwrapped(path, content) -> tuple[dict, dict]:
    """The table of tensors inside all that a training script saves."""
    whole = content if isinstance(content, dict) else {}
    for key in WRAPPERS:
        content = whole[key] if isinstance(whole.get(key), dict) else content
    if not isinstance(content, dict):
        kind = type(content).__name__
        raise unreadable(path, f"it holds a {kind}, and no table of named tensors")
    tensors = {k: v for k, v in content.items() if torch.is_tensor(v)}
    beside = [k for k, v in content.items() if not _plain(v)]
    named = all(isinstance(k, str) for k in tensors)
    if beside or not named or (content and not tensors):
        raise unreadable(
            path, f"it holds no table of named tensors, but {few(beside or content)}"
        )
    authors = any("module.base_encoder." in uncompiled(k) for k in tensors)
    authors = authors or str(whole.get("arch")) in ("vit_small", "vit_base")
    return tensors, {"heads": AUTHORS_HEADS} if authors else {}


def _plain(value) -> bool:
    """A tensor, or a number or word that a script keeps beside its tensors."""
    return torch.is_tensor(value) or isinstance(
        value, (int, float, str, bytes, type(None), np.generic)
    )


def few(names) -> str:
    """The first few of many names."""
    names = [str(name)[:60] for name in itertools.islice(names, 4)] or ["nothing"]
    return ", ".join(names[:3]) + ", …" * (len(names) > 3)


def uncompiled(name: str) -> str:
    return name.replace("_orig_mod.", "")  # torch.compile's own
