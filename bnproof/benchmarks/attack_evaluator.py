"""An evaluator of its own: a statement, node by node as it was received, at one point.

It is one half of the attack on the prover, the half that has to be right.  A prover that rewrites
statements can go wrong in its rewriting; this evaluator rewrites nothing.  Bound names are kept in
a scope, sums are added term by term, and derivatives and limits are read off truncated series. What
does not exist raises ``NoValue``, and what the evaluator cannot tell raises ``Unknown``.

It shares no code with the prover.  From ``bnproof.symbolic`` this module and those that it uses
(``attack_numbers``, ``attack_calculus``) import only names of the setting: the batch size ``m``,
the batches ``x`` and ``g``, the condition ``Every``, and ``E``, whose name alone is needed to know
an expected value when one is met.

Start reading at :func:`judge_statement`, then :class:`AttackEvaluator`.  The tables ``_OF_VALUES``
and ``_OF_NODES`` at the end say which nodes of SymPy are known.
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

# Most comparisons are decided by few bits, which are quick. What 1,024 bits leave open is most
# likely equal, and more bits would not show that either: it counts as unknown.
PRECISIONS = (64, 256, 1024)  # bits, one after the other where balls do not decide
# Sums over a drawn batch of a few entries stay far below, also nested ones. The limit is for deep
# nests and for bounds that are expressions, whose sums could run for hours.
MOST_TERMS = 30_000  # of sums at one point
# which signs of lhs - rhs make a relation true
SIGNS = {"==": {0}, "!=": {-1, 1}, "<": {-1}, "<=": {-1, 0}, ">": {1}, ">=": {0, 1}}


def judge_statement(statement: Basic, point: DrawnPoint) -> bool | str:
    """What a statement is at a point, found with balls of growing precision.

    Parameters
    ----------
    statement
        A relation, a condition on every entry, or what ``And``, ``Or`` and ``Not`` build of
        relations.
    point
        A value for every free name of it.

    Returns
    -------
    bool or str
        ``True`` or ``False`` where it exists, ``"undefined"`` where some part of it does not, and
        ``"unknown"`` where the most precise balls do not decide, or a node is not known here.

    Notes
    -----
    Between irrational numbers an equality is never found to be ``True``: the difference is a ball
    that holds 0.  That is why points are drawn so that roots are often rational.

    Examples
    --------
    >>> from flint import fmpq
    >>> from sympy import Eq
    >>> from bnproof.benchmarks.attack_calculus import DrawnPoint
    >>> from bnproof.benchmarks.attack_evaluator import judge_statement
    >>> from bnproof.symbolic import m, mu, v, x
    >>> batch = {(x, (1,)): fmpq(1), (x, (2,)): fmpq(4)}
    >>> point = DrawnPoint({m: fmpq(2)}, batch, draw=lambda place: fmpq(0))
    >>> judge_statement(Eq(mu, v), point), judge_statement(Eq(v, x[1] * 9 / 4), point)
    (False, True)
    >>> judge_statement(Eq(x[m + 1], 0), point)
    'undefined'
    """
    # the precision belongs to the whole process: it is put back at the end
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


# Statements come and go by the thousand. The cache is bounded, so that it does not keep all of
# them.
@lru_cache(maxsize=1 << 14)
def _list_names(e: Basic) -> tuple[Basic, ...]:
    """All symbols in an expression, bound ones included; cached, since sums repeat."""
    return tuple(e.atoms(Symbol, Idx))


class AttackEvaluator:
    """Values of expressions and truth of relations at one point.

    A new one is made for every statement and precision, because it counts as it goes.

    Attributes
    ----------
    point
        The point.
    terms
        How many terms of sums were added so far.
    kinks
        How often a sign was asked for of something that is 0 at the point, where the two sides of
        the point may differ.
    """

    def __init__(self, point: DrawnPoint) -> None:
        self.point = point
        self.terms = 0
        self.kinks = 0

    def evaluate(self, e: Basic, scope: BoundNames) -> Number:
        """The value of an expression, exactly as it stands.

        Parameters
        ----------
        e
            A SymPy expression, which is not simplified or built anew.
        scope
            The names that are bound or moved around it.

        Returns
        -------
        Number
            A rational, a ball, or a series where a name in it was moved.

        Raises
        ------
        NoValue
            Where some part of it does not exist at the point, also one that would cancel.
        Unknown
            For a node or a name that is not known here, or where balls do not decide.
        """
        # this comes before symbols and nodes, since integers and fractions are the leaves met most
        # often
        if e.is_Rational:
            return fmpq(int(e.p), int(e.q))
        if isinstance(e, (Symbol, Idx)):
            return self._read_symbol(e, scope)
        # By name, not by class: numbers such as Exp1 and functions such as log have classes deep
        # inside SymPy. The name E is that of the expected value; Euler's number is called Exp1.
        name = type(e).__name__
        if name in _OF_VALUES:
            return _OF_VALUES[name](self, *[self.evaluate(part, scope) for part in e.args])
        if name in _OF_NODES:
            return _OF_NODES[name](self, e, scope)
        raise Unknown(f"{name} is not evaluated here")

    def _read_symbol(self, e: Basic, scope: BoundNames) -> Number:
        if e in scope.values:
            return scope.values[e]
        if e in self.point.scalars:
            return self.point.scalars[e]
        raise Unknown(f"{e} has no value")

    def _raise(self, base: Number, exponent: Number) -> Number:
        """A power: whole and half exponents exactly, all others as ``exp(exponent log(base))``."""
        if isinstance(exponent, fmpq) and exponent.q == 1:
            return whole_power(base, int(exponent.p))
        if isinstance(exponent, fmpq) and exponent.q == 2:
            # a root has a kink where its argument is 0
            self._watch(base)
            return whole_power(root(base), int(exponent.p))
        # 1 to any power is 1, exactly; by way of logarithms it would be a ball
        if isinstance(base, fmpq) and base == 1:
            return base
        # 0 to a positive power is 0, where log 0 does not exist
        if not isinstance(exponent, Series) and is_zero(base) and sign(exponent) > 0:
            return base
        return exponential(exponent * logarithm(base))

    def _watch(self, value: Number) -> None:
        """Count a kink, where the sign of a series may not be that of its value at the point."""
        self.kinks += isinstance(value, Series) and tends_to_zero(value)

    def _sign(self, value: Number) -> int:
        """The sign of a number, with a kink counted where it may change."""
        self._watch(value)
        return sign(value)

    def _abs(self, value: Number) -> Number:
        return -value if self._sign(value) < 0 else value

    def _signum(self, value: Number) -> Number:
        return fmpq(self._sign(value))

    def _max(self, *values: Number) -> Number:
        return reduce(lambda a, b: a if self._sign(a - b) >= 0 else b, values)

    def _min(self, *values: Number) -> Number:
        return reduce(lambda a, b: a if self._sign(a - b) <= 0 else b, values)

    def _tanh(self, value: Number) -> Number:
        """``tanh z = (exp(2 z) - 1) / (exp(2 z) + 1)``."""
        double = exponential(value * 2)
        return (double - 1) * inverse(double + 1)

    def _delta(self, e: Basic, scope: BoundNames) -> Number:
        first, second = (self.evaluate_integer(part, scope) for part in e.args)
        return fmpq(int(first == second))

    def _choose_branch(self, e: Basic, scope: BoundNames) -> Number:
        """The value of the first branch whose condition is true.

        Branches after it are not looked at and need not exist, but every condition before it has
        to.
        """
        # SymPy reads branches from the first on, and so does this
        for value, condition in e.args:
            if self.holds(condition, scope):
                return self.evaluate(value, scope)
        raise NoValue("no branch applies")

    def evaluate_integer(self, e: Basic, scope: BoundNames) -> int:
        """The value of an index or of a bound of a sum.

        Raises
        ------
        NoValue
            Where it is a number but no integer.
        Unknown
            Where a derivative or limit moves it.
        """
        value = self.evaluate(e, scope)
        if isinstance(value, Series):
            raise Unknown("an index or a bound that moves")
        if not isinstance(value, fmpq) or value.q != 1:
            raise NoValue(f"{e} is {value}, not an integer")
        return int(value.p)

    def locate(self, e: Indexed, scope: BoundNames) -> Place:
        """Which entry is meant: the base, and its indices as integers."""
        return e.base, tuple(self.evaluate_integer(index, scope) for index in e.indices)

    def _read_entry(self, e: Indexed, scope: BoundNames) -> Number:
        """An entry, from the scope where it is moved, otherwise from the point."""
        place = self.locate(e, scope)
        return scope.values[place] if place in scope.values else self.point.read_entry(place)

    def _sum(self, e: Basic, scope: BoundNames) -> Number:
        """A sum, remembered under the values of the names in it."""
        # A value that is a series is left out of the key. That is safe: a moved name starts an
        # empty memory (BoundNames.move), inside of which its series stays the same.
        bound = (scope.values.get(name) for name in _list_names(e))
        key = (e, *(value if isinstance(value, fmpq) else None for value in bound))
        if key not in scope.known:
            scope.known[key] = self._add_terms(e.args[0], list(e.args[1:]), scope)
        return scope.known[key]

    def _add_terms(self, function: Basic, limits: list[Basic], scope: BoundNames) -> Number:
        """The terms of a sum with several limits, the outermost first.

        A sum that ends right before it begins is empty; one that ends earlier does not exist here.
        """
        if not limits:
            return self.evaluate(function, scope)
        index, low, high = limits[-1]  # the last one is the outermost
        first, last = self.evaluate_integer(low, scope), self.evaluate_integer(high, scope)
        # SymPy gives a sum that runs backwards a value by Karr's convention. The prover leaves it
        # undefined, and so does the attack.
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
        """Whether a relation, or what is built of relations, is true at the point.

        Every part has to exist, also one whose truth no longer matters: ``1/a > 0 or a > -1`` is
        undefined at ``a = 0``, although the second part is true.

        Raises
        ------
        NoValue
            Where some part does not exist.
        Unknown
            Where a sign cannot be told, or for what is no relation.
        """
        if isinstance(e, sympy.logic.boolalg.BooleanAtom):
            return bool(e)
        if isinstance(e, Every):
            return self._holds_everywhere(e, scope)
        if isinstance(e, sympy.core.relational.Relational):
            # both sides are evaluated in full, so that a part that does not exist is noticed
            difference = self.evaluate(e.lhs, scope) - self.evaluate(e.rhs, scope)
            return self._sign(difference) in SIGNS[e.rel_op]
        if isinstance(e, (sympy.And, sympy.Or)):
            # a list, not a generator: all parts are looked at, and none is skipped once the truth
            # is clear
            parts = [self.holds(part, scope) for part in e.args]
            return all(parts) if isinstance(e, sympy.And) else any(parts)
        if isinstance(e, sympy.Not):
            return not self.holds(e.args[0], scope)
        raise Unknown(f"{e} is no relation")

    def _holds_everywhere(self, e: Every, scope: BoundNames) -> bool:
        """Whether a condition holds for every choice of its indices in ``1..m``."""
        names, size = e.args[1:], int(self.point.scalars[m].p)
        for chosen in product(range(1, size + 1), repeat=len(names)):
            inside = scope
            for name, position in zip(names, chosen, strict=True):
                inside = inside.bind(name, fmpq(position))
            if not self.holds(e.args[0], inside):
                return False
        return True


# Nodes that are functions of the values of their arguments, in any scope.
_OF_VALUES: dict[str, Callable[..., Number]] = {
    "Add": lambda self, *values: add_up(values),
    "Mul": lambda self, *values: reduce(lambda a, b: a * b, values, fmpq(1)),
    "Pow": AttackEvaluator._raise,
    "Abs": AttackEvaluator._abs,
    "sign": AttackEvaluator._signum,
    "Max": AttackEvaluator._max,
    "Min": AttackEvaluator._min,
    "exp": lambda self, value: exponential(value),
    "log": lambda self, value: logarithm(value),
    "tanh": AttackEvaluator._tanh,
    "Exp1": lambda self: arb(1).exp(),
}
# Nodes that look at an argument themselves: as an integer, or not at all, or in another scope.
_OF_NODES: dict[str, Callable[[AttackEvaluator, Any, BoundNames], Number]] = {
    "KroneckerDelta": AttackEvaluator._delta,
    "Piecewise": AttackEvaluator._choose_branch,
    "Indexed": AttackEvaluator._read_entry,
    "Sum": AttackEvaluator._sum,
    "Derivative": derivative,
    "Limit": limit,
    E.__name__: expectation,
}
