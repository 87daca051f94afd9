"""Whether a numerator vanishes, given the roots' relations and the equations among the conditions.

A condition ``p = 0`` whose polynomial is linear in a generator, with a coefficient known not to vanish, is solved
for it; what remains joins the relations ``r^2 = base`` in a Groebner basis.  Reducing to zero by either proves the
identity wherever the conditions hold.
"""

from __future__ import annotations

from sympy import Expr, Indexed, Mul, Poly, Symbol, factor_list, fraction, groebner, reduced, together

from bnproof.symbolic import roots
from bnproof.symbolic.atoms import expanded
from bnproof.symbolic.normal_form import NormalForm


class Hypotheses:
    """Equations among the conditions, as substitutions where possible and polynomials where not."""

    def __init__(self, form: NormalForm, equations: list[Expr]) -> None:
        self.form = form
        self.solved: dict[Expr, Expr] = {}
        self.left: list[Expr] = []
        self.impossible = False  # the conditions contradict each other
        for equation in equations:
            self._assume(form.normal(equation))

    def _assume(self, e: Expr) -> None:
        numerator = expanded(fraction(together(self.apply(e)))[0])
        if numerator == 0:
            return
        _, factors = factor_list(numerator)
        factors = [f for f, _ in factors if not self.form.signs.nonzero(f)]
        remaining = roots.reduced(expanded(Mul(*factors)), self.form.relations)
        if remaining.is_number:
            self.impossible |= bool(remaining != 0)
            return
        for generator in sorted(Poly(remaining).gens, key=self._preference):
            if self._solve(remaining, generator):
                return
        self.left.append(remaining)

    def _preference(self, generator: Expr) -> tuple[int, str]:
        """Sums first, then other atoms and scalars; entries and sizes last."""
        known = generator in self.form.meaning
        return (0 if known and generator not in self.form.relations else 1 if known else 2, str(generator))

    def _solve(self, e: Expr, generator: Expr) -> bool:
        if not isinstance(generator, (Symbol, Indexed)) or generator.is_integer:
            return False
        poly = Poly(e, generator)
        coefficient = poly.LC()
        if poly.degree() != 1 or not self.form.signs.nonzero(coefficient):
            return False
        value = expanded(-poly.TC() / coefficient)
        self.solved = {g: expanded(old.xreplace({generator: value})) for g, old in self.solved.items()}
        self.solved[generator] = value
        earlier, self.left = self.left, []
        base = self.form.relations.get(generator)
        for equation in [*earlier, *([value**2 - base] if base is not None else [])]:
            self._assume(equation)
        return True

    def apply(self, e: Expr) -> Expr:
        """``e`` with the solved generators put in."""
        return e.xreplace(self.solved)

    def vanishes(self, e: Expr) -> bool:
        """Whether the rational expression ``e`` is zero wherever it exists and the conditions hold."""
        relations = {r: self.apply(base) for r, base in self.form.relations.items() if r not in self.solved}
        numerator = expanded(fraction(together(self.apply(e)))[0])
        rest = roots.reduced(numerator, relations)
        if rest == 0 or not self.left:
            return bool(rest == 0)
        ideal = [*self.left, *(r**2 - base for r, base in relations.items())]
        ideal = [fraction(together(p))[0] for p in ideal]
        generators = sorted(set().union(*(Poly(p).gens for p in (*ideal, rest) if not p.is_number)), key=str)
        basis = groebner(ideal, *generators, order="grevlex")
        return bool(reduced(rest, basis.exprs, *generators, order="grevlex")[1] == 0)
