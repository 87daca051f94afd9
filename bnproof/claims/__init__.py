"""The ledger: every claim of the thread, with a verdict computed from the book and from
measured records."""

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
