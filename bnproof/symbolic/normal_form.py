"""The power-sum normal form: every expression a rational function of independent generators.

Algebra and sums are the work of :mod:`bnproof.symbolic.power_sums`; this module adds derivatives,
limits and cases, and says which parts of a statement exist.  Every rewriting is an identity for all
``m``; a division or a root is accepted only where the conditions show that it exists.

The class ``NormalForm`` is the last of a chain, each of which adds one thing: ``Equations``
(generators and their values), ``Entries`` (indices and deltas), ``PowerSums`` (algebra and sums),
and this one. Start reading at ``PowerSums.normal_form``.
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
    cases decided.

    What an instance learns, such as signs, values and ranges of indices, holds for one case of one
    statement. Another case needs an instance of its own.
    """

    def _rewrite(self, e: Expr) -> Quotient:
        match e:
            case Derivative():
                return self._rewrite_derivative(e)
            case Limit():
                return limits.rewrite_limit(self, e)
            case Piecewise():
                return self._rewrite_piecewise(e)
            case Expectation():
                # What is under the expected value has to exist too. Its own normal form is not used
                # further.
                self.normal_form(e.args[0])
                return self.normal_form(take_expectation(e))
        return super()._rewrite(e)

    def _rewrite_derivative(self, e: Derivative) -> Quotient:
        """The derivative, once its expression is known to exist and to be smooth where it is
        differentiated."""
        # SymPy's derivative may exist where the expression does not, as that of ``log(-w)`` does.
        self.normal_form(e.expr)
        self._check_smoothness([e.expr], e.variables)
        return self.normal_form(differentiate(e))

    def _rewrite_piecewise(self, e: Piecewise) -> Quotient:
        """The value of the first case, where it always applies; raises ``Undecided`` otherwise."""
        for value, condition in e.args:
            if isinstance(condition, BooleanTrue) or self._states_range(condition):
                return self.normal_form(value)
            # A later case applies only where every earlier one is known to fail, which is not
            # looked for.
            break
        raise Undecided(f"the cases of {text(e)} are not decided by the conditions")

    def _states_range(self, condition: Expr) -> bool:
        """Whether a condition only says that an index lies in its range.

        SymPy writes such conditions when its ``doit`` adds up a Kronecker delta, as in
        ``sum_j delta_ij x_j``.
        """
        for part in And.make_args(condition):
            if not isinstance(part, (Le, Ge)) or not self.is_at_least_zero(part.gts - part.lts):
                return False
        return True

    # -- existence ---------------------------------------------------------------------------------

    def exists(self, part: Part, replace: dict[Expr, Expr]) -> None:
        """Check that a part of a statement as it was received exists wherever the conditions hold.

        Parameters
        ----------
        part
            An expression, or a ``Near`` or ``Around`` that names where its parts have to exist.
        replace
            What conditions such as ``symbol = value``, and the case at hand, put for symbols.

        Raises
        ------
        Undecided
            Where the part is not known to exist.

        Notes
        -----
        An entry has to lie in its batch, a sum must not run backwards, what is differentiated has
        to be smooth. For any other part its normal form is taken, which refuses a division by what
        may be 0 and a root of what may be negative.
        """
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
                # Derivatives and expected values are taken first: a value put in before would be a
                # constant to them.
                self.normal_form(take_all(part).xreplace(replace) if replace else part)

    def _check_smoothness(
        self,
        inside: Iterable[Expr],
        variables: tuple[Expr, ...],
        replace: dict[Expr, Expr] | None = None,
    ) -> None:
        """Raise ``Undecided`` where an expression may have a corner or an end of its domain.

        What is under an absolute value, a sign or a root differs from 0, and so do the arguments of
        a maximum and the sides of a condition.
        """
        put = replace or {}
        # Two entries may be one and the same, so whatever holds the base of a variable may move.
        moved = [getattr(variable, "base", variable) for variable in variables]
        nodes = {n for e in inside for n in e.atoms(*_WITH_CORNERS) if n.has(*moved)}
        # In a fixed order, so that of several corners the same one is named on every run.
        for node in ordered(nodes):
            for corner in _list_corners(node):
                taken = take_all(corner).xreplace(put) if put else corner
                self.check_divisor(self.normal_form(taken), corner)

    def _check_entry(self, entry: Indexed) -> None:
        """Refuse an entry that may lie outside ``1..m``.

        That holds for ``x`` and ``g``, and for every base that is indexed by ``1..m`` somewhere
        else. Entries of any other base are plain numbers with an index, and exist everywhere.
        """
        within = entry.base in (x, g) or entry.base in self.batches
        if within and not self.lies_within(entry.indices[0], Integer(1), self.size):
            raise Undecided(f"{text(entry)} is not known to be an entry for every m")


#: Nodes that an expression may be not differentiable at, or end its domain at.
_WITH_CORNERS = (Abs, sign, Max, Min, Pow, Relational, Limit, Expectation)


def _list_corners(node: Expr) -> list[Expr]:
    """What has to differ from 0 for ``node`` to be smooth where its arguments are.

    A limit or an expected value is refused with ``Undecided``.
    """
    match node:
        # An integer power is smooth wherever it exists.
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
    """The bases that are batches: one of their entries has an index that runs through ``1..m``.

    Parameters
    ----------
    parts
        The parts of a statement that have to exist, entries among them.
    ranges
        The bounds of the summation indices.

    Returns
    -------
    frozenset
        The bases. Each of their entries has to lie in ``1..m``.
    """
    return frozenset(
        e.base
        for e in parts
        if isinstance(e, Indexed)
        and len(e.indices) == 1
        and (e.indices[0] in FREE or ranges.get(e.indices[0]) == (1, m))
    )
