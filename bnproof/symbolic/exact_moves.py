"""Exact evaluation at points that differ from the one at hand: derivatives, and expected values
over other batches."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from itertools import product
from operator import mul
from typing import Any

from flint import fmpq
from sympy import Derivative, Expr

from bnproof.symbolic.duals import Number, create_level, derivative
from bnproof.symbolic.expectation import Expectation, degree
from bnproof.symbolic.frames import Code, Frame, NotEvaluable, Point, Undefined
from bnproof.symbolic.setting import x
from bnproof.symbolic.symbols import LARGEST_ORDER

MOST_OUTCOMES = 256


def list_variables(e: Derivative) -> list[Expr]:
    """The variables of a derivative, each as often as it is differentiated by."""
    return [v for v, count in e.variable_count for _ in range(_check_order(count))]


def compile_derivative(
    e: Derivative, inside: Code, indices: list[list[Callable[[Frame], int]]]
) -> Code:
    """A function that differentiates: ``inside`` at a point whose coordinates carry dual units."""
    variables = list_variables(e)

    def slope(frame: Frame) -> Number:
        point, levels = frame.point, [create_level() for _ in variables]
        for variable, level, index in zip(variables, levels, indices, strict=True):
            base = getattr(variable, "base", variable)
            if variable in frame.bound:
                raise NotEvaluable(f"a derivative by {variable}, the variable of a sum or limit")
            moved = frame.read(base)
            point = point.perturb(moved, tuple(one(frame) for one in index), level)
        try:
            value = inside(frame.move_to(point))
        except ZeroDivisionError:
            raise Undefined("a derivative at a kink") from None
        return reduce(derivative, reversed(levels), value)

    return slope


def _check_order(count: Expr) -> int:
    if not count.is_Integer or count > LARGEST_ORDER:
        raise NotEvaluable(f"a derivative of the order {count}")
    return int(count)


def compile_expectation(e: Expectation, inside: Code, mean: Code, std: Code) -> Code:
    """A function that averages over every outcome of independent entries of the batch, each taking
    a few values."""
    of_degree = degree(e.args[0])
    if of_degree is None or of_degree > e.most:
        raise NotEvaluable("an expected value beyond the degree its presumptions decide")

    def average_outcomes(frame: Frame) -> Number:
        size, mu, sigma = frame.point.size, mean(frame), std(frame)
        if len(e.nodes) ** size > MOST_OUTCOMES:
            raise NotEvaluable(f"an expected value over {len(e.nodes)}^{size} outcomes")
        values = [(mu + sigma * node, weight) for node, weight in e.nodes]
        total: Number = fmpq(0)
        for outcome in product(values, repeat=size):
            entries: dict[tuple[int, ...], Any] = {
                (p,): value for p, (value, _) in enumerate(outcome, 1)
            }
            point = Point(
                frame.point.scalars, frame.point.draw, {**frame.point.entries, x: entries}
            )
            total = total + reduce(mul, (weight for _, weight in outcome)) * inside(
                frame.move_to(point)
            )
        return total

    return average_outcomes
