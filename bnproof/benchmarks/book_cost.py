"""The prover's time as a whole, of this tree or of an earlier one.

Run by its path, with the tree to be timed on ``PYTHONPATH``; it uses only what every tree has, and
imports it late.  One JSON object is printed:

- ``python book_cost.py book``: the whole book in this one process; ``seconds`` are CPU seconds
without imports;
- ``python book_cost.py workers``: the whole book with one worker a core; ``seconds`` are elapsed
seconds without imports;
- ``python book_cost.py indices N``: one statement about a sum over N indices; CPU seconds without
imports;
- ``python book_cost.py show NAME``: the command ``bnproof show NAME``, imports included; CPU
seconds.

``bnproof.benchmarks.proof_cost`` runs all of them, side by side for two trees.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from importlib import import_module
from itertools import pairwise


def settle_book() -> bool:
    """Whether every theorem, settled one after the other in this process, is proved.

    Returns
    -------
    bool
        ``False`` where at least one theorem has another verdict; a time is not comparable then.
    """
    proving, entries = (
        import_module("bnproof.theorems.proving"),
        import_module("bnproof.theorems.book").book(),
    )
    return {proving.settle(entry).verdict for entry in entries.values()} == {"proved"}


def settle_in_workers() -> bool:
    """Whether every theorem, settled on all cores, is proved."""
    outcomes = import_module("bnproof.theorems.proving").settle_all()
    return {outcome.verdict for outcome in outcomes} == {"proved"}


def prove_indices(count: int) -> bool:
    """Prove that a sum over a chain of matrices has one value in both orders of summation.

    Parameters
    ----------
    count
        The number of indices ``n`` in ``sum x_p A_pq A_qr ... g_t``, at least 2.

    Returns
    -------
    bool
        Always ``True``, as ``prove`` raises where it does not prove.

    Notes
    -----
    The statement is trivial for a reader, but a prover has to order the names of several bound
    indices, and doing so naively takes time that grows with the factorial of their number.
    """
    from sympy import Eq, IndexedBase, Mul, Sum, symbols

    core = import_module("bnproof.symbolic")
    names = symbols(f"p1:{count + 1}", integer=True, positive=True)
    matrix = IndexedBase("A", real=True)
    chain = Mul(*(matrix[a, b] for a, b in pairwise(names)))
    summand = core.x[names[0]] * chain * core.g[names[-1]]
    sides = [
        Sum(summand, *((index, 1, core.m) for index in order)) for order in (names, names[::-1])
    ]
    core.prove(Eq(*sides, evaluate=False))
    return True


def show(name: str) -> bool:
    """Whether the command ``bnproof show`` prints the theorem as proved.

    Parameters
    ----------
    name
        A theorem of the book.  For a name that is none, the answer is ``False``.
    """
    # -P: the tree on PYTHONPATH, not the one in the current folder
    command = [sys.executable, "-P", "-m", "bnproof", "show", name]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    return shown.returncode == 0 and f"{name}: proved for every m" in shown.stdout


def main(what: str, argument: str = "") -> None:
    """Do what is asked, and print ``outcome`` and the times as JSON.

    Parameters
    ----------
    what
        ``"book"``, ``"workers"``, ``"indices"`` or ``"show"``.
    argument
        The number of indices, or the name of a theorem.
    """
    # a command is timed with its imports, so nothing is imported here in its stead
    if what != "show":
        import_module("bnproof.theorems.proving")
    imported, clock = time.process_time(), time.perf_counter()
    if what in ("book", "workers"):
        done = settle_book() if what == "book" else settle_in_workers()
    else:
        done = prove_indices(int(argument)) if what == "indices" else show(argument)
    elapsed = time.perf_counter() - clock
    if what == "workers":
        # CPU seconds of the workers would not show how long one waits
        seconds = elapsed
    elif what == "show":
        # the command is a process of its own, whose CPU seconds count as a child's
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = used.ru_utime + used.ru_stime
    else:
        seconds = time.process_time() - imported
    line = {
        "outcome": "shown" if done else "not shown",
        "seconds": round(seconds, 4),
        "elapsed_seconds": round(elapsed, 4),
    }
    sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
