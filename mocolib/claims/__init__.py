"""The claims of the ledger: from recorded runs to effects, verdicts and findings.

    claims.judge("C7").word        # reproduced, open, opposite or too few runs
    claims.finding("C7")           # what was seen, in a sentence
    claims.ledger()                # all of them
    claims.ledger("runs")          # by a reader's own runs; pooled=True: and ours

Each effect is a value a seed, positive where the claim is right. Primary effects and
their signs were committed before any of their runs existed (see data/README.md).
"""

import re
import warnings

from mocolib import sweep
from mocolib.claims import mechanism, parts, relatives, shaking  # noqa: F401
from mocolib.claims.register import CLAIMS, Claim, asked_for
from mocolib.claims.verdicts import Effect, Verdict
from mocolib.errors import LeftOut
from mocolib.sweep.found import strangers

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


def ledger(root=None, pooled: bool = False, watched=iter) -> list[Verdict]:
    """Every claim's verdict, C2 before C10; with `root` by the runs under it.

    Warnings name the runs that are left out: damaged ones, copies, those of no sweep.
    `watched` passes runs and claims on, as `tqdm` does: thousands take a while.
    """
    ids = sorted(CLAIMS, key=_place)
    if root is None:
        return [CLAIMS[id]() for id in watched(ids)]
    own = sweep.own(root, watched)
    if told := strangers(own, asked_for()):
        warnings.warn(told, LeftOut, stacklevel=2)
    return [CLAIMS[id].by(own, pooled) for id in watched(ids)]


def second_ledger() -> dict[str, Verdict]:
    """By id the verdicts on the second data set, of the claims that have some."""
    found = {id: CLAIMS[id].on_second() for id in sorted(CLAIMS, key=_place)}
    return {id: verdict for id, verdict in found.items() if verdict}


def _place(id: str) -> tuple:
    number, rest = re.fullmatch(r"C(\d+)(.*)", id).groups()
    return int(number), rest
