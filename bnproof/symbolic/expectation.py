"""Expected values over a batch of random entries: ``E(f, M, sigma)`` as a SymPy expression.

``E`` presumes only that ``x[1], ..., x[m]`` are uncorrelated with mean ``M`` and standard deviation
``sigma``, and it exists for polynomials of degree at most two. ``sigma`` may be any real number,
since only its even powers enter. ``NormalE`` presumes independent normal entries, for polynomials
up to degree five.

The prover takes an expected value by the linearity and the moments of the entries
(:mod:`bnproof.symbolic.moments`), for every batch size. For exact evaluation it is the mean over
every outcome of a discrete distribution with the right moments. For ``E`` two lopsided values (mean
0, variance 1) serve. For ``NormalE`` these are the three nodes of Gauss-Hermite quadrature (0 and
+-sqrt 3 with weights 2/3, 1/6, 1/6), exact for each entry up to degree five.
"""

from __future__ import annotations

from typing import Any, ClassVar

from flint import fmpq
from sympy import Add, Expr, Function, Indexed, Mul, Pow, Sum

from bnproof.symbolic.setting import x
from bnproof.symbolic.surds import Surd

# values of an entry with mean 0 and variance 1, each with its probability
Nodes = tuple[tuple[Any, fmpq], ...]


class Expectation(Function):  # type: ignore[misc]
    """``E[f]`` for a polynomial ``f`` in the entries of the batch; its arguments are
    ``(f, M, sigma)``.

    Attributes
    ----------
    most
        The degree of ``f`` up to which the presumptions decide the expected value.
    nodes
        A distribution of one entry whose moments are right up to that degree.
    """

    nargs = (3,)
    is_real = True
    most: ClassVar[int]
    nodes: ClassVar[Nodes]

    @classmethod
    def eval(cls, f: Expr, mean: Expr, std: Expr) -> None:
        """Leave it as it is: the prover takes it, for every batch size."""


def degree(e: Expr) -> int | None:
    """Find the degree of a polynomial in the entries of the batch, as it is written.

    Returns
    -------
    int or None
        An upper bound of the degree: terms that cancel when the polynomial is multiplied out still
        count. It is 0 where no entry of ``x`` occurs, and ``None`` for what is not visibly a
        polynomial in them.
    """
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
    """Expected value over uncorrelated entries of equal mean and variance, of degree at most two.

    Parameters
    ----------
    f
        A polynomial in the entries of the batch, such as ``mu``, ``v`` or ``x[i] * x[k]``.
    mean, std
        The mean and the standard deviation of every entry.

    Examples
    --------
    The mean of a batch is unbiased:

    >>> from sympy import Eq, Symbol
    >>> from bnproof.symbolic import mu, prove
    >>> M, sigma = Symbol("M", real=True), Symbol("sigma", positive=True)
    >>> prove(Eq(E(mu, M, sigma), M)).points > 0
    True
    """

    most = 2
    # weights 1/5 and 4/5: -2/5 + 2/5 = 0 and 4/5 + 1/5 = 1
    nodes = ((fmpq(-2), fmpq(1, 5)), (fmpq(1, 2), fmpq(4, 5)))


class NormalE(Expectation):
    """Expected value over independent normal entries, of degree at most five.

    The parameters are those of :class:`E`.
    """

    most = 5
    # moments 0, 1, 0, 3, 0, as the normal distribution has them
    nodes = (
        (fmpq(0), fmpq(2, 3)),
        (Surd({3: fmpq(1)}), fmpq(1, 6)),
        (Surd({3: fmpq(-1)}), fmpq(1, 6)),
    )
