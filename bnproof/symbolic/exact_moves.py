"""Exact evaluation at points that differ from the one at hand: derivatives, and expected values.

A derivative evaluates its expression at the point with an infinitesimal added to one of its
coordinates. An expected value evaluates its expression at many points, one for each outcome of a
random batch, and averages.
"""

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

# Outcomes of a random batch: n values for each of m entries make n^m of them. Larger batches are
# passed over. With two values this allows m = 8, with three m = 5.
MOST_OUTCOMES = 256


def list_variables(e: Derivative) -> list[Expr]:
    """List the variables of a derivative, each as often as it is differentiated by.

    Raises
    ------
    NotEvaluable
        For an order that is no number, or beyond ``LARGEST_ORDER``: each order doubles the dual
        numbers.
    """
    return [v for v, count in e.variable_count for _ in range(_check_order(count))]


def compile_derivative(
    e: Derivative, inside: Code, indices: list[list[Callable[[Frame], int]]]
) -> Code:
    """Compile a derivative.

    Parameters
    ----------
    e
        The derivative.
    inside
        Code of the expression that is differentiated.
    indices
        For each variable of :func:`list_variables` the code of its indices; empty for a scalar.

    Returns
    -------
    callable
        From a ``Frame`` to the derivative. It raises ``Undefined`` at a kink, and ``NotEvaluable``
        for a derivative by the variable of a sum or a limit.
    """
    variables = list_variables(e)

    def slope(frame: Frame) -> Number:
        # a level for every variable, also where one occurs twice: its second derivative is the
        # mixed one of two directions
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
        # the level created last is the highest, and the outermost part of the number
        return reduce(derivative, reversed(levels), value)

    return slope


def _check_order(count: Expr) -> int:
    """The order of a derivative as an integer."""
    if not count.is_Integer or count > LARGEST_ORDER:
        raise NotEvaluable(f"a derivative of the order {count}")
    return int(count)


def compile_expectation(e: Expectation, inside: Code, mean: Code, std: Code) -> Code:
    """Compile an expected value over independent entries of the batch.

    Each entry takes the few values of the distribution that ``e.nodes`` describes, scaled to the
    mean and standard deviation. Its moments are right up to the degree ``e.most``, so the average
    over all outcomes is the expected value of every polynomial up to that degree.

    Parameters
    ----------
    e
        The expected value.
    inside, mean, std
        Code of the polynomial, of the mean and of the standard deviation of an entry.

    Raises
    ------
    NotEvaluable
        For what is no polynomial of such a degree, and later for a batch with too many outcomes.
    """
    of_degree = degree(e.args[0])
    if of_degree is None or of_degree > e.most:
        raise NotEvaluable("an expected value beyond the degree its presumptions decide")

    def average_outcomes(frame: Frame) -> Number:
        # mean and deviation belong to the point itself: they do not change with the outcome
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
