"""The numbers a lowered formula runs on: NumPy floats, exact rationals, balls.

A lowered program (:mod:`bnproof.lowering.program`) adds, multiplies, divides and sums with Python's
operators and with NumPy's ``sum``, which every kind of number below understands.  What differs from
kind to kind are five operations: how an array is made, what a constant ``p/q`` is, the square root,
the sign and the identity matrix.  A class here is those five operations.

=============  =========================  ==================================================
class          entries of its arrays      what a result says
=============  =========================  ==================================================
``Floats``     one NumPy dtype            what IEEE arithmetic gives, rounded at every step
``Rationals``  ``fractions.Fraction``     the exact value, where every root is rational
``Balls``      ``flint.arb``              an interval that certainly holds the exact value
=============  =========================  ==================================================

Balls are the kind that a verdict rests on.  A ball is a midpoint and a radius (Johansson 2017,
"Arb: efficient arbitrary-precision midpoint-radius interval arithmetic").  Every operation enlarges
the radius by whatever its rounding may have cost, so that no rounding is ever lost from sight.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from math import isfinite, isqrt
from typing import Any, Protocol

import numpy as np
from flint import arb, ctx, fmpq


class Numbers(Protocol):
    """Arithmetic for a lowered program; arrays hold the numbers, Python operators combine them.

    This is the protocol that ``Floats``, ``Rationals`` and ``Balls`` follow.  Another kind of
    number can be added without a change to the programs, as long as its entries support ``+``,
    ``*``, ``/`` and ``abs``.
    """

    def array(self, values: Any) -> Any:
        """An array of these numbers for the given floats, integers or fractions.

        ``Rationals`` and ``Balls`` take every value exactly as it is.  ``Floats`` round a value
        that their dtype cannot hold.
        """

    def rational(self, p: int, q: int) -> Any:
        """The constant ``p/q``, a coefficient of the formula or the batch size."""

    def sqrt(self, a: Any) -> Any:
        """The square root, entry by entry."""

    def sign(self, a: Any) -> Any:
        """The sign, entry by entry."""

    def identity(self, size: int) -> Any:
        """The identity matrix."""


class Floats:
    """IEEE arithmetic in one NumPy dtype.

    Parameters
    ----------
    dtype
        Anything that ``numpy.dtype`` accepts.  Constants are made in this dtype too, so that no
        operation is silently carried out in a wider one.
    """

    def __init__(self, dtype: Any = np.float64) -> None:
        self.dtype = np.dtype(dtype)

    def array(self, values: Any) -> Any:
        """The values in the dtype, rounded to nearest where it cannot hold them."""
        return np.asarray(values, dtype=self.dtype)

    def rational(self, p: int, q: int) -> Any:
        """``p/q``, rounded once for each of ``p`` and ``q`` and once for the quotient."""
        # divided in the dtype itself: p / q in Python would be a quotient in double precision
        return self.dtype.type(p) / self.dtype.type(q)

    def sqrt(self, a: Any) -> Any:
        """The correctly rounded root; not-a-number (with NumPy's warning) below zero."""
        return np.sqrt(a)

    def sign(self, a: Any) -> Any:
        """-1, 0 or 1 in the dtype."""
        return np.sign(a)

    def identity(self, size: int) -> Any:
        """The identity matrix in the dtype."""
        return np.eye(size, dtype=self.dtype)


class Rationals:
    """Exact rational arithmetic; a root that is not rational raises ``ArithmeticError``.

    A formula with ``s = sqrt(v + eps)`` can be evaluated here only on a batch whose ``v + eps`` is
    the square of a rational number.  Such batches exist, for example ``x = (1, 3)`` with
    ``eps = 9/16``, where ``s = 5/4``.
    """

    def array(self, values: Any) -> Any:
        """Fractions equal to the given floats, integers or fractions; a float is no decimal here,
        but the binary fraction that it stores."""
        return _map_entries(lambda value: Fraction(value), np.asarray(values))

    def rational(self, p: int, q: int) -> Any:
        """``p/q`` as a fraction in lowest terms."""
        return Fraction(p, q)

    def sqrt(self, a: Any) -> Any:
        """The exact root of every entry; raises ``ArithmeticError`` where one is irrational."""
        return _map_entries(_rational_root, a)

    def sign(self, a: Any) -> Any:
        """-1, 0 or 1 as fractions."""
        # a difference of truth values: Fraction has no sign of its own
        return _map_entries(lambda value: Fraction((value > 0) - (value < 0)), a)

    def identity(self, size: int) -> Any:
        """The identity matrix of fractions 0 and 1."""
        return _map_entries(lambda value: Fraction(int(value)), np.eye(size))


class Balls:
    """Midpoint-radius intervals (Arb): every result contains the exact value for every value of the
    inputs.

    How narrow the balls are depends on the working precision, a setting of python-flint that this
    class does not touch.  Run a program inside :func:`precision`.  Without it the balls are as true
    as ever, but only as narrow as python-flint's default of 53 bits allows.
    """

    def array(self, values: Any) -> Any:
        """One ball for each entry; see :func:`ball`."""
        return _map_entries(ball, np.asarray(values))

    def rational(self, p: int, q: int) -> Any:
        """A ball that holds ``p/q``, as narrow as the working precision allows."""
        return arb(fmpq(p, q))

    def sqrt(self, a: Any) -> Any:
        """A ball that holds the roots of all non-negative numbers in each entry."""
        return _map_entries(_ball_root, a)

    def sign(self, a: Any) -> Any:
        """-1, 0 or 1; where a ball holds numbers of both signs, a ball that holds both answers."""
        return _map_entries(lambda value: value.sgn(), a)

    def identity(self, size: int) -> Any:
        """The identity matrix of balls without a radius."""
        return _map_entries(lambda value: arb(int(value)), np.eye(size))


BALLS = Balls()
# The precision at which the laws and experiments evaluate a proved formula.  Subtracting mu costs
# as many bits as mu exceeds the spread, and a difference of second moments twice as many.  float64
# inputs span 2^-1074..2^1024 in theory; cases and data stay far inside.  Fewer bits would never
# give a wrong ball, but a wide one that decides nothing; more bits would only cost time.
BITS = 320


def midpoints(balls: Any) -> Any:
    """Midpoints as float64; not-a-number where a ball is no number.

    Parameters
    ----------
    balls
        A ball or an array of them.

    Returns
    -------
    numpy.ndarray
        float64, in the shape of ``balls``.  The radii are dropped, so the result is a number to
        show or to plot, and no longer an enclosure.
    """
    return np.vectorize(lambda value: float(value.mid()), otypes=[float])(balls)


def ball(value: Any) -> arb:
    """The ball for one float, integer or fraction.

    Parameters
    ----------
    value
        A Python or NumPy number, a ``fractions.Fraction``, or a ball, which is returned as it is.

    Returns
    -------
    flint.arb
        For a float the number itself with radius 0, at any precision.  For an integer or a fraction
        a ball that holds it, with a radius only where the working precision is too small for it.

    Raises
    ------
    ValueError
        For not-a-number.
    OverflowError
        For an infinite value.

    Examples
    --------
    >>> from bnproof.lowering.numbers import ball
    >>> ball(0.1).is_exact()  # the double next to 1/10
    True
    >>> from fractions import Fraction
    >>> ball(Fraction(1, 10)).is_exact()  # 1/10 itself has no finite binary expansion
    False
    """
    if isinstance(value, arb):
        return value
    # python-flint does not read NumPy's scalars; item() gives the same number as a Python one
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, float) and isfinite(plain):
        return arb(plain)  # exact at any precision
    exact = Fraction(plain)  # also what refuses infinities and not-a-number
    return arb(fmpq(exact.numerator, exact.denominator))


def _ball_root(value: arb) -> arb:
    """A variance is not negative: a ball that reaches below zero only through rounding is cut off
    at zero.

    Arb's own root of a ball that holds a negative number is not-a-number.  A ball that lies below
    zero altogether is left to it: there the formula itself has no value.
    """
    return value.nonnegative_part().sqrt() if value.contains(0) else value.sqrt()


def _rational_root(value: Fraction) -> Fraction:
    """The root of ``p/q`` in lowest terms is rational exactly if both ``p`` and ``q`` are squares,
    which integer roots decide without rounding."""
    p, q = isqrt(value.numerator), isqrt(value.denominator)
    if p * p != value.numerator or q * q != value.denominator:
        raise ArithmeticError(f"{value} has no rational square root: evaluate in balls instead")
    return Fraction(p, q)


def _map_entries(function: Any, a: Any) -> Any:
    """``function`` of every entry; object arrays keep their shape, single numbers stay single."""
    if not isinstance(a, np.ndarray):
        return function(a)
    # filled by hand: numpy.array would look into the entries and might build another shape of them
    result = np.empty(a.shape, dtype=object)
    result.reshape(-1)[:] = [function(value) for value in a.reshape(-1)]
    return result


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """Run balls with this many bits of midpoint.

    The precision is python-flint's global setting, so that the block holds for everything that is
    called inside it.  It is put back at the end, also after an error.

    Parameters
    ----------
    bits
        At least 2; a float64 has 53.

    Examples
    --------
    >>> from flint import arb
    >>> with precision(100):
    ...     third = arb(1) / 3
    >>> third.rad() < arb(2) ** -98
    True
    """
    before = ctx.prec
    ctx.prec = bits
    try:
        yield
    finally:
        ctx.prec = before
