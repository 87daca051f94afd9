"""The numbers a lowered formula runs on: NumPy floats, exact rationals, balls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from math import isfinite, isqrt
from typing import Any, Protocol

import numpy as np
from flint import arb, ctx, fmpq


class Numbers(Protocol):
    """Arithmetic for a lowered program; arrays hold the numbers, Python operators combine them."""

    def array(self, values: Any) -> Any:
        """An array of these numbers holding exactly the given floats, integers or fractions."""

    def rational(self, p: int, q: int) -> Any:
        """The constant ``p/q``."""

    def sqrt(self, a: Any) -> Any:
        """The square root, entry by entry."""

    def sign(self, a: Any) -> Any:
        """The sign, entry by entry."""

    def identity(self, size: int) -> Any:
        """The identity matrix."""


class Floats:
    """IEEE arithmetic in one NumPy dtype."""

    def __init__(self, dtype: Any = np.float64) -> None:
        self.dtype = np.dtype(dtype)

    def array(self, values: Any) -> Any:
        return np.asarray(values, dtype=self.dtype)

    def rational(self, p: int, q: int) -> Any:
        return self.dtype.type(p) / self.dtype.type(q)

    def sqrt(self, a: Any) -> Any:
        return np.sqrt(a)

    def sign(self, a: Any) -> Any:
        return np.sign(a)

    def identity(self, size: int) -> Any:
        return np.eye(size, dtype=self.dtype)


class Rationals:
    """Exact rational arithmetic; a root that is not rational raises ``ArithmeticError``."""

    def array(self, values: Any) -> Any:
        return _map_entries(lambda value: Fraction(value), np.asarray(values))

    def rational(self, p: int, q: int) -> Any:
        return Fraction(p, q)

    def sqrt(self, a: Any) -> Any:
        return _map_entries(_rational_root, a)

    def sign(self, a: Any) -> Any:
        return _map_entries(lambda value: Fraction((value > 0) - (value < 0)), a)

    def identity(self, size: int) -> Any:
        return _map_entries(lambda value: Fraction(int(value)), np.eye(size))


class Balls:
    """Midpoint-radius intervals (Arb): every result contains the exact value for every value of the
    inputs."""

    def array(self, values: Any) -> Any:
        return _map_entries(ball, np.asarray(values))

    def rational(self, p: int, q: int) -> Any:
        return arb(fmpq(p, q))

    def sqrt(self, a: Any) -> Any:
        return _map_entries(_ball_root, a)

    def sign(self, a: Any) -> Any:
        return _map_entries(lambda value: value.sgn(), a)

    def identity(self, size: int) -> Any:
        return _map_entries(lambda value: arb(int(value)), np.eye(size))


BALLS = Balls()
BITS = 320  # float64 inputs span 2^-1074..2^1024 in theory; cases and data stay far inside


def midpoints(balls: Any) -> Any:
    """Midpoints as float64; not-a-number where a ball is no number."""
    return np.vectorize(lambda value: float(value.mid()), otypes=[float])(balls)


def ball(value: Any) -> arb:
    """The ball that holds exactly one float, integer or fraction."""
    if isinstance(value, arb):
        return value
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, float) and isfinite(plain):
        return arb(plain)  # exact at any precision
    exact = Fraction(plain)
    return arb(fmpq(exact.numerator, exact.denominator))


def _ball_root(value: arb) -> arb:
    """A variance is not negative: a ball that reaches below zero only through rounding is cut off
    at zero."""
    return value.nonnegative_part().sqrt() if value.contains(0) else value.sqrt()


def _rational_root(value: Fraction) -> Fraction:
    p, q = isqrt(value.numerator), isqrt(value.denominator)
    if p * p != value.numerator or q * q != value.denominator:
        raise ArithmeticError(f"{value} has no rational square root: evaluate in balls instead")
    return Fraction(p, q)


def _map_entries(function: Any, a: Any) -> Any:
    """``function`` of every entry; object arrays keep their shape, single numbers stay single."""
    if not isinstance(a, np.ndarray):
        return function(a)
    result = np.empty(a.shape, dtype=object)
    result.reshape(-1)[:] = [function(value) for value in a.reshape(-1)]
    return result


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """Run balls with this many bits of midpoint."""
    before = ctx.prec
    ctx.prec = bits
    try:
        yield
    finally:
        ctx.prec = before
