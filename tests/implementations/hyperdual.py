"""Batch norm in fractions, with derivatives that come from arithmetic alone.

A :class:`Dual` is ``value + a e1 + b e2 + ab e1 e2`` with ``e1^2 = e2^2 = 0``.  A function of
``x + h e1`` has its derivative along h at e1, and one of ``x + h e1 + k e2`` has its second
derivative along h and k at ``e1 e2``.  No formula for a gradient is written down.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import isqrt

import numpy as np
from hypothesis import strategies as st


@dataclass(frozen=True)
class Dual:
    """A fraction and its first and mixed second derivatives."""

    value: Fraction
    a: Fraction = Fraction(0)
    b: Fraction = Fraction(0)
    ab: Fraction = Fraction(0)

    def __add__(self, other):
        """The sum, part by part."""
        o = lift(other)
        return Dual(self.value + o.value, self.a + o.a, self.b + o.b, self.ab + o.ab)

    def __sub__(self, other):
        """The difference."""
        return self + lift(other) * -1

    def __mul__(self, other):
        """The product without squares of e1 and e2."""
        o = lift(other)
        return Dual(
            self.value * o.value,
            self.value * o.a + self.a * o.value,
            self.value * o.b + self.b * o.value,
            self.value * o.ab + self.a * o.b + self.b * o.a + self.ab * o.value,
        )

    __radd__, __rmul__ = __add__, __mul__

    def apply(self, value, first, second):
        """A function of one variable, by its value and its first two derivatives here."""
        return Dual(
            value, first * self.a, first * self.b, first * self.ab + second * self.a * self.b
        )

    def inverse_root(self):
        """``1/sqrt``, of the square of a fraction."""
        top, bottom = isqrt(self.value.numerator), isqrt(self.value.denominator)
        assert Fraction(top, bottom) ** 2 == self.value
        r = Fraction(bottom, top)
        return self.apply(r, -(r**3) / 2, 3 * r**5 / 4)


def lift(value):
    """A constant."""
    return value if isinstance(value, Dual) else Dual(Fraction(value))


def train(x, gamma, beta, eps):
    """Algorithm 1 on one channel: ``gamma (x - mu)/sqrt(v + eps) + beta``."""
    share = Fraction(1, len(x))
    mu = sum(x, lift(0)) * share
    v = sum(((one - mu) * (one - mu) for one in x), lift(0)) * share
    r = (v + eps).inverse_root()
    return [lift(gamma) * (one - mu) * r + beta for one in x]


def perturb(x, *directions):
    """``x + h e1 + k e2`` for directions h and k."""
    return [Dual(Fraction(one), *(Fraction(d[i]) for d in directions)) for i, one in enumerate(x)]


def unit(k, m=4):
    """The direction of entry k."""
    return [int(i == k) for i in range(m)]


def square_eps(x):
    """An eps for which ``v + eps`` is a power of 4: then every value here is exact in float64."""
    values = [Fraction(one) for one in x]
    v = sum(one**2 for one in values) / len(x) - (sum(values) / len(x)) ** 2
    power = 1
    while power <= v:
        power *= 4
    return float(power - v)


#: Four small whole numbers.  Sums of four, quarters of them and powers of two are exact floats.
FOUR = st.lists(st.integers(-8, 8), min_size=4, max_size=4)
#: Quarters, for parameters.
QUARTER = st.integers(-8, 8).map(lambda number: number / 4)


def column(values):
    """Numbers as a batch of one channel."""
    return np.array(values, dtype=np.float64).reshape(-1, 1)


def exactly(array):
    """The entries of an array as fractions."""
    return [Fraction(value) for value in np.ravel(array).tolist()]
