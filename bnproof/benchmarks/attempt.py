"""One proof in a process of its own: ``python -m bnproof.benchmarks.attempt METHOD THEOREM M [dropped]``.

Prints one JSON object.  SymPy's caches are emptied before the clock starts; the clock covers building the statement,
differentiating and deciding, the same for every method, and never imports, which are reported beside it.
"""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module

OURS = "bnproof"


def main(method: str, theorem: str, m: str, variant: str = "") -> None:
    """Settle one statement and print ``outcome``, ``seconds`` and ``import_seconds``; ``m`` is not read for ours."""
    start = time.perf_counter()
    side = import_module(f"bnproof.benchmarks.{'generic' if method == OURS else 'plain_sympy'}")
    import_module("sympy.core.cache").clear_cache()
    imported = time.perf_counter()
    settle = side.outcome
    dropped = variant == "dropped"
    outcome = settle(theorem, dropped=dropped) if method == OURS else settle(method, theorem, int(m), dropped=dropped)
    done = time.perf_counter()
    line = {"outcome": outcome, "seconds": round(done - imported, 4), "import_seconds": round(imported - start, 4)}
    sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
