"""``check``: judge an implementation by the laws of the contract, and say what is violated.

Start reading here.  The function below is the whole course of a check in a few lines, and each step
is a module: plan, examine, find (the causes are looked for and the inputs made small), conclude.
:func:`bnproof.check` and the command line both end up here.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from bnproof.laws.answers import NOBODY, Monitor
from bnproof.verification.concluding import conclude
from bnproof.verification.examining import examine
from bnproof.verification.findings import list_findings
from bnproof.verification.planning import DEFAULTS, CheckOptions, plan_laws
from bnproof.verification.verdict import Verdict
from bnproof.verification.violations import find_other_convention


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
        Which areas hold, and for each defect one finding with the smallest input that shows it.
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
    fitting = find_other_convention(examination)
    if fitting is not None:
        # A list of broken laws would blame a correct implementation for following the custom of
        # its framework. So it is judged by that, and told to say so.
        assumed = examination.session.target.convention.name
        examination = examine(implementation, plan, replace(options, convention=fitting), monitor)
        examination.settled = assumed
    verdict = conclude(examination, list_findings(examination), options)
    verdict.seconds = time.perf_counter() - start
    return verdict
