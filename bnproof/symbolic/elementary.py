"""The elementary functions and their slopes, of exact numbers (then an interval), of intervals and of dual numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bnproof.symbolic.duals import Dual, Number
from bnproof.symbolic.intervals import CONTEXT, Interval
from bnproof.symbolic.surds import NotExact, Surd

LARGEST = 10_000  # of an argument: beyond it exp has thousands of digits


def _tanh(ends: Any) -> Any:
    return 1 - 2 / (CONTEXT.exp(2 * ends) + 1)


_VALUE: dict[str, Callable[[Any], Any]] = {
    "exp": lambda e: CONTEXT.exp(e),
    "sin": lambda e: CONTEXT.sin(e),
    "cos": lambda e: CONTEXT.cos(e),
    "tanh": _tanh,
    "sinh": lambda e: (CONTEXT.exp(e) - CONTEXT.exp(-e)) / 2,
    "cosh": lambda e: (CONTEXT.exp(e) + CONTEXT.exp(-e)) / 2,
}
_SLOPE: dict[str, Callable[[Number], Number]] = {
    "exp": lambda a: apply("exp", a),
    "sin": lambda a: apply("cos", a),
    "cos": lambda a: -apply("sin", a),
    "tanh": lambda a: Surd(1) - apply("tanh", a) ** 2,
    "sinh": lambda a: apply("cosh", a),
    "cosh": lambda a: apply("sinh", a),
}


def apply(function: str, number: Number) -> Number:
    """An elementary function of an exact number, an interval or a dual number; ``KeyError`` for an unknown one."""
    if isinstance(number, Dual):
        slope = _SLOPE[function](number.value) * number.derivative
        return Dual(apply(function, number.value), slope, number.level)
    ends = Interval.around(number).ends
    if not -LARGEST < ends.a <= ends.b < LARGEST:
        raise NotExact(f"{function} of a number beyond {LARGEST}")
    return Interval(_VALUE[function](ends))
