"""The claims of the ledger: from recorded runs to effects, verdicts and findings.

    claims.judge("C7").word        # reproduced, leaning, open, ... (see verdicts)
    claims.finding("C7")           # what was seen, in whole sentences
    claims.ledger()                # all of them
    claims.ledger("runs")          # by a reader's own runs; pooled=True: and ours

Each effect is a value a seed, positive where the claim is right. Primary effects and
their signs were committed before any of their runs existed (see data/README.md). A
claim is a function here, a file in words/claims, and its line there.
"""

import re
import warnings

from mocolib import sweep
from mocolib.claims import decay, frontier, mechanism, parts, relatives, scale, shaking
from mocolib.claims.findings import sentence
from mocolib.claims.register import CLAIMS, Claim, asked_for, of_record
from mocolib.claims.verdicts import Effect, Verdict, corrected
from mocolib.errors import BadInput, LeftOut
from mocolib.sweep.found import strangers


def judge(id: str, root=None, pooled: bool = False) -> Verdict:
    """A claim's verdict by the book's records; BadInput for an id that is none.

    With `root` by the runs under it, and as if no other claim had been judged.
    """
    if id not in CLAIMS:
        known = ", ".join(sorted(CLAIMS, key=_place))
        raise BadInput(f"claim is {id!r}, but must be one of {known}.")
    return of_record()[id] if root is None else CLAIMS[id].of(root, pooled)


def finding(of: str | Verdict) -> str:
    """What was seen on a claim, in whole sentences; of its id by the book's records."""
    return sentence(of if isinstance(of, Verdict) else judge(of))


def ledger(root=None, pooled: bool = False, watched=iter) -> list[Verdict]:
    """Every claim's verdict, C2 before C10; with `root` by the runs under it.

    pooled: by those and the book's own. Warnings name the runs that are left out:
    damaged ones, copies, those of no sweep. `watched` passes runs and claims on, as
    `tqdm` does: thousands take a while.
    """
    ids = sorted(CLAIMS, key=_place)
    if root is None:
        found = of_record()
        return [found[id] for id in ids]
    own = sweep.own(root, watched)
    if told := strangers(own, asked_for()):
        warnings.warn(told, LeftOut, stacklevel=2)
    return corrected([CLAIMS[id].by(own, pooled) for id in watched(ids)])


def second_ledger() -> dict[str, Verdict]:
    """By id the verdicts on the second data set, of the claims that have some."""
    found = of_record(second=True)
    return {id: found[id] for id in sorted(found, key=_place)}


def _place(id: str) -> tuple:
    number, rest = re.fullmatch(r"C(\d+)(.*)", id).groups()
    return int(number), rest
