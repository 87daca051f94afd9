"""Powers in exact evaluation, those of a limit included.

An exponent is an integer, half an integer, or in a limit an integer that tends to infinity. All
other exponents leave the numbers that are exact here.
"""

from __future__ import annotations

from typing import Any

from flint import fmpq

from bnproof.symbolic.duals import Dual, Number, inverse, sign, sqrt
from bnproof.symbolic.frames import Frame, Grows, NotEvaluable, Undefined
from bnproof.symbolic.germs import Germ
from bnproof.symbolic.intervals import Interval
from bnproof.symbolic.surds import NotExact, Surd

# The number of digits of a fraction grows with the exponent, and so does the time.
LARGEST_POWER = 200
# Bits of a power: powers of powers stay below LARGEST_POWER and become too long all the same.
MOST_BITS = 100_000


def integer_power(base: Number, power: int) -> Number:
    """Raise a number to an integer power.

    Parameters
    ----------
    base
        A number of any kind.
    power
        The exponent, which may be negative.

    Raises
    ------
    Undefined
        For a negative power of 0.
    NotExact
        For exponents beyond ``LARGEST_POWER``, and for numbers of more than ``MOST_BITS`` bits.
    """
    if abs(power) > LARGEST_POWER:
        raise NotExact(f"a power beyond {LARGEST_POWER}")
    if abs(power) > 1 and abs(power) * _count_bits(base) > MOST_BITS:
        raise NotExact(f"a power of more than {MOST_BITS} bits")
    if power < 0:
        try:
            base, power = inverse(base), -power
        except ZeroDivisionError:
            raise Undefined("division by zero") from None
    return base**power


def _count_bits(number: Number) -> int:
    """The bits of the longest rational that a number is made of; an interval never gets longer."""
    if isinstance(number, fmpq):
        return int(number.height_bits())
    if isinstance(number, Dual):
        return max(_count_bits(number.value), _count_bits(number.derivative))
    if isinstance(number, Surd | Germ):
        return max(map(_count_bits, number.terms.values()), default=0)
    return 0


def raise_to(base: Number, exponent: Any, frame: Frame) -> Number:
    """Raise a number to an exponent that was computed.

    Parameters
    ----------
    base
        A number of any kind.
    exponent
        An integer, half an integer, or the germ of an integer that tends to infinity.
    frame
        The evaluation, which knows what stands for a power that grows.

    Raises
    ------
    Undefined
        For the root of a negative number, or a negative power of 0.
    NotExact
        For an exponent of another kind.
    Grows
        For a power that has no limit; see :func:`_raise_to_infinity`.
    """
    # its derivative holds the logarithm of the base
    if isinstance(exponent, Dual):
        raise NotExact("a derivative by an exponent")
    if isinstance(exponent, Germ):
        return _raise_to_infinity(base, exponent, frame)
    if not isinstance(exponent, fmpq):
        raise NotExact("an irrational exponent")
    if exponent.q == 1:
        return integer_power(base, int(exponent.p))
    if exponent.q != 2:
        raise NotExact("a root other than the square root")
    try:
        root = sqrt(base)
    except ValueError:
        raise Undefined("the square root of a negative number") from None
    return integer_power(root, int(exponent.p))


def _raise_to_infinity(base: Number, exponent: Germ, frame: Frame) -> Number:
    """``b^n`` for an integer ``n = c/t^2 + d`` that tends to infinity.

    For ``b = 1`` it is 1. For ``|b| < 1`` it falls faster than any power of ``t``, and is 0 up to a
    high order. Elsewhere it has no limit of its own, and ``frame.growing`` says what stands for
    ``b^(1/t^2)``. ``Grows`` is raised where nothing does yet.
    """
    if exponent.terms.keys() <= {0} and exponent.known is None:
        return raise_to(base, exponent.terms.get(0, fmpq(0)), frame)
    grows = (
        exponent.terms.keys() <= {-2, 0}
        and exponent.known is None
        and exponent.terms.get(-2, fmpq(0)) > 0
    )
    if not grows or isinstance(base, (Dual, Germ, Interval)):
        raise NotEvaluable("a power whose base and exponent change in a limit")
    # a rational 1, since surds add no integers of Python
    one = fmpq(1)
    if sign(base - one) == 0:
        return base
    if sign(base - one) < 0 < sign(base + one):
        # 60 is far above the orders of the series it is multiplied with: divided by t^n for n < 60
        # it still tends to 0, and beyond that the limit is refused
        return Germ({}, 60)
    # b^(2 n) beside b^n would be two powers, and one stand-in serves for one of them only
    if exponent.terms[-2] != 1 or (frame.growing and sign(frame.growing[0] - base)):
        raise NotEvaluable("powers that grow in a limit")
    if not frame.growing:
        raise Grows(base)
    return frame.growing[1] * raise_to(base, exponent.terms.get(0, fmpq(0)), frame)
