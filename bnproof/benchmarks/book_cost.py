"""The prover's time as a whole, of this tree or of an earlier one: ``python book_cost.py book`` or ``... indices N``.

Run by its path, with the tree to be timed on ``PYTHONPATH``; it uses only what every tree has.  Prints one JSON object with
CPU seconds: of the whole book in this one process, or of one statement about a sum over N indices.
"""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module
from itertools import pairwise


def book() -> str:
    """Settle every theorem; ``shown`` if all are proved."""
    proving, entries = import_module("bnproof.theorems.proving"), import_module("bnproof.theorems.book").book()
    verdicts = {proving.settle(entry).verdict for entry in entries.values()}
    return "shown" if verdicts == {"proved"} else "not shown"


def indices(count: int) -> str:
    """``sum_pqr... x_p A_pq A_qr ... g_t`` in both orders of summation: one value."""
    from sympy import Eq, IndexedBase, Mul, Sum, symbols

    core = import_module("bnproof.symbolic")
    names = symbols(f"p1:{count + 1}", integer=True, positive=True)
    matrix = IndexedBase("A", real=True)
    chain = Mul(*(matrix[a, b] for a, b in pairwise(names)))
    summand = core.x[names[0]] * chain * core.g[names[-1]]
    sides = [Sum(summand, *((index, 1, core.m) for index in order)) for order in (names, names[::-1])]
    core.prove(Eq(*sides, evaluate=False))
    return "shown"


def main(what: str, count: str = "0") -> None:
    """Settle it and print ``outcome`` and the times."""
    start = time.process_time()
    import_module("bnproof.theorems.proving")
    imported, clock = time.process_time(), time.perf_counter()
    outcome = book() if what == "book" else indices(int(count))
    seconds = round(time.process_time() - imported, 4)
    elapsed = round(time.perf_counter() - clock, 4)
    line = {
        "outcome": outcome,
        "seconds": seconds,
        "elapsed_seconds": elapsed,
        "import_seconds": round(imported - start, 4),
    }
    sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
