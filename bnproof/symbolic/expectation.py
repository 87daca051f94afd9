"""Expected values over a batch of independent entries: ``E(f, M, sigma)`` as a SymPy expression.

``E`` presumes only that ``x[1], ..., x[m]`` are uncorrelated with mean ``M`` and standard deviation
``sigma``; it exists for polynomials of degree at most two.  ``sigma`` may be any real number, since
only its even powers enter.  ``NormalE`` presumes independent normal entries, for polynomials up to
degree five.

What an expected value is, for exact evaluation: the mean over every outcome of a discrete
distribution with the right moments.  For ``E`` two lopsided values (mean 0, variance 1) serve, for
``NormalE`` the three nodes of Gauss-Hermite quadrature (0 and +-sqrt 3 with weights 2/3, 1/6, 1/6),
exact for each entry up to degree five.
"""

from __future__ import annotations

from typing import Any, ClassVar

from flint import fmpq
from sympy import Add, Expr, Function, Indexed, Mul, Pow, Sum

from bnproof.symbolic.setting import x
from bnproof.symbolic.surds import Surd

Nodes = tuple[tuple[Any, fmpq], ...]


class Expectation(Function):  # type: ignore[misc]
    """``E[f]`` for ``f`` a polynomial in the entries of the batch; arguments ``(f, M, sigma)``."""

    nargs = (3,)
    is_real = True
    most: ClassVar[int]  # the degree up to which the presumptions decide
    nodes: ClassVar[Nodes]

    @classmethod
    def eval(cls, f: Expr, mean: Expr, std: Expr) -> None:
        """Never evaluated on the way in: the prover does that, for every batch size."""


def degree(e: Expr) -> int | None:
    """The degree of a polynomial in the entries of the batch; ``None`` for what is no polynomial in
    them."""
    if not any(entry.base == x for entry in e.atoms(Indexed)):
        return 0
    if isinstance(e, Indexed):
        return 1
    if isinstance(e, Sum):
        return degree(e.function)
    parts = [degree(a) for a in e.args]
    if isinstance(e, Pow):
        return (
            parts[0] * int(e.exp)
            if parts[0] is not None and e.exp.is_Integer and e.exp > 0
            else None
        )
    known = [part for part in parts if part is not None]
    if len(known) < len(parts) or not isinstance(e, (Add, Mul)):
        return None
    return max(known) if isinstance(e, Add) else sum(known)


class E(Expectation):
    """Expected value over uncorrelated entries of equal mean and variance; degree at most two."""

    most = 2
    nodes = ((fmpq(-2), fmpq(1, 5)), (fmpq(1, 2), fmpq(4, 5)))


class NormalE(Expectation):
    """Expected value over independent normal entries; degree at most five."""

    most = 5
    nodes = (
        (fmpq(0), fmpq(2, 3)),
        (Surd({3: fmpq(1)}), fmpq(1, 6)),
        (Surd({3: fmpq(-1)}), fmpq(1, 6)),
    )
