"""Sets of signs: which of -1, 0, 1 the sign of a number can be."""

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
    """The signs a product can have."""
    return frozenset(p * q for p in a for q in b)


def power(a: SignSet, exponent: int) -> SignSet:
    """The signs of an integer power (a negative exponent: of the reciprocal, where it exists)."""
    return frozenset(p if exponent % 2 else abs(p) for p in a) if exponent else POSITIVE


def find_assumed_signs(e: Expr) -> SignSet:
    """The signs that SymPy's assumptions leave to an expression."""
    signs = set(ANY)
    if e.is_nonnegative:
        signs.discard(-1)
    if e.is_nonpositive:
        signs.discard(1)
    if e.is_zero is False:
        signs.discard(0)
    return frozenset(signs)
