"""Numbers for judging the prover from outside: rationals, balls, and truncated Laurent series.

A plain number is a rational (``flint.fmpq``) or a ball (``flint.arb``) around what is irrational.
A ball that holds 0 decides nothing: ``Unknown``.  A series in a variable ``t > 0`` that tends to 0
carries derivatives and limits; series of a higher level have series of lower ones as coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt
from typing import Any

from flint import arb, fmpq

Number = Any  # fmpq, arb or Series
TERMS = 10  # that a series starts with; cancellation costs some


class NoValue(ArithmeticError):
    """What is asked for does not exist; the message says which operation."""


class Unknown(ArithmeticError):
    """This evaluator cannot tell."""


@dataclass(frozen=True)
class Series:
    """``sum_n coefficients[n] t^(start + n)``, known up to the last coefficient."""

    level: int
    start: int
    coefficients: tuple[Number, ...]

    @property
    def end(self) -> int:
        """The first unknown power."""
        return self.start + len(self.coefficients)

    def read_coefficient(self, power: int) -> Number:
        """The coefficient of ``t^power``."""
        if power >= self.end:
            raise Unknown("a series that is not known far enough")
        return self.coefficients[power - self.start] if power >= self.start else fmpq(0)

    def strip_zeros(self) -> Series:
        """Without leading zeros; ``Unknown`` where every known coefficient is 0."""
        for place, coefficient in enumerate(self.coefficients):
            if not vanishes(coefficient):
                return Series(self.level, self.start + place, self.coefficients[place:])
        raise Unknown("a series whose known coefficients are all 0")

    def _lift(self, other: Number) -> Series:
        if isinstance(other, Series) and other.level == self.level:
            return other
        return Series(self.level, 0, (other, *[fmpq(0)] * (self.end - 1))[: max(self.end, 0)])

    def __add__(self, other: Number) -> Number:
        if isinstance(other, Series) and other.level > self.level:
            return other + self
        second = self._lift(other)
        start, end = min(self.start, second.start), min(self.end, second.end)
        terms = tuple(
            self.read_coefficient(power) + second.read_coefficient(power)
            for power in range(start, end)
        )
        return Series(self.level, start, terms)

    __radd__ = __add__

    def __mul__(self, other: Number) -> Number:
        if isinstance(other, Series) and other.level > self.level:
            return other * self
        if not isinstance(other, Series) or other.level < self.level:
            if is_zero(other):
                return fmpq(0)
            return Series(self.level, self.start, tuple(c * other for c in self.coefficients))
        first, second = self.coefficients, other.coefficients
        known = min(len(first), len(second))
        terms = [add_up(first[n] * second[p - n] for n in range(p + 1)) for p in range(known)]
        return Series(self.level, self.start + other.start, tuple(terms))

    __rmul__ = __mul__

    def __neg__(self) -> Series:
        return Series(self.level, self.start, tuple(-c for c in self.coefficients))

    def __sub__(self, other: Number) -> Number:
        return self + -other

    def __rsub__(self, other: Number) -> Number:
        return -self + other


def build_variable(level: int, at: Number, side: int) -> Series:
    """``at + side t``."""
    return Series(level, 0, (at, fmpq(side), *[fmpq(0)] * (TERMS - 2)))


def add_up(terms: Any) -> Number:
    """A sum, 0 where there is nothing to add."""
    result: Number = fmpq(0)
    for term in terms:
        result = result + term
    return result


def is_zero(value: Number) -> bool:
    """Whether a number is the rational 0 itself."""
    return isinstance(value, fmpq) and value == 0


def vanishes(value: Number) -> bool:
    """Whether a number is 0; of a series: whether all that is known of it is 0."""
    if isinstance(value, Series):
        return all(map(vanishes, value.coefficients))
    return sign(value) == 0


def sign(value: Number) -> int:
    """-1, 0 or 1; of a series the sign for small ``t > 0``."""
    if isinstance(value, Series):
        return sign(value.strip_zeros().coefficients[0])
    if isinstance(value, fmpq):
        return int(value > 0) - int(value < 0)
    if value > 0 or value < 0:
        return 1 if value > 0 else -1
    if value.is_zero():
        return 0
    raise Unknown("a ball that holds 0")


def inverse(value: Number) -> Number:
    """``1/value``."""
    if not isinstance(value, Series):
        if sign(value) == 0:
            raise NoValue("a division by 0")
        return 1 / value
    series = value.strip_zeros()
    lead = inverse(series.coefficients[0])
    terms = [lead]
    for n in range(1, len(series.coefficients)):
        mixed = add_up(series.coefficients[k] * terms[n - k] for k in range(1, n + 1))
        terms.append(-(lead * mixed))
    return Series(series.level, -series.start, tuple(terms))


def root(value: Number) -> Number:
    """The square root: a rational where it is one, else a ball."""
    if not isinstance(value, Series):
        return _plain_root(value)
    series = value.strip_zeros()
    if sign(series.coefficients[0]) < 0:
        raise NoValue("the root of a negative number")
    if series.start % 2:
        raise Unknown("a root of the variable itself")
    lead = root(series.coefficients[0])
    half, terms = inverse(lead * 2), [lead]
    for n in range(1, len(series.coefficients)):
        mixed = add_up(terms[k] * terms[n - k] for k in range(1, n))
        terms.append((series.coefficients[n] - mixed) * half)
    return Series(series.level, series.start // 2, tuple(terms))


def _plain_root(value: Number) -> Number:
    if sign(value) < 0:
        raise NoValue("the root of a negative number")
    if isinstance(value, fmpq):
        top, bottom = int(value.p), int(value.q)
        if isqrt(top) ** 2 == top and isqrt(bottom) ** 2 == bottom:
            return fmpq(isqrt(top), isqrt(bottom))
    return arb(value).sqrt()


def exponential(value: Number) -> Number:
    """``exp(value)``."""
    if not isinstance(value, Series):
        return fmpq(1) if is_zero(value) else arb(value).exp()
    if value.start < 0 and not vanishes(Series(0, 0, value.coefficients[: -value.start])):
        raise Unknown("an exponential of what grows")
    given = [value.read_coefficient(power) for power in range(max(value.end, 0))]
    if not given:
        raise Unknown("an exponential of what is not known far enough")
    terms = [exponential(given[0])]
    for n in range(1, len(given)):
        mixed = add_up(given[k] * terms[n - k] * k for k in range(1, n + 1))
        terms.append(mixed * fmpq(1, n))
    return Series(value.level, 0, tuple(terms))


def logarithm(value: Number) -> Number:
    """The natural logarithm."""
    if not isinstance(value, Series):
        if sign(value) <= 0:
            raise NoValue("the logarithm of what is not positive")
        return fmpq(0) if isinstance(value, fmpq) and value == 1 else arb(value).log()
    series = value.strip_zeros()
    if sign(series.coefficients[0]) < 0:
        raise NoValue("the logarithm of what is not positive")
    if series.start:
        raise Unknown("the logarithm of what tends to 0 or grows")
    given = series.coefficients
    back, terms = inverse(given[0]), [logarithm(given[0])]
    for n in range(1, len(given)):
        mixed = add_up(terms[k] * given[n - k] * k for k in range(1, n))
        terms.append((given[n] - mixed * fmpq(1, n)) * back)
    return Series(series.level, 0, tuple(terms))


def whole_power(base: Number, exponent: int) -> Number:
    """``base^exponent``; ``0^0`` is 1."""
    if abs(exponent) > 400:
        raise Unknown("a very high power")
    if exponent < 0:
        return whole_power(inverse(base), -exponent)
    result: Number = fmpq(1)
    for bit in bin(exponent)[2:]:
        result = result * result
        result = result * base if bit == "1" else result
    return result


def coefficient(value: Number, level: int, power: int) -> Number:
    """The coefficient of a power of the variable of a level; a number without it is a constant."""
    if isinstance(value, Series) and value.level == level:
        return value.read_coefficient(power)
    return value if power == 0 else fmpq(0)


def limit_at_zero(value: Number, level: int) -> Number:
    """What a series tends to; ``NoValue`` where it grows."""
    if not isinstance(value, Series) or value.level != level:
        return value
    for power in range(value.start, 0):
        if not vanishes(value.read_coefficient(power)):
            raise NoValue("a limit that grows")
    return value.read_coefficient(0)


def tends_to_zero(value: Number) -> bool:
    """Whether a series (or one that is its coefficient at 0) is 0 at the point, or may be."""
    if not isinstance(value, Series):
        return is_zero(value)
    if value.start > 0 or value.end <= 0:
        return True
    return value.start == 0 and tends_to_zero(value.coefficients[0])
