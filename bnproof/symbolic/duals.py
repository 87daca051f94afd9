"""Dual numbers ``a + b e`` with ``e^2 = 0``: exact derivatives of whatever is evaluated with them.

Each direction of differentiation has a level of its own (``e_1``, ``e_2``, ...), and the parts of a dual number of one
level may be dual numbers of lower ones; that gives mixed and higher derivatives.  The exact check differentiates this
way, so it does not rely on the symbolic differentiation it is there to check.
"""

from __future__ import annotations

from itertools import count

from bnproof.symbolic.intervals import Interval
from bnproof.symbolic.surds import Surd

_levels = count(1)


def new_level() -> int:
    """A level above every one in use."""
    return next(_levels)


class Dual:
    """A value together with its derivative in the direction of one level."""

    __slots__ = ("derivative", "level", "value")

    def __init__(self, value: Number, derivative: Number, level: int) -> None:
        self.value, self.derivative, self.level = value, derivative, level

    def __add__(self, other: Number) -> Dual:
        a, b = _levelled(self, other)
        return Dual(a.value + b.value, a.derivative + b.derivative, a.level)

    __radd__ = __add__

    def __neg__(self) -> Dual:
        return Dual(-self.value, -self.derivative, self.level)

    def __sub__(self, other: Number) -> Dual:
        return self + (-other)

    def __mul__(self, other: Number) -> Dual:
        a, b = _levelled(self, other)
        return Dual(a.value * b.value, a.derivative * b.value + a.value * b.derivative, a.level)

    __rmul__ = __mul__

    def inverse(self) -> Dual:
        """``1/(a + b e) = 1/a - b/a^2 e``."""
        inverse = self.value.inverse()
        return Dual(inverse, -(self.derivative * inverse * inverse), self.level)

    def __pow__(self, exponent: int) -> Number:
        base: Number = self if exponent >= 0 else self.inverse()
        power: Number = Surd(1)
        for _ in range(abs(exponent)):
            power = base * power
        return power

    def sqrt(self) -> Dual:
        """``sqrt(a) + b/(2 sqrt(a)) e``; there is none at ``a = 0``."""
        root = self.value.sqrt()
        return Dual(root, self.derivative * (root + root).inverse(), self.level)

    def sign(self) -> int:
        """The sign of the value; a kink (0) has no derivative."""
        sign = self.value.sign()
        if sign == 0:
            raise ZeroDivisionError("a derivative at a kink")
        return sign

    def plain(self) -> Surd | Interval:
        """The value without any infinitesimal."""
        return self.value.plain()


Number = Surd | Interval | Dual


def _levelled(a: Dual, b: Number) -> tuple[Dual, Dual]:
    """Both as dual numbers of the higher level; what lacks it is a constant there."""
    level = max(a.level, b.level if isinstance(b, Dual) else 0)
    first, second = (n if isinstance(n, Dual) and n.level == level else Dual(n, Surd(0), level) for n in (a, b))
    return first, second


def derivative(number: Number, level: int) -> Number:
    """The derivative in the direction of a level; 0 where the number does not depend on it."""
    if isinstance(number, Dual) and number.level == level:
        return number.derivative
    return Surd(0)
