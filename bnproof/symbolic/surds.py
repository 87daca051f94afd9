"""Exact real numbers of Q(sqrt 2, sqrt 3, sqrt 5, ...): rationals, and finite sums of rationals
times square roots.

A rational is a ``fmpq``.  An irrational number is a :class:`Surd` ``{d: q}``, meaning
``sum q sqrt(d)`` over squarefree ``d >= 1``.  The roots of distinct squarefree integers are
linearly independent over Q (Besicovitch 1940), so equality is equality of the table.

The exact check works with these numbers, because ``s = sqrt(v + eps)`` is irrational at most
points. Whatever leaves the field is refused with ``NotExact``; nothing is rounded.
"""

from __future__ import annotations

from functools import cache
from math import gcd, isqrt
from typing import Any

from flint import fmpq
from sympy import factorint


class NotExact(ArithmeticError):
    """The value leaves Q(sqrt 2, sqrt 3, ...): a nested root or a transcendental function.

    It is raised as well where a number cannot be told from 0, or is too large to be factored.
    """


# Up to which factors are looked for. A root that needs larger ones is refused, which bounds the
# time.
LARGEST_PRIME = 1 << 15


def factor_integer(n: int) -> dict[int, int]:
    """The prime factors up to ``LARGEST_PRIME`` with their exponents, and what is left of
    ``n >= 1``.

    Returns
    -------
    dict
        Exponents by factor. What is left after trial division stands there as one more factor with
        exponent 1, and it need not be prime.
    """
    exponents: dict[int, int] = factorint(
        n, limit=LARGEST_PRIME, use_rho=False, use_pm1=False, use_ecm=False
    )
    return exponents


@cache
def split_square(n: int) -> tuple[int, int]:
    """``n = a^2 d`` with ``d`` squarefree, for ``n >= 1``.

    Returns
    -------
    (a, d)
        Both positive.

    Raises
    ------
    NotExact
        Where a factor is left that may be composite.
    """
    root = isqrt(n)
    # The square of a large prime needs no factoring.
    if root * root == n:
        return root, 1
    a = d = 1
    for prime, power in factor_integer(n).items():
        # What has no factor up to the limit, and is at most the square of the limit, is prime.
        if prime > LARGEST_PRIME**2:  # it may be composite
            raise NotExact("the root of a number that is too large to factor")
        a *= prime ** (power // 2)
        d *= prime ** (power % 2)
    return a, d


def surd(terms: dict[int, fmpq]) -> fmpq | Surd:
    """The number ``sum q sqrt(d)``: a rational where no root is left.

    Parameters
    ----------
    terms
        Rational coefficients by squarefree ``d >= 1``. Coefficients of 0 are dropped.
    """
    kept = {d: q for d, q in terms.items() if q}
    if not kept:
        return fmpq(0)
    return kept[1] if kept.keys() == {1} else Surd(kept)


def exact_root(number: fmpq) -> fmpq | Surd:
    """The non-negative square root of a rational.

    Returns
    -------
    fmpq or Surd
        ``sqrt(p/q) = a sqrt(d)/q`` with ``p q = a^2 d``.

    Raises
    ------
    ValueError
        Below zero.
    NotExact
        Where the number is too large to be taken apart.
    """
    if number < 0:
        raise ValueError("square root of a negative number")
    if number == 0:
        return number
    a, d = split_square(int(number.p) * int(number.q))
    return surd({d: fmpq(a, number.q)})


# Products of terms in one product: an inverse doubles the terms with every prime under a root.
MOST_PRODUCTS = 20_000


class Surd:
    """An immutable irrational element of Q(sqrt 2, sqrt 3, ...) with exact arithmetic and
    comparison.

    Attributes
    ----------
    terms
        Rational coefficients, none of them 0, by squarefree ``d >= 1``; not only ``d = 1``. Use
        :func:`surd` where the number may be rational.
    """

    __slots__ = ("terms",)

    def __init__(self, terms: dict[int, fmpq]) -> None:
        self.terms = terms

    def __add__(self, other: Any) -> Any:
        if isinstance(other, fmpq):
            other_terms = {1: other}
        elif isinstance(other, Surd):
            other_terms = other.terms
        else:
            return NotImplemented
        total = dict(self.terms)
        for d, q in other_terms.items():
            total[d] = total.get(d, fmpq(0)) + q
        return surd(total)

    __radd__ = __add__

    def __neg__(self) -> Surd:
        return Surd({d: -q for d, q in self.terms.items()})

    def __sub__(self, other: Any) -> Any:
        return self + (-other)  # also where other is a dual number

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, fmpq):
            return surd({d: q * other for d, q in self.terms.items()})
        if not isinstance(other, Surd):
            return NotImplemented
        if len(self.terms) * len(other.terms) > MOST_PRODUCTS:
            raise NotExact("a product of sums of many roots")
        total: dict[int, fmpq] = {}
        for d, q in self.terms.items():
            for e, r in other.terms.items():
                common = gcd(d, e)
                root = (d // common) * (e // common)
                total[root] = total.get(root, fmpq(0)) + q * r * common
        return surd(total)

    __rmul__ = __mul__

    def inverse(self) -> fmpq | Surd:
        """``1/self``: with ``self = a + b sqrt(p)``, ``(a - b sqrt(p))/(a^2 - p b^2)``, prime by
        prime.

        The product with the conjugate holds no ``sqrt(p)`` any more, so each step removes one
        prime.
        """
        # Any prime that occurs will do.
        prime = min(factorint(max(self.terms)))
        conjugate = Surd({d: -q if d % prime == 0 else q for d, q in self.terms.items()})
        product = self * conjugate
        return conjugate * (1 / product if isinstance(product, fmpq) else product.inverse())

    def __pow__(self, exponent: int) -> Any:
        base: Any = self if exponent >= 0 else self.inverse()
        power: Any = fmpq(1)
        for _ in range(abs(exponent)):
            power = power * base
        return power

    def sqrt(self) -> Any:
        """Refuse: there is no root in this field, or it is not looked for."""
        if self.sign() < 0:
            raise ValueError("square root of a negative number")
        raise NotExact("a root of a root")

    def sign(self) -> int:
        """-1 or 1, from rational bounds of the roots refined until they decide.

        This ends, since an irrational number is not 0.
        """
        # Enough for most numbers. Nearly equal terms need more, so the number doubles.
        bits = 32
        while True:
            low, high = self._bounds(bits)
            if low > 0 or high < 0:
                return 1 if low > 0 else -1
            bits *= 2

    def _bounds(self, bits: int) -> tuple[fmpq, fmpq]:
        """Rational bounds of the number, each root taken to so many bits after the point."""
        low = high = fmpq(0)
        for d, q in self.terms.items():
            # ``floor <= 2^bits sqrt(d) < floor + 1``, in integers alone.
            floor = isqrt(d << (2 * bits))
            ends = (q * fmpq(floor, 1 << bits), q * fmpq(floor + 1, 1 << bits))
            low, high = low + min(ends), high + max(ends)
        return low, high

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Surd) and self.terms == other.terms

    def __hash__(self) -> int:
        return hash(frozenset((d, int(q.p), int(q.q)) for d, q in self.terms.items()))

    def __str__(self) -> str:
        parts = [str(q) if d == 1 else f"{q}*sqrt({d})" for d, q in sorted(self.terms.items())]
        return " + ".join(parts).replace("+ -", "- ")

    __repr__ = __str__
