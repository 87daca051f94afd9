"""The ledger: every assertion of the thread, with a verdict computed from the book and from
measured records."""

from bnproof.claims.assertion import (
    VERDICTS,
    Assertion,
    ClaimVerdict,
    Measured,
    UnknownClaim,
    find,
    ledger,
    settle,
)

__all__ = [
    "VERDICTS",
    "Assertion",
    "ClaimVerdict",
    "Measured",
    "UnknownClaim",
    "find",
    "ledger",
    "settle",
]
