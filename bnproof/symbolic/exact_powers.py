"""Powers in exact evaluation, those of a limit included."""

from __future__ import annotations

from typing import Any

from flint import fmpq

from bnproof.symbolic.duals import Dual, Number, inverse, sign, sqrt
from bnproof.symbolic.frames import Frame, Grows, NotEvaluable, Undefined
from bnproof.symbolic.germs import Germ
from bnproof.symbolic.intervals import Interval
from bnproof.symbolic.surds import NotExact

LARGEST_POWER = 200


def integer_power(base: Number, power: int) -> Number:
    """``base^power``; raises ``Undefined`` for a negative power of 0."""
    if abs(power) > LARGEST_POWER:
        raise NotExact(f"a power beyond {LARGEST_POWER}")
    if power < 0:
        try:
            base, power = inverse(base), -power
        except ZeroDivisionError:
            raise Undefined("division by zero") from None
    return base**power


def raise_to(base: Number, exponent: Any, frame: Frame) -> Number:
    """``base^exponent`` for an exponent that was computed: an integer, a half of one, or the germ
    of one."""
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
    """``b^n`` for an integer ``n = c/t^2 + d`` that tends to infinity: 1 or, where ``|b| < 1``,
    less than any power of t.

    Elsewhere it has no limit of its own, and ``frame.growing`` says what stands for ``b^(1/t^2)``.
    """
    if exponent.terms.keys() == {0} and exponent.known is None:
        return raise_to(base, exponent.terms[0], frame)
    grows = exponent.terms.keys() <= {-2, 0} and exponent.known is None and exponent.terms[-2] > 0
    if not grows or isinstance(base, (Dual, Germ, Interval)):
        raise NotEvaluable("a power whose base and exponent change in a limit")
    if sign(base - 1) == 0:
        return base
    if sign(base - 1) < 0 < sign(base + 1):
        return Germ({}, 60)
    if exponent.terms[-2] != 1 or (frame.growing and sign(frame.growing[0] - base)):
        raise NotEvaluable("powers that grow in a limit")
    if not frame.growing:
        raise Grows(base)
    return frame.growing[1] * raise_to(base, exponent.terms.get(0, fmpq(0)), frame)
