"""Certificates that a polynomial is not negative: each is found by a search and then checked by exact arithmetic.

Two kinds are looked for.  A combination ``p = sum w_k q_k + r`` has weights ``w_k >= 0``, polynomials ``q_k`` that the
conditions show to be non-negative (conditions, and products of two of them), and a rest ``r`` whose terms are all
visibly non-negative; SymPy's linear programming proposes the weights, and the rest is computed here.  A sum of squares
``p = sum d_k (l_k)^2`` of a quadratic polynomial comes from completing the square.
"""

from __future__ import annotations

from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

from flint import fmpq, fmpq_mpoly
from sympy import Matrix, Rational
from sympy.solvers.simplex import InfeasibleLPError, linprog

from bnproof.symbolic.quotients import Quotient
from bnproof.symbolic.signsets import NONNEGATIVE, POSITIVE, SignSet, product

if TYPE_CHECKING:
    from bnproof.symbolic.signs import Signs

MOST_FACTS = 10  # of which products of two are formed
MOST_TERMS = 60  # monomials a combination may involve
MOST_VARIABLES = 12  # of a quadratic polynomial

Known = tuple[fmpq_mpoly, bool]  # a polynomial that is >= 0, and whether it is > 0


def search(signs: Signs, poly: fmpq_mpoly) -> SignSet | None:
    """``POSITIVE`` or ``NONNEGATIVE`` where a certificate shows it, else ``None``."""
    return _sum_of_squares(signs, poly) or _by_squares(signs, poly) or _combination(signs, poly)


def _by_squares(signs: Signs, poly: fmpq_mpoly) -> SignSet | None:
    """``a - b`` of two monomials that are not negative has the sign of ``a^2 - b^2``, in which roots are gone."""
    ring = signs.ring
    if len(poly) != 2 or not ring.relations.keys() & set(ring.used(poly)):
        return None
    (first, a), (second, b) = poly.terms()
    if a * b > 0 or not (signs.of_monomial(first) <= NONNEGATIVE and signs.of_monomial(second) <= NONNEGATIVE):
        return None
    squares = [ring.from_terms({exponents: c * c}) * ring.from_terms({exponents: fmpq(1)}) for exponents, c in poly.terms()]
    sense = 1 if a > 0 else -1
    difference = ring.reduced((squares[0] - squares[1]) * sense)
    if difference == 0 or ring.relations.keys() & set(ring.used(difference)):
        return None
    shown = Quotient(ring, difference)
    return POSITIVE if signs.shows(shown, POSITIVE) else NONNEGATIVE if signs.shows(shown, NONNEGATIVE) else None


def _known(signs: Signs, poly: fmpq_mpoly) -> list[Known]:
    """The conditions that share generators with the polynomial, directly or by way of others, as ``q >= 0``."""
    ring = signs.ring
    facts: list[Known] = []
    for fact, known in signs.facts:
        for sense in (1, -1):
            if product(known, frozenset({sense})) <= NONNEGATIVE:
                facts.append((ring.lift(fact) * sense, 0 not in known))
    for place, least in signs.lower.items():
        facts.append((ring.variable(place) - least, False))
    reach, chosen, grown = set(ring.used(poly)), list[Known](), True
    while grown:
        linked = [f for f in facts if f not in chosen and reach & set(ring.used(f[0]))]
        grown = bool(linked)
        chosen += linked
        reach.update(*(ring.used(f[0]) for f in linked))
    return chosen


def _combination(signs: Signs, poly: fmpq_mpoly) -> SignSet | None:
    facts = _known(signs, poly)
    if not facts:
        return None
    pairs = combinations_with_replacement(facts[:MOST_FACTS], 2)
    for known in (facts, [*facts, *((p * q, a and b) for (p, a), (q, b) in pairs)]):
        weights = _weights(signs, poly, known)
        found = None if weights is None else _checked(signs, poly, known, weights)
        if found:
            return found
    return None


def _weights(signs: Signs, poly: fmpq_mpoly, known: list[Known]) -> list[fmpq] | None:
    """Weights that leave only visibly non-negative terms, with as much that is positive as possible."""
    columns = [dict(fact.terms()) for fact, _ in known]
    target = dict(poly.terms())
    monomials = list({exponents for column in (target, *columns) for exponents in column})
    if len(monomials) > MOST_TERMS:
        return None
    most, least, equal, bounds, ends = [], [Rational(0)] * len(known), [], [], []
    for number, (_, strict) in enumerate(known):
        least[number] -= int(strict)
    for exponents in monomials:
        row = [_rational(column.get(exponents, fmpq(0))) for column in columns]
        end, of = _rational(target.get(exponents, fmpq(0))), signs.of_monomial(exponents)
        if of <= NONNEGATIVE:  # what is left, end - row w, must be >= 0
            most.append(row)
            bounds.append(end)
            if of == POSITIVE:
                least = [weight + entry for weight, entry in zip(least, row, strict=True)]
        elif product(of, frozenset({-1})) <= NONNEGATIVE:
            most.append([-entry for entry in row])
            bounds.append(-end)
        elif any(row):
            equal.append(row)
            ends.append(end)
        elif end != 0:
            return None
    most.append([Rational(1)] * len(known))  # the weights of a certificate can be scaled; this keeps them finite
    bounds.append(Rational(10**6))
    try:
        _, found = linprog(
            least,
            Matrix(most),
            Matrix(bounds),
            *((Matrix(equal), Matrix(ends)) if equal else (None, None)),
        )
    except (InfeasibleLPError, ValueError):
        return None
    return [fmpq(int(Rational(weight).p), int(Rational(weight).q)) for weight in found]


def _checked(signs: Signs, poly: fmpq_mpoly, known: list[Known], weights: list[fmpq]) -> SignSet | None:
    """The certificate itself: what the weights leave is computed, and its terms are looked at one by one."""
    rest, strict = poly, False
    for (fact, positive), weight in zip(known, weights, strict=True):
        if weight < 0:
            return None
        rest = rest - fact * weight
        strict |= positive and weight > 0
    for exponents, coefficient in rest.terms():
        of = product(signs.of_monomial(exponents), frozenset({1 if coefficient > 0 else -1}))
        if not of <= NONNEGATIVE:
            return None
        strict |= of == POSITIVE
    return POSITIVE if strict else NONNEGATIVE


def _sum_of_squares(signs: Signs, poly: fmpq_mpoly) -> SignSet | None:
    """Completing the square of a quadratic polynomial, one generator after the other; the constant comes last."""
    if poly.total_degree() != 2:
        return None
    used = signs.ring.used(poly)
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
        if head < 0 or (head == 0 and any(form[pivot][column] != 0 for column in range(pivot, size))):
            return None
        for row in range(pivot + 1, size) if head else ():
            scale = form[row][pivot] / head
            form[row] = [a - scale * b for a, b in zip(form[row], form[pivot], strict=True)]
    return POSITIVE if form[-1][-1] > 0 else NONNEGATIVE


def _rational(number: fmpq) -> Rational:
    return Rational(int(number.p), int(number.q))
