"""The power-sum normal form: every expression a rational function of independent generators.

Algebra and sums are the work of :mod:`bnproof.symbolic.power_sums`; this module adds derivatives,
limits and cases, and says which parts of a statement exist.  Every rewriting is an identity for all
``m``; a division or a root is accepted only where the conditions show that it exists.
"""

from __future__ import annotations

from collections.abc import Iterable

from sympy import (
    Abs,
    And,
    Derivative,
    Expr,
    Ge,
    Indexed,
    Integer,
    Le,
    Limit,
    Max,
    Min,
    Piecewise,
    Pow,
    Sum,
    Symbol,
    ordered,
    sign,
)
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanTrue

from bnproof.symbolic import limits
from bnproof.symbolic.differentiation import differentiate, refuse_limits
from bnproof.symbolic.expectation import Expectation
from bnproof.symbolic.maxima import replace_maximum
from bnproof.symbolic.moments import take_all, take_expectation
from bnproof.symbolic.outcomes import Undecided
from bnproof.symbolic.power_sums import PowerSums
from bnproof.symbolic.quotients import Quotient
from bnproof.symbolic.reading import FREE, Around, Near, Part, list_expressions
from bnproof.symbolic.rendering import text
from bnproof.symbolic.setting import g, m, x


class NormalForm(PowerSums):
    """Rewrites expressions into generators; derivatives are taken, limits found by their series,
    cases decided."""

    def _rewrite(self, e: Expr) -> Quotient:
        match e:
            case Derivative():
                return self._rewrite_derivative(e)
            case Limit():
                return limits.rewrite_limit(self, e)
            case Piecewise():
                return self._rewrite_piecewise(e)
            case Expectation():
                self.normal_form(e.args[0])
                return self.normal_form(take_expectation(e))
        return super()._rewrite(e)

    def _rewrite_derivative(self, e: Derivative) -> Quotient:
        self.normal_form(e.expr)
        self._check_smoothness([e.expr], e.variables)
        return self.normal_form(differentiate(e))

    def _rewrite_piecewise(self, e: Piecewise) -> Quotient:
        for value, condition in e.args:
            if isinstance(condition, BooleanTrue) or self._states_range(condition):
                return self.normal_form(value)
            break
        raise Undecided(f"the cases of {text(e)} are not decided by the conditions")

    def _states_range(self, condition: Expr) -> bool:
        """Whether a condition only says that an index lies in its range."""
        for part in And.make_args(condition):
            if not isinstance(part, (Le, Ge)) or not self.is_at_least_zero(part.gts - part.lts):
                return False
        return True

    # -- existence ---------------------------------------------------------------------------------

    def exists(self, part: Part, replace: dict[Expr, Expr]) -> None:
        """Raises ``Undecided`` where a part of a statement is not known to exist; ``replace``: what
        conditions put in."""
        match part:
            case Near():
                limits.exists_near(self, part, replace)
            case Around():
                self._check_smoothness(list_expressions(part.parts), part.variables, replace)
            case Indexed():
                self._check_entry(part.xreplace(replace))
            case Sum():
                index, low, high = part.xreplace(replace).limits[0]
                if not self.is_at_least_zero((high - low + 1).expand()):
                    raise Undecided(
                        f"the sum over {index} from {low} to {high}: it may run backwards"
                    )
            case Derivative():
                self._check_smoothness([part.expr], part.variables, replace)
                taken = differentiate(part)
                # a condition may cancel a division inside the derivative
                for piece in (taken, *taken.atoms(Pow)):
                    self.normal_form(piece.xreplace(replace))
            case _:
                self.normal_form(take_all(part).xreplace(replace) if replace else part)

    def _check_smoothness(
        self,
        inside: Iterable[Expr],
        variables: tuple[Expr, ...],
        replace: dict[Expr, Expr] | None = None,
    ) -> None:
        """Raises ``Undecided`` where an expression may have a corner or an end of its domain.

        What is under an absolute value, a sign or a root differs from 0, and so do the arguments of
        a maximum and the sides of a condition.
        """
        put = replace or {}
        moved = [getattr(variable, "base", variable) for variable in variables]
        nodes = {n for e in inside for n in e.atoms(*_WITH_CORNERS) if n.has(*moved)}
        for node in ordered(nodes):
            for corner in _list_corners(node):
                taken = take_all(corner).xreplace(put) if put else corner
                self.check_divisor(self.normal_form(taken), corner)

    def _check_entry(self, entry: Indexed) -> None:
        """Entries of ``x`` and ``g``, and of a base that is indexed by ``1..m`` anywhere, lie in
        ``1..m``."""
        within = entry.base in (x, g) or entry.base in self.batches
        if within and not self.lies_within(entry.indices[0], Integer(1), self.size):
            raise Undecided(f"{text(entry)} is not known to be an entry for every m")


#: Nodes that an expression may be not differentiable at, or end its domain at.
_WITH_CORNERS = (Abs, sign, Max, Min, Pow, Relational, Limit, Expectation)


def _list_corners(node: Expr) -> list[Expr]:
    """What has to differ from 0 for ``node`` to be smooth where its arguments are."""
    match node:
        case Pow():
            return [] if node.exp.is_integer else [node.base]
        case Max() | Min():
            return [magnitude.args[0] for magnitude in replace_maximum(node).atoms(Abs)]
        case Relational():  # where the cases of a Piecewise meet
            return [node.lhs - node.rhs]
        case Limit() | Expectation():
            refuse_limits(node)
    return [node.args[0]]


def find_batches(
    parts: tuple[Part, ...], ranges: dict[Symbol, tuple[Expr, Expr]]
) -> frozenset[Expr]:
    """The bases with an entry whose index runs through ``1..m``."""
    return frozenset(
        e.base
        for e in parts
        if isinstance(e, Indexed)
        and len(e.indices) == 1
        and (e.indices[0] in FREE or ranges.get(e.indices[0]) == (1, m))
    )
