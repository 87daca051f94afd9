"""The power-sum normal form: every expression a rational function of independent generators.

Algebra and sums are the work of :mod:`bnproof.symbolic.power_sums`; this module adds derivatives, limits and cases.
Every rewriting is an identity for all ``m``; a division or a root is accepted only where the conditions show that
it exists.
"""

from __future__ import annotations

from sympy import (
    Abs,
    And,
    Derivative,
    Dummy,
    Expr,
    Ge,
    Indexed,
    Integer,
    Le,
    Limit,
    Piecewise,
    Pow,
    Symbol,
    cancel,
    fraction,
    oo,
    sign,
    together,
)
from sympy.logic.boolalg import BooleanTrue

from bnproof.symbolic import roots
from bnproof.symbolic.atoms import expanded
from bnproof.symbolic.expectation import Expectation
from bnproof.symbolic.moments import expected
from bnproof.symbolic.outcomes import Undecided
from bnproof.symbolic.power_sums import PowerSums
from bnproof.symbolic.reading import numbers_in
from bnproof.symbolic.rendering import text
from bnproof.symbolic.setting import m
from bnproof.symbolic.signs import POSITIVE


class NormalForm(PowerSums):
    """Rewrites expressions into generators; derivatives are taken, limits found by continuity, cases decided."""

    def _rewrite(self, e: Expr) -> Expr:
        match e:
            case Derivative():
                return self._derivative(e)
            case Limit():
                return self._limit(e)
            case Piecewise():
                return self._piecewise(e)
            case Expectation():
                self.normal(e.args[0])
                return self.normal(expected(e))
        return super()._rewrite(e)

    def _derivative(self, e: Derivative) -> Expr:
        self.normal(e.expr)
        for corner in e.expr.atoms(Abs, sign):
            self.divisor(self.normal(corner.args[0]), corner.args[0])
        return self.normal(differentiated(e))

    def _limit(self, e: Limit) -> Expr:
        """By continuity: ``a = 1/t`` (or ``target +- t``), common factors cancelled, then ``t = 0``; ``c^T -> 0`` for ``|c| < 1``.

        Rational functions and square roots are continuous where they exist, and that ``t = 0`` is such a point is
        checked like every other division and root.
        """
        function, variable, target, direction = e.args
        if target == oo and any(variable in numbers_in(power.exp) for power in function.atoms(Pow)):
            return self._geometric(function, variable)
        near = Dummy("t", real=True, **({} if str(direction) == "+-" else {"positive": True}))
        moved = {oo: 1 / near, -oo: -1 / near}.get(target, target + near if str(direction) != "-" else target - near)
        inside = self.normal(function.xreplace({variable: moved}))
        for generator in numbers_in(inside) & set(self.meaning) - set(self.relations):
            if self.depends(generator, near):
                raise Undecided(f"the limit of {text(function)}: a sum or a power in it depends on {variable}")
        numerator, denominator = fraction(cancel(together(inside)))
        ends = [self._at_zero(part, near) for part in (numerator, denominator)]
        return ends[0] / self.divisor(ends[1], denominator)

    def _geometric(self, function: Expr, variable: Symbol) -> Expr:
        """The limit for ``variable -> oo`` of a polynomial in powers ``c^variable``, each with ``c^2 < 1``: they vanish."""
        inside = expanded(self.normal(function))
        powers = {atom for atom in numbers_in(inside) if self.depends(atom, variable)}
        for atom in powers:
            power = self.meaning.get(atom)
            if not isinstance(power, Pow) or not (power.exp - variable).is_number or variable in numbers_in(power.base):
                raise Undecided(f"the limit of {text(function)} for {variable} -> oo")
            if self.signs.of(1 - self.normal(power.base) ** 2) != POSITIVE:
                raise Undecided(f"the limit of {text(power)}: {text(power.base)} is not known to lie inside (-1, 1)")
        if not inside.is_polynomial(*powers):
            raise Undecided(f"the limit of {text(function)} for {variable} -> oo")
        return inside.xreplace(dict.fromkeys(powers, Integer(0)))

    def _at_zero(self, e: Expr, near: Symbol) -> Expr:
        """``e`` at ``near = 0``, roots included."""
        known = {near: Integer(0)}
        for root in numbers_in(e) & set(self.relations):
            if self.depends(root, near):
                base = self._at_zero(self.relations[root], near)
                known[root] = roots.square_root(self, base, base)
        return e.xreplace(known)

    def _piecewise(self, e: Piecewise) -> Expr:
        for value, condition in e.args:
            if isinstance(condition, BooleanTrue) or self._in_range(condition):
                return self.normal(value)
            break
        raise Undecided(f"the cases of {text(e)} are not decided by the conditions")

    def _in_range(self, condition: Expr) -> bool:
        """Whether a condition only says that an index lies in ``1..m``, in either direction SymPy writes it."""
        for part in And.make_args(condition):
            low, high = (part.lhs, part.rhs) if isinstance(part, Le) else (part.rhs, part.lhs)
            if not isinstance(part, (Le, Ge)) or not (self._from_one(high) if low == 1 else self._up_to(low, high)):
                return False
        return True

    def _from_one(self, index: Expr) -> bool:
        return bool(index.is_integer and index.is_positive)

    def _up_to(self, index: Expr, size: Expr) -> bool:
        return bool(index.is_Symbol and self.size_of.get(index, m if index in self.distinct else None) == size)


def differentiated(e: Derivative) -> Expr:
    """The derivative by SymPy's own rules; raises ``Undecided`` where it has none."""
    result = e.expr
    if result.has(Expectation):
        raise Undecided(f"a derivative of the expected value {text(result)}")
    for variable, count in e.variable_count:
        if not isinstance(variable, Indexed) and (variable.is_integer or not variable.is_Symbol):
            raise Undecided(f"a derivative by {text(variable)}: differentiate by an entry or a real scalar")
        if not count.is_Integer:
            raise Undecided(f"a derivative of the symbolic order {count}")
        result = result.diff(variable, int(count))
    if result.has(Derivative) and not e.expr.has(Derivative):
        raise Undecided(f"SymPy does not differentiate {text(e.expr)}")
    return result
