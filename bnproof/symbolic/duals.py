"""Dual numbers ``a + b e`` with ``e^2 = 0``: exact derivatives of whatever is evaluated with them.

Each direction of differentiation has a level of its own (``e_1``, ``e_2``, ...), and the parts of a
dual number of one level may be dual numbers of lower ones; that gives mixed and higher derivatives.
The exact check differentiates this way, so it does not rely on the symbolic differentiation it is
there to check.
"""

from __future__ import annotations

from itertools import count
from typing import Any

from flint import fmpq

from bnproof.symbolic.germs import Germ
from bnproof.symbolic.intervals import Interval
from bnproof.symbolic.surds import Surd, exact_root

_levels = count(1)


def create_level() -> int:
    """A level above every one in use."""
    return next(_levels)


class Dual:
    """A value together with its derivative in the direction of one level."""

    __slots__ = ("derivative", "level", "value")

    def __init__(self, value: Number, derivative: Number, level: int) -> None:
        self.value, self.derivative, self.level = value, derivative, level

    def __add__(self, other: Number) -> Dual:
        a, b = _match_levels(self, other)
        return Dual(a.value + b.value, a.derivative + b.derivative, a.level)

    __radd__ = __add__

    def __neg__(self) -> Dual:
        return Dual(-self.value, -self.derivative, self.level)

    def __sub__(self, other: Number) -> Dual:
        return self + (-other)

    def __rsub__(self, other: Number) -> Dual:
        return -self + other

    def __mul__(self, other: Number) -> Dual:
        a, b = _match_levels(self, other)
        return Dual(a.value * b.value, a.derivative * b.value + a.value * b.derivative, a.level)

    __rmul__ = __mul__

    def inverse(self) -> Dual:
        """``1/(a + b e) = 1/a - b/a^2 e``."""
        inverted = inverse(self.value)
        return Dual(inverted, -(self.derivative * inverted * inverted), self.level)

    def __pow__(self, exponent: int) -> Number:
        base: Number = self if exponent >= 0 else self.inverse()
        power: Number = fmpq(1)
        for _ in range(abs(exponent)):
            power = base * power
        return power

    def sqrt(self) -> Dual:
        """``sqrt(a) + b/(2 sqrt(a)) e``; there is none at ``a = 0``."""
        root = sqrt(self.value)
        return Dual(root, self.derivative * inverse(root + root), self.level)

    def sign(self) -> int:
        """The sign of the value; a kink (0) has no derivative."""
        value_sign = sign(self.value)
        if value_sign == 0:
            raise ZeroDivisionError("a derivative at a kink")
        return value_sign


Number = Any  # fmpq | Surd | Interval | Germ | Dual: they mix in arithmetic


def _match_levels(a: Dual, b: Number) -> tuple[Dual, Dual]:
    """Both as dual numbers of the higher level; what lacks it is a constant there."""
    level = max(a.level, b.level if isinstance(b, Dual) else 0)
    first, second = (
        n if isinstance(n, Dual) and n.level == level else Dual(n, fmpq(0), level) for n in (a, b)
    )
    return first, second


def derivative(number: Number, level: int) -> Number:
    """The derivative in the direction of a level; 0 where the number does not depend on it."""
    if isinstance(number, Dual) and number.level == level:
        return number.derivative
    return fmpq(0)


def inverse(number: Number) -> Number:
    """``1/number``; raises ``ZeroDivisionError`` for 0."""
    return 1 / number if isinstance(number, fmpq) else number.inverse()


def sqrt(number: Number) -> Number:
    """The non-negative root; raises ``ValueError`` below 0."""
    return exact_root(number) if isinstance(number, fmpq) else number.sqrt()


def sign(number: Number) -> int:
    """The sign of a number."""
    return (number > 0) - (number < 0) if isinstance(number, fmpq) else number.sign()


def drop_infinitesimals(number: Number) -> fmpq | Surd | Interval | Germ:
    """The value without any infinitesimal."""
    while isinstance(number, Dual):
        number = number.value
    return number
