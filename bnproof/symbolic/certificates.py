"""Certificates that a polynomial is not negative: each is found by a search and then checked by
exact arithmetic.

Two kinds are looked for.  A combination ``p = sum w_k q_k + r`` has weights ``w_k >= 0``,
polynomials ``q_k`` that the conditions show to be non-negative (conditions, and products of two of
them), and a rest ``r`` whose terms are all visibly non-negative; linear programming proposes the
weights, and the rest is computed here.  A sum of squares ``p = sum d_k (l_k)^2`` of a quadratic
polynomial comes from completing the square.
"""

from __future__ import annotations

from itertools import combinations_with_replacement

from flint import fmpq, fmpq_mpoly
from sympy import Abs

from bnproof.symbolic.quotients import Quotient, Ring
from bnproof.symbolic.signs import Signs, find_number_sign
from bnproof.symbolic.signsets import (
    ANY,
    NEGATIVE,
    NONNEGATIVE,
    NONZERO,
    POSITIVE,
    SignSet,
    power,
    product,
)
from bnproof.symbolic.simplex import maximise

MOST_FACTS = 10  # of which products of two are formed
MOST_TERMS = 60  # monomials a combination may involve
MOST_VARIABLES = 12  # of a quadratic polynomial
MOST_SEARCHES = 300  # in one case of a statement
MOST_NESTED = 2  # roots that are squared away one inside the other

Known = tuple[fmpq_mpoly, bool]  # a polynomial that is >= 0, and whether it is > 0


class CertifiedSigns(Signs):
    """Signs that are searched for where they do not show."""

    def __init__(self, ring: Ring) -> None:
        super().__init__(ring)
        self.searches = 0  # certificates that were looked for
        self.nested = 0  # certificates that are being looked for, one inside the other

    def is_nonzero(self, e: Quotient) -> bool:
        """Whether a rational function is known to differ from zero."""
        return self.shows(e, NONZERO)

    def shows(self, e: Quotient, wanted: SignSet) -> bool:
        """Whether the sign is known to lie in ``wanted``, if need be by a certificate."""
        if self.find_signs(e) <= wanted:
            return True
        top = self.ring.reduce_roots(self.ring.lift(e.top))
        if top == 0:
            return 0 in wanted
        below = POSITIVE
        for number, exponent in e.below.items():
            below = product(below, power(self._refine_signs(self.ring.factors[number]), exponent))
        if product(below, self._refine_signs(top)) <= wanted:
            return True
        content, factors = top.factor()
        if len(factors) == 1 and factors[0][1] == 1:
            return False
        signs = product(below, find_number_sign(content))
        for factor, exponent in factors:
            signs = product(signs, power(self._refine_signs(factor), int(exponent)))
        return signs <= wanted

    def _refine_signs(self, poly: fmpq_mpoly) -> SignSet:
        """The signs of a polynomial, by a certificate where they do not show."""
        signs = self.find_polynomial_signs(poly)
        return signs if len(signs) == 1 else signs & self._certify_signs(poly)

    def _certify_signs(self, poly: fmpq_mpoly) -> SignSet:
        for sense in (1, -1):
            signs = self._search(poly * sense)
            if signs:
                return signs if sense > 0 else product(signs, NEGATIVE)
        return ANY

    def _search(self, poly: fmpq_mpoly) -> SignSet | None:
        """``POSITIVE`` or ``NONNEGATIVE`` where a certificate shows it, else ``None``."""
        self.searches += 1
        if self.searches > MOST_SEARCHES:
            return None
        return (
            _complete_squares(self, poly)
            or self._search_nested(poly)
            or _search_combination(self, poly)
        )

    def _search_nested(self, poly: fmpq_mpoly) -> SignSet | None:
        """``_by_squares``, which asks for signs again, a few times over at most."""
        if self.nested >= MOST_NESTED:
            return None
        self.nested += 1
        try:
            return _compare_squares(self, poly)
        finally:
            self.nested -= 1


def _compare_squares(signs: CertifiedSigns, poly: fmpq_mpoly) -> SignSet | None:
    """``a - b r`` with a root r and ``a, b >= 0`` has the sign of ``a^2 - b^2 r^2``, in which the
    root is gone."""
    ring = signs.ring
    for place in reversed(ring.relations):
        if poly.degrees()[place] != 1:
            continue
        parts = ring.split_powers(poly, place)
        a, b = Quotient(ring, parts.get(0, ring.constant(0))), Quotient(ring, -parts[1])
        if not (signs.shows(a, NONNEGATIVE) and signs.shows(b, NONNEGATIVE)):
            continue
        squares = ring.reduce_roots(
            a.top * a.top - b.top * b.top * ring.lift(ring.relations[place])
        )
        shown = Quotient(ring, squares)
        if squares == 0 or signs.shows(shown, NONNEGATIVE):
            return POSITIVE if squares != 0 and signs.shows(shown, POSITIVE) else NONNEGATIVE
    return None


def _select_facts(signs: Signs, poly: fmpq_mpoly) -> list[Known]:
    """The conditions that share generators with the polynomial, directly or by way of others, as
    ``q >= 0``."""
    ring = signs.ring
    facts: list[Known] = []
    for fact, known in signs.facts:
        senses = (sense for sense in (1, -1) if product(known, frozenset({sense})) <= NONNEGATIVE)
        facts += [(fact * sense, 0 not in known) for sense in senses]
    facts += [(ring.variable(place) - least, False) for place, least in signs.lower.items()]
    for place in ring.relations:
        if isinstance(ring.meaning[place], Abs) and place in ring.list_places(poly):
            factor = ring.lift(signs.magnitudes[place])
            facts += [
                (ring.variable(place) - factor, False),
                (ring.variable(place) + factor, False),
            ]
    reach, chosen, grown = set(ring.list_places(poly)), list[Known](), True
    while grown:
        linked = [f for f in facts if f not in chosen and reach & set(ring.list_places(f[0]))]
        grown = bool(linked)
        chosen += linked
        reach.update(*(ring.list_places(f[0]) for f in linked))
    return chosen


def _search_combination(signs: Signs, poly: fmpq_mpoly) -> SignSet | None:
    facts = _select_facts(signs, poly)
    if not facts:
        return None
    ring = signs.ring
    others = sorted(
        {place for fact, _ in facts for place in ring.list_places(fact)}
        - set(ring.list_places(poly))
    )
    sizes = [
        p
        for p in others
        if signs.find_generator_signs(p) == POSITIVE and ring.meaning[p].is_integer
    ]
    scales = [ring.constant(1), *(ring.variable(place) for place in sizes)]  # p has the sign of m p
    return next(
        (found for scale in scales if (found := _combine_facts(signs, poly * scale, facts))), None
    )


def _combine_facts(signs: Signs, poly: fmpq_mpoly, facts: list[Known]) -> SignSet | None:
    pairs = combinations_with_replacement(facts[:MOST_FACTS], 2)
    for known in (facts, [*facts, *((p * q, a and b) for (p, a), (q, b) in pairs)]):
        weights = _find_weights(signs, poly, known)
        signset = None if weights is None else _check_weights(signs, poly, known, weights)
        if signset:
            return signset
    return None


def _find_weights(signs: Signs, poly: fmpq_mpoly, known: list[Known]) -> list[fmpq] | None:
    """Weights that leave only visibly non-negative terms, with as much that is positive as
    possible."""
    columns = [dict(fact.terms()) for fact, _ in known]
    target = dict(poly.terms())
    monomials = list({exponents for column in (target, *columns) for exponents in column})
    if len(monomials) > MOST_TERMS:
        return None
    rows, ends = [], []
    gain = [fmpq(int(strict)) for _, strict in known]
    for exponents in monomials:
        row = [column.get(exponents, fmpq(0)) for column in columns]
        end, possible = target.get(exponents, fmpq(0)), signs.find_monomial_signs(exponents)
        if possible == POSITIVE:
            gain = [weight - entry for weight, entry in zip(gain, row, strict=True)]
        # what is left, end - row w, must not be negative (or must be 0)
        if -1 not in possible or 1 in possible:
            rows.append(row)
            ends.append(end)
        if 1 not in possible or -1 in possible:
            rows.append([-entry for entry in row])
            ends.append(-end)
    # the weights of a certificate can be scaled; this keeps them finite
    rows.append([fmpq(1)] * len(known))
    ends.append(fmpq(10**6))
    return maximise(gain, rows, ends)


def _check_weights(
    signs: Signs, poly: fmpq_mpoly, known: list[Known], weights: list[fmpq]
) -> SignSet | None:
    """The certificate itself: what the weights leave is computed, and its terms are looked at one
    by one."""
    rest, strict = poly, False
    for (fact, positive), weight in zip(known, weights, strict=True):
        if weight < 0:
            return None
        rest = rest - fact * weight
        strict |= positive and weight > 0
    for exponents, coefficient in rest.terms():
        possible = product(
            signs.find_monomial_signs(exponents), frozenset({1 if coefficient > 0 else -1})
        )
        if not possible <= NONNEGATIVE:
            return None
        strict |= possible == POSITIVE
    return POSITIVE if strict else NONNEGATIVE


def _complete_squares(signs: Signs, poly: fmpq_mpoly) -> SignSet | None:
    """Completing the square of a quadratic polynomial, one generator after the other; the constant
    comes last."""
    if poly.total_degree() != 2:
        return None
    used = signs.ring.list_places(poly)
    if len(used) > MOST_VARIABLES:
        return None
    size = len(used) + 1
    form = [[fmpq(0)] * size for _ in range(size)]
    for exponents, coefficient in poly.terms():
        where = [row for row, place in enumerate(used) for _ in range(exponents[place])]
        first, second = [*where, size - 1, size - 1][:2]
        form[first][second] += coefficient / 2
        form[second][first] += coefficient / 2
    for pivot in range(size):
        head = form[pivot][pivot]
        if head < 0 or (
            head == 0 and any(form[pivot][column] != 0 for column in range(pivot, size))
        ):
            return None
        for row in range(pivot + 1, size) if head else ():
            scale = form[row][pivot] / head
            form[row] = [a - scale * b for a, b in zip(form[row], form[pivot], strict=True)]
    return POSITIVE if form[-1][-1] > 0 else NONNEGATIVE
