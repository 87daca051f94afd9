"""Entries and indices: what lies in the batch, what is equal, and conditions on all entries."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Eq, IndexedBase, Integer, KroneckerDelta, Symbol

from bnproof.symbolic.entries import MOST_INSTANCES
from bnproof.symbolic.normal_form import NormalForm
from bnproof.symbolic.outcomes import Undecided
from bnproof.symbolic.setting import Every, g, i, j, k, m, x
from bnproof.symbolic.signsets import NONNEGATIVE, POSITIVE

p, q = Symbol("p", integer=True), Symbol("q", integer=True)
size = IndexedBase("n", integer=True, positive=True)
small = st.integers(-3, 3)
# an outer sum over 1..m, and an inner one above its index
RANGES = {p: (Integer(1), m), q: (p + 1, m)}


@pytest.fixture
def form():
    """A form with a sum over p, and one over q inside it."""
    return NormalForm(RANGES)


@given(small, small, small, small)
@settings(max_examples=25)
def test_an_affine_index_is_bounded_by_its_range(of_p, of_q, of_size, constant):
    """What is known to be at least 0, or to have a lower bound, is so at every choice of indices
    in every batch up to m = 5."""
    form = NormalForm(RANGES)
    e = of_p * p + of_q * q + of_size * m + constant
    values = [
        of_p * first + of_q * second + of_size * length + constant
        for length in range(1, 6)
        for first, second in product(range(1, length + 1), repeat=2)
        if first < second or (of_q == 0 and first <= length)
    ]
    if form.is_at_least_zero(e):
        assert min(values) >= 0
    bound = form.lower_bound(e)
    assert bound is None or bound <= min(values)


def test_bounds_that_are_attained_are_found(form):
    """``q - p - 1``, ``m - q`` and ``m - 1`` are never negative, and no number less is."""
    for e in (q - p - 1, m - q, m - 1, p - 1, m - i, 2 * m - p - q, size[k] - 1):
        assert form.is_at_least_zero(e)
        assert not form.is_at_least_zero(e - 1)
    assert [form.lower_bound(e) for e in (p + m, q, 3 * i - 1, -m)] == [2, 2, 2, None]
    # neither is affine
    assert not form.is_at_least_zero(p**2 - p)
    assert not form.is_at_least_zero(p * (m - p))


def test_entries_that_lie_within(form):
    """An index lies in its own range and in any wider one, and not in a narrower one."""
    assert form.lies_within(p, Integer(1), m)
    assert form.lies_within(q, Integer(2), m)
    assert form.lies_within(m + 1 - p, Integer(1), m)
    assert form.lies_within(i, Integer(0), m + 1)
    for index, low, high in ((p, Integer(2), m), (p + 1, Integer(1), m), (i, Integer(1), m - 1)):
        assert not form.lies_within(index, low, high)


def test_an_index_of_a_sum_that_may_be_empty_is_nothing_to_learn_from(form):
    """``p`` takes some value in every batch, ``q > p`` does not where ``p = m``; nor does
    ``q <= p`` where ``p < m``, for m = 1."""
    assert form.occurs(x[p] + i)
    assert not form.occurs(x[q])
    assert not form.occurs(x[p] * g[q])
    assert NormalForm({p: (Integer(1), m), q: (p, m)}).occurs(x[q])
    assert not NormalForm({p: (Integer(1), m - 1), q: (Integer(1), p)}).occurs(x[q])


def test_deltas_are_decided_or_refused(form):
    """Equal terms give 1, terms that differ everywhere 0, a summation index a generator, and all
    else is refused."""
    for pair, value in {(i, i): 1, (i, i + 1): 0, (m + 1, k): 0, (i, 0): 0}.items():
        assert form.rewrite_delta(KroneckerDelta(*pair, evaluate=False)).constant == value
    assert form.rewrite_delta(KroneckerDelta(p, i)).constant is None
    with pytest.raises(Undecided, match="whether its indices are equal"):
        form.rewrite_delta(KroneckerDelta(i, k))
    form.distinct = frozenset({i, k})
    assert form.rewrite_delta(KroneckerDelta(i, k)).constant == 0


def test_terms_that_differ(form):
    """An inner index lies above the outer one, and an index inside the batch; ``m`` may be 1."""
    assert all(form.differ(*pair) for pair in ((p, q), (q, p), (q, Integer(1)), (m + 1, i)))
    assert not any(form.differ(*pair) for pair in ((p, i), (p, Integer(1)), (m, Integer(1))))


def test_conditions_on_all_entries_reach_each_entry(form):
    """``x[i] = 2 g[i] > 0`` for all i gives every entry in the batch its value and its sign, and
    none outside."""
    form.every = [Every(Eq(x[i], 2 * g[i])), Every(g[i] > 0)]
    for index in (k, Integer(1), m):
        difference = form.normal_form(x[index]) - form.number(2) * form.normal_form(g[index])
        assert form.vanishes(difference)
        assert form.signs.shows(form.normal_form(x[index]), POSITIVE)
    outside = form.normal_form(x[m + 1]) - form.number(2) * form.normal_form(g[m + 1])
    assert not form.vanishes(outside)
    assert not form.signs.shows(form.normal_form(g[m + 1]), POSITIVE)


def test_conditions_on_pairs_reach_each_pair(form):
    """``x[i] >= x[j] + g[i] - g[j]`` for all i and j makes ``x - g`` constant."""
    form.every = [Every(x[i] - x[j] >= g[i] - g[j])]
    ends = [form.normal_form(x[index] - g[index]) for index in (Integer(1), k)]
    assert form.signs.shows(ends[0] - ends[1], NONNEGATIVE)
    assert form.signs.shows(ends[1] - ends[0], NONNEGATIVE)
    assert not form.signs.shows(ends[0], NONNEGATIVE)


def test_instances_come_to_an_end(form):
    """A condition that mentions a further entry with every instance is put to the first entries,
    and to no more of them than the most."""
    form.signs.lower[form.ring.place(m)] = 2 * MOST_INSTANCES
    form.every = [Every(x[i] <= x[m + 1 - i])]
    last = MOST_INSTANCES + 1
    for index in range(1, last + 1):
        form.normal_form(x[Integer(index)])
    for index, learned in ((1, True), (last, False)):
        difference = form.normal_form(x[m + 1 - index] - x[Integer(index)])
        assert form.signs.shows(difference, NONNEGATIVE) == learned


def test_factors_are_changed_everywhere(form):
    """Another index reaches the numerator and the denominator, which has to differ from 0 anew."""
    form.signs.learn(form.normal_form(x[i] ** 2 + 1), POSITIVE)
    quotient = form.normal_form((x[i] + 2) / (x[i] ** 2 + 1))
    moved = form.change_factors(quotient, lambda e: e.xreplace({i: k}))
    assert form.vanishes(moved - form.normal_form((x[k] + 2) / (x[k] ** 2 + 1)))
    assert not form.vanishes(moved - quotient)
    form.signs.learn(form.normal_form(g[i]), POSITIVE)
    with pytest.raises(Undecided, match="division by"):
        form.change_factors(form.normal_form(1 / g[i]), lambda e: e.xreplace({i: k}))
