"""``check``: the laws of the contract on one implementation, and what is violated, with the smallest input and the likely cause."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from bnproof.verification.concluding import conclude
from bnproof.verification.examining import examine, planned
from bnproof.verification.verdict import Verdict


def check(implementation: Any, *, expect: Mapping[str, str] | None = None, **options: Any) -> Verdict:
    """Run the laws on an implementation or a layer (contract parts 1 and 2) and say which hold.

    ``expect``: law ids with the reason why they are known to fail (strict: passing is then a violation); ``options`` are those of
    :func:`~bnproof.verification.examining.examine`.  Raises ``UnusableTarget`` without ``train`` or where no case gives a usable answer, ``UnknownLaw``,
    ``UnusableReplay`` and ``ValueError`` for bad requests.
    """
    start = time.perf_counter()
    planned(tuple(options.get("select", ())), tuple(options.get("ignore", ())), expect or {})
    examined = examine(implementation, **options)
    conclude(examined, expect or {})
    examined.verdict.seconds = time.perf_counter() - start
    return examined.verdict
