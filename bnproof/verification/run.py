"""``check``: judge an implementation by the laws of the contract, and say what is violated.

Start reading here.  The function below is the whole course of a check in five lines; each line is a
module.  :func:`bnproof.check` and the command line both end up here.
"""

from __future__ import annotations

import time
from typing import Any

from bnproof.laws.answers import NOBODY, Monitor
from bnproof.verification.concluding import conclude, explain
from bnproof.verification.examining import examine
from bnproof.verification.planning import DEFAULTS, CheckOptions, plan_laws
from bnproof.verification.verdict import Verdict
from bnproof.verification.violations import list_violations


def check(
    implementation: Any, options: CheckOptions = DEFAULTS, monitor: Monitor = NOBODY
) -> Verdict:
    """Run the laws on an implementation or a layer (contract parts 1 and 2) and say which hold.

    Parameters
    ----------
    implementation
        An object, class or module with ``train``; a layer's class or factory; or what an adapter
        takes.
    options
        What to judge, on how many cases, by which convention.
    monitor
        Who follows the check while it runs.

    Returns
    -------
    Verdict
        Which laws hold, and for each broken one the smallest input that was found to break it.
        Equal options give equal verdicts, ``seconds`` aside.

    Raises
    ------
    UnusableTarget
        Without ``train``, or where no case gives a usable answer.
    UnknownLaw, UnknownConvention
        For a name that is no law's, or no convention's.
    UnusableReplay
        Where the file to replay holds no failing input of a law that is judged.
    ValueError
        For an effort that there is not, or where no law is left.

    Examples
    --------
    >>> from bnproof.implementations.numpy import NumpyBatchNorm
    >>> from bnproof.verification.planning import CheckOptions
    >>> from bnproof.verification.run import check
    >>> class Doubled(NumpyBatchNorm):
    ...     def infer(self, *arguments, **options):
    ...         return 2 * super().infer(*arguments, **options)
    >>> options = CheckOptions("quick", select=("output", "inference-output"))
    >>> verdict = check(Doubled(), options)
    >>> verdict.passed, [violation.law for violation in verdict.violations]
    (['output'], ['inference-output'])
    """
    start = time.perf_counter()
    plan = plan_laws(options)
    examination = examine(implementation, plan, options, monitor)
    violations = explain(list_violations(examination, options.expect), examination)
    verdict = conclude(examination, violations, options)
    verdict.seconds = time.perf_counter() - start
    return verdict
