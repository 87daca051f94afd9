"""Intervals that contain a real number: what exact evaluation falls back to for exp, tanh and their kin.

The ends are those of mpmath's interval context at 300 bits, rounded outwards.  Two numbers are known to differ where
their intervals are disjoint; overlapping intervals only fail to contradict an equation, they never prove one.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from mpmath import iv

from bnproof.symbolic.duals import Dual, Number
from bnproof.symbolic.surds import NotExact, Surd

_context = type(iv)()  # a context of our own: its precision is nobody else's
_context.prec = 300
LARGEST = 10_000  # of an argument: beyond it exp has thousands of digits


class Interval:
    """An interval with outward rounded arithmetic; mixes with exact numbers and with dual numbers."""

    __slots__ = ("ends",)

    def __init__(self, ends: Any) -> None:
        self.ends = ends

    @classmethod
    def around(cls, number: Surd | Interval) -> Interval:
        """The interval of an exact number."""
        if isinstance(number, Interval):
            return number
        total = _context.mpf(0)
        for d, q in number.terms.items():
            total += _context.mpf(q.numerator) / _context.mpf(q.denominator) * _context.sqrt(_context.mpf(d))
        return cls(total)

    def __add__(self, other: Surd | Interval) -> Interval:
        if isinstance(other, Dual):
            return NotImplemented
        return Interval(self.ends + Interval.around(other).ends)

    __radd__ = __add__

    def __neg__(self) -> Interval:
        return Interval(-self.ends)

    def __sub__(self, other: Surd | Interval) -> Interval:
        return self + (-other)

    def __mul__(self, other: Surd | Interval) -> Interval:
        if isinstance(other, Dual):
            return NotImplemented
        return Interval(self.ends * Interval.around(other).ends)

    __rmul__ = __mul__

    def inverse(self) -> Interval:
        """``1/self``; raises ``NotExact`` where the interval does not exclude 0."""
        self.sign()
        return Interval(1 / self.ends)

    def __pow__(self, exponent: int) -> Number:
        base = self if exponent >= 0 else self.inverse()
        power: Number = Surd(1)
        for _ in range(abs(exponent)):
            power = base * power
        return power

    def sqrt(self) -> Interval:
        """The root; raises ``ValueError`` below 0, ``NotExact`` where the interval reaches 0."""
        if self.sign() < 0:
            raise ValueError("square root of a negative number")
        return Interval(_context.sqrt(self.ends))

    @property
    def contains_zero(self) -> bool:
        return bool(self.ends.a <= 0 <= self.ends.b)

    def sign(self) -> int:
        """-1 or 1; raises ``NotExact`` where the interval contains 0."""
        if self.contains_zero:
            raise NotExact("an interval that contains 0 has no known sign")
        return 1 if self.ends.a > 0 else -1

    def plain(self) -> Interval:
        """Itself: a number without infinitesimals."""
        return self

    is_rational = False

    @property
    def rational(self) -> Fraction:
        """There is none: an interval only surrounds its number."""
        raise NotExact("the value is known as an interval only")

    def __str__(self) -> str:
        return str(_context.nstr(self.ends.mid, 12)).strip("[]").split(",")[0]

    __repr__ = __str__


def _tanh(ends: Any) -> Any:
    return 1 - 2 / (_context.exp(2 * ends) + 1)


_VALUE: dict[str, Callable[[Any], Any]] = {
    "exp": lambda e: _context.exp(e),
    "sin": lambda e: _context.sin(e),
    "cos": lambda e: _context.cos(e),
    "tanh": _tanh,
    "sinh": lambda e: (_context.exp(e) - _context.exp(-e)) / 2,
    "cosh": lambda e: (_context.exp(e) + _context.exp(-e)) / 2,
}
_SLOPE: dict[str, Callable[[Number], Number]] = {
    "exp": lambda a: apply("exp", a),
    "sin": lambda a: apply("cos", a),
    "cos": lambda a: -apply("sin", a),
    "tanh": lambda a: Surd(1) - apply("tanh", a) ** 2,
    "sinh": lambda a: apply("cosh", a),
    "cosh": lambda a: apply("sinh", a),
}


def apply(function: str, number: Number) -> Number:
    """An elementary function of an exact number, an interval or a dual number; ``KeyError`` for an unknown one."""
    if isinstance(number, Dual):
        slope = _SLOPE[function](number.value) * number.derivative
        return Dual(apply(function, number.value), slope, number.level)
    ends = Interval.around(number).ends
    if not -LARGEST < ends.a <= ends.b < LARGEST:
        raise NotExact(f"{function} of a number beyond {LARGEST}")
    return Interval(_VALUE[function](ends))
