"""Limits in exact evaluation: the value at the target where the function is differentiable, else
that of a germ."""

from __future__ import annotations

from typing import Any

from flint import fmpq
from sympy import Abs, KroneckerDelta, Limit, Max, Min, Piecewise, S, Symbol
from sympy import sign as sympy_sign

from bnproof.symbolic.duals import Dual, Number, new_level, sign
from bnproof.symbolic.frames import Code, Frame, Grows, NotEvaluable, Undefined
from bnproof.symbolic.germs import Germ
from bnproof.symbolic.surds import NotExact

#: What tells cases apart.
CASED = (Abs, Max, Min, Piecewise, sympy_sign, KroneckerDelta)
#: Values that no statement singles out: what is linear at all of them is taken to be linear.
UNLIKELY = (
    fmpq(104_729, 7_919),
    fmpq(-7_907, 104_723),
    fmpq(15_485_863, 32_452_843),
    fmpq(-611_953, 611_957),
)


def limit_code(e: Limit, inside: Code, end: Code | None) -> Code:
    """A function that finds a limit; ``inside`` evaluates what tends to it, ``end`` the target
    unless it is infinite."""
    function, variable, target, direction = e.args
    senses = {"+": (1,), "-": (-1,)}.get(str(direction), (1, -1))
    if function.has(*CASED):
        inside = _without_growth(inside)

    def found(frame: Frame) -> Number:
        if end is None:
            return _near(
                frame, inside, variable, Germ({-2: fmpq(1 if target is S.Infinity else -1)})
            )
        at = end(frame)
        continuous = _by_continuity(frame, inside, variable, at)
        if continuous is not None:
            return continuous
        if isinstance(at, Dual):
            raise NotEvaluable("a derivative of a limit")
        sides = [_near(frame, inside, variable, Germ({0: at, 2: fmpq(sense)})) for sense in senses]
        if len(sides) == 2 and sign(sides[0] - sides[1]) != 0:
            raise Undefined("a limit from two sides that differ")
        return sides[0]

    return found


def _without_growth(inside: Code) -> Code:
    """The same where no power grows: what stands for one may lie on the other side of a case."""

    def checked(frame: Frame) -> Number:
        try:
            return inside(frame)
        except Grows:
            raise NotEvaluable("a case distinction beside a power that grows") from None

    return checked


def _with(frame: Frame, variable: Symbol, value: Any) -> Frame:
    other = frame.at(frame.point)
    other.bound[variable] = value
    return other


def _by_continuity(frame: Frame, inside: Code, variable: Symbol, at: Number) -> Number | None:
    """The value at the target, where the function can be differentiated there; else ``None``."""
    level = new_level()
    try:
        value = inside(_with(frame, variable, Dual(at, fmpq(1), level)))
    except (Undefined, NotExact, ZeroDivisionError):
        return None
    return value.value if isinstance(value, Dual) and value.level == level else value


def _near(frame: Frame, inside: Code, variable: Symbol, germ: Germ) -> Number:
    try:
        value = inside(_with(frame, variable, germ))
    except Grows as power:
        value = _without_power(frame, inside, variable, germ, power.base)
    if isinstance(value, Dual):
        raise NotEvaluable("a derivative of a limit")
    return value.limit() if isinstance(value, Germ) else value


def _without_power(
    frame: Frame, inside: Code, variable: Symbol, germ: Germ, base: Number
) -> Number:
    """A function that is linear in a power without a limit: it has a limit only where the power's
    coefficient is 0."""

    def standing(value: fmpq) -> Number:
        other = _with(frame, variable, germ)
        other.growing = (base, value)
        return inside(other)

    without, factor = standing(fmpq(0)), fmpq(0)
    for value in UNLIKELY:
        change = (standing(value) - without) * (1 / value)
        if value != UNLIKELY[0] and sign(change - factor):
            raise NotEvaluable("a power that grows in a limit")
        factor = change
    if sign(base + 1) == 0 and isinstance(factor, Germ) and sign(factor.limit()) == 0:
        return without  # (-1)^n times what tends to 0
    if sign(factor):
        raise Undefined("a limit that does not exist")
    return without
