"""Intervals that contain a real number: what exact evaluation falls back to for exp, tanh and log.

The ends are those of mpmath's interval context, rounded outwards. Two numbers are known to differ
where their intervals are disjoint. Overlapping intervals only fail to contradict an equation, they
never prove one.
"""

from __future__ import annotations

from typing import Any

from flint import fmpq
from mpmath import iv

from bnproof.symbolic.surds import NotExact, Surd

# A context of our own: mpmath's ``iv`` is shared by the whole process, and anyone may change its
# precision.
CONTEXT = type(iv)()
# Bits of the ends. More of them separate numbers that are closer together and cost time; equal
# numbers overlap at any precision.
CONTEXT.prec = 300


class Interval:
    """An interval with outward rounded arithmetic, which mixes with exact and with dual numbers.

    Attributes
    ----------
    ends
        An interval of mpmath, with the attributes ``a`` and ``b``.
    """

    __slots__ = ("ends",)

    def __init__(self, ends: Any) -> None:
        self.ends = ends

    @classmethod
    def from_number(cls, number: fmpq | Surd | Interval) -> Interval:
        """Enclose an exact number; an interval stays as it is."""
        if isinstance(number, Interval):
            return number
        total = CONTEXT.mpf(0)
        for d, q in (number.terms if isinstance(number, Surd) else {1: number}).items():
            total += CONTEXT.mpf(int(q.p)) / CONTEXT.mpf(int(q.q)) * CONTEXT.sqrt(CONTEXT.mpf(d))
        return cls(total)

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, (fmpq, Surd, Interval)):
            return NotImplemented
        return Interval(self.ends + Interval.from_number(other).ends)

    __radd__ = __add__

    def __neg__(self) -> Interval:
        return Interval(-self.ends)

    def __sub__(self, other: Any) -> Any:
        return self + (-other)

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __mul__(self, other: Any) -> Any:
        if not isinstance(other, (fmpq, Surd, Interval)):
            return NotImplemented
        if isinstance(other, fmpq) and other == 0:
            # an exact 0 times a real number, whichever, is exactly 0
            return other
        return Interval(self.ends * Interval.from_number(other).ends)

    __rmul__ = __mul__

    def inverse(self) -> Interval:
        """``1/self``; raises ``NotExact`` where the interval does not exclude 0."""
        # for the exception: where 0 lies inside there is no sign
        self.sign()
        return Interval(1 / self.ends)

    def __pow__(self, exponent: int) -> Any:
        base = self if exponent >= 0 else self.inverse()
        power: Any = fmpq(1)
        for _ in range(abs(exponent)):
            power = base * power
        return power

    def sqrt(self) -> Interval:
        """The non-negative root.

        Raises
        ------
        ValueError
            Where the interval lies below 0.
        NotExact
            Where it contains 0: whether the root exists is then not known.
        """
        if self.sign() < 0:
            raise ValueError("square root of a negative number")
        return Interval(CONTEXT.sqrt(self.ends))

    @property
    def contains_zero(self) -> bool:
        """Whether 0 lies between the ends, which are part of the interval."""
        return bool(self.ends.a <= 0 <= self.ends.b)

    def sign(self) -> int:
        """-1 or 1; raises ``NotExact`` where the interval contains 0."""
        if self.contains_zero:
            raise NotExact("an interval that contains 0 has no known sign")
        return 1 if self.ends.a > 0 else -1

    def __str__(self) -> str:
        # the midpoint, for messages only
        return str(CONTEXT.nstr(self.ends.mid, 12)).strip("[]").split(",")[0]

    __repr__ = __str__
