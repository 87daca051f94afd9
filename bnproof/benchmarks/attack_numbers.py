"""Numbers for judging the prover from outside: rationals, balls, and truncated Laurent series.

The evaluator of the attack must not share arithmetic with the prover, so it has its own three kinds
of number.  A rational (``flint.fmpq``) is exact.  A ball (``flint.arb``) is an interval around what
is irrational, such as a root or a logarithm.  A :class:`Series` is a function of a variable
``t > 0`` that tends to 0, known up to some power of ``t``; derivatives and limits are read off its
coefficients.

A ball that holds 0 decides nothing.  Wherever a sign is needed and cannot be told, :class:`Unknown`
is raised, so that the evaluator never takes a guess for a fact.  What does not exist at all, such
as ``1/0``, raises :class:`NoValue`, which is itself an answer: the statement is undefined at that
point.

Series nest.  Each derivative or limit opens a new *level* with a variable of its own, and a series
of a higher level has series of lower levels as coefficients.  This makes the inner variable tend to
0 first, which is the order in which nested derivatives are meant.

The module imports nothing from bnproof.  Start reading at :class:`Series`, then :func:`inverse` and
:func:`sign`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt
from typing import Any

from flint import arb, fmpq

Number = Any  # fmpq, arb or Series
# Dividing by a series that begins with zeros, and subtracting ones that agree, both lose known
# terms. Ten leave enough for derivatives of order four and for common limits. With fewer, more
# statements end as Unknown; with more, nested series become slow, since a product of one level
# costs the square of this.
TERMS = 10  # that a series starts with; cancellation costs some


class NoValue(ArithmeticError):
    """Raised where a value does not exist, such as ``1/0`` or the root of a negative number.

    The message names the operation.  At a point where this happens a statement counts as undefined.
    """


class Unknown(ArithmeticError):
    """Raised where this evaluator cannot tell, because a ball or a series is known too roughly.

    It is not the same as :class:`NoValue`: with more bits, the answer may still be found.
    """


@dataclass(frozen=True)
class Series:
    """``sum_n coefficients[n] t^(start + n)`` for small ``t > 0``, known to the last of them.

    Attributes
    ----------
    level
        Which variable ``t`` this is.  Nested derivatives and limits use levels 1, 2, and so on.
    start
        The power of ``t`` that the first coefficient belongs to.  It is negative where the function
        grows as ``t`` tends to 0.
    coefficients
        Rationals, balls, or series of a lower level.

    Notes
    -----
    Between series of one level, a sum is known up to the lower of the two ends, and a product has
    as many known coefficients as the shorter factor.  No coefficient is ever made up.

    Examples
    --------
    >>> from flint import fmpq
    >>> from bnproof.benchmarks.attack_numbers import build_variable, inverse
    >>> t = build_variable(level=1, at=fmpq(0), side=1)
    >>> series = inverse(1 - t)  # 1 + t + t^2 + ...
    >>> series.read_coefficient(3)
    1
    """

    level: int
    start: int
    coefficients: tuple[Number, ...]

    @property
    def end(self) -> int:
        """The first power of ``t`` that is not known."""
        return self.start + len(self.coefficients)

    def read_coefficient(self, power: int) -> Number:
        """The coefficient of ``t^power``; 0 below ``start``.

        Raises
        ------
        Unknown
            Where the series is not known as far as that power.
        """
        if power >= self.end:
            raise Unknown("a series that is not known far enough")
        return self.coefficients[power - self.start] if power >= self.start else fmpq(0)

    def strip_zeros(self) -> Series:
        """The same series without its leading zeros, so that the first coefficient leads.

        Raises
        ------
        Unknown
            Where every known coefficient is 0: the function may be 0, or begin beyond what is
            known.
        """
        for place, coefficient in enumerate(self.coefficients):
            if not vanishes(coefficient):
                return Series(self.level, self.start + place, self.coefficients[place:])
        raise Unknown("a series whose known coefficients are all 0")

    def _lift(self, other: Number) -> Series:
        """A number that does not depend on ``t``, as a series of this level.

        It is a constant, known to every order, but is written out only as far as this series is
        known, since nothing beyond that can enter a sum.
        """
        if isinstance(other, Series) and other.level == self.level:
            return other
        return Series(self.level, 0, (other, *[fmpq(0)] * (self.end - 1))[: max(self.end, 0)])

    def __add__(self, other: Number) -> Number:
        if isinstance(other, Series) and other.level > self.level:
            # the higher level is the outer one: this series becomes its constant term
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
            # An exact 0 is 0 to every order. Keeping it as a series of zeros would make its sign
            # unknown.
            if is_zero(other):
                return fmpq(0)
            return Series(self.level, self.start, tuple(c * other for c in self.coefficients))
        first, second = self.coefficients, other.coefficients
        known = min(len(first), len(second))
        # Cauchy's product. Later coefficients would need terms that are not known.
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
    """The series ``at + side t``: a variable that leaves its value to one side.

    Parameters
    ----------
    level
        The level of the new variable ``t``, above every level in use.
    at
        The value that is left.
    side
        1 for the right, -1 for the left.
    """
    # the zeros are facts, not gaps: the variable has no further terms
    return Series(level, 0, (at, fmpq(side), *[fmpq(0)] * (TERMS - 2)))


def add_up(terms: Any) -> Number:
    """The sum of numbers of any kind, and the rational 0 where there is nothing to add."""
    result: Number = fmpq(0)
    for term in terms:
        result = result + term
    return result


def is_zero(value: Number) -> bool:
    """Whether a number is the rational 0 itself.

    A ball around 0 and a series of zeros are not: they may stand for something else.
    """
    return isinstance(value, fmpq) and value == 0


def vanishes(value: Number) -> bool:
    """Whether a number is 0; for a series, whether all that is known of it is 0.

    Raises
    ------
    Unknown
        Where a ball holds 0 and other numbers too.
    """
    if isinstance(value, Series):
        return all(map(vanishes, value.coefficients))
    return sign(value) == 0


def sign(value: Number) -> int:
    """The sign of a number: -1, 0 or 1; for a series, its sign for all small ``t > 0``.

    That is the sign of the first coefficient that is not 0, because the other terms are smaller
    near 0.

    Raises
    ------
    Unknown
        For a ball that holds 0 and is not exactly 0, or a series whose known coefficients are all
        0.

    Examples
    --------
    >>> from flint import arb, fmpq
    >>> from bnproof.benchmarks.attack_numbers import build_variable, sign
    >>> sign(fmpq(-2, 3)), sign(arb(2).sqrt() - 1)
    (-1, 1)
    >>> sign(build_variable(level=1, at=fmpq(0), side=-1))  # -t
    -1
    """
    if isinstance(value, Series):
        return sign(value.strip_zeros().coefficients[0])
    if isinstance(value, fmpq):
        return int(value > 0) - int(value < 0)
    # a ball compares as true only where the comparison holds for all of it
    if value > 0 or value < 0:
        return 1 if value > 0 else -1
    if value.is_zero():
        return 0
    raise Unknown("a ball that holds 0")


def inverse(value: Number) -> Number:
    """``1/value``.

    Raises
    ------
    NoValue
        For a plain number that is 0.
    Unknown
        Where it cannot be told whether the number is 0.

    Notes
    -----
    The coefficients ``b`` of the inverse of a series with coefficients ``a`` follow from
    ``a b = 1``: ``b_0 = 1/a_0`` and ``b_n = -(1/a_0) sum_{k=1..n} a_k b_{n-k}``.
    """
    if not isinstance(value, Series):
        if sign(value) == 0:
            raise NoValue("a division by 0")
        return 1 / value
    series = value.strip_zeros()
    # the leading coefficient is not 0 here, so this division exists
    lead = inverse(series.coefficients[0])
    terms = [lead]
    for n in range(1, len(series.coefficients)):
        mixed = add_up(series.coefficients[k] * terms[n - k] for k in range(1, n + 1))
        terms.append(-(lead * mixed))
    return Series(series.level, -series.start, tuple(terms))


def root(value: Number) -> Number:
    """The square root: a rational where it is one, otherwise a ball.

    Raises
    ------
    NoValue
        For what is negative, or is negative for small ``t > 0``.
    Unknown
        For a series that begins with an odd power of ``t``, whose root is no series in ``t``.

    Notes
    -----
    The coefficients ``r`` of the root follow from ``r r = a``: ``r_0 = sqrt(a_0)`` and
    ``r_n = (a_n - sum_{0<k<n} r_k r_{n-k}) / (2 r_0)``.
    """
    if not isinstance(value, Series):
        return _plain_root(value)
    series = value.strip_zeros()
    if sign(series.coefficients[0]) < 0:
        raise NoValue("the root of a negative number")
    # an odd power of t would need t^(1/2)
    if series.start % 2:
        raise Unknown("a root of the variable itself")
    lead = root(series.coefficients[0])
    half, terms = inverse(lead * 2), [lead]
    for n in range(1, len(series.coefficients)):
        mixed = add_up(terms[k] * terms[n - k] for k in range(1, n))
        terms.append((series.coefficients[n] - mixed) * half)
    return Series(series.level, series.start // 2, tuple(terms))


def _plain_root(value: Number) -> Number:
    """The root of a rational or a ball; squares of rationals stay rational."""
    if sign(value) < 0:
        raise NoValue("the root of a negative number")
    if isinstance(value, fmpq):
        top, bottom = int(value.p), int(value.q)
        # A rational keeps s = sqrt(v + eps) exact at points that were drawn for it. A ball there
        # could never show an equality.
        if isqrt(top) ** 2 == top and isqrt(bottom) ** 2 == bottom:
            return fmpq(isqrt(top), isqrt(bottom))
    return arb(value).sqrt()


def exponential(value: Number) -> Number:
    """``exp(value)``.

    Raises
    ------
    Unknown
        Where the exponent grows as ``t`` tends to 0, or is not known up to ``t^0``.

    Notes
    -----
    With ``e = exp(a)`` the derivative gives ``e' = a' e``, hence
    ``n e_n = sum_{k=1..n} k a_k e_{n-k}``.
    """
    if not isinstance(value, Series):
        return fmpq(1) if is_zero(value) else arb(value).exp()
    # Terms with negative powers of t are allowed if they are all 0, as after a cancellation. The
    # series made here is only a container for them.
    if value.start < 0 and not vanishes(Series(0, 0, value.coefficients[: -value.start])):
        raise Unknown("an exponential of what grows")
    given = [value.read_coefficient(power) for power in range(max(value.end, 0))]
    if not given:
        raise Unknown("an exponential of what is not known far enough")
    # the constant term is split off, so that only exp of a plain number is left
    terms = [exponential(given[0])]
    for n in range(1, len(given)):
        mixed = add_up(given[k] * terms[n - k] * k for k in range(1, n + 1))
        terms.append(mixed * fmpq(1, n))
    return Series(value.level, 0, tuple(terms))


def logarithm(value: Number) -> Number:
    """The natural logarithm.

    Raises
    ------
    NoValue
        For what is not positive.
    Unknown
        For a series that tends to 0 or grows, whose logarithm is no Laurent series.

    Notes
    -----
    With ``l = log(a)`` the derivative gives ``l' a = a'``, hence
    ``l_n = (a_n - (1/n) sum_{0<k<n} k l_k a_{n-k}) / a_0``.
    """
    if not isinstance(value, Series):
        if sign(value) <= 0:
            raise NoValue("the logarithm of what is not positive")
        # log 1 = 0 and exp 0 = 1 are kept exact; as balls, they could never be told from 0 and 1
        return fmpq(0) if isinstance(value, fmpq) and value == 1 else arb(value).log()
    series = value.strip_zeros()
    if sign(series.coefficients[0]) < 0:
        raise NoValue("the logarithm of what is not positive")
    # log t itself has no expansion in powers of t
    if series.start:
        raise Unknown("the logarithm of what tends to 0 or grows")
    given = series.coefficients
    back, terms = inverse(given[0]), [logarithm(given[0])]
    for n in range(1, len(given)):
        mixed = add_up(terms[k] * given[n - k] * k for k in range(1, n))
        terms.append((given[n] - mixed * fmpq(1, n)) * back)
    return Series(series.level, 0, tuple(terms))


def whole_power(base: Number, exponent: int) -> Number:
    """``base^exponent`` for a whole exponent, where ``0^0`` is 1.

    Raises
    ------
    NoValue
        For a negative power of 0.
    Unknown
        For an exponent beyond 400 in size.
    """
    # The digits of a rational grow in proportion to the exponent. Statements of the attack stay far
    # below; this stops one that went astray.
    if abs(exponent) > 400:
        raise Unknown("a very high power")
    if exponent < 0:
        return whole_power(inverse(base), -exponent)
    result: Number = fmpq(1)
    # square and multiply, from the highest bit down
    for bit in bin(exponent)[2:]:
        result = result * result
        result = result * base if bit == "1" else result
    return result


def coefficient(value: Number, level: int, power: int) -> Number:
    """The coefficient of ``t^power`` for the variable ``t`` of one level.

    A number that does not depend on this variable is a constant: it is its own coefficient of
    ``t^0``.

    Raises
    ------
    Unknown
        Where a series is not known as far as that power.
    """
    if isinstance(value, Series) and value.level == level:
        return value.read_coefficient(power)
    return value if power == 0 else fmpq(0)


def limit_at_zero(value: Number, level: int) -> Number:
    """What a number tends to as the variable ``t`` of a level tends to 0.

    Raises
    ------
    NoValue
        Where it grows.
    Unknown
        Where the series is not known up to ``t^0``.
    """
    if not isinstance(value, Series) or value.level != level:
        return value
    for power in range(value.start, 0):
        if not vanishes(value.read_coefficient(power)):
            raise NoValue("a limit that grows")
    return value.read_coefficient(0)


def tends_to_zero(value: Number) -> bool:
    """Whether a number is 0, or may be 0, where the variables of its series are 0.

    At such a place ``sign`` of the series is that of one side only, so the evaluator counts a kink.
    Where nothing is known up to ``t^0``, the answer is the careful one, which is yes.
    """
    if not isinstance(value, Series):
        return is_zero(value)
    # it tends to 0, or is known only below t^0: the careful answer
    if value.start > 0 or value.end <= 0:
        return True
    return value.start == 0 and tends_to_zero(value.coefficients[0])
