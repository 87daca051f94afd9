"""Witnesses: what a proof of an inequality, or of a statement about every integer, rests on.

A witness is handed to ``prove`` by keyword and is itself proved there; a wrong one leads to
``Undecided``, never to a proof.
"""

from __future__ import annotations

from dataclasses import dataclass

from sympy import Basic, Derivative, Eq, Expr, Ge, Integer, Le, Limit, Sum, Symbol, sympify
from sympy.core.relational import Relational

from bnproof.symbolic.outcomes import Undecided
from bnproof.symbolic.reading import find_numbers, substitute
from bnproof.symbolic.setting import eps, i, j, k, m

Part = tuple[str, Basic, tuple[Basic, ...], "Witness | None"]


@dataclass(frozen=True)
class Remainder:
    """``greater - lesser`` equals ``expression``, which as it is written is visibly not negative
    (or positive)."""

    expression: Expr

    def __post_init__(self) -> None:
        object.__setattr__(self, "expression", _read_expression(self.expression))


@dataclass(frozen=True)
class Lemma:
    """A statement used on the way, with its own witness."""

    statement: Basic
    by: Witness | None = None


@dataclass(frozen=True)
class Increasing:
    """``greater - lesser`` is 0 at ``variable = 0``, and its derivative is not negative for
    ``variable >= 0``.

    ``derivative``: the derivative in a form that shows it; ``using``: lemmas for ``variable >= 0``
    that help to see it. Mean value theorem: the difference is then not negative for
    ``variable >= 0``.
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
        """The lemmas, the value at 0, and the sign of the derivative."""
        if not isinstance(statement, (Ge, Le)):
            raise Undecided("a function that increases from 0 shows >= or <= only")
        w = self.variable
        from_zero = Ge(w, 0, evaluate=False)
        if (
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

    The first value is 0 for a non-negative, 1 for a positive symbol; ``remainder``: of the step of
    an inequality.
    """

    index: Symbol
    remainder: Expr | None = None

    def __post_init__(self) -> None:
        _check_symbol(self.index)
        if self.remainder is not None:
            object.__setattr__(self, "remainder", _read_expression(self.remainder))

    def parts(self, statement: Basic, given: tuple[Basic, ...]) -> list[Part]:
        """Base and step."""
        counting = (
            _list_assumptions(integer=True, nonnegative=True),
            _list_assumptions(integer=True, positive=True),
        )
        if (
            self.index in (m, i, j, k)
            or self.index.assumptions0 not in counting
            or _binds(statement, self.index)
        ):
            raise Undecided(
                "induction needs a symbol that is a non-negative (or positive) integer, not"
                f" {self.index}"
            )
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
    if not isinstance(symbol, Symbol):
        raise TypeError(
            "a proof runs over a symbol, such as Symbol('T', integer=True, positive=True), not"
            f" {symbol!r}"
        )


def _read_expression(e: object) -> Expr:
    """A SymPy expression (also of a Python number); raises ``TypeError`` for anything else."""
    read_as = e if isinstance(e, str) else sympify(e)
    if not isinstance(read_as, Expr):
        raise TypeError(f"a witness holds SymPy expressions, not {e!r}")
    return read_as


def _list_assumptions(**assumptions: bool) -> dict[str, bool]:
    return dict(Symbol("any", **assumptions).assumptions0)


def _binds(statement: Basic, symbol: Symbol) -> bool:
    """Whether the symbol is bound somewhere in the statement (or differentiated by): there it is no
    free variable."""
    bound = [limit[0] for node in statement.atoms(Sum) for limit in node.limits]
    bound += [node.args[1] for node in statement.atoms(Limit)]
    bound += [variable for node in statement.atoms(Derivative) for variable in node.variables]
    return symbol in bound


def _filter_conditions(
    symbol: Symbol, given: tuple[Basic, ...], allowed: Basic | None = None
) -> tuple[Basic, ...]:
    """The conditions; raises ``Undecided`` where another than ``allowed`` depends on the symbol."""
    others = tuple(condition for condition in given if condition != allowed)
    if any(symbol in find_numbers(condition) for condition in others):
        raise Undecided(f"a condition depends on {symbol}, over which the proof runs")
    return others


Witness = Remainder | Increasing | Induction
