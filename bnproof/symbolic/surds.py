"""Exact real numbers of Q(sqrt 2, sqrt 3, sqrt 5, ...): finite sums of rationals times square roots.

A number is stored as ``{d: q}``, meaning ``sum q sqrt(d)`` over squarefree ``d >= 1``.  The roots of distinct
squarefree integers are linearly independent over Q (Besicovitch 1940), so equality is equality of the table.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from math import gcd, isqrt
from typing import Any

from sympy import factorint


class NotExact(ArithmeticError):
    """The value leaves Q(sqrt 2, sqrt 3, ...): a nested root or a transcendental function."""


@cache
def _square_split(n: int) -> tuple[int, int]:
    """``n = a^2 d`` with ``d`` squarefree, for ``n >= 1``; returns ``(a, d)``."""
    root = isqrt(n)
    if root * root == n:
        return root, 1
    a = d = 1
    for prime, power in factorint(n).items():
        a *= prime ** (power // 2)
        d *= prime ** (power % 2)
    return a, d


class Surd:
    """An immutable element of Q(sqrt 2, sqrt 3, ...) with exact arithmetic and comparison."""

    __slots__ = ("terms",)

    def __init__(self, value: int | Fraction | dict[int, Fraction] = 0) -> None:
        if isinstance(value, dict):
            self.terms = {d: q for d, q in value.items() if q}
        else:
            self.terms = {1: Fraction(value)} if value else {}

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, Surd):
            return NotImplemented
        total = dict(self.terms)
        for d, q in other.terms.items():
            total[d] = total.get(d, Fraction(0)) + q
        return Surd(total)

    def __neg__(self) -> Surd:
        return Surd({d: -q for d, q in self.terms.items()})

    def __sub__(self, other: Any) -> Any:
        return self + (-other)  # also where other is a dual number

    def __mul__(self, other: Any) -> Any:
        if not isinstance(other, Surd):
            return NotImplemented
        total: dict[int, Fraction] = {}
        for d, q in self.terms.items():
            for e, r in other.terms.items():
                common = gcd(d, e)
                root = (d // common) * (e // common)
                total[root] = total.get(root, Fraction(0)) + q * r * common
        return Surd(total)

    def inverse(self) -> Surd:
        """``1/self``: with ``self = a + b sqrt(p)``, ``(a - b sqrt(p))/(a^2 - p b^2)``, prime by prime."""
        if not self.terms:
            raise ZeroDivisionError("division by an exact zero")
        largest = max(self.terms)
        if largest == 1:
            return Surd(1 / self.terms[1])
        prime = min(factorint(largest))
        conjugate = Surd({d: -q if d % prime == 0 else q for d, q in self.terms.items()})
        return conjugate * (self * conjugate).inverse()

    def __truediv__(self, other: Surd) -> Surd:
        return self * other.inverse()

    def __pow__(self, exponent: int) -> Surd:
        base = self if exponent >= 0 else self.inverse()
        power = Surd(1)
        for _ in range(abs(exponent)):
            power = power * base
        return power

    def sqrt(self) -> Surd:
        """The non-negative root; raises ``NotExact`` for nested roots, ``ValueError`` below zero."""
        if self.sign() < 0:
            raise ValueError("square root of a negative number")
        if not self.is_rational:
            raise NotExact("a root of a root")
        value = self.rational
        a, d = _square_split(value.numerator * value.denominator) if value else (0, 1)
        return Surd({d: Fraction(a, value.denominator)})

    def sign(self) -> int:
        """-1, 0 or 1, from rational bounds of the roots refined until they decide."""
        if self.is_rational:
            value = self.rational
            return (value > 0) - (value < 0)
        bits = 32
        while True:
            low, high = self._bounds(bits)
            if low > 0 or high < 0:
                return 1 if low > 0 else -1
            bits *= 2

    def _bounds(self, bits: int) -> tuple[Fraction, Fraction]:
        low = high = Fraction(0)
        for d, q in self.terms.items():
            floor = isqrt(d << (2 * bits))
            ends = (q * Fraction(floor, 1 << bits), q * Fraction(floor + 1, 1 << bits))
            low, high = low + min(ends), high + max(ends)
        return low, high

    def plain(self) -> Surd:
        """Itself: a number without infinitesimals."""
        return self

    @property
    def is_rational(self) -> bool:
        return not self.terms or set(self.terms) == {1}

    @property
    def rational(self) -> Fraction:
        """The value as a fraction; raises ``NotExact`` where it is irrational."""
        if not self.is_rational:
            raise NotExact("the value is irrational")
        return self.terms.get(1, Fraction(0))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Surd) and self.terms == other.terms

    def __hash__(self) -> int:
        return hash(frozenset(self.terms.items()))

    def __str__(self) -> str:
        if not self.terms:
            return "0"
        parts = [str(q) if d == 1 else f"{q}*sqrt({d})" for d, q in sorted(self.terms.items())]
        return " + ".join(parts).replace("+ -", "- ")

    __repr__ = __str__
