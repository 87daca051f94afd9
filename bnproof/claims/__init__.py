"""The ledger: every claim of the thread, with a verdict computed from the book and from measured
records.

The thread is a question about batch normalisation on a site for statistics, with its answers and
comments.  Each of its claims is an entry of ``CLAIMS`` in the module of its speaker: ``question``
(Q), ``first_answer`` and ``first_answer_measured`` (A), ``textbook`` (B), ``third_answer`` (C).  No
entry contains a verdict.  How one follows is in ``claim``, which is where to start reading.
"""

from bnproof.claims.claim import (
    VERDICTS,
    Claim,
    ClaimVerdict,
    Deciding,
    UnknownClaim,
    find,
    load_ledger,
    settle,
)

__all__ = [
    "VERDICTS",
    "Claim",
    "ClaimVerdict",
    "Deciding",
    "UnknownClaim",
    "find",
    "load_ledger",
    "settle",
]
