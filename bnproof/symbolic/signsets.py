"""Sets of signs: which of -1, 0, 1 the sign of a number can be.

A set that contains the sign is right, and a smaller one says more. ``ANY`` says nothing. The sets
form an arithmetic like that of intervals: the signs of a product are all products of signs.
"""

from __future__ import annotations

from sympy import Expr

SignSet = frozenset[int]
POSITIVE, NEGATIVE, ZERO = frozenset({1}), frozenset({-1}), frozenset({0})
NONNEGATIVE, NONZERO, ANY = frozenset({0, 1}), frozenset({-1, 1}), frozenset({-1, 0, 1})

# What a relation ``lhs op rhs`` says of the sign of ``lhs - rhs``.
OF_RELATION: dict[str, SignSet] = {
    "==": ZERO,
    "!=": NONZERO,
    "<": NEGATIVE,
    "<=": NEGATIVE | ZERO,
    ">": POSITIVE,
    ">=": NONNEGATIVE,
}


def product(a: SignSet, b: SignSet) -> SignSet:
    """The signs a product can have.

    Parameters
    ----------
    a, b
        The signs of the factors. Nothing is supposed of how they depend on each other, so the
        product of a number with itself is better asked of ``power``.
    """
    return frozenset(p * q for p in a for q in b)


def power(a: SignSet, exponent: int) -> SignSet:
    """The signs of an integer power.

    Parameters
    ----------
    a
        The signs of the base.
    exponent
        An integer. A negative one means a power of the reciprocal, where that exists; 0 gives
        ``POSITIVE``, as ``0^0 = 1``.
    """
    return frozenset(p if exponent % 2 else abs(p) for p in a) if exponent else POSITIVE


def find_assumed_signs(e: Expr) -> SignSet:
    """The signs that SymPy's assumptions leave to an expression.

    Parameters
    ----------
    e
        A real expression. Its assumptions hold wherever it exists, whatever the conditions say.
    """
    signs = set(ANY)
    if e.is_nonnegative:
        signs.discard(-1)
    if e.is_nonpositive:
        signs.discard(1)
    if e.is_zero is False:
        signs.discard(0)
    return frozenset(signs)
