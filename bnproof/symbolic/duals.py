"""Dual numbers ``a + b e`` with ``e^2 = 0``: exact first derivatives of whatever is evaluated with them.

The parts may be dual again, which gives higher derivatives.  The exact check differentiates this way, so it does
not rely on the symbolic differentiation it is there to check.
"""

from __future__ import annotations

from bnproof.symbolic.surds import Surd


class Dual:
    """A value together with its derivative in one direction."""

    __slots__ = ("derivative", "value")

    def __init__(self, value: Number, derivative: Number) -> None:
        self.value, self.derivative = value, derivative

    def __add__(self, other: Number) -> Dual:
        other = lifted(other)
        return Dual(self.value + other.value, self.derivative + other.derivative)

    __radd__ = __add__

    def __neg__(self) -> Dual:
        return Dual(-self.value, -self.derivative)

    def __sub__(self, other: Number) -> Dual:
        return self + (-other)

    def __mul__(self, other: Number) -> Dual:
        other = lifted(other)
        return Dual(self.value * other.value, self.derivative * other.value + self.value * other.derivative)

    __rmul__ = __mul__

    def inverse(self) -> Dual:
        """``1/(a + b e) = 1/a - b/a^2 e``."""
        inverse = self.value.inverse()
        return Dual(inverse, -(self.derivative * inverse * inverse))

    def __pow__(self, exponent: int) -> Number:
        base: Number = self if exponent >= 0 else self.inverse()
        power: Number = Surd(1)
        for _ in range(abs(exponent)):
            power = base * power
        return power

    def sqrt(self) -> Dual:
        """``sqrt(a) + b/(2 sqrt(a)) e``; there is none at ``a = 0``."""
        root = self.value.sqrt()
        return Dual(root, self.derivative * (root + root).inverse())

    def sign(self) -> int:
        """The sign of the value; a kink (0) has no derivative."""
        sign = self.value.sign()
        if sign == 0:
            raise ZeroDivisionError("a derivative at a kink")
        return sign


Number = Surd | Dual


def lifted(number: Number) -> Dual:
    """A constant as a dual number."""
    return number if isinstance(number, Dual) else Dual(number, Surd(0))
