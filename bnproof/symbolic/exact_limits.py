"""Limits in exact evaluation.

A limit at a number is the value there, if the function can be differentiated there: it is then
continuous. Everywhere else a germ (:mod:`bnproof.symbolic.germs`) takes the place of the variable.
It is ``1/t^2`` for a variable that tends to infinity, ``a + t^2`` or ``a - t^2`` for one that tends
to ``a``, and the limit is read off the series in ``t``. The square lets roots be series too:
``sqrt(x - a)`` is ``t``.

A power ``b^n`` with ``n -> oo`` and ``|b| > 1`` has no series. The function then has a limit only
where the power has no effect, which is found by trying values in its place.

Start reading at :func:`compile_limit`.
"""

from __future__ import annotations

from typing import Any

from flint import fmpq
from sympy import Abs, KroneckerDelta, Limit, Max, Min, Piecewise, S, Symbol
from sympy import sign as sympy_sign

from bnproof.symbolic.duals import Dual, Number, create_level, sign
from bnproof.symbolic.frames import Code, Frame, Grows, NotEvaluable, Undefined
from bnproof.symbolic.germs import Germ
from bnproof.symbolic.surds import NotExact

# Functions that tell cases apart. Beside them a stand-in for a power that grows could lie on the
# wrong side of a case.
CASED = (Abs, Max, Min, Piecewise, sympy_sign, KroneckerDelta)
# Stand-ins for a power that grows. A function that is linear at 0 and at all of these is taken to
# be linear. That rests on chance: one that is not, and agrees with a linear one at all of them,
# would get a wrong limit. So they are numbers that no statement singles out.
UNLIKELY = (
    fmpq(104_729, 7_919),
    fmpq(-7_907, 104_723),
    fmpq(15_485_863, 32_452_843),
    fmpq(-611_953, 611_957),
)


def compile_limit(e: Limit, inside: Code, end: Code | None) -> Code:
    """Compile a limit.

    Parameters
    ----------
    e
        The limit, from above, from below or from both sides.
    inside
        Code of the function, with the variable bound.
    end
        Code of the target; ``None`` for a limit at infinity.

    Returns
    -------
    callable
        From a ``Frame`` to the limit. It raises ``Undefined`` where there is none, ``NotExact``
        where the series is too short to tell, and ``NotEvaluable`` for a limit beyond these rules.
    """
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
        # cheaper than a series, and it covers functions that have none here, such as exp
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
    """The same code, except that a power that grows is refused; see ``CASED``."""

    def evaluate(frame: Frame) -> Number:
        try:
            return inside(frame)
        except Grows:
            raise NotEvaluable("a case distinction beside a power that grows") from None

    return evaluate


def _bind_variable(frame: Frame, variable: Symbol, value: Any) -> Frame:
    """A frame in which the variable has a value; what was computed before does not carry over."""
    other = frame.move_to(frame.point)
    other.bound[variable] = value
    return other


def _evaluate_at_target(frame: Frame, inside: Code, variable: Symbol, at: Number) -> Number | None:
    """The value at the target, where the function can be differentiated there; else ``None``.

    A dual number in place of the variable fails at kinks, jumps and poles, which is what tells them
    from points where the function is continuous.
    """
    level = create_level()
    try:
        value = inside(_bind_variable(frame, variable, Dual(at, fmpq(1), level)))
    except (Undefined, NotExact, ZeroDivisionError):
        return None
    return value.value if isinstance(value, Dual) and value.level == level else value


def _evaluate_near(frame: Frame, inside: Code, variable: Symbol, germ: Germ) -> Number:
    """The limit of a function whose variable is a germ."""
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
    """The limit of a function that is linear in a power without a limit of its own.

    ``f = p + q b^(1/t^2)`` has a limit only where ``q`` is 0, and it is then that of ``p``. One
    exception is ``b = -1``, where ``q -> 0`` is enough.
    """

    def evaluate_with(value: fmpq) -> Number:
        other = _bind_variable(frame, variable, germ)
        other.growing = (base, value)
        return inside(other)

    without, factor = evaluate_with(fmpq(0)), fmpq(0)
    for value in UNLIKELY:
        change = (evaluate_with(value) - without) * (1 / value)
        if value != UNLIKELY[0] and sign(change - factor):
            # the slopes differ: the function is not linear in the power
            raise NotEvaluable("a power that grows in a limit")
        factor = change
    if sign(base + fmpq(1)) == 0 and isinstance(factor, Germ) and sign(factor.limit()) == 0:
        return without  # (-1)^n times what tends to 0
    if sign(factor):
        raise Undefined("a limit that does not exist")
    return without
