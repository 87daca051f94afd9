"""Witnesses: what a proof of an inequality, or of a statement about every integer, rests on.

The normal form decides equations. An inequality, or a statement for every integer, often needs an
idea: a remainder that is a sum of squares, a derivative that is not negative, an induction. A
witness states that idea. It is handed to ``prove`` by keyword and is itself proved there; a wrong
one leads to ``Undecided``, never to a proof, and never to a refutation of the statement.

A ``Remainder`` is checked where the statement is decided. ``Increasing`` and ``Induction`` reduce
the statement to others by their method ``parts``, and each of those is proved as a statement of its
own.

Examples
--------
>>> from sympy import Eq, Ge, Sum, Symbol
>>> from bnproof.symbolic import Induction, Remainder, j, prove
>>> w = Symbol("w", real=True)
>>> prove(Ge(w**2 + 1, 2 * w, evaluate=False), by=Remainder((w - 1) ** 2)).points > 0
True
>>> T = Symbol("T", integer=True, nonnegative=True)
>>> prove(Eq(Sum(2 * j - 1, (j, 1, T)), T**2), by=Induction(T)).points > 0
True
"""

from __future__ import annotations

from dataclasses import dataclass

from sympy import Basic, Derivative, Eq, Expr, Ge, Integer, Le, Limit, Sum, Symbol, sympify
from sympy.core.relational import Relational

from bnproof.symbolic.lengths import refuse_foreign_parts
from bnproof.symbolic.outcomes import Undecided
from bnproof.symbolic.reading import find_numbers, substitute
from bnproof.symbolic.setting import eps, i, j, k, m

Part = tuple[str, Basic, tuple[Basic, ...], "Witness | None"]


@dataclass(frozen=True)
class Remainder:
    """What the greater side of an inequality exceeds the lesser one by.

    The prover shows that ``greater - lesser`` equals ``expression``, and reads off the expression
    as it is written that it is not negative (positive for a strict inequality, not 0 for ``!=``).

    Attributes
    ----------
    expression
        An algebraic expression, such as a sum of squares. It is not multiplied out before its sign
        is read. Derivatives, limits and expected values are refused.
    """

    expression: Expr

    def __post_init__(self) -> None:
        object.__setattr__(self, "expression", _read_expression(self.expression))


@dataclass(frozen=True)
class Lemma:
    """A statement used on the way, with its own witness.

    Attributes
    ----------
    statement
        What is proved first and then used as a condition.
    by
        The witness of its own proof; ``None`` where it needs none.
    """

    statement: Basic
    by: Witness | None = None


@dataclass(frozen=True)
class Increasing:
    """A difference that is 0 at ``variable = 0`` and does not decrease from there on.

    By the mean value theorem ``f(0) = 0`` and ``f'(w) >= 0`` for ``w >= 0`` give ``f(w) >= 0`` for
    ``w >= 0``. Here f is the greater side minus the lesser one.

    Attributes
    ----------
    variable
        A symbol declared real or non-negative, and nothing more. If it is not declared
        non-negative, ``variable >= 0`` has to be among the conditions.
    derivative
        The derivative of the difference in a form that shows that it is not negative.
    using
        Lemmas for ``variable >= 0`` that help to see it. Each is proved first.
    """

    variable: Symbol
    derivative: Expr
    using: tuple[Lemma, ...] = ()

    def __post_init__(self) -> None:
        _check_symbol(self.variable)
        object.__setattr__(self, "derivative", _read_expression(self.derivative))
        if not isinstance(self.using, tuple) or not all(
            isinstance(lemma, Lemma) for lemma in self.using
        ):
            raise TypeError(
                f"using= takes a tuple of lemmas, such as (Lemma(...),), not {self.using!r}"
            )

    def parts(self, statement: Basic, given: tuple[Basic, ...]) -> list[Part]:
        """What is left to prove: the lemmas, the value at 0, and the sign of the derivative.

        Parameters
        ----------
        statement
            The statement, ``>=`` or ``<=`` as SymPy keeps it.
        given
            Its conditions. None but ``variable >= 0`` may depend on the variable, since the proof
            runs over all of its values.

        Returns
        -------
        list of (rule, statement, conditions, witness)
            Each is to be proved on its own. The lemmas serve as conditions for the derivative.

        Raises
        ------
        Undecided
            Where the statement, the variable or a condition does not fit the method.
        """
        # At the variable 0 both sides are equal, so a strict inequality fails there.
        if not isinstance(statement, (Ge, Le)):
            raise Undecided("a function that increases from 0 shows >= or <= only")
        w = self.variable
        from_zero = Ge(w, 0, evaluate=False)
        if (
            # More is assumed of eps than ``eps >= 0``: ``v + eps > 0`` ties it to the batch.
            w == eps
            or w.assumptions0
            not in (_list_assumptions(real=True), _list_assumptions(nonnegative=True))
            or _binds(statement, w)
        ):
            raise Undecided(
                f"{w} has to be a real symbol with no more assumed of it than being >= 0"
            )
        if not w.is_nonnegative and from_zero not in given:
            raise Undecided(f"what increases from 0 is known for {w} >= 0 only: add that condition")
        others = _filter_conditions(w, given, allowed=from_zero)
        inside = (*others, from_zero)
        difference = statement.gts - statement.lts
        start = Eq(difference.xreplace({w: Integer(0)}), 0, evaluate=False)
        # That the difference is differentiable is shown when this derivative is proved to exist.
        rises = Ge(Derivative(difference, w), 0, evaluate=False)
        lemmas = tuple(lemma.statement for lemma in self.using)
        return [
            *(("lemma", lemma.statement, inside, lemma.by) for lemma in self.using),
            ("at 0", start, others, None),
            ("derivative", rises, (*inside, *lemmas), Remainder(self.derivative)),
        ]


@dataclass(frozen=True)
class Induction:
    """The statement for the first value of an integer ``index``, and from ``index`` to
    ``index + 1``.

    Attributes
    ----------
    index
        A symbol declared as a non-negative integer (the first value is then 0) or as a positive one
        (the first value is then 1).
    remainder
        The remainder of the step, where the statement is an inequality; ``None`` where it needs
        none.
    """

    index: Symbol
    remainder: Expr | None = None

    def __post_init__(self) -> None:
        _check_symbol(self.index)
        if self.remainder is not None:
            object.__setattr__(self, "remainder", _read_expression(self.remainder))

    def parts(self, statement: Basic, given: tuple[Basic, ...]) -> list[Part]:
        """What is left to prove: the base and the step.

        Parameters
        ----------
        statement
            An equation or an inequality.
        given
            Its conditions. None may depend on the index, so that they hold for every value of it.

        Returns
        -------
        list of (rule, statement, conditions, witness)
            The base, and the step with the statement itself as a condition.

        Raises
        ------
        Undecided
            Where the index or the statement does not fit the method, or a condition depends on the
            index.
        """
        counting = (
            _list_assumptions(integer=True, nonnegative=True),
            _list_assumptions(integer=True, positive=True),
        )
        if (
            # A free index ends at m, and m says how many entries the batch has.
            self.index in (m, i, j, k)
            or self.index.assumptions0 not in counting
            or _binds(statement, self.index)
        ):
            raise Undecided(
                "induction needs a symbol that is a non-negative (or positive) integer, not"
                f" {self.index}"
            )
        # SymPy decides some relations at once. Then no relation is left to put the index into.
        if not isinstance(statement, Relational):
            raise Undecided(
                f"induction is for an equation or inequality, which {statement} is not (as SymPy"
                " keeps it)"
            )
        others = _filter_conditions(self.index, given)
        first = 1 if self.index.is_positive else 0
        base, step = (
            substitute(statement, {self.index: value}) for value in (Integer(first), self.index + 1)
        )
        witness = None if self.remainder is None else Remainder(self.remainder)
        return [
            ("induction, base", base, others, None),
            ("induction, step", step, (*others, statement), witness),
        ]


def _check_symbol(symbol: object) -> None:
    """Raise ``TypeError`` for what is no symbol."""
    if not isinstance(symbol, Symbol):
        raise TypeError(
            "a proof runs over a symbol, such as Symbol('T', integer=True, positive=True), not"
            f" {symbol!r}"
        )


def _read_expression(e: object) -> Expr:
    """A SymPy expression (also of a Python number); raises ``TypeError`` for anything else."""
    # A text is refused below: SymPy would evaluate it as code.
    read_as = e if isinstance(e, str) else sympify(e)
    if not isinstance(read_as, Expr):
        raise TypeError(f"a witness holds SymPy expressions, not {e!r}")
    refuse_foreign_parts(read_as)
    return read_as


def _list_assumptions(**assumptions: bool) -> dict[str, bool]:
    """All that SymPy assumes of a symbol with these assumptions, what it derives from them
    included."""
    return dict(Symbol("any", **assumptions).assumptions0)


def _binds(statement: Basic, symbol: Symbol) -> bool:
    """Whether the symbol is bound somewhere in the statement, or differentiated by: there it is no
    free variable."""
    bound = [limit[0] for node in statement.atoms(Sum) for limit in node.limits]
    bound += [node.args[1] for node in statement.atoms(Limit)]
    bound += [variable for node in statement.atoms(Derivative) for variable in node.variables]
    return symbol in bound


def _filter_conditions(
    symbol: Symbol, given: tuple[Basic, ...], allowed: Basic | None = None
) -> tuple[Basic, ...]:
    """The conditions without ``allowed``; raises ``Undecided`` where one of them depends on the
    symbol."""
    others = tuple(condition for condition in given if condition != allowed)
    if any(symbol in find_numbers(condition) for condition in others):
        raise Undecided(f"a condition depends on {symbol}, over which the proof runs")
    return others


Witness = Remainder | Increasing | Induction
