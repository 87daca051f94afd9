"""Maxima and minima by absolute values.

The normal form and the derivatives know absolute values, and so need no rules of their own for
these.
"""

from __future__ import annotations

from sympy import Abs, Expr, Integer, Max


def replace_maximum(e: Expr) -> Expr:
    """Write a maximum or a minimum by absolute values, one argument after the other.

    ``max(a, b) = (a + b + |a - b|)/2`` and ``min(a, b) = (a + b - |a - b|)/2``.

    Parameters
    ----------
    e
        A SymPy ``Max`` or ``Min`` of any number of real arguments.

    Examples
    --------
    >>> from sympy import Max, Symbol
    >>> a = Symbol("a", real=True)
    >>> replace_maximum(Max(a, 0)).subs(a, -3), replace_maximum(Max(a, 0)).subs(a, 3)
    (0, 3)
    """
    sense = 1 if isinstance(e, Max) else -1
    # in a fixed order, so that equal maxima give equal expressions
    first, *others = sorted(e.args, key=str)
    for other in others:
        # unevaluated, so that the argument stays as it is: where it vanishes the corner lies
        first = (first + other + sense * Abs(first - other, evaluate=False)) / Integer(2)
    return first
