"""The elementary functions exp, log, sin, cos, tanh, sinh and cosh in exact evaluation.

Their values at rational points are irrational, except for a few such as ``exp(0) = 1``, so the
value of an exact number is an interval around it. A dual number carries its derivative through, by
the chain rule.

Start reading at :func:`apply`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flint import fmpq

from bnproof.symbolic.duals import Dual, Number, inverse
from bnproof.symbolic.germs import Germ
from bnproof.symbolic.intervals import CONTEXT, Interval
from bnproof.symbolic.surds import NotExact

# The largest size of an argument. exp of a larger one has thousands of digits before its point,
# beside which smaller terms of a sum vanish in the 300 bits of an interval.
LARGEST = 10_000


def _tanh(ends: Any) -> Any:
    """``tanh a = 1 - 2/(exp(2 a) + 1)``.

    In this form the argument occurs once. An interval then grows by rounding only, which it would
    not in ``(exp(a) - exp(-a))/(exp(a) + exp(-a))``.
    """
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
# The derivative of each function, as a function of the argument. That may be a dual number itself,
# which gives higher derivatives.
_SLOPE: dict[str, Callable[[Number], Number]] = {
    "exp": lambda a: apply("exp", a),
    "log": lambda a: inverse(a),
    "sin": lambda a: apply("cos", a),
    "cos": lambda a: -apply("sin", a),
    "tanh": lambda a: fmpq(1) - apply("tanh", a) ** 2,
    "sinh": lambda a: apply("cosh", a),
    "cosh": lambda a: apply("sinh", a),
}
# Values that are rational are kept exact. An interval around 1 could never show that exp(0) = 1.
_AT_ZERO = {"exp": 1, "cosh": 1, "cos": 1, "sin": 0, "tanh": 0, "sinh": 0}


def apply(function: str, number: Number) -> Number:
    """Apply an elementary function to a number.

    Parameters
    ----------
    function
        ``"exp"``, ``"log"``, ``"sin"``, ``"cos"``, ``"tanh"``, ``"sinh"`` or ``"cosh"``.
    number
        A rational, a surd, an interval or a dual number.

    Returns
    -------
    Number
        A rational where the value is known to be one, an interval that contains the value
        elsewhere, and a dual number for a dual number.

    Raises
    ------
    KeyError
        For an unknown function.
    ValueError
        For the logarithm of what is not positive.
    NotExact
        For an interval that does not decide whether it is positive, for arguments beyond
        ``LARGEST``, and for a germ: these functions have no series here.
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
