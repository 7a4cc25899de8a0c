"""The one door that words leave by: `said`, in English or in another language.

English is the source and needs no catalogue. The variable MOCOLIB_LANGUAGE, which a
build of the book sets, names another: gettext's `mocolib.mo` under book/locale.
"""

import functools
import gettext
import json
import os
from pathlib import Path

from mocolib.errors import BadInput
from mocolib.fields import read_table

LANGUAGE = "MOCOLIB_LANGUAGE"
HEARD = "MOCOLIB_HEARD"  # a file that collects what is said, for tools.translations
CATALOGUES = Path(__file__).parents[2] / "book" / "locale"
NAME = "mocolib"


@functools.cache
def table(name: str) -> dict:
    """What a file of this folder has, in English and with its fields open."""
    return read_table(Path(__file__).parent / f"{name}.toml")


def said(message: str, /, **fields) -> str:
    """A message as the reader is told it, its {fields} filled in.

    A message is a whole sentence, a caption or a name as it stands in English: never a
    piece that only another piece makes whole. What has no translation stays as it is.
    """
    told = _catalogue(os.environ.get(LANGUAGE, "")).gettext(message) if message else ""
    told = told.format(**fields) if fields else told
    if heard := os.environ.get(HEARD):
        _hear(message, told, heard)
    return told


def counted(one: str, many: str, count: int, /, **fields) -> str:
    """The message for one thing, or that for several, which takes {count}."""
    return said(one if count == 1 else many, count=count, **fields)


def listed(parts) -> str:
    """Names or settings in a row: `base rate 0.12, fixed projection`."""
    return _in_a_row("{before}, {then}", parts)


def together(sentences) -> str:
    """Whole sentences in a row, without those that are empty."""
    return _in_a_row("{before} {then}", filter(None, sentences))


def _in_a_row(message: str, parts) -> str:
    """Parts one behind the other, as a message sets two; "" of none."""
    first, *rest = [*parts] or [""]
    return functools.reduce(lambda a, b: said(message, before=a, then=b), rest, first)


@functools.cache
def _hear(message: str, told: str, file: str) -> None:
    """Add a message, and what became of it, to a file."""
    with open(file, "a", encoding="utf-8") as heard:
        heard.write(json.dumps([message, told]) + "\n")


@functools.cache
def _catalogue(language: str) -> gettext.NullTranslations:
    if not language:
        return gettext.NullTranslations()
    try:
        return gettext.translation(NAME, CATALOGUES, [language])
    except OSError:
        raise BadInput(
            f"{LANGUAGE} is {language!r}, but must be a language that has "
            f"{CATALOGUES}/LANGUAGE/LC_MESSAGES/{NAME}.mo, or empty for English."
        ) from None
