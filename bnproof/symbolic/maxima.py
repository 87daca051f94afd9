"""Maxima and minima by absolute values."""

from __future__ import annotations

from sympy import Abs, Expr, Integer, Max


def replace_maximum(e: Expr) -> Expr:
    """``max(a, b) = (a + b + |a - b|)/2``, ``min(a, b) = (a + b - |a - b|)/2``, one argument after
    the other."""
    sense = 1 if isinstance(e, Max) else -1
    first, *others = sorted(e.args, key=str)
    for other in others:
        first = (first + other + sense * Abs(first - other, evaluate=False)) / Integer(2)
    return first
