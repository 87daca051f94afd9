"""Dual numbers ``a + b e`` with ``e^2 = 0``: exact derivatives of whatever is evaluated with them.

``f(a + b e) = f(a) + b f'(a) e``, so a function that is evaluated at ``a + e`` yields its value and
its derivative at once. Each direction of differentiation has a level of its own (``e_1``, ``e_2``,
...), and the parts of a dual number of one level may be dual numbers of lower ones. That gives
mixed and higher derivatives.

The exact check differentiates this way, so it does not rely on the symbolic differentiation it is
there to check. Start reading at :class:`Dual`.
"""

from __future__ import annotations

from itertools import count
from typing import Any

from flint import fmpq

from bnproof.symbolic.germs import Germ
from bnproof.symbolic.intervals import Interval
from bnproof.symbolic.surds import Surd, exact_root

# Levels never repeat. A derivative inside another one would otherwise take the infinitesimal of the
# outer for its own ("perturbation confusion", Siskind and Pearlmutter 2005).
_levels = count(1)


def create_level() -> int:
    """Create a level above every one in use, for one more direction of differentiation."""
    return next(_levels)


class Dual:
    """A value together with its derivative in the direction of one level.

    Attributes
    ----------
    value, derivative
        Exact numbers, intervals, germs, or dual numbers of lower levels.
    level
        The number of the infinitesimal ``e_level``.

    Notes
    -----
    Sums and products follow from ``e^2 = 0``. Numbers without a level of their own, and dual
    numbers of other levels, mix with it: what lacks the higher of two levels is a constant in its
    direction.
    """

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
        """``1/(a + b e) = 1/a - b/a^2 e``; raises ``ZeroDivisionError`` where ``a`` is 0."""
        # once for both parts: the value may be a long number
        inverted = inverse(self.value)
        return Dual(inverted, -(self.derivative * inverted * inverted), self.level)

    def __pow__(self, exponent: int) -> Number:
        base: Number = self if exponent >= 0 else self.inverse()
        # exponents are small (LARGEST_POWER of exact_powers limits them), so no squaring is needed
        power: Number = fmpq(1)
        for _ in range(abs(exponent)):
            power = base * power
        return power

    def sqrt(self) -> Dual:
        """``sqrt(a + b e) = sqrt(a) + b/(2 sqrt(a)) e``.

        Raises
        ------
        ValueError
            Where ``a`` is negative.
        ZeroDivisionError
            Where ``a`` is 0: the root has no derivative there.
        """
        root = sqrt(self.value)
        return Dual(root, self.derivative * inverse(root + root), self.level)

    def sign(self) -> int:
        """The sign of the value, -1 or 1, which is locally constant there.

        Raises
        ------
        ZeroDivisionError
            Where the value is 0. An absolute value or a case distinction has a kink there.
        """
        value_sign = sign(self.value)
        if value_sign == 0:
            raise ZeroDivisionError("a derivative at a kink")
        return value_sign


# An fmpq, a Surd, an Interval, a Germ or a Dual. They mix in arithmetic; only an fmpq has no
# methods of its own such as sign and sqrt, hence the functions below.
Number = Any


def _match_levels(a: Dual, b: Number) -> tuple[Dual, Dual]:
    """Both as dual numbers of the higher level; what lacks it is a constant there."""
    level = max(a.level, b.level if isinstance(b, Dual) else 0)
    first, second = (
        n if isinstance(n, Dual) and n.level == level else Dual(n, fmpq(0), level) for n in (a, b)
    )
    return first, second


def derivative(number: Number, level: int) -> Number:
    """Take the part of a number that belongs to a level.

    Parameters
    ----------
    number
        The result of an evaluation.
    level
        A level that no other level in ``number`` exceeds. Of several directions the highest is
        taken first.

    Returns
    -------
    Number
        The derivative in that direction. It is 0 where the number does not depend on it.
    """
    if isinstance(number, Dual) and number.level == level:
        return number.derivative
    return fmpq(0)


def inverse(number: Number) -> Number:
    """Divide 1 by a number of any kind.

    Raises
    ------
    ZeroDivisionError
        For 0.
    NotExact
        For an interval that contains 0, and for a germ whose first terms vanish.
    """
    return 1 / number if isinstance(number, fmpq) else number.inverse()


def sqrt(number: Number) -> Number:
    """Take the non-negative root of a number of any kind.

    Raises
    ------
    ValueError
        Below 0.
    NotExact
        Where the root is no number of the same kind, such as the root of a surd.
    """
    return exact_root(number) if isinstance(number, fmpq) else number.sqrt()


def sign(number: Number) -> int:
    """Tell the sign of a number of any kind: -1, 0 or 1.

    Raises
    ------
    NotExact
        For an interval that contains 0, and for a germ whose first terms vanish.
    ZeroDivisionError
        For a dual number whose value is 0.
    """
    return (number > 0) - (number < 0) if isinstance(number, fmpq) else number.sign()


def drop_infinitesimals(number: Number) -> fmpq | Surd | Interval | Germ:
    """Take the value without any infinitesimal, however deeply the levels are nested."""
    while isinstance(number, Dual):
        number = number.value
    return number
