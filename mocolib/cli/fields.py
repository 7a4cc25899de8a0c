"""Fields as options: --base-lr for base_lr, and so on.

A table of fields is a recipe's or an execution's, by name.
"""

import argparse

from mocolib import recipe as recipes

ALIASES = {"dataset": ["--data"]}


def add_fields(parser, table=recipes.FIELDS, names=()):
    """An option for each field, or those named, with its help and range."""
    for name in names or table:
        field = table[name]
        text = f"{field.metadata['doc']} ({recipes.accepted(field)})".replace("%", "%%")
        flags = ["--" + name.replace("_", "-"), *ALIASES.get(name, [])]
        # a switch may stand alone: --compile is --compile true
        switch = dict(nargs="?", const="true") if name == "compile" else {}
        parser.add_argument(
            *flags, metavar="X", help=text, default=argparse.SUPPRESS, **switch
        )


def given(options, table=recipes.FIELDS, names=()) -> dict:
    """The fields that were typed, checked."""
    return {
        name: recipes.from_text(table[name], getattr(options, name))
        for name in names or table
        if hasattr(options, name)
    }
