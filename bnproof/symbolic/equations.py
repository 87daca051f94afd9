"""Generators, and the equations among the conditions that give some of them a value.

A condition ``p = 0`` whose polynomial is linear in a generator, with a coefficient known not to
vanish, is solved for it: from then on the generator stands for that value wherever it turns up,
also under a root. What cannot be solved joins the relations ``r^2 = base`` of the roots in a
Groebner basis. Reducing to zero by either proves the identity wherever the conditions hold. The
converse does not hold: what does not reduce to zero may vanish all the same, for instance because
only real values are allowed.

Start reading at :meth:`Equations.assume` and :meth:`Equations.vanishes`.
"""

from __future__ import annotations

from copy import copy
from math import lcm
from typing import Self

from flint import fmpq, fmpq_mpoly, fmpz_mpoly, fmpz_mpoly_ctx, fmpz_mpoly_vec
from sympy import Expr, Indexed, Symbol

from bnproof.symbolic.certificates import CertifiedSigns
from bnproof.symbolic.outcomes import Undecided
from bnproof.symbolic.quotients import Quotient, Ring
from bnproof.symbolic.reading import find_numbers
from bnproof.symbolic.rendering import text
from bnproof.symbolic.signsets import ANY, NEGATIVE, NONNEGATIVE, SignSet, product

# Limits of a Groebner basis: the number of polynomials in it, the terms of one, the bits of a
# coefficient. A basis can grow beyond any memory from a few equations. Where a limit is reached the
# basis is used as far as it goes, which may leave an identity unproved.
LARGEST_BASIS = (60, 300, 2_000)
# How often values are put in and roots reduced, in turn. Each round brings out at most what stood
# under one more root, and roots in a statement are few levels deep.
MOST_ROUNDS = 20


class Equations:
    """A ring of generators with what is known of their signs and of their values.

    Attributes
    ----------
    ring
        The generators, what each stands for, and the relations of roots.
    signs
        What is known of signs.
    solved
        The value of each generator that an equation was solved for.
    unsolved
        Polynomials that vanish by the conditions and were not solved for anything.
    identities
        Polynomials that vanish whatever the conditions say.
    impossible
        Whether the conditions were found to contradict each other.
    logarithms
        What is under the logarithm that a generator stands for.
    exponents
        The argument of the exponential that a generator stands for.
    rewritings
        How many expressions were rewritten, which a subclass limits.
    """

    def __init__(self) -> None:
        self.ring = Ring()
        self.signs = CertifiedSigns(self.ring)
        self.solved: dict[int, Quotient] = {}
        self.unsolved: list[fmpq_mpoly] = []
        self.identities: list[fmpq_mpoly] = []
        self.impossible = False
        self.logarithms: dict[int, Quotient] = {}
        self.exponents: dict[int, Quotient] = {}
        # normal forms found so far; a new value of a generator empties the table
        self._normal: dict[Expr, Quotient] = {}
        self.rewritings = 0

    def fork(self) -> Self:
        """Copy everything, so that more can be supposed in the copy.

        What the copy finds out does not reach this one. Quotients belong to a ring, so those in the
        tables are rebuilt in the ring of the copy; others have to be handed over by :meth:`adopt`.
        """
        other = copy(self)
        # whatever table there is: subclasses add theirs
        for name, table in vars(self).items():
            if isinstance(table, (dict, list)):
                setattr(other, name, copy(table))
        other.ring = self.ring.fork()
        other.signs = self.signs.fork(other.ring)
        for name in ("solved", "logarithms", "exponents", "_normal"):
            setattr(
                other, name, {key: other.adopt(value) for key, value in getattr(self, name).items()}
            )
        return other

    def adopt(self, q: Quotient) -> Quotient:
        """Rebuild a quotient of the form that this one was forked from."""
        return Quotient(self.ring, q.top, q.below)

    def number(self, value: Expr | int) -> Quotient:
        """A rational number as a quotient."""
        return self.ring.number(value)

    def atom(self, stands_for: Expr, signs: SignSet = ANY) -> Quotient:
        """The generator that stands for an expression, or its value where an equation gives one.

        Parameters
        ----------
        stands_for
            The expression. Equal expressions share a generator.
        signs
            What is known of its sign, added to what was known before.
        """
        return self.resolve_place(self.ring.place(stands_for, signs))

    def resolve_place(self, place: int) -> Quotient:
        """The generator at a place of the ring, or its value where an equation gives one."""
        return self.solved.get(place) or Quotient(self.ring, self.ring.variable(place))

    def polynomial(self, poly: fmpq_mpoly) -> Quotient:
        """A polynomial as a quotient, also one from before the ring grew."""
        return Quotient(self.ring, self.ring.lift(poly))

    def depends(self, place: int, index: Symbol) -> bool:
        """Tell whether a generator depends on an index, also through what it stands for."""
        return index in find_numbers(self.ring.meaning[place])

    def check_divisor(self, q: Quotient, shown: Expr) -> Quotient:
        """Return ``q`` once it is known to differ from zero.

        Parameters
        ----------
        q
            What is divided by.
        shown
            The same as it is written, for the message.

        Raises
        ------
        Undecided
            Where it is not known to differ from zero.
        """
        if not self.signs.is_nonzero(q):
            allowed = "" if shown.is_number else ", which the conditions allow to be 0"
            raise Undecided(f"division by {text(shown)}{allowed}")
        return q

    # -- equations ---------------------------------------------------------------------------------

    def assume(self, equation: Quotient) -> None:
        """Take it as known that a quotient is 0.

        Factors of the numerator that are known not to vanish are dropped. What is left is solved
        for a generator where that is possible, and otherwise kept for the Groebner basis. Where
        nothing is left the conditions contradict each other.
        """
        top = self._reduce_numerator(equation)
        if top == 0:
            return
        if self._each_term_vanishes(top):
            return
        _, factors = top.factor()
        left = [f for f, _ in factors if not self.signs.is_nonzero(self.polynomial(f))]
        # a product of factors none of which can vanish: no point meets the conditions
        if not left:
            self.impossible = True
            return
        # each factor once: p^2 = 0 says p = 0
        rest = left[0]
        for factor in left[1:]:
            rest = rest * factor
        for place in sorted(self.ring.list_places(rest), key=self._rank_place):
            if self.solve(rest, place):
                return
        self.unsolved.append(rest)

    def _each_term_vanishes(self, top: fmpq_mpoly) -> bool:
        """Split a sum of terms that are all >= 0 (or all <= 0): it is 0 only where each of them is.

        Returns whether the equation was of that kind; its terms are then assumed to vanish one by
        one.
        """
        signed = [
            (exponents, c, self.signs.find_monomial_signs(exponents))
            for exponents, c in top.terms()
        ]
        for sense in (1, -1):
            # a single term is left to its factors, and would otherwise be split for ever
            if len(signed) > 1 and all(
                (s if c * sense > 0 else product(s, NEGATIVE)) <= NONNEGATIVE for _, c, s in signed
            ):
                for exponents, _, _ in signed:
                    self.assume(
                        self.polynomial(
                            self.ring.from_terms(
                                {_squarefree_part(exponents, self.ring.room): fmpq(1)}
                            )
                        )
                    )
                return True
        return False

    def keep_identity(self, equation: Quotient) -> None:
        """Keep an identity between generators.

        It helps to decide what is 0. No generator is solved for it, so each of them keeps its name.
        """
        top = self.ring.lift(equation.top)
        if all(self.ring.lift(known) != top for known in self.identities):
            self.identities.append(top)

    def _rank_place(self, place: int) -> tuple[int, str]:
        """Sums are solved for first, then roots, and at last scalars and entries."""
        e = self.ring.meaning[place]
        # a value for a sum leaves the scalars in place, which other conditions speak of
        known = not isinstance(e, (Symbol, Indexed))
        return (0 if known and place not in self.ring.relations else 1 if known else 2, str(e))

    def solve(self, poly: fmpq_mpoly, place: int) -> bool:
        """Solve ``poly = 0`` for a generator, if that is possible.

        Parameters
        ----------
        poly
            A polynomial that is known to vanish.
        place
            The place of the generator.

        Returns
        -------
        bool
            Whether the generator has a value now. It gets one where the polynomial is linear in it,
            with a coefficient that is known not to vanish.
        """
        parts = self.ring.split_powers(poly, place)
        if max(parts) != 1:
            return False
        slope = self.polynomial(parts[1])
        value = self.polynomial(-parts.get(0, self.ring.constant(0)))
        if self.ring.meaning[place].is_integer and (
            slope.constant is None or value.constant is None
        ):
            return False  # an integer keeps its name, so that it stays known to be one
        if not self.signs.is_nonzero(slope):
            return False
        value = value * slope.inverse()
        if self._rests_on(value, place):
            return False  # putting it in would bring the generator back, for ever
        self.set(place, value)
        return True

    def _rests_on(self, value: Quotient, place: int) -> bool:
        """Whether a value holds a generator, also under roots and in values that are put in."""
        seen: set[int] = set()
        left = [*value.list_places()]
        while left:
            at = left.pop()
            if at == place:
                return True
            if at in seen:
                continue
            seen.add(at)
            if at in self.ring.relations:
                left += self.ring.list_places(self.ring.lift(self.ring.relations[at]))
            if at in self.solved:
                left += self.solved[at].list_places()
        return False

    def set(self, place: int, value: Quotient) -> None:
        """Give a generator a value.

        The value is put into the values of others. Normal forms found before are forgotten, the
        unsolved equations are assumed once more, and a root must square to what is under it. An
        integer that would be a fraction makes the conditions impossible.
        """
        number = value.constant
        if number is not None and self.ring.meaning[place].is_integer and number.q != 1:
            self.impossible = True
            return
        earlier, self.unsolved = self.unsolved, []
        self.solved = {
            p: self._substitute(old, {place: value}) for p, old in self.solved.items()
        } | {place: value}
        self._normal.clear()
        # r = value says more than r^2 = base does: the value has to square to the base
        relation = self.ring.relations.get(place)
        for equation in earlier:
            self.assume(self.polynomial(equation))
        if relation is not None:
            self.assume(value * value - self.polynomial(relation))

    def substitute_solved(self, q: Quotient) -> Quotient:
        """Put in the values of the solved generators."""
        return self._substitute(q, self.solved) if self.solved else q

    def _substitute(self, q: Quotient, values: dict[int, Quotient]) -> Quotient:
        """Put values in for generators; raises ``Undecided`` where a denominator then vanishes."""
        # most quotients hold none of them, and need not be rebuilt
        if not values.keys() & q.list_places():
            return q
        result = self._substitute_polynomial(self.ring.lift(q.top), values)
        for number, exponent in q.below.items():
            factor = self._substitute_polynomial(self.ring.factors[number], values)
            if factor.is_zero:
                raise Undecided(
                    f"division by {text(self.ring.expression(self.ring.factors[number]))}, which"
                    " is 0"
                )
            result = result * factor.inverse() ** exponent
        return result

    def _substitute_polynomial(self, poly: fmpq_mpoly, values: dict[int, Quotient]) -> Quotient:
        """Put values into a polynomial, one generator at a time."""
        place = next((p for p in self.ring.list_places(poly) if p in values), None)
        if place is None:
            return self.polynomial(poly)
        total = self.number(0)
        for exponent, part in self.ring.split_powers(poly, place).items():
            total = total + self._substitute_polynomial(part, values) * values[place] ** exponent
        return total

    def vanishes(self, q: Quotient) -> bool:
        """Tell whether a quotient is known to be 0, wherever it exists and the conditions hold.

        The values of solved generators and the relations of roots come first. Only where unsolved
        equations or identities are left a Groebner basis is computed. ``False`` means that it was
        not shown.
        """
        top = self._reduce_numerator(q)
        if top == 0 or not (self.unsolved or self.identities):
            return bool(top == 0)
        return self._lies_in_ideal(top)

    def _reduce_numerator(self, q: Quotient) -> fmpq_mpoly:
        """The numerator with roots reduced and values put in, until neither changes it."""
        top = self.ring.reduce_roots(self.ring.lift(self.substitute_solved(q).top))
        for _ in range(MOST_ROUNDS):
            if top == 0 or not self.solved.keys() & set(self.ring.list_places(top)):
                return top
            top = self.ring.reduce_roots(
                self.ring.lift(self.substitute_solved(self.polynomial(top)).top)
            )
        raise Undecided("values that the conditions give refer to each other through roots")

    def _lies_in_ideal(self, poly: fmpq_mpoly) -> bool:
        """Tell whether equations, identities and the relations of roots reduce a polynomial to 0.

        The basis may be incomplete, where its size reaches ``LARGEST_BASIS``: what reduces to 0 by
        any elements of an ideal lies in the ideal.
        """
        ring = self.ring
        ideal = [ring.lift(p) for p in self.unsolved]
        ideal += [self.substitute_solved(self.polynomial(p)).top for p in self.identities]
        ideal += [
            ring.variable(r) ** 2 - base
            for r, base in ring.relations.items()
            if r not in self.solved
        ]
        places = sorted({place for p in (*ideal, poly) for place in ring.list_places(p)})
        # only the generators that occur, in an order for which bases stay small
        context = fmpz_mpoly_ctx.get([f"t{place}" for place in places], "degrevlex")
        written = [_clear_denominators(p, places, context) for p in ideal if p != 0]
        generators = fmpz_mpoly_vec(written, context)
        # the second value, whether the basis is complete, does not matter
        basis, _ = generators.buchberger_naive(limits=LARGEST_BASIS)
        return bool(_clear_denominators(poly, places, context).reduction_primitive_part(basis) == 0)


def _squarefree_part(exponents: tuple[int, ...], room: int) -> tuple[int, ...]:
    """The exponents of the product of the generators that occur, each once."""
    return tuple(min(n, 1) for n in exponents) + (0,) * (room - len(exponents))


def _clear_denominators(poly: fmpq_mpoly, places: list[int], context: fmpz_mpoly_ctx) -> fmpz_mpoly:
    """The polynomial times the common denominator of its coefficients, over Z.

    FLINT computes Groebner bases over Z. Only the generators at ``places`` are kept; no other one
    may occur.
    """
    terms = [(tuple(exponents), coefficient) for exponents, coefficient in poly.terms()]
    common = lcm(*(int(coefficient.q) for _, coefficient in terms))
    return context.from_dict(
        {
            tuple(exponents[place] if place < len(exponents) else 0 for place in places): (
                int(coefficient.p) * (common // int(coefficient.q))
            )
            for exponents, coefficient in terms
        }
    )
