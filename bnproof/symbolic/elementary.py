"""The elementary functions and their slopes, of exact numbers (then an interval), of intervals and
of dual numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flint import fmpq

from bnproof.symbolic.duals import Dual, Number, inverse
from bnproof.symbolic.germs import Germ
from bnproof.symbolic.intervals import CONTEXT, Interval
from bnproof.symbolic.surds import NotExact

LARGEST = 10_000  # of an argument: beyond it exp has thousands of digits


def _tanh(ends: Any) -> Any:
    return 1 - 2 / (CONTEXT.exp(2 * ends) + 1)


_VALUE: dict[str, Callable[[Any], Any]] = {
    "exp": lambda e: CONTEXT.exp(e),
    "log": lambda e: CONTEXT.log(e),
    "sin": lambda e: CONTEXT.sin(e),
    "cos": lambda e: CONTEXT.cos(e),
    "tanh": _tanh,
    "sinh": lambda e: (CONTEXT.exp(e) - CONTEXT.exp(-e)) / 2,
    "cosh": lambda e: (CONTEXT.exp(e) + CONTEXT.exp(-e)) / 2,
}
_SLOPE: dict[str, Callable[[Number], Number]] = {
    "exp": lambda a: apply("exp", a),
    "log": lambda a: inverse(a),
    "sin": lambda a: apply("cos", a),
    "cos": lambda a: -apply("sin", a),
    "tanh": lambda a: fmpq(1) - apply("tanh", a) ** 2,
    "sinh": lambda a: apply("cosh", a),
    "cosh": lambda a: apply("sinh", a),
}
_AT_ZERO = {"exp": 1, "cosh": 1, "cos": 1, "sin": 0, "tanh": 0, "sinh": 0}


def apply(function: str, number: Number) -> Number:
    """An elementary function of an exact number, an interval or a dual number.

    Raises ``KeyError`` for an unknown function, ``ValueError`` for the logarithm of what is not
    positive, ``NotExact`` where an interval does not decide.
    """
    if isinstance(number, Dual):
        slope = _SLOPE[function](number.value) * number.derivative
        return Dual(apply(function, number.value), slope, number.level)
    if isinstance(number, Germ):
        raise NotExact(f"a limit of {function}")
    if isinstance(number, fmpq) and number == 0 and function in _AT_ZERO:
        return fmpq(_AT_ZERO[function])
    if function == "log":
        if isinstance(number, fmpq) and number == 1:
            return fmpq(0)
        if (number <= 0) if isinstance(number, fmpq) else number.sign() < 0:
            raise ValueError("the logarithm of a number that is not positive")
    ends = Interval.from_number(number).ends
    if not -LARGEST < ends.a <= ends.b < LARGEST:
        raise NotExact(f"{function} of a number beyond {LARGEST}")
    return Interval(_VALUE[function](ends))
