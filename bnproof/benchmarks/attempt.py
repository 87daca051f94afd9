"""One proof in a process of its own:
``python -m bnproof.benchmarks.attempt METHOD THEOREM M [dropped]``.

Prints one JSON object.  SymPy's caches are emptied before the clock starts; the clock covers
building the statement, differentiating and deciding, the same for every method, and never imports,
which are reported beside it.  ``seconds`` are CPU seconds of this process, whose work is all in one
thread: what else the machine does is left out.
"""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module

OURS = "bnproof"


def main(method: str, theorem: str, m: str, variant: str = "") -> None:
    """Settle one statement and print ``outcome`` and the times; ``m`` is not read for ours."""
    start = time.process_time()
    side = import_module(f"bnproof.benchmarks.{'generic' if method == OURS else 'plain_sympy'}")
    import_module("sympy.core.cache").clear_cache()
    settle, dropped = side.outcome, variant == "dropped"
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
