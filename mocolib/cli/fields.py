"""A recipe's fields as options: --base-lr for base_lr, and so on."""

import argparse

from mocolib import recipe as recipes


def add_fields(parser, names=tuple(recipes.FIELDS)):
    """An option for each of these fields, with its help and range."""
    for name in names:
        field = recipes.FIELDS[name]
        text = f"{field.metadata['doc']} ({recipes.accepted(field)})".replace("%", "%%")
        flag = "--" + name.replace("_", "-")
        parser.add_argument(flag, metavar="X", help=text, default=argparse.SUPPRESS)


def given(options, names=tuple(recipes.FIELDS)) -> dict:
    """The fields that were typed, checked."""
    return {
        name: recipes.from_text(recipes.FIELDS[name], getattr(options, name))
        for name in names
        if hasattr(options, name)
    }
