"""The power-sum normal form: every expression a rational function of independent generators.

Algebra and sums are the work of :mod:`bnproof.symbolic.power_sums`; this module adds derivatives,
limits and cases, and says which parts of a statement exist.  Every rewriting is an identity for all
``m``; a division or a root is accepted only where the conditions show that it exists.
"""

from __future__ import annotations

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
    sign,
)
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanTrue

from bnproof.symbolic import limits
from bnproof.symbolic.differentiation import differentiated
from bnproof.symbolic.expectation import Expectation
from bnproof.symbolic.maxima import without_maxima
from bnproof.symbolic.moments import all_taken, expected
from bnproof.symbolic.outcomes import Undecided
from bnproof.symbolic.power_sums import PowerSums
from bnproof.symbolic.quotients import Quotient
from bnproof.symbolic.reading import FREE, Near, Part
from bnproof.symbolic.rendering import text
from bnproof.symbolic.setting import g, m, x


class NormalForm(PowerSums):
    """Rewrites expressions into generators; derivatives are taken, limits found by their series,
    cases decided."""

    def _rewrite(self, e: Expr) -> Quotient:
        match e:
            case Derivative():
                return self._derivative(e)
            case Limit():
                return limits.of(self, e)
            case Piecewise():
                return self._piecewise(e)
            case Expectation():
                self.normal(e.args[0])
                return self.normal(expected(e))
        return super()._rewrite(e)

    def _derivative(self, e: Derivative) -> Quotient:
        self.normal(e.expr)
        self._smooth(e)
        return self.normal(differentiated(e))

    def _piecewise(self, e: Piecewise) -> Quotient:
        for value, condition in e.args:
            if isinstance(condition, BooleanTrue) or self._in_range(condition):
                return self.normal(value)
            break
        raise Undecided(f"the cases of {text(e)} are not decided by the conditions")

    def _in_range(self, condition: Expr) -> bool:
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
            case Indexed():
                self._entry_exists(part.xreplace(replace))
            case Sum():
                index, low, high = part.xreplace(replace).limits[0]
                if not self.is_at_least_zero((high - low + 1).expand()):
                    raise Undecided(
                        f"the sum over {index} from {low} to {high}: it may run backwards"
                    )
            case Derivative():
                self._smooth(part, replace)
                taken = differentiated(part)
                # a condition may cancel a division inside the derivative
                for piece in (taken, *taken.atoms(Pow)):
                    self.normal(piece.xreplace(replace))
            case _:
                self.normal(all_taken(part).xreplace(replace) if replace else part)

    def _smooth(self, e: Derivative, replace: dict[Expr, Expr] | None = None) -> None:
        """No corner: what is under an absolute value, a sign or a root differs from 0, arguments of
        a maximum differ."""
        put = replace or {}
        moved = [getattr(variable, "base", variable) for variable in e.variables]
        for node in e.expr.atoms(Abs, sign, Max, Min, Pow, Relational):
            if not any(node.has(variable) for variable in moved):
                continue
            if isinstance(node, Pow):
                corners = (
                    [node.base] if (2 * node.exp).is_Integer and not node.exp.is_Integer else []
                )
            elif isinstance(node, (Max, Min)):
                corners = [magnitude.args[0] for magnitude in without_maxima(node).atoms(Abs)]
            elif isinstance(node, Relational):  # where the cases of a Piecewise meet
                corners = [node.lhs - node.rhs]
            else:
                corners = [node.args[0]]
            for corner in corners:
                self.divisor(self.normal(corner.xreplace(put)), corner)

    def _entry_exists(self, entry: Indexed) -> None:
        """Entries of ``x`` and ``g``, and of a base that is indexed by ``1..m`` anywhere, lie in
        ``1..m``."""
        within = entry.base in (x, g) or entry.base in self.batches
        if within and not self.lies_within(entry.indices[0], Integer(1), self.size):
            raise Undecided(f"{text(entry)} is not known to be an entry for every m")


def batches(parts: tuple[Part, ...], ranges: dict[Symbol, tuple[Expr, Expr]]) -> frozenset[Expr]:
    """The bases with an entry whose index runs through ``1..m``."""
    return frozenset(
        e.base
        for e in parts
        if isinstance(e, Indexed)
        and len(e.indices) == 1
        and (e.indices[0] in FREE or ranges.get(e.indices[0]) == (1, m))
    )
