"""``check``: the laws of the contract on one implementation, and what is violated, with the
smallest input and the likely cause."""

from __future__ import annotations

import time
from typing import Any

from bnproof.verification.concluding import conclude, explain
from bnproof.verification.examining import examine
from bnproof.verification.planning import DEFAULTS, NOBODY, CheckOptions, Monitor, plan_laws
from bnproof.verification.verdict import Verdict
from bnproof.verification.violations import list_violations


def check(
    implementation: Any, options: CheckOptions = DEFAULTS, monitor: Monitor = NOBODY
) -> Verdict:
    """Run the laws on an implementation or a layer (contract parts 1 and 2) and say which hold.

    Parameters ---------- implementation
        An object, class or module with ``train``; a layer's class or factory; or what an adapter
        takes.
    options
        What to judge, on how many cases, by which convention.
    monitor
        Who follows the check while it runs.

    Raises
    ------
    UnusableTarget
        Without ``train``, or where no case gives a usable answer.
    UnknownLaw, UnusableReplay, ValueError
        For bad requests.
    """
    start = time.perf_counter()
    plan = plan_laws(options)
    examination = examine(implementation, plan, options, monitor)
    violations = explain(list_violations(examination, options.expect), examination)
    verdict = conclude(examination, violations, options)
    verdict.seconds = time.perf_counter() - start
    return verdict
