"""Limits in exact evaluation: the value at the target where the function is differentiable, else
that of a germ."""

from __future__ import annotations

from typing import Any

from flint import fmpq
from sympy import Abs, KroneckerDelta, Limit, Max, Min, Piecewise, S, Symbol
from sympy import sign as sympy_sign

from bnproof.symbolic.duals import Dual, Number, create_level, sign
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


def compile_limit(e: Limit, inside: Code, end: Code | None) -> Code:
    """A function that finds a limit; ``inside`` evaluates what tends to it, ``end`` the target
    unless it is infinite."""
    function, variable, target, direction = e.args
    senses = {"+": (1,), "-": (-1,)}.get(str(direction), (1, -1))
    if function.has(*CASED):
        inside = _refuse_growth(inside)

    def find_limit(frame: Frame) -> Number:
        if end is None:
            return _evaluate_near(
                frame, inside, variable, Germ({-2: fmpq(1 if target is S.Infinity else -1)})
            )
        at = end(frame)
        continuous = _evaluate_at_target(frame, inside, variable, at)
        if continuous is not None:
            return continuous
        if isinstance(at, Dual):
            raise NotEvaluable("a derivative of a limit")
        sides = [
            _evaluate_near(frame, inside, variable, Germ({0: at, 2: fmpq(sense)}))
            for sense in senses
        ]
        if len(sides) == 2 and sign(sides[0] - sides[1]) != 0:
            raise Undefined("a limit from two sides that differ")
        return sides[0]

    return find_limit


def _refuse_growth(inside: Code) -> Code:
    """The same where no power grows: what stands for one may lie on the other side of a case."""

    def evaluate(frame: Frame) -> Number:
        try:
            return inside(frame)
        except Grows:
            raise NotEvaluable("a case distinction beside a power that grows") from None

    return evaluate


def _bind_variable(frame: Frame, variable: Symbol, value: Any) -> Frame:
    other = frame.move_to(frame.point)
    other.bound[variable] = value
    return other


def _evaluate_at_target(frame: Frame, inside: Code, variable: Symbol, at: Number) -> Number | None:
    """The value at the target, where the function can be differentiated there; else ``None``."""
    level = create_level()
    try:
        value = inside(_bind_variable(frame, variable, Dual(at, fmpq(1), level)))
    except (Undefined, NotExact, ZeroDivisionError):
        return None
    return value.value if isinstance(value, Dual) and value.level == level else value


def _evaluate_near(frame: Frame, inside: Code, variable: Symbol, germ: Germ) -> Number:
    try:
        value = inside(_bind_variable(frame, variable, germ))
    except Grows as power:
        value = _evaluate_without_power(frame, inside, variable, germ, power.base)
    if isinstance(value, Dual):
        raise NotEvaluable("a derivative of a limit")
    return value.limit() if isinstance(value, Germ) else value


def _evaluate_without_power(
    frame: Frame, inside: Code, variable: Symbol, germ: Germ, base: Number
) -> Number:
    """A function that is linear in a power without a limit: it has a limit only where the power's
    coefficient is 0."""

    def evaluate_with(value: fmpq) -> Number:
        other = _bind_variable(frame, variable, germ)
        other.growing = (base, value)
        return inside(other)

    without, factor = evaluate_with(fmpq(0)), fmpq(0)
    for value in UNLIKELY:
        change = (evaluate_with(value) - without) * (1 / value)
        if value != UNLIKELY[0] and sign(change - factor):
            raise NotEvaluable("a power that grows in a limit")
        factor = change
    if sign(base + 1) == 0 and isinstance(factor, Germ) and sign(factor.limit()) == 0:
        return without  # (-1)^n times what tends to 0
    if sign(factor):
        raise Undefined("a limit that does not exist")
    return without
