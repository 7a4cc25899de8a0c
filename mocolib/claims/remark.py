"""A remark: a sentence or two by the outcome of one effect."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Remark:
    """Sentences by the outcome of one effect."""

    holds: str = ""
    open: str = ""
    opposite: str = ""
