"""One proof in a process of its own, for the growth benchmark.

``python -m bnproof.benchmarks.attempt METHOD THEOREM M [dropped]`` settles one statement and prints
one JSON object.  ``METHOD`` is ``bnproof`` or a way of plain SymPy, ``M`` the batch size for the
latter, and ``dropped`` asks for the false variant.

SymPy's caches are emptied before the clock starts, since a warm cache would favour whoever comes
second.  The clock covers building the statement, differentiating and deciding, the same for every
method, and never imports, which are reported beside it.  ``seconds`` are CPU seconds of this
process, whose work is all in one thread, so what else the machine does is left out.

``bnproof.benchmarks.proof_cost`` starts these processes and stops them at a cap.
"""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module

# the name of this side among the methods
OURS = "bnproof"


def main(method: str, theorem: str, m: str, variant: str = "") -> None:
    """Settle one statement, and print ``outcome`` and the times as JSON.

    Parameters
    ----------
    method
        ``"bnproof"``, or a key of ``plain_sympy.METHODS``.
    theorem
        Which statement.
    m
        The batch size in digits.  It is not read for bnproof, whose proof is for every m.
    variant
        ``"dropped"`` for the false variant.
    """
    start = time.process_time()
    # only one side is imported: plain SymPy is not to profit from what bnproof loads, nor to wait
    # for it
    side = import_module(f"bnproof.benchmarks.{'generic' if method == OURS else 'plain_sympy'}")
    # importing the statements has already built and cached expressions
    import_module("sympy.core.cache").clear_cache()
    settle, dropped = side.settle_statement, variant == "dropped"
    imported, clock = time.process_time(), time.perf_counter()
    outcome = (
        settle(theorem, dropped=dropped)
        if method == OURS
        else settle(method, theorem, int(m), dropped=dropped)
    )
    times = {
        "seconds": time.process_time() - imported,
        "elapsed_seconds": time.perf_counter() - clock,
        "import_seconds": imported - start,
    }
    line = {"outcome": outcome, **{name: round(value, 4) for name, value in times.items()}}
    sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
