"""An evaluator of its own: a statement, node by node as it was received, at one point.

It shares no code with the prover.  Bound names are kept in a scope, sums are added term by term,
derivatives and limits are read off truncated series.  What does not exist raises ``NoValue``,
what the evaluator cannot tell raises ``Unknown``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, reduce
from itertools import product
from typing import Any

import sympy
from flint import arb, ctx, fmpq
from sympy import Basic, Idx, Indexed, Symbol

from bnproof.benchmarks.attack_calculus import (
    BoundNames,
    DrawnPoint,
    Place,
    derivative,
    expectation,
    limit,
)
from bnproof.benchmarks.attack_numbers import (
    NoValue,
    Number,
    Series,
    Unknown,
    add_up,
    exponential,
    inverse,
    is_zero,
    logarithm,
    root,
    sign,
    tends_to_zero,
    whole_power,
)
from bnproof.symbolic import Every, m
from bnproof.symbolic.expectation import E

PRECISIONS = (64, 256, 1024)  # bits, one after the other where balls do not decide
MOST_TERMS = 30_000  # of sums at one point
SIGNS = {"==": {0}, "!=": {-1, 1}, "<": {-1}, "<=": {-1, 0}, ">": {1}, ">=": {0, 1}}


def judge_statement(statement: Basic, point: DrawnPoint) -> bool | str:
    """``True``, ``False``, ``"undefined"`` or ``"unknown"``, with balls of growing precision."""
    before = ctx.prec
    try:
        for bits in PRECISIONS:
            ctx.prec = bits
            try:
                return AttackEvaluator(point).holds(statement, BoundNames())
            except NoValue:
                return "undefined"
            except Unknown:
                continue
        return "unknown"
    finally:
        ctx.prec = before


@lru_cache(maxsize=1 << 14)
def _list_names(e: Basic) -> tuple[Basic, ...]:
    return tuple(e.atoms(Symbol, Idx))


class AttackEvaluator:
    """Values of expressions and truth of relations at a point."""

    def __init__(self, point: DrawnPoint) -> None:
        self.point = point
        self.terms = 0
        self.kinks = 0

    def evaluate(self, e: Basic, scope: BoundNames) -> Number:
        """The value of an expression as it stands."""
        if e.is_Rational:
            return fmpq(int(e.p), int(e.q))
        if isinstance(e, (Symbol, Idx)):
            return self._read_symbol(e, scope)
        method = _METHODS.get(type(e).__name__)
        if method is None:
            raise Unknown(f"{type(e).__name__} is not evaluated here")
        return method(self, e, scope)

    def _read_symbol(self, e: Basic, scope: BoundNames) -> Number:
        if e in scope.values:
            return scope.values[e]
        if e in self.point.scalars:
            return self.point.scalars[e]
        raise Unknown(f"{e} has no value")

    def _add(self, e: Basic, scope: BoundNames) -> Number:
        return add_up(self.evaluate(part, scope) for part in e.args)

    def _mul(self, e: Basic, scope: BoundNames) -> Number:
        return reduce(lambda a, b: a * b, [self.evaluate(part, scope) for part in e.args], fmpq(1))

    def _pow(self, e: Basic, scope: BoundNames) -> Number:
        base, exponent = (self.evaluate(part, scope) for part in e.args)
        if isinstance(exponent, fmpq) and exponent.q == 1:
            return whole_power(base, int(exponent.p))
        if isinstance(exponent, fmpq) and exponent.q == 2:
            return whole_power(self._root(base), int(exponent.p))
        if isinstance(base, fmpq) and base == 1:
            return base
        if not isinstance(exponent, Series) and is_zero(base) and sign(exponent) > 0:
            return base
        return exponential(exponent * logarithm(base))

    def _root(self, base: Number) -> Number:
        self._watch(base)
        return root(base)

    def _watch(self, value: Number) -> None:
        """Count a kink: where the sign of a series may not be that of its value at the point."""
        self.kinks += isinstance(value, Series) and tends_to_zero(value)

    def _sign(self, value: Number) -> int:
        self._watch(value)
        return sign(value)

    def _abs(self, e: Basic, scope: BoundNames) -> Number:
        value = self.evaluate(e.args[0], scope)
        return -value if self._sign(value) < 0 else value

    def _signum(self, e: Basic, scope: BoundNames) -> Number:
        return fmpq(self._sign(self.evaluate(e.args[0], scope)))

    def _max(self, e: Basic, scope: BoundNames) -> Number:
        values = [self.evaluate(part, scope) for part in e.args]
        return reduce(lambda a, b: a if self._sign(a - b) >= 0 else b, values)

    def _min(self, e: Basic, scope: BoundNames) -> Number:
        values = [self.evaluate(part, scope) for part in e.args]
        return reduce(lambda a, b: a if self._sign(a - b) <= 0 else b, values)

    def _exp(self, e: Basic, scope: BoundNames) -> Number:
        return exponential(self.evaluate(e.args[0], scope))

    def _log(self, e: Basic, scope: BoundNames) -> Number:
        return logarithm(self.evaluate(e.args[0], scope))

    def _tanh(self, e: Basic, scope: BoundNames) -> Number:
        double = exponential(self.evaluate(e.args[0], scope) * 2)
        return (double - 1) * inverse(double + 1)

    def _delta(self, e: Basic, scope: BoundNames) -> Number:
        first, second = (self.evaluate_integer(part, scope) for part in e.args)
        return fmpq(int(first == second))

    def _choose_branch(self, e: Basic, scope: BoundNames) -> Number:
        for value, condition in e.args:
            if self.holds(condition, scope):
                return self.evaluate(value, scope)
        raise NoValue("no branch applies")

    def evaluate_integer(self, e: Basic, scope: BoundNames) -> int:
        """An integer: an index or a bound of a sum."""
        value = self.evaluate(e, scope)
        if isinstance(value, Series):
            raise Unknown("an index or a bound that moves")
        if not isinstance(value, fmpq) or value.q != 1:
            raise NoValue(f"{e} is {value}, not an integer")
        return int(value.p)

    def locate(self, e: Indexed, scope: BoundNames) -> Place:
        """Which entry is meant."""
        return e.base, tuple(self.evaluate_integer(index, scope) for index in e.indices)

    def _read_entry(self, e: Indexed, scope: BoundNames) -> Number:
        place = self.locate(e, scope)
        return scope.values[place] if place in scope.values else self.point.read_entry(place)

    def _sum(self, e: Basic, scope: BoundNames) -> Number:
        bound = (scope.values.get(name) for name in _list_names(e))
        key = (e, *(value if isinstance(value, fmpq) else None for value in bound))
        if key not in scope.known:
            scope.known[key] = self._add_terms(e.args[0], list(e.args[1:]), scope)
        return scope.known[key]

    def _add_terms(self, function: Basic, limits: list[Basic], scope: BoundNames) -> Number:
        if not limits:
            return self.evaluate(function, scope)
        index, low, high = limits[-1]  # the last one is the outermost
        first, last = self.evaluate_integer(low, scope), self.evaluate_integer(high, scope)
        if last < first - 1:
            raise NoValue(f"a sum from {first} to {last}")
        self.terms += last - first + 1
        if self.terms > MOST_TERMS:
            raise Unknown("too many terms")
        return add_up(
            self._add_terms(function, limits[:-1], scope.bind(index, fmpq(position)))
            for position in range(first, last + 1)
        )

    def holds(self, e: Basic, scope: BoundNames) -> bool:
        """Whether a relation, or what is built of relations, is true; every part has to exist."""
        if isinstance(e, sympy.logic.boolalg.BooleanAtom):
            return bool(e)
        if isinstance(e, Every):
            return self._holds_everywhere(e, scope)
        if isinstance(e, sympy.core.relational.Relational):
            difference = self.evaluate(e.lhs, scope) - self.evaluate(e.rhs, scope)
            return self._sign(difference) in SIGNS[e.rel_op]
        if isinstance(e, (sympy.And, sympy.Or)):
            parts = [self.holds(part, scope) for part in e.args]
            return all(parts) if isinstance(e, sympy.And) else any(parts)
        if isinstance(e, sympy.Not):
            return not self.holds(e.args[0], scope)
        raise Unknown(f"{e} is no relation")

    def _holds_everywhere(self, e: Every, scope: BoundNames) -> bool:
        names, size = e.args[1:], int(self.point.scalars[m].p)
        for chosen in product(range(1, size + 1), repeat=len(names)):
            inside = scope
            for name, position in zip(names, chosen, strict=True):
                inside = inside.bind(name, fmpq(position))
            if not self.holds(e.args[0], inside):
                return False
        return True


_METHODS: dict[str, Callable[[AttackEvaluator, Any, BoundNames], Number]] = {
    "Add": AttackEvaluator._add,
    "Mul": AttackEvaluator._mul,
    "Pow": AttackEvaluator._pow,
    "Abs": AttackEvaluator._abs,
    "sign": AttackEvaluator._signum,
    "Max": AttackEvaluator._max,
    "Min": AttackEvaluator._min,
    "exp": AttackEvaluator._exp,
    "log": AttackEvaluator._log,
    "tanh": AttackEvaluator._tanh,
    "Exp1": lambda self, e, scope: arb(1).exp(),
    "KroneckerDelta": AttackEvaluator._delta,
    "Piecewise": AttackEvaluator._choose_branch,
    "Indexed": AttackEvaluator._read_entry,
    "Sum": AttackEvaluator._sum,
    "Derivative": derivative,
    "Limit": limit,
    E.__name__: expectation,
}
