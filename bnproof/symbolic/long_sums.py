"""Long sums of polynomials in their index, in exact evaluation: from a few terms, by forward
differences."""

from __future__ import annotations

from itertools import pairwise
from math import comb

from flint import fmpq
from sympy import Add, Expr, Mul, Pow, Symbol

from bnproof.symbolic.duals import Number
from bnproof.symbolic.frames import Code, Frame
from bnproof.symbolic.reading import find_numbers

LONG_SUM = 200  # terms from which a sum is found this way


def degree_in(e: Expr, index: Symbol) -> int | None:
    """The degree of what is visibly a polynomial in the index, ``None`` for anything else."""
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
    """A long sum of a polynomial: ``sum_{n=0}^{N-1} f(n) = sum_k binom(N, k+1) D^k f(0)`` with
    forward differences D."""
    frame.spend(degree + 1)
    values = []
    for position in range(start, start + degree + 1):
        frame.bound[index] = position
        values.append(term(frame))
    del frame.bound[index]
    total: Number = fmpq(0)
    for k in range(degree + 1):
        total = total + values[0] * fmpq(comb(end - start + 1, k + 1))
        values = [after - before for before, after in pairwise(values)]
    return total
