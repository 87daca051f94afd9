"""Generators of the normal form: what an expression is a rational function of, and what each one stands for."""

from __future__ import annotations

from sympy import Dummy, Expr, Symbol

from bnproof.symbolic.outcomes import Undecided
from bnproof.symbolic.reading import numbers_in
from bnproof.symbolic.rendering import text
from bnproof.symbolic.signs import Signs


def expanded(e: Expr) -> Expr:
    """``e`` multiplied out; powers with symbolic exponents stay as they are (0**(T - t) must not be split)."""
    return e.expand(power_base=False, power_exp=False, log=False, basic=False)


class Atoms:
    """Generators with their meanings, the relations ``r^2 = base`` of the roots, and what is known of signs."""

    def __init__(self, signs: Signs) -> None:
        self.signs = signs
        self.meaning: dict[Symbol, Expr] = {}
        self.relations: dict[Symbol, Expr] = {}
        self._atoms: dict[Expr, Symbol] = {}

    def atom(self, stands_for: Expr, **assumptions: bool) -> Symbol:
        """The generator that stands for an expression, one per expression."""
        if stands_for not in self._atoms:
            name = f"{type(stands_for).__name__}{len(self._atoms)}"
            generator = Dummy(name, real=True, **assumptions)
            self._atoms[stands_for] = generator
            self.meaning[generator] = stands_for
        return self._atoms[stands_for]

    def unfold(self, e: Expr) -> Expr:
        """``e`` with every atom replaced by the expression it stands for."""
        while known := {a: self.meaning[a] for a in e.free_symbols if a in self.meaning}:
            e = e.xreplace(known)
        return e

    def depends(self, e: Expr, index: Symbol) -> bool:
        """Whether ``e`` depends on a summation index, also through an atom."""
        return any(
            symbol == index or (symbol in self.meaning and self.depends(self.meaning[symbol], index))
            for symbol in numbers_in(e)
        )

    def divisor(self, e: Expr, shown: Expr) -> Expr:
        """``e``, once it is known to differ from zero."""
        if not self.signs.nonzero(e):
            raise Undecided(f"division by {text(shown)}, which the conditions allow to be 0")
        return e
