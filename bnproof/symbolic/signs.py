"""Which signs a rational function can have, given the conditions: sets of -1, 0, 1, never a guess.

A sign is read off a polynomial whose terms all have one sense, or off a condition that it is a
multiple of.  Where that is not enough, :mod:`bnproof.symbolic.certificates` searches further.  What
cannot be shown stays ``ANY``, and the prover then refuses to divide by it.

The answer is always a set that certainly contains the sign, at every point where the conditions
hold. So a larger set is never wrong, only weaker, and two sets that are both right may be
intersected. Start reading at ``Signs.find_signs``, and at ``Signs.learn`` for what conditions add.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from math import comb, prod
from typing import Self

from flint import fmpq, fmpq_mpoly
from sympy import Expr

from bnproof.symbolic.quotients import Quotient, Ring
from bnproof.symbolic.signsets import (
    ANY,
    NEGATIVE,
    NONNEGATIVE,
    NONZERO,
    POSITIVE,
    ZERO,
    SignSet,
    power,
    product,
)

Term = tuple[tuple[int, ...], fmpq]
Fact = tuple[fmpq_mpoly, SignSet]

# A term with exponents d_1, d_2, ... becomes up to (d_1 + 1)(d_2 + 1)... terms.
MOST_SHIFTED = 10_000  # terms that a polynomial may have after its integers are shifted


class Signs:
    """What is known of signs: lower bounds of integers, and polynomials whose signs the conditions
    give.

    Attributes
    ----------
    ring
        The generators that polynomials are made of, with the signs declared of each.
    lower
        The greatest known lower bound of generators that stand for integers, by their place.
    near
        The place of the variable of a limit, which is as close to 0 as it takes; ``None`` outside
        of limits.
    magnitudes
        What is inside the absolute value that a generator stands for, by the place of the
        generator.
    """

    def __init__(self, ring: Ring) -> None:
        self.ring = ring
        self.lower: dict[int, int] = {}
        self._facts: list[Fact] = []
        self._room = ring.room
        self.near: int | None = None
        # what is inside the absolute value a generator stands for
        self.magnitudes: dict[int, fmpq_mpoly] = {}

    def fork(self, ring: Ring) -> Self:
        """A copy that can learn more without this one knowing."""
        other = copy(self)
        other.ring, other.lower, other._facts = ring, dict(self.lower), list(self._facts)
        other.magnitudes = dict(self.magnitudes)
        return other

    @property
    def facts(self) -> list[Fact]:
        """The polynomials whose signs are known, in the ring as it is."""
        if self._room != self.ring.room:
            self._facts = [(self.ring.lift(fact), known) for fact, known in self._facts]
            self._room = self.ring.room
        return self._facts

    def lower_bound(self, e: Expr) -> int | None:
        """The greatest known lower bound of an integer symbol (or entry, or number).

        Returns
        -------
        int or None
            A bound from a condition, or else 1 or 0 from SymPy's assumptions. ``None`` where no
            bound is known.
        """
        if e.is_Integer:
            return int(e)
        place = self.ring.find_place(e)
        known = self.lower.get(place) if place is not None else None
        # SymPy would write a number such as sin(exp(10^6)) out to tell whether it is whole.
        if known is None and not e.is_number and e.is_integer:
            known = 1 if e.is_positive else 0 if e.is_nonnegative else None
        return known

    # -- learning ----------------------------------------------------------------------------------

    def learn(self, e: Quotient, signs: SignSet) -> None:
        """Take it as known that the sign of a rational function lies in ``signs``.

        Parameters
        ----------
        e
            A rational function that exists wherever the conditions hold.
        signs
            The signs it can have.

        Notes
        -----
        Only its numerator is kept, with the sign of the denominator taken into account. If that
        sign is not known, only ``NONZERO`` says something, namely that the numerator is not 0.
        """
        below = self._find_factor_signs(
            (self.ring.factors[n], power_) for n, power_ in e.below.items()
        )
        if len(below) == 1:
            self._learn(self.ring.reduce_roots(self.ring.lift(e.top)), product(signs, below))
        # A quotient that is not 0 has a numerator that is not 0, whatever the sign below.
        elif signs == NONZERO:
            self._learn(self.ring.reduce_roots(self.ring.lift(e.top)), signs)

    def _learn(self, poly: fmpq_mpoly, signs: SignSet) -> None:
        """Keep what the sign of a polynomial says: a bound of an integer, or signs of its
        factors."""
        if poly.is_constant() or self._learn_bound(poly, signs):
            return
        content, factors = poly.factor()
        for factor, exponent in factors:
            # A product that is not 0 has no factor that is 0.
            if 0 not in signs and (len(factors) > 1 or exponent > 1 or signs == NONZERO):
                self.facts.append((factor, NONZERO))
        if len(factors) == 1 and factors[0][1] == 1:
            factor = factors[0][0]
            self._add(factor, signs if content > 0 else product(signs, NEGATIVE))
        elif len(factors) > 1 and signs != NONZERO:
            self._learn_factored(poly, factors, signs if content > 0 else product(signs, NEGATIVE))

    def _learn_factored(
        self, poly: fmpq_mpoly, factors: list[tuple[fmpq_mpoly, int]], signs: SignSet
    ) -> None:
        """A product: where the signs of all factors but one are known, that one is known too.

        The factor has to occur to an odd power, since an even power says nothing of its sign.
        """
        self._add(poly, signs if poly.factor()[0] > 0 else product(signs, NEGATIVE))
        unknown = [(f, n) for f, n in factors if len(self._find_power_signs(f, n)) > 1]
        if len(unknown) == 1 and unknown[0][1] % 2:
            rest = POSITIVE
            for factor, exponent in factors:
                if factor is not unknown[0][0]:
                    rest = product(rest, self._find_power_signs(factor, exponent))
            if len(rest) == 1 and rest != ZERO:
                self._add(unknown[0][0], product(signs, rest))

    def _find_power_signs(self, factor: fmpq_mpoly, exponent: int) -> SignSet:
        """The signs of a power of a polynomial."""
        return power(self.find_polynomial_signs(factor), int(exponent))

    def _add(self, poly: fmpq_mpoly, signs: SignSet) -> None:
        """Keep a polynomial with its signs; an integer that is > 0 is >= 1, which is kept too."""
        self.facts.append((poly, signs))
        whole = all(self.ring.meaning[place].is_integer for place in self.ring.list_places(poly))
        if whole and signs in (POSITIVE, NEGATIVE) and all(c.q == 1 for c in poly.coeffs()):
            # an integer that is > 0 is >= 1
            step = self.ring.constant(1 if signs == POSITIVE else -1)
            self.facts.append((poly - step, signs | ZERO))

    def _learn_bound(self, poly: fmpq_mpoly, signs: SignSet) -> bool:
        """``n - c > 0``, ``>= 0`` or ``!= 0`` of an integer ``n`` raises its lower bound.

        Returns
        -------
        bool
            Whether the polynomial was of that form, so that nothing else of it has to be kept.
        """
        used = self.ring.list_places(poly)
        if len(used) != 1 or not self.ring.meaning[used[0]].is_integer or poly.total_degree() != 1:
            return False
        parts = self.ring.split_powers(poly, used[0])
        slope = parts[1].leading_coefficient()
        root = -parts[0].leading_coefficient() / slope if 0 in parts else fmpq(0)
        signs = signs if slope > 0 else product(signs, NEGATIVE)
        # An integer that is above 3/2 is at least 2.
        bound = int(root.ceil())
        least = self.lower_bound(self.ring.meaning[used[0]])
        # An integer that is > 2 is at least 3, and so is one that is >= 2 and differs from 2.
        if bound == root and (signs == POSITIVE or (signs == NONZERO and least == root)):
            bound += 1
        elif signs not in (POSITIVE, NONNEGATIVE):
            return False
        if least is None or bound > least:
            self.lower[used[0]] = bound
        return True

    # -- reading off -------------------------------------------------------------------------------

    def find_signs(self, e: Quotient) -> SignSet:
        """The signs a rational function can have.

        Parameters
        ----------
        e
            A rational function. Only points where it exists count.

        Returns
        -------
        SignSet
            A set that contains its sign wherever the conditions hold; ``ANY`` where nothing shows.
        """
        below = self._find_factor_signs(
            (self.ring.factors[n], power_) for n, power_ in e.below.items()
        )
        return product(below, self.find_polynomial_signs(self.ring.lift(e.top)))

    def find_polynomial_signs(self, poly: fmpq_mpoly) -> SignSet:
        """The signs of a polynomial, by its terms, by the conditions, and by its factors.

        The three are tried in this order, the cheap ones first, until one sign is left.
        """
        if poly.is_constant():
            return find_number_sign(poly.leading_coefficient() if poly != 0 else fmpq(0))
        if self.near is not None and poly.degrees()[self.near]:
            return self._find_near_signs(poly)
        if len(poly) == 1:
            ((exponents, coefficient),) = poly.terms()
            signs = product(find_number_sign(coefficient), self.find_monomial_signs(exponents))
            # An empty intersection would mean that the conditions contradict each other. Then the
            # signs found first stay: the set must never be empty.
            return signs & self._match_facts(poly) or signs if len(signs) > 1 else signs
        signs = self._read_visible_signs(poly)
        if len(signs) > 1:
            signs = signs & self._match_facts(poly) or signs
        if len(signs) > 1:
            content, factors = poly.factor()
            if len(factors) > 1 or factors[0][1] > 1:
                by_factors = product(find_number_sign(content), self._find_factor_signs(factors))
                signs = signs & by_factors or signs
        return signs

    def _find_factor_signs(
        self, factors: Iterator[tuple[fmpq_mpoly, int]] | list[tuple[fmpq_mpoly, int]]
    ) -> SignSet:
        """The signs of a product of powers of polynomials."""
        signs = POSITIVE
        for factor, exponent in factors:
            signs = product(signs, self._find_power_signs(factor, int(exponent)))
        return signs

    def _find_near_signs(self, poly: fmpq_mpoly) -> SignSet:
        """Near 0 a polynomial has the sign of its lowest power, if that does not vanish.

        ``p(t) = p_n t^n + ...`` with ``p_n != 0`` has the sign of ``p_n t^n`` for small t. Where
        ``p_n`` may vanish, higher powers decide, and nothing is said.
        """
        assert self.near is not None
        for place in self.ring.list_places(poly):
            if (
                place != self.near
                and self.ring.meaning[self.near] in self.ring.meaning[place].free_symbols
            ):
                # a root, an exponential or a power that depends on it: no order shows
                return self._read_visible_signs(poly)
        parts = self.ring.split_powers(poly, self.near)
        lowest = min(parts)
        leading = self.find_polynomial_signs(parts[lowest])
        if 0 in leading:
            return ANY
        return product(leading, power(self.find_generator_signs(self.near), lowest))

    def _match_facts(self, poly: fmpq_mpoly) -> SignSet:
        """What the conditions say of a polynomial as a whole, up to a constant."""
        signs = ANY
        for fact, known in self.facts:
            if len(fact) == len(poly):
                ratio = poly.leading_coefficient() / fact.leading_coefficient()
                if poly == fact * ratio:
                    signs &= known if ratio > 0 else product(known, NEGATIVE)
        return signs

    def find_generator_signs(self, place: int) -> SignSet:
        """The signs of a generator: declared of it, or given by a condition on it alone."""
        signs = self.ring.declared[place]
        if place in self.lower:
            signs &= (
                POSITIVE
                if self.lower[place] > 0
                else NONNEGATIVE
                if self.lower[place] == 0
                else ANY
            )
        variable = self.ring.variable(place)
        # Facts may be in a ring that has grown since; ``facts`` has lifted them.
        for fact, known in self.facts:
            if len(fact) == 1:
                if fact == variable:
                    signs &= known
                elif fact == -variable:
                    signs &= product(known, NEGATIVE)
        # never empty, not even where conditions contradict each other
        return signs or self.ring.declared[place]

    def find_monomial_signs(self, exponents: tuple[int, ...]) -> SignSet:
        """The signs of a product of powers of generators.

        Parameters
        ----------
        exponents
            The exponent of each generator, by its place.
        """
        signs = POSITIVE
        for place, exponent in enumerate(exponents):
            if exponent:
                signs = product(signs, power(self.find_generator_signs(place), exponent))
        return signs

    def _read_visible_signs(self, poly: fmpq_mpoly) -> SignSet:
        """The sum rule on the terms, integers written as their lower bound plus something >= 0."""
        signs = self._apply_sum_rule(list(poly.terms()), {})
        bounds = {
            place: self.lower_bound(self.ring.meaning[place])
            for place in self.ring.list_places(poly)
        }
        # A bound of 0 is in the signs of the generator already.
        excess = {place: bound for place, bound in bounds.items() if bound}
        if len(signs) > 1 and excess:
            degrees = poly.degrees()
            if prod(degrees[place] + 1 for place in excess) <= MOST_SHIFTED:
                shifted = self._apply_sum_rule(self._shift_integers(poly, excess), excess)
                signs = signs & shifted or signs
        return signs

    def _apply_sum_rule(self, terms: list[Term], excess: dict[int, int]) -> SignSet:
        """A sum of terms that all have one sense has it, strictly where not all of them can be 0 at
        once.

        ``excess``: lower bounds of the integers whose places stand for what they exceed the bound
        by.
        """
        signed = [(self._find_term_signs(term, excess), term) for term in terms]
        every = frozenset().union(*(signs for signs, _ in signed))
        for sense in (1, -1):
            # No term can be of the other sense.
            if -sense not in every:
                definite = any(signs == {sense} for signs, _ in signed) or (
                    not excess and self._is_covered(terms, sense)
                )
                return frozenset({sense}) if definite else frozenset({0, sense})
        return ANY

    def _find_term_signs(self, term: Term, excess: dict[int, int]) -> SignSet:
        """The signs of one term; a generator in ``excess`` stands for what is not negative."""
        signs = find_number_sign(term[1])
        for place, exponent in enumerate(term[0]):
            if exponent:
                known = NONNEGATIVE if place in excess else self.find_generator_signs(place)
                signs = product(signs, power(known, exponent))
        return signs

    def _shift_integers(self, poly: fmpq_mpoly, excess: dict[int, int]) -> list[Term]:
        """The terms in ``n - least`` for each integer ``n`` with a lower bound.

        With ``n = least + k`` and ``k >= 0`` the binomial theorem gives
        ``n^d = sum_r comb(d, r) least^(d-r) k^r``. So ``m^2 - m`` with ``m >= 2`` becomes
        ``2 + 3 k + k^2``, which is visibly positive.
        """
        terms = dict(poly.terms())
        for place, least in excess.items():
            moved: dict[tuple[int, ...], fmpq] = {}
            for exponents, coefficient in terms.items():
                degree = exponents[place]
                for lower in range(degree + 1):
                    key = (*exponents[:place], lower, *exponents[place + 1 :])
                    part = coefficient * comb(degree, lower) * least ** (degree - lower)
                    moved[key] = moved.get(key, fmpq(0)) + part
            terms = {key: coefficient for key, coefficient in moved.items() if coefficient != 0}
        return list(terms.items())

    def _is_covered(self, terms: list[Term], sense: int) -> bool:
        """Non-negative terms cannot all vanish if those of a positive condition would have to as
        well.

        The condition says that a polynomial with terms of one sense is not 0. So one of its terms
        is not 0, and none of its generators is. A term that holds no other generator that may be 0
        is then not 0 either.
        """
        for fact, known in self.facts:
            if known != {sense}:
                continue
            needed = list(fact.terms())
            if all(-sense not in self._find_term_signs(term, {}) for term in needed) and all(
                any(self._vanishes_only_with(term[0], other[0]) for term in terms)
                for other in needed
            ):
                return True
        return False

    def _vanishes_only_with(self, term: tuple[int, ...], other: tuple[int, ...]) -> bool:
        """Every generator of the monomial ``term`` is non-zero, or a generator of ``other``."""
        return all(
            not n or other[place] or 0 not in self.find_generator_signs(place)
            for place, n in enumerate(term)
        )


def find_number_sign(number: fmpq) -> SignSet:
    """The sign of a rational number, as a set of one."""
    return POSITIVE if number > 0 else NEGATIVE if number < 0 else ZERO
