"""Witnesses: what a proof of an inequality, or of a statement about every integer, rests on.

A witness is handed to ``prove`` by keyword and is itself proved there; a wrong one leads to ``Undecided``, never to a proof.
"""

from __future__ import annotations

from dataclasses import dataclass

from sympy import Basic, Derivative, Eq, Expr, Ge, Integer, Le, Symbol
from sympy.core.relational import Relational

from bnproof.symbolic.outcomes import Undecided
from bnproof.symbolic.reading import numbers_in, replaced
from bnproof.symbolic.setting import i, j, k, m

Part = tuple[str, Basic, tuple[Basic, ...], "Witness | None"]


@dataclass(frozen=True)
class Remainder:
    """``greater - lesser`` equals ``expression``, which as it is written is visibly not negative (or positive)."""

    expression: Expr


@dataclass(frozen=True)
class Lemma:
    """A statement used on the way, with its own witness."""

    statement: Basic
    by: Witness | None = None


@dataclass(frozen=True)
class Increasing:
    """``greater - lesser`` is 0 at ``variable = 0``, and its derivative is not negative for ``variable >= 0``.

    ``derivative``: the derivative in a form that shows it; ``using``: lemmas for ``variable >= 0`` that help to see it.
    Mean value theorem: the difference is then not negative for ``variable >= 0``.
    """

    variable: Symbol
    derivative: Expr
    using: tuple[Lemma, ...] = ()

    def parts(self, statement: Basic, given: tuple[Basic, ...]) -> list[Part]:
        """The lemmas, the value at 0, and the sign of the derivative."""
        if not isinstance(statement, (Ge, Le)):
            raise Undecided("a function that increases from 0 shows >= or <= only")
        others = _without(self.variable, given, allowed=Ge(self.variable, 0))
        inside = (*others, Ge(self.variable, 0, evaluate=False))
        difference = statement.gts - statement.lts
        start = Eq(difference.xreplace({self.variable: Integer(0)}), 0, evaluate=False)
        rises = Ge(Derivative(difference, self.variable), 0, evaluate=False)
        lemmas = tuple(lemma.statement for lemma in self.using)
        return [
            *(("lemma", lemma.statement, inside, lemma.by) for lemma in self.using),
            ("at 0", start, others, None),
            ("derivative", rises, (*inside, *lemmas), Remainder(self.derivative)),
        ]


@dataclass(frozen=True)
class Induction:
    """The statement for the first value of an integer ``index``, and from ``index`` to ``index + 1``.

    The first value is 0 for a non-negative, 1 for a positive symbol; ``remainder``: of the step of an inequality.
    """

    index: Symbol
    remainder: Expr | None = None

    def parts(self, statement: Basic, given: tuple[Basic, ...]) -> list[Part]:
        """Base and step."""
        counts = self.index.is_integer and self.index.is_nonnegative and self.index not in (m, i, j, k)
        if not counts or not isinstance(statement, Relational):
            raise Undecided(f"induction needs an equation or inequality and a non-negative integer, not {self.index}")
        others = _without(self.index, given)
        first = 1 if self.index.is_positive else 0
        base, step = (replaced(statement, {self.index: value}) for value in (Integer(first), self.index + 1))
        witness = None if self.remainder is None else Remainder(self.remainder)
        return [("induction, base", base, others, None), ("induction, step", step, (*others, statement), witness)]


def _without(symbol: Symbol, given: tuple[Basic, ...], allowed: Basic | None = None) -> tuple[Basic, ...]:
    """The conditions; raises ``Undecided`` where another than ``allowed`` depends on the symbol."""
    others = tuple(condition for condition in given if condition != allowed)
    if any(symbol in numbers_in(condition) for condition in others):
        raise Undecided(f"a condition depends on {symbol}, over which the proof runs")
    return others


Witness = Remainder | Increasing | Induction
