"""Sums in power-sum normal form.

Each monomial of the summand is summed on its own.  With ``S(t) = sum_{j=1}^{t} f(j)`` a sum from
``low`` to ``high`` is ``S(high) - S(low - 1)``; entries are shifted to ``x[j]`` first
(``sum_{j=1}^{N-1} x[j+1] = sum_{j=2}^{N} x[j]``), and the terms between ``N + c`` and ``N`` are
written out.  A bound that is itself a summation index gives a partial sum, and
``sum_p g_p sum_{q<=p} f_q + sum_p f_p sum_{q<=p} g_q = sum f sum g + sum f g`` puts pair sums into
one form.

A sum is read only where it is known not to run backwards. As an intermediate, ``S(t)`` stands for
``-sum_{j=t+1}^{0} f(j)`` where t is negative, which keeps ``S(t) - S(t - 1) = f(t)`` for every t.
So what is summed then has to exist outside of its own range, and several guards below see to that.

Start reading at ``rewrite_sum``; ``_sum_monomial`` chooses the way, and ``_sum_whole`` knows the
closed forms.
"""

from __future__ import annotations

from itertools import count

from flint import fmpq
from sympy import (
    Abs,
    Add,
    Dummy,
    Expr,
    Indexed,
    IndexedBase,
    Integer,
    KroneckerDelta,
    Pow,
    Rational,
    Sum,
    Symbol,
    bernoulli,
    binomial,
)

from bnproof.symbolic.entries import Entries
from bnproof.symbolic.multiple_sums import BOUND, canonicalise, name_index
from bnproof.symbolic.outcomes import Undecided
from bnproof.symbolic.quotients import Quotient, pad_exponents
from bnproof.symbolic.reading import find_numbers
from bnproof.symbolic.rendering import text
from bnproof.symbolic.signsets import ANY, NONNEGATIVE, POSITIVE, SignSet

# A sum between numbers with at most so many terms is added up. A longer one is treated like any
# other sum.
WRITTEN_OUT = 8
# Terms between N + c and N. Each is rewritten on its own, so more are refused.
MOST_WRITTEN = 16


def rewrite_sum(form: Entries, e: Sum) -> Quotient:
    """A sum in generators.

    Parameters
    ----------
    form
        The ring with what is known of generators, indices and entries.
    e
        A sum over one or more indices. The last limit is the outermost, as SymPy has it.

    Returns
    -------
    Quotient
        What equals the sum for every batch size.

    Raises
    ------
    Undecided
        Where the sum may run backwards, where its bounds are not a size plus a small number, and
        where the summand is not known to exist.
    """
    *inner, (index, low, high) = e.limits
    summand = Sum(e.function, *inner) if inner else e.function
    low, high = low.expand(), high.expand()
    if low.is_Integer and high.is_Integer and high - low < WRITTEN_OUT:
        # From 5 to 4 a sum is empty. From 5 to 3 SymPy takes it for minus the term at 4, which few
        # readers would expect.
        if high < low - 1:
            raise Undecided(f"the sum over {index} from {low} to {high}, which runs backwards")
        terms = (
            form.normal_form(summand.xreplace({index: Integer(p)}))
            for p in range(int(low), int(high) + 1)
        )
        return sum(terms, form.number(0))
    summand, index = assign_range(form, summand, index, low, high)
    if not form.is_at_least_zero(high - low + 1):
        raise Undecided(f"the sum over {index} from {low} to {high}: it may run backwards")
    return _sum_terms(form, form.normal_form(summand), index, low, high)


def assign_range(
    form: Entries, summand: Expr, index: Symbol, low: Expr, high: Expr
) -> tuple[Expr, Symbol]:
    """The summand and its index, under a new name where the index has another range elsewhere.

    What was found out about an index in one range (facts, values, decided cases) must not be used
    in another.

    Parameters
    ----------
    form
        The form that keeps the ranges.
    summand
        The summand, in which the index is renamed if need be.
    index
        The summation index.
    low, high
        Its bounds.

    Returns
    -------
    (summand, index)
        Both as they are to be used from now on. The range of the index is recorded in ``form``.
    """
    if index in BOUND or form.ranges.get(index, (low, high)) != (low, high):
        fresh = Dummy(index.name, integer=True, **({"positive": True} if low.is_positive else {}))
        summand, index = summand.xreplace({index: fresh}), fresh
    form.ranges[index] = (low, high)
    return summand, index


def _create_index(index: Symbol) -> Symbol:
    """A new index with the assumptions of an old one."""
    return Dummy(index.name, **index.assumptions0)


def _sum_terms(form: Entries, summand: Quotient, index: Symbol, low: Expr, high: Expr) -> Quotient:
    """The sum of a quotient: what does not depend on the index is pulled out of every monomial.

    Terms with the same dependent part are gathered first, so each such part is summed once.
    """
    ring = form.ring
    # The square of a root may hide that a monomial does not depend on the index.
    summand = summand.reduce_roots()
    dependent = {place for place in summand.list_places() if form.depends(place, index)}
    inside_below = {
        n: p
        for n, p in summand.below.items()
        if dependent.intersection(ring.list_places(ring.factors[n]))
    }
    outside_below = {n: p for n, p in summand.below.items() if n not in inside_below}
    parts: dict[tuple[int, ...], dict[tuple[int, ...], fmpq]] = {}
    for exponents, coefficient in ring.lift(summand.top).terms():
        inside = tuple(n if place in dependent else 0 for place, n in enumerate(exponents))
        outside = tuple(0 if place in dependent else n for place, n in enumerate(exponents))
        parts.setdefault(inside, {})[outside] = coefficient
    total = form.number(0)
    for within, others in parts.items():
        monomial = Quotient(
            ring, ring.from_terms({pad_exponents(within, ring.room): fmpq(1)}), inside_below
        ).cancel()
        factor = Quotient(
            ring,
            ring.from_terms({pad_exponents(o, ring.room): c for o, c in others.items()}),
            outside_below,
        )
        total = total + factor.cancel() * _sum_monomial(form, monomial, index, low, high)
    return total


def _sum_monomial(
    form: Entries, monomial: Quotient, index: Symbol, low: Expr, high: Expr
) -> Quotient:
    """The sum of one monomial, its entries shifted (and turned round) to start at ``x[j]``.

    Entries ``x[m + 1 - j]`` are counted from the other end, entries ``x[j + c]`` moved by the least
    c. Where an entry and its mirror image meet, the smaller of the two ways to write the product is
    taken.
    """
    offsets = _find_offsets(form, monomial, index)
    slopes = {slope for slope, _ in offsets}
    if slopes == {-1}:  # x[m + 1 - j]: count from the other end
        # Any of the offsets would do; the last by name is the same one for equal sums.
        turn = max((end for _, end in offsets), key=str)
        return _substitute_index(form, monomial, index, (-1, turn), (turn - high, turn - low))
    shifts = [int(offset) for slope, offset in offsets if slope == 1 and offset.is_Integer]
    if slopes == {1} and len(shifts) == len(offsets) and min(shifts) != 0:
        shift = min(shifts)
        return _substitute_index(
            form, monomial, index, (1, Integer(-shift)), (low + shift, high + shift)
        )
    # ``sum x[j] u[m+1-j]`` and ``sum x[m+1-j] u[j]`` are equal: one of them is chosen.
    if slopes == {1, -1} and low == 1 and offsets == {(1, Integer(0)), (-1, (high + 1).expand())}:
        turned = form.change_factors(monomial, lambda e: e.xreplace({index: high + 1 - index}))
        monomial = min(monomial, turned, key=lambda q: str(q.expression()))
    reach = max(shifts) if slopes == {1} and len(shifts) == len(offsets) else 0
    if not low.is_Integer or not all(_counts_up(form, end) for end in (high, (low - 1).expand())):
        _require_entries(form, monomial, index)
    upto = _sum_up_to(form, monomial, index, high, reach)
    return upto - _sum_up_to(form, monomial, index, (low - 1).expand(), reach)


def _substitute_index(
    form: Entries, monomial: Quotient, index: Symbol, by: tuple[int, Expr], ends: tuple[Expr, Expr]
) -> Quotient:
    """The sum over a new index ``p`` with ``slope p + offset`` for the old one.

    ``by`` holds the slope (1 or -1) and the offset, ``ends`` the bounds of the new index.
    """
    slope, offset = by
    low, high = (end.expand() for end in ends)
    fresh = Dummy(index.name, integer=True, **({"positive": True} if low.is_positive else {}))
    form.ranges[fresh] = (low, high)
    summand = form.change_factors(monomial, lambda e: e.xreplace({index: slope * fresh + offset}))
    return _sum_terms(form, summand, fresh, low, high)


def _find_offsets(form: Entries, monomial: Quotient, index: Symbol) -> set[tuple[int, Expr]]:
    """``(slope, offset)`` of every entry whose index is ``slope index + offset``, slope 1 or -1.

    Raises ``Undecided`` for an entry with any other index that depends on the summation index.
    Entries with several indices are passed over.
    """
    offsets: set[tuple[int, Expr]] = set()
    for place in monomial.list_places():
        meaning = form.ring.meaning[place]
        if not form.depends(place, index):
            continue
        if isinstance(meaning, Indexed) and len(meaning.indices) == 1:
            slope = meaning.indices[0].coeff(index)
            offset = (meaning.indices[0] - slope * index).expand()
            if slope not in (1, -1) or offset.has(index):
                raise Undecided(
                    f"{text(meaning)}: an index is a summation index plus or minus something"
                )
            offsets.add((int(slope), offset))
    return offsets


def _counts_up(form: Entries, end: Expr) -> bool:
    """Whether ``S(end)`` is written out or a sum over ``1..end``, not one that stands for what lies
    in ``end + 1..0``."""
    if end.is_Integer:
        return bool(end >= -MOST_WRITTEN)
    return form.is_at_least_zero(end)


def _require_entries(form: Entries, monomial: Quotient, index: Symbol) -> None:
    """Raise ``Undecided`` where more is summed than entries and powers of the index.

    A sum that starts at a symbol, or may end below 0, is the difference of two from 1.  So what is
    summed has to exist outside of its own range, and nothing in it may be decided by the range
    ``1..end``, which the index leaves there.
    """
    simple = not any(
        form.depends(p, index)
        for n in monomial.below
        for p in form.ring.list_places(form.ring.factors[n])
    )
    for place in monomial.list_places():
        meaning = form.ring.meaning[place]
        simple &= not form.depends(place, index) or isinstance(meaning, (Indexed, Symbol))
    if not simple:
        raise Undecided(
            f"the sum over {index} of {text(monomial.expression())}, which starts at a symbol"
        )


def _sum_up_to(form: Entries, monomial: Quotient, index: Symbol, end: Expr, reach: int) -> Quotient:
    """``S(end) = sum_{j=1}^{end}`` of a monomial.

    Where entries reach ``reach`` beyond the index, the whole sum is the one up to ``N - reach``,
    and the terms between that and ``end`` are written out. With a small number for ``end`` all
    terms are.
    """

    def evaluate_at(position: Expr) -> Quotient:
        return form.change_factors(monomial, lambda e: e.xreplace({index: position}))

    if end.is_Integer and abs(end) <= MOST_WRITTEN:
        above = sum((evaluate_at(Integer(p)) for p in range(1, int(end) + 1)), form.number(0))
        return above - sum(
            (evaluate_at(Integer(p)) for p in range(int(end) + 1, 1)), form.number(0)
        )
    # ``end = N + offset - reach``, and the whole sum goes up to ``N - reach``.
    size, offset = split_size((end + reach).expand())
    if size is None or abs(offset) > MOST_WRITTEN:
        raise Undecided(f"the sum over {index} up to {end}: only sums up to a size are decided")
    if offset == 0 and form.ranges[index] == (1, end):
        return _sum_whole(form, monomial, index, size, reach)
    fresh = _create_index(index)
    form.ranges[fresh] = (Integer(1), size - reach)
    try:  # in the whole range less may be known of an exponent, or more
        whole = form.change_factors(monomial, lambda e: e.xreplace({index: fresh}))
        total = _sum_terms(form, whole, fresh, Integer(1), size - reach)
        for p in range(1, offset + 1):
            total = total + evaluate_at(size - reach + p)
        for p in range(offset + 1, 1):
            total = total - evaluate_at(size - reach + p)
    except Undecided:
        # In its own range from 1 the sum itself may serve as a generator.
        if form.ranges[index] != (1, end):
            raise
        return _build_atom(form, monomial, index, end)
    return total


def split_size(e: Expr) -> tuple[Expr | None, int]:
    """``N + c`` with an integer symbol (or entry ``n[k]``, or number) ``N``.

    Parameters
    ----------
    e
        An integer expression.

    Returns
    -------
    (size, offset)
        N and c. ``(None, 0)`` for anything else; a number is a size with the offset 0.
    """
    if e.is_Integer:
        return e, 0
    offset, size = e.as_coeff_Add()
    if (size.is_Symbol or isinstance(size, Indexed)) and size.is_integer and offset.is_Integer:
        return size, int(offset)
    return None, 0


def _sum_whole(
    form: Entries, monomial: Quotient, index: Symbol, size: Expr, reach: int
) -> Quotient:
    """``sum_{j=1}^{size - reach}`` of a monomial: by a closed form where there is one, else as an
    atom.

    A factor that does not depend on the index has been pulled out already, so the sum of 1 is its
    number of terms. A Kronecker delta is contracted before anything else.
    """
    ring = form.ring
    end = size - reach
    dependent = [place for place in monomial.list_places() if form.depends(place, index)]
    if not dependent:
        return form.normal_form(end)
    for place in dependent:
        if (
            isinstance(ring.meaning[place], KroneckerDelta)
            and ring.lift(monomial.top).degrees()[place] > 0
        ):
            return _contract_delta(form, monomial, place, index, end)
    if (
        len(dependent) == 1
        and (total := _sum_geometric_inverse(form, monomial, dependent[0], index, end)) is not None
    ):
        return total
    if len(dependent) == 1 and not monomial.below:
        degree = ring.lift(monomial.top).degrees()[dependent[0]]
        total = _sum_single(form, ring.meaning[dependent[0]], int(degree), index, size, reach)
        if total is not None:
            return total
    if (
        not monomial.below
        and (total := _sum_pairs(form, monomial, dependent, index, end)) is not None
    ):
        return total
    return _build_atom(form, monomial, index, end)


def _sum_single(
    form: Entries, meaning: Expr, degree: int, index: Symbol, size: Expr, reach: int
) -> Quotient | None:
    """Sums of powers of the index, of one entry (by mean and variance), and geometric ones.

    ``sum b = N mean`` and ``sum b^2 = N (var + mean^2)`` divide by N, so N has to be at least 1,
    and it has to be a size and no summation index. ``None`` for any other sum.
    """
    if meaning == index:
        return form.normal_form(_faulhaber(size - reach, degree))
    if isinstance(meaning, Pow) and degree == 1 and not meaning.base.has(index):
        return _sum_geometric(form, meaning, index, size - reach)
    # An entry shifted by c has been moved to start at ``x[1]`` before.
    plain = isinstance(meaning, Indexed) and meaning.indices == (index,) and size not in form.ranges
    if plain and degree <= 2 and (form.signs.lower_bound(size) or 0) >= 1:
        whole = form.ranges[index] == (1, size)
        signs = _find_sum_signs(form, form.normal_form(meaning), size) if whole else ANY
        mean, length = _mean(form, meaning.base, size, signs), form.normal_form(size)
        return length * (mean if degree == 1 else _variance(form, meaning.base, size) + mean**2)
    return None


def _faulhaber(size: Expr, degree: int) -> Expr:
    """``sum_{j=1}^N j^d = 1/(d+1) sum_r binom(d+1, r) B_r N^(d+1-r)`` with ``B_1 = +1/2``
    (Faulhaber).

    It is a polynomial in N, and so it holds for every integer N if ``S(N)`` is continued to
    negative N.
    """
    return Add(
        *(
            binomial(degree + 1, r)
            * (Rational(1, 2) if r == 1 else bernoulli(r))
            * size ** (degree + 1 - r)
            / (degree + 1)
            for r in range(degree + 1)
        )
    )


def _sum_geometric(form: Entries, power: Pow, index: Symbol, end: Expr) -> Quotient | None:
    """``sum_{n=1}^N b^(c + n) = (b^(c+N+1) - b^(c+1))/(b - 1)`` and the like for ``b^(c - n)``.

    Where ``b = 1`` is possible the sum is a generator with ``(b - 1) sum = b^(c+N+1) - b^(c+1)``.
    """
    exponent, base = power.exp.expand(), power.base
    slope = exponent.coeff(index)
    rest = (exponent - slope * index).expand()
    if slope not in (1, -1) or rest.has(index):
        return None
    ratio = form.normal_form(base) - form.number(1)
    ends = (rest + end + 1, rest + 1) if slope == 1 else (rest, rest - end)
    first, last = (form.normal_form(Pow(base, e.expand(), evaluate=False)) for e in ends)
    # Only then may the closed form divide by ``b - 1``.
    if form.signs.is_nonzero(ratio):
        return (first - last) * ratio.inverse()
    total = form.atom(Sum(power.xreplace({index: BOUND[0]}), (BOUND[0], 1, end)))
    # The identity holds for ``b = 1`` too, where it says nothing.
    form.keep_identity(ratio * total - first + last)
    return total


def _sum_geometric_inverse(
    form: Entries, monomial: Quotient, place: int, index: Symbol, end: Expr
) -> Quotient | None:
    """The geometric sum of ``1/b^n``, whose power stands in the denominator."""
    power, below = form.ring.meaning[place], list(monomial.below.items())
    if len(below) != 1 or below[0][1] != 1 or not isinstance(power, Pow) or power.base.has(index):
        return None
    if (
        form.ring.factors[below[0][0]] != form.ring.variable(place)
        or form.ring.lift(monomial.top) != 1
    ):
        return None
    return _sum_geometric(form, Pow(1 / power.base, power.exp), index, end)


def _mean(form: Entries, base: IndexedBase, size: Expr, known: SignSet) -> Quotient:
    """The generator of the mean of a base, with the signs it is known to have."""
    return form.atom(Sum(base[BOUND[0]], (BOUND[0], 1, size)) / size, known)


def _variance(form: Entries, base: IndexedBase, size: Expr) -> Quotient:
    """The generator of the biased variance of a base, which is not negative."""
    inner, outer = BOUND[:2]
    deviation = base[outer] - Sum(base[inner], (inner, 1, size)) / size
    return form.atom(Sum(deviation**2, (outer, 1, size)) / size, NONNEGATIVE)


def _find_sum_signs(form: Entries, summand: Quotient, size: Expr) -> SignSet:
    """A sum of positive terms is positive, if there is one; of non-negative ones, non-negative.

    A sum that may run backwards (``sum_{1}^{-1} f = -f(0)``, which only turns up as an
    intermediate) has any sign.
    """
    signs = form.signs.find_signs(summand)
    if not form.is_at_least_zero(size):
        return ANY
    if signs == POSITIVE and (form.signs.lower_bound(size) or 0) >= 1:
        return POSITIVE
    return NONNEGATIVE if signs <= NONNEGATIVE else ANY


def _build_atom(form: Entries, monomial: Quotient, index: Symbol, end: Expr) -> Quotient:
    """A sum without a closed form as a generator of its own.

    Its index gets the first standard name that the summand leaves free, and multiple sums get their
    standard order, so that equal sums become one generator. For ``sum |f|`` it is also learned that
    it is at least ``|sum f|``.
    """
    unfolded = monomial.expression()
    # Sums inside the summand have taken names already, and must not be captured.
    taken = unfolded.atoms(Dummy)
    bound = next(name for name in map(name_index, count()) if name not in taken)
    total: Expr = Sum(unfolded.xreplace({index: bound}), (bound, 1, end))
    if unfolded.has(Sum):
        total = canonicalise(total)
    whole = form.ranges.get(index) == (1, end)
    known = whole and form.is_at_least_zero(end) and form.occurs(total)
    if known and isinstance(unfolded, Abs):  # sum |f| >= |sum f|
        inside = form.normal_form(Sum(unfolded.args[0].xreplace({index: bound}), (bound, 1, end)))
        for sense in (1, -1):
            form.signs.learn(
                form.atom(total, NONNEGATIVE) + inside * form.number(sense), NONNEGATIVE
            )
    return form.atom(total, _find_sum_signs(form, monomial, end) if whole else ANY)


def _contract_delta(
    form: Entries, monomial: Quotient, place: int, index: Symbol, end: Expr
) -> Quotient:
    """``sum_j delta_jt f(j) = f(t)`` for ``t`` in ``1..end``, 0 for ``t`` outside.

    Raises ``Undecided`` where it is not known on which side of this t lies.
    """
    delta = form.ring.meaning[place]
    difference = (delta.args[0] - delta.args[1]).expand()
    slope = difference.coeff(index)
    # The index at which both sides of the delta are equal.
    term = (index - difference / slope).expand() if slope in (1, -1) else index
    if term.has(index):
        raise Undecided(f"{text(delta)}: it is not known where its indices are equal")
    if not form.lies_within(term, Integer(1), end):
        outside = form.is_at_least_zero(-term) or form.is_at_least_zero(term - end - 1)
        # a sum that runs backwards has terms at end + 1..0
        if outside and form.is_at_least_zero(end):
            return form.number(0)
        raise Undecided(f"{text(delta)}: {term} is not known to lie in 1..{end}")
    # A delta is 0 or 1, so every power of it is the delta itself.
    rest = form.change_factors(monomial, lambda e: Integer(1) if e == delta else e)
    return form.change_factors(rest, lambda e: e.xreplace({index: term}))


def _sum_pairs(
    form: Entries, monomial: Quotient, dependent: list[int], index: Symbol, end: Expr
) -> Quotient | None:
    """``sum_p g_p F_p`` with a partial sum ``F_p = sum_{q<=p} f_q``: of f and g the first by name
    is summed inside.

    With ``G_p = sum_{q<=p} g_q`` the identity
    ``sum_p g_p F_p + sum_p f_p G_p = sum f sum g + sum f g`` exchanges the two, and for f = g it
    gives the sum itself. ``None`` where there is nothing to exchange.
    """
    ring = form.ring
    partial = [place for place in dependent if _is_partial(ring.meaning[place], index)]
    degrees = ring.lift(monomial.top).degrees()
    if len(partial) != 1 or degrees[partial[0]] != 1:
        return None
    inner = ring.meaning[partial[0]]
    name, summand = inner.limits[0][0], inner.function
    outer = form.change_factors(monomial, lambda e: Integer(1) if e == inner else e)
    f, g = summand.xreplace({name: index}), outer.expression()
    if g.has(Sum) or f.has(Sum) or _comes_first(f, g, index):
        return None
    both = [
        _sum_terms(form, form.normal_form(part), index, Integer(1), end) for part in (f, g, f * g)
    ]
    if f == g:
        return (both[0] * both[1] + both[2]) * form.number(2).inverse()
    swapped = Sum(g.xreplace({index: name}), (name, 1, index)) * f
    return (
        both[0] * both[1]
        + both[2]
        - _sum_terms(form, form.normal_form(swapped), index, Integer(1), end)
    )


def _comes_first(f: Expr, g: Expr, index: Symbol) -> bool:
    """Whether the inner summand comes first by name, so that the pair sum stays as it is."""
    named = [str(e.xreplace({index: BOUND[0]})) for e in (f, g)]
    return named[0] < named[1]


def _is_partial(meaning: Expr, index: Symbol) -> bool:
    """``sum_{q=1}^{p} f(q)`` with the index ``p``, where ``f`` itself does not depend on ``p``."""
    if not isinstance(meaning, Sum) or len(meaning.limits) != 1:
        return False
    return meaning.limits[0][1:] == (1, index) and index not in find_numbers(meaning.function)
