"""The claims of the ledger: from recorded runs to effects.

Each function gets what was recorded for it, a list of runs a sweep, and returns
effects, a value a seed, positive where the claim is right. `verdicts` says what
follows. Effects were fixed before their runs were looked at.
"""

import re

from mocolib.claims import mechanism, parts, relatives, shaking  # noqa: F401
from mocolib.claims.verdicts import CLAIMS, Verdict

__all__ = ["CLAIMS", "Verdict", "ledger"]


def ledger() -> list[Verdict]:
    """Every claim's verdict from the public runs, C2 before C10."""

    def order(id):
        number, rest = re.fullmatch(r"C(\d+)(.*)", id).groups()
        return int(number), rest

    return [CLAIMS[id]() for id in sorted(CLAIMS, key=order)]
