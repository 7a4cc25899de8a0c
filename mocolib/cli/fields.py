"""What is typed: fields as options, --base-lr for base_lr, recipes and counts.

A table of fields is a recipe's or an execution's, by name.
"""

import argparse
from pathlib import Path

from mocolib import recipe as recipes
from mocolib.errors import BadInput
from mocolib.fields import accepted, from_text
from mocolib.presets import NAMED, named_recipe

ALIASES = {"dataset": ["--data"]}
RECIPE = {
    "default": "mini",
    "metavar": "NAME|FILE",
    "help": "named recipe, or a .toml or .json file (default: mini)",
}


class Parser(argparse.ArgumentParser):
    """What it does not understand is bad input like any other."""

    def error(self, message):
        raise BadInput(f"{message} (see `{self.prog} --help`).")


def add_fields(parser, table=recipes.FIELDS, names=()):
    """An option for each field, or those named, with its help and range."""
    for name in names or table:
        field = table[name]
        text = f"{field.metadata['doc']} ({accepted(field)})".replace("%", "%%")
        flags = ["--" + name.replace("_", "-"), *ALIASES.get(name, [])]
        # a switch may stand alone: --compile is --compile true
        switch = dict(nargs="?", const="true") if name == "compile" else {}
        parser.add_argument(
            *flags, metavar="X", help=text, default=argparse.SUPPRESS, **switch
        )


def given(options, table=recipes.FIELDS, names=()) -> dict:
    """The fields that were typed, checked."""
    return {
        name: from_text(table[name], getattr(options, name))
        for name in names or table
        if hasattr(options, name)
    }


def chosen_recipe(options) -> recipes.Recipe:
    """The recipe of a name or a file, with the fields that were typed beside it."""
    changes = given(options)
    if options.recipe in NAMED:
        return named_recipe(options.recipe, **changes)
    if Path(options.recipe).suffix in (".toml", ".json"):
        return recipes.from_file(options.recipe).replace(**changes)
    known = ", ".join(NAMED)
    raise BadInput(
        f"recipe is {options.recipe!r}, but must be one of {known}, "
        "or a .toml or .json file."
    )


def folder_for(name: str):
    """A type of argparse: a folder that is there or can be made; no file."""

    def named(text: str) -> Path:
        if Path(text).exists() and not Path(text).is_dir():
            raise argparse.ArgumentTypeError(
                f"{name} is {text!r}, but must be a folder"
            )
        return Path(text)

    return named


def count(name: str):
    """A type of argparse: a count that was typed for the option of this name."""

    def counted(text: str) -> int:
        if not text.isdecimal() or not 1 <= int(text) <= 1024:
            raise argparse.ArgumentTypeError(
                f"{name} is {text!r}, but must be a whole number 1 to 1024"
            )
        return int(text)

    return counted
