"""A setting as a field of a dataclass: with its help line and what it accepts."""

import dataclasses
import math
import sys
from pathlib import Path

import numpy as np

if sys.version_info >= (3, 11):
    import tomllib
else:  # the same parser under its older name
    import tomli as tomllib

from mocolib.errors import BadInput
from mocolib.files import check_file, from_json


def setting(default, doc, *, low=None, high=None, above=None, below=None, choices=None):
    """A dataclass field that carries its own help line and accepted range."""
    checks = dict(low=low, high=high, above=above, below=below, choices=choices)
    return dataclasses.field(default=default, metadata={"doc": doc, **checks})


def accepted(field) -> str:
    """The accepted range of a field, in words."""
    rule = field.metadata
    if rule["choices"]:
        return "one of " + ", ".join(rule["choices"])
    if field.type is bool:
        return "true or false"
    if field.type is str:
        return "a non-empty text"
    kind = "a whole number" if field.type is int else "a number"
    words = {
        "low": "at least {}",
        "above": "above {}",
        "high": "at most {}",
        "below": "below {}",
    }
    bounds = [w.format(rule[k]) for k, w in words.items() if rule[k] is not None]
    return f"{kind} {' and '.join(bounds)}"


def checked(field, value):
    """`value` as the field's type, or BadInput with field, value and range."""
    rule, kind, given = field.metadata, field.type, value
    if isinstance(value, np.generic):  # from np.logspace, say
        value = value.item()
    whole_float = isinstance(value, int) and not isinstance(value, bool)
    try:
        if kind is float and whole_float:
            value = float(value)  # an int too large for a float overflows here
        if kind is float and value == 0:
            value = 0.0  # -0.0 would give another id
        good = type(value) is kind
        if good and kind is str:
            good = bool(value) and (not rule["choices"] or value in rule["choices"])
        if good and kind in (int, float):
            good = (
                math.isfinite(value)
                and (rule["low"] is None or value >= rule["low"])
                and (rule["above"] is None or value > rule["above"])
                and (rule["high"] is None or value <= rule["high"])
                and (rule["below"] is None or value < rule["below"])
            )
    except OverflowError:
        good = False
    if not good:
        raise BadInput(f"{field.name} is {given!r}, but must be {accepted(field)}.")
    return value


def from_text(field, text: str):
    """A field's value as typed on a command line."""
    if field.type is str:
        return checked(field, text)
    if field.type is bool and text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        value = int(text) if field.type is int else float(text)
    except ValueError:
        value = text
    return checked(field, value)


def read_table(path) -> dict:
    """The table in a .toml or .json file; BadInput where it cannot be read."""
    path = Path(path)
    try:
        check_file(path)
        text = path.read_text(encoding="utf-8-sig")  # some editors begin with a mark
        return from_json(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise BadInput(f"file {path} cannot be read: {reason}.") from None
