"""Where data lie: what comes with mocolib, and what the user has."""

import os
from pathlib import Path

from mocolib.errors import BadInput


def data_root() -> Path:
    """Where data lie: beside the package in a checkout, inside it when installed."""
    inside = Path(__file__).parents[1] / "_data"
    return inside if inside.exists() else Path(__file__).parents[2] / "data"


def user_root() -> Path:
    """Where downloads and decoded folders go; MOCOLIB_DATA chooses another place."""
    chosen = os.environ.get("MOCOLIB_DATA")
    try:
        return Path(chosen) if chosen else Path.home() / ".cache" / "mocolib"
    except RuntimeError:
        raise BadInput(
            "MOCOLIB_DATA is not set, but must name a folder: the user has no home."
        ) from None
