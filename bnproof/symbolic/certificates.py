"""Certificates that a polynomial is positive, or not negative: found by a search, checked exactly.

A sign that the terms of a polynomial do not show (:mod:`bnproof.symbolic.signs`) may still follow
from the conditions. Three kinds of certificate are tried, one after the other.

1. A sum of squares ``p = sum d_k (l_k)^2 + d`` with ``d_k, d >= 0``, for a quadratic polynomial, by
   completing the square.
2. A comparison of squares: ``a - b r`` with a root ``r`` and ``a, b >= 0`` has the sign of
   ``a^2 - b^2 r^2``, in which the root is gone.
3. A combination ``p = sum w_k q_k + rest``. The weights ``w_k`` are not negative, the ``q_k`` are
   polynomials that the conditions show to be non-negative (conditions, and products of two of
   them), and every term of the rest is visibly non-negative. Linear programming proposes the
   weights.

How a certificate was found does not matter for its truth. The weights of a combination are
proposals only: what they leave of ``p`` is computed again, and each of its terms is looked at.
Where no certificate is found, nothing is known of the sign.

Start reading at :meth:`CertifiedSigns.shows`.
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

# Each number below limits the time of a search. A smaller one leaves more statements undecided, and
# none of them can make a verdict wrong. First the conditions of which products are formed: n of
# them give n (n + 1)/2 products, each a column of the linear program.
MOST_FACTS = 10
# Monomials in a combination. Each of them is one or two rows of the linear program, whose exact
# fractions grow with every exchange of the simplex method.
MOST_TERMS = 60
# Generators of a quadratic polynomial whose square is completed.
MOST_VARIABLES = 12
# Searches in one case of a statement. Signs are asked for in every division and root, so a
# statement with many of them could otherwise search for very long.
MOST_SEARCHES = 300
# Roots that are squared away one inside the other. Each squaring doubles the degree.
MOST_NESTED = 2

Known = tuple[fmpq_mpoly, bool]  # a polynomial that is >= 0, and whether it is > 0


class CertifiedSigns(Signs):
    """Signs of polynomials that are searched for where they do not show.

    Attributes
    ----------
    searches
        How many certificates were looked for so far. Beyond ``MOST_SEARCHES`` no more are.
    nested
        How many comparisons of squares are under way, one inside the other.
    """

    def __init__(self, ring: Ring) -> None:
        super().__init__(ring)
        self.searches = 0
        self.nested = 0

    def is_nonzero(self, e: Quotient) -> bool:
        """Tell whether a rational function is known to differ from zero."""
        return self.shows(e, NONZERO)

    def shows(self, e: Quotient, wanted: SignSet) -> bool:
        """Tell whether the sign of a rational function is known to lie in ``wanted``.

        Parameters
        ----------
        e
            The rational function.
        wanted
            A set of signs, such as ``POSITIVE`` or ``NONZERO``.

        Returns
        -------
        bool
            ``True`` where the conditions show it. ``False`` says nothing: the sign may lie in
            ``wanted`` all the same.

        Notes
        -----
        The signs that show are tried first. Then certificates are searched for the numerator and
        for the factors of the denominator, and at last for each factor of the numerator.
        """
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
        # an irreducible numerator has been searched for as a whole just now
        if len(factors) == 1 and factors[0][1] == 1:
            return False
        signs = product(below, find_number_sign(content))
        for factor, exponent in factors:
            signs = product(signs, power(self._refine_signs(factor), int(exponent)))
        return signs <= wanted

    def _refine_signs(self, poly: fmpq_mpoly) -> SignSet:
        """The signs of a polynomial, with a certificate where more than one sign is left."""
        signs = self.find_polynomial_signs(poly)
        # No sign is left where the conditions contradict each other. A claim about an empty set
        # would always be true, so the signs found first stay.
        return signs if len(signs) == 1 else signs & self._certify_signs(poly) or signs

    def _certify_signs(self, poly: fmpq_mpoly) -> SignSet:
        """The signs that a certificate for ``p``, or else one for ``-p``, leaves."""
        for sense in (1, -1):
            signs = self._search(poly * sense)
            if signs:
                return signs if sense > 0 else product(signs, NEGATIVE)
        return ANY

    def _search(self, poly: fmpq_mpoly) -> SignSet | None:
        """Search for a certificate of ``p >= 0``.

        Returns ``POSITIVE`` or ``NONNEGATIVE`` where one is found, else ``None``.
        """
        self.searches += 1
        if self.searches > MOST_SEARCHES:
            return None
        return (
            _complete_squares(self, poly)
            or self._search_nested(poly)
            or _search_combination(self, poly)
        )

    def _search_nested(self, poly: fmpq_mpoly) -> SignSet | None:
        """Compare squares, unless that is under way too deeply already.

        :func:`_compare_squares` asks for the signs of other polynomials, which may compare squares
        again.
        """
        if self.nested >= MOST_NESTED:
            return None
        self.nested += 1
        try:
            return _compare_squares(self, poly)
        finally:
            self.nested -= 1


def _compare_squares(signs: CertifiedSigns, poly: fmpq_mpoly) -> SignSet | None:
    """Decide ``a - b r >= 0`` by ``a^2 - b^2 r^2``, where ``r`` is a root or an absolute value and
    ``a, b >= 0``.

    ``(a - b r)(a + b r) = a^2 - b^2 r^2`` and ``a + b r >= 0``. Where ``a + b r`` vanishes, ``a``
    and ``b r`` do too, and so does ``a - b r``. A polynomial that is not linear in the root is left
    alone.
    """
    ring = signs.ring
    # the latest root first: an earlier one may stand under it, but not the other way round
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
    """The polynomials that are known to be non-negative and may help with ``poly``.

    They are the conditions, the lower bounds of integers, and ``|f| - f`` and ``|f| + f`` of the
    absolute values in ``poly``. Only those are kept that share generators with ``poly``, directly
    or by way of others: any other one would have to cancel against itself. The flag says whether a
    polynomial is even positive.
    """
    ring = signs.ring
    facts: list[Known] = []
    for fact, known in signs.facts:
        # an equation is a fact in both senses, and an inequation in none
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
    """Search for a combination of facts that equals ``p``, or ``n p`` for an integer ``n > 0``.

    ``p`` has the sign of ``n p``. The integers that are tried, such as the batch size, occur in the
    facts but not in ``p``: multiplying by one of them lets its terms cancel.
    """
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
    scales = [ring.constant(1), *(ring.variable(place) for place in sizes)]
    return next(
        (weights for scale in scales if (weights := _combine_facts(signs, poly * scale, facts))),
        None,
    )


def _combine_facts(signs: Signs, poly: fmpq_mpoly, facts: list[Known]) -> SignSet | None:
    """Try the facts alone first, then together with the products of two of them."""
    pairs = combinations_with_replacement(facts[:MOST_FACTS], 2)
    for known in (facts, [*facts, *((p * q, a and b) for (p, a), (q, b) in pairs)]):
        weights = _find_weights(signs, poly, known)
        signset = None if weights is None else _check_weights(signs, poly, known, weights)
        if signset:
            return signset
    return None


def _find_weights(signs: Signs, poly: fmpq_mpoly, known: list[Known]) -> list[fmpq] | None:
    """Find weights that leave only visibly non-negative terms of ``p``.

    What is left of the monomial ``e`` is ``end_e - sum_k w_k row_ek``. Its coefficient has to be
    ``>= 0`` where the monomial may be positive, ``<= 0`` where it may be negative, and so 0 where
    its sign is unknown. As much as possible that is positive is kept, because one positive part
    makes ``p`` positive.
    """
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
            # what is left of a positive monomial makes the whole positive
            gain = [weight - entry for weight, entry in zip(gain, row, strict=True)]
        # what is left, end - row w, must not be negative (or must be 0)
        if -1 not in possible or 1 in possible:
            rows.append(row)
            ends.append(end)
        if 1 not in possible or -1 in possible:
            rows.append([-entry for entry in row])
            ends.append(-end)
    # without it the gain could grow for ever, and the program would have no optimum; a certificate
    # whose weights have a larger sum is not found
    rows.append([fmpq(1)] * len(known))
    ends.append(fmpq(10**6))
    return maximise(gain, rows, ends)


def _check_weights(
    signs: Signs, poly: fmpq_mpoly, known: list[Known], weights: list[fmpq]
) -> SignSet | None:
    """Check a combination: compute what the weights leave, and look at its terms one by one.

    This is all that a certificate rests on. It returns ``POSITIVE`` where a positive fact has a
    positive weight or a term that is left is positive, ``NONNEGATIVE`` where all is visibly
    non-negative, and else ``None``.
    """
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
    """Complete the square of a quadratic polynomial, one generator after the other.

    The coefficients form a symmetric matrix, with the constant as its last row and column.
    Symmetric elimination gives ``p = sum d_k (l_k)^2 + d``, where ``d`` is what is left of the
    constant. The polynomial is non-negative where no pivot is negative, and positive where ``d``
    is.
    """
    if poly.total_degree() != 2:
        return None
    used = signs.ring.list_places(poly)
    if len(used) > MOST_VARIABLES:
        return None
    size = len(used) + 1
    form = [[fmpq(0)] * size for _ in range(size)]
    for exponents, coefficient in poly.terms():
        where = [row for row, place in enumerate(used) for _ in range(exponents[place])]
        # a linear term belongs to the generator and the constant, the constant to itself twice
        first, second = [*where, size - 1, size - 1][:2]
        form[first][second] += coefficient / 2
        form[second][first] += coefficient / 2
    for pivot in range(size):
        head = form[pivot][pivot]
        # with a pivot of 0 the rest of its row has to vanish: ``2 a b`` alone takes both signs
        if head < 0 or (
            head == 0 and any(form[pivot][column] != 0 for column in range(pivot, size))
        ):
            return None
        for row in range(pivot + 1, size) if head else ():
            scale = form[row][pivot] / head
            form[row] = [a - scale * b for a, b in zip(form[row], form[pivot], strict=True)]
    return POSITIVE if form[-1][-1] > 0 else NONNEGATIVE
