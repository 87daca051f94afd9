"""The symbolic core: the names of the setting, ``prove``, and the witnesses it takes.

A statement is an ordinary SymPy equation or inequality over the names of the setting. The function
``prove`` either returns a :class:`Proof`, which holds for every batch size ``m``, or raises
:class:`Refuted` with an exact counterexample, or raises :class:`Undecided` with a reason.

Two methods that share no code take part. The *normal form* rewrites both sides into rational
functions of independent generators and compares them for all ``m`` at once. The *exact check*
evaluates the statement as it was written, in exact arithmetic, at many small batches. A statement
counts as proved only where the first shows it and the second agrees.

Start reading at :mod:`bnproof.symbolic.prover`. From there one way leads to the normal form
(``deciding``, ``normal_form``, ``power_sums``, ``summation``), the other to the exact check
(``search``, ``sampling``, ``exact``).

Examples
--------
>>> from sympy import Eq, Sum
>>> from bnproof.symbolic import Refuted, i, m, prove, x, xhat
>>> prove(Eq(Sum(xhat(i), (i, 1, m)), 0)).points > 0
True
>>> try:
...     prove(Eq(Sum(x[i], (i, 1, m)), 0))
... except Refuted as refuted:
...     print(refuted.counterexample.lhs != refuted.counterexample.rhs)
True
"""

from bnproof.symbolic.outcomes import (
    Counterexample,
    Disagreement,
    Proof,
    Refuted,
    Step,
    Undecided,
    Unreadable,
)
from bnproof.symbolic.prover import prove
from bnproof.symbolic.setting import (
    Batch,
    Every,
    beta,
    eps,
    g,
    gamma,
    i,
    j,
    k,
    m,
    mu,
    s,
    v,
    x,
    xhat,
    y,
)
from bnproof.symbolic.witnesses import Increasing, Induction, Lemma, Remainder

__all__ = [
    "Batch",
    "Counterexample",
    "Disagreement",
    "Every",
    "Increasing",
    "Induction",
    "Lemma",
    "Proof",
    "Refuted",
    "Remainder",
    "Step",
    "Undecided",
    "Unreadable",
    "beta",
    "eps",
    "g",
    "gamma",
    "i",
    "j",
    "k",
    "m",
    "mu",
    "prove",
    "s",
    "v",
    "x",
    "xhat",
    "y",
]
