"""Long sums of polynomials in their index, in exact evaluation: from a few terms.

A polynomial ``f`` of degree ``d`` is known from ``d + 1`` values. By Newton's forward differences
``f(n) = sum_k binom(n, k) D^k f(0)``, and summing over ``n`` raises ``k`` by one. So a sum over
thousands of terms takes ``d + 1`` evaluations.
"""

from __future__ import annotations

from itertools import pairwise
from math import comb

from flint import fmpq
from sympy import Add, Expr, Mul, Pow, Symbol

from bnproof.symbolic.duals import Number
from bnproof.symbolic.frames import Code, Frame
from bnproof.symbolic.reading import find_numbers

# A sum whose ends are further apart than this is found from a few terms. A shorter one is added up,
# which checks each of its terms.
LONG_SUM = 200


def degree_in(e: Expr, index: Symbol) -> int | None:
    """Find the degree of what is visibly a polynomial in an index.

    Returns
    -------
    int or None
        An upper bound of the degree; 0 where the index does not occur. ``None`` for anything else,
        such as an entry ``x[j]`` or a quotient, whose terms have to be looked at one by one.
    """
    if index not in find_numbers(e):
        return 0
    if e == index:
        return 1
    if isinstance(e, Pow):
        base = degree_in(e.base, index)
        return None if base is None or not (e.exp.is_Integer and e.exp > 0) else base * int(e.exp)
    if not isinstance(e, (Add, Mul)):
        return None
    parts = [degree_in(a, index) for a in e.args]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    return max(known) if isinstance(e, Add) else sum(known)


def sum_by_differences(
    frame: Frame, term: Code, index: Symbol, start: int, end: int, degree: int
) -> Number:
    """Sum a polynomial in an index over ``start..end``.

    Parameters
    ----------
    frame
        The evaluation. Its budget is charged with the terms that are evaluated.
    term
        Code of the polynomial.
    index
        The summation index, which is unbound before and after.
    start, end
        The ends of the sum, with ``start <= end``.
    degree
        An upper bound of the degree of the polynomial.

    Returns
    -------
    Number
        The sum, by ``sum_{n=0}^{N-1} f(start + n) = sum_k binom(N, k + 1) D^k f(start)`` with
        forward differences ``D``.
    """
    frame.spend(degree + 1)
    values = []
    for position in range(start, start + degree + 1):
        frame.bound[index] = position
        values.append(term(frame))
    del frame.bound[index]
    total: Number = fmpq(0)
    for k in range(degree + 1):
        total = total + values[0] * fmpq(comb(end - start + 1, k + 1))
        # one difference further, and one value fewer
        values = [after - before for before, after in pairwise(values)]
    return total
