"""Imported by the process that a build's kernels are forks of: all claims are judged.

A chapter tells what was found; judged once, the claims are not judged in each of them.
"""

import contextlib

from mocolib import BadInput, claims

with contextlib.suppress(BadInput):  # told by the chapter that meets it
    claims.ledger()
    claims.second_ledger()
