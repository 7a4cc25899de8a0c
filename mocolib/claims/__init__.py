"""The claims of the ledger: from recorded runs to effects, verdicts and findings.

    claims.judge("C7").word        # reproduced, open, opposite or too few runs
    claims.finding("C7")           # what was seen, in a sentence
    claims.ledger()                # all of them
    claims.ledger("runs")          # by a reader's own runs; pooled=True: and ours

Each effect is a value a seed, positive where the claim is right. Primary effects and
their signs were committed before any of their runs existed (see data/README.md).
"""

import re

from mocolib.claims import mechanism, parts, relatives, shaking  # noqa: F401
from mocolib.claims.register import CLAIMS, Claim
from mocolib.claims.verdicts import Effect, Verdict

__all__ = [
    "CLAIMS",
    "Claim",
    "Effect",
    "Verdict",
    "finding",
    "judge",
    "ledger",
    "second_ledger",
]


def judge(id: str, root=None, pooled: bool = False) -> Verdict:
    """A claim's verdict by the recorded runs; with `root` by those under it."""
    claim = CLAIMS[id]
    return claim() if root is None else claim.of(root, pooled)


def finding(id: str) -> str:
    """What the recorded runs say on a claim, in a sentence."""
    return judge(id).finding


def ledger(root=None, pooled: bool = False) -> list[Verdict]:
    """Every claim's verdict, C2 before C10."""
    return [judge(id, root, pooled) for id in sorted(CLAIMS, key=_place)]


def second_ledger() -> dict[str, Verdict]:
    """By id the verdicts on the second data set, of the claims that have some."""
    found = {id: CLAIMS[id].on_second() for id in sorted(CLAIMS, key=_place)}
    return {id: verdict for id, verdict in found.items() if verdict}


def _place(id: str) -> tuple:
    number, rest = re.fullmatch(r"C(\d+)(.*)", id).groups()
    return int(number), rest
