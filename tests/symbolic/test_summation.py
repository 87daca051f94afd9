"""Sums in generators: each rule against the sum written out, and what is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Abs, IndexedBase, Integer, KroneckerDelta, Mul, Sum, Symbol

from bnproof.symbolic import Undecided, k, m
from bnproof.symbolic.normal_form import NormalForm
from bnproof.symbolic.signsets import NONNEGATIVE, POSITIVE
from bnproof.symbolic.summation import assign_range, rewrite_sum, split_size
from tests.symbolic.written_out import value_at

u, w = IndexedBase("u", real=True), IndexedBase("w", real=True)
p, q = Symbol("p", integer=True, positive=True), Symbol("q", integer=True, positive=True)
a = Symbol("a", real=True)
T = Symbol("T", integer=True, nonnegative=True)

factors = st.sampled_from([p, u[p], u[p + 1], w[p], w[p - 2], u[m + 1 - p], w[m - p], a, m])
summands = st.lists(factors, max_size=3).map(lambda chosen: Mul(*chosen))


def from_size(least):
    """A form in which the batch size is at least ``least``."""
    form = NormalForm()
    form.signs.learn(form.atom(m) - form.number(least), NONNEGATIVE)
    return form


@given(summands, st.integers(-1, 3), st.integers(-2, 2))
@settings(max_examples=12)
def test_a_sum_equals_its_terms(summand, low, offset):
    """Shifted and mirrored entries, powers of the index and ends beside the size keep the value."""
    written = Sum(summand, (p, low, m + offset))
    normal = rewrite_sum(from_size(6), written).expression()
    for size in (6, 7):
        assert value_at(normal, size, a=3) == value_at(written, size, a=3)


@pytest.mark.parametrize("degree", range(7))
def test_powers_of_the_index_are_added_up(degree):
    """``sum_{j=1}^N j^d`` is a polynomial in N that has the right value for N = 0 and above."""
    closed = rewrite_sum(NormalForm(), Sum(p**degree, (p, 1, T))).expression()
    assert not closed.has(Sum)
    for last in range(6):
        assert closed.subs(T, last) == sum(n**degree for n in range(1, last + 1))


def test_a_geometric_sum_divides_only_where_it_may():
    """The closed form needs ``a != 1``; without it the sum stays, with an identity for every a."""
    known = NormalForm()
    known.signs.learn(known.atom(a) - known.number(1), POSITIVE)
    closed = known.normal_form(Sum(a**p, (p, 1, m))).expression()
    assert not closed.has(Sum)
    assert closed.subs({a: 3, m: 4}).doit() == 3 + 9 + 27 + 81
    form = NormalForm()
    form.signs.learn(form.atom(a), POSITIVE)
    total = form.normal_form(Sum(a**p, (p, 1, m)))
    assert value_at(total.expression(), 4, a=1) == 4
    assert form.vanishes(form.normal_form((a - 1) * Sum(a**p, (p, 1, m)) - a ** (m + 1) + a))
    assert not form.vanishes(form.normal_form((a - 1) * Sum(a**p, (p, 1, m)) - a**m + a))


def test_a_sum_that_may_run_backwards_is_refused():
    """From 5 to 4 a sum is empty, from 5 to 3 it has no reading; ``m - 2`` may be -1."""
    form = NormalForm()
    assert rewrite_sum(form, Sum(p, (p, 5, 4))).is_zero
    with pytest.raises(Undecided, match="runs backwards"):
        rewrite_sum(form, Sum(p, (p, 5, 3)))
    with pytest.raises(Undecided, match="may run backwards"):
        rewrite_sum(form, Sum(u[p], (p, 1, m - 2)))
    assert not rewrite_sum(form, Sum(u[p], (p, 1, m - 1))).is_zero


def test_deltas_are_contracted_where_it_is_known_whether_they_meet():
    """``sum_j delta_jt u_j`` is ``u_t`` inside the range and 0 outside; elsewhere it is open."""
    form = NormalForm()

    def contracted(index):
        return rewrite_sum(form, Sum(KroneckerDelta(p, index) * u[p], (p, 1, m))).expression()

    assert contracted(k) == u[k]
    assert contracted(m) == u[m]
    assert contracted(m + 1) == contracted(Integer(0)) == 0
    with pytest.raises(Undecided, match=r"not known to lie in 1\.\.m"):
        contracted(Integer(2))


def test_partial_sums_are_exchanged():
    """``sum_p g_p F_p + sum_p f_p G_p = sum f sum g + sum f g`` for partial sums F and G."""
    form = NormalForm()
    f_inside = Sum(u[p] * Sum(w[q], (q, 1, p)), (p, 1, m))
    g_inside = Sum(w[p] * Sum(u[q], (q, 1, p)), (p, 1, m))
    whole = Sum(u[p], (p, 1, m)) * Sum(w[p], (p, 1, m)) + Sum(u[p] * w[p], (p, 1, m))
    assert form.vanishes(form.normal_form(f_inside + g_inside - whole))
    own = Sum(u[p] * Sum(u[q], (q, 1, p)), (p, 1, m))
    assert value_at(form.normal_form(own).expression(), 4) == value_at(own, 4)
    for partial in (f_inside, g_inside):
        assert value_at(form.normal_form(partial).expression(), 4) == value_at(partial, 4)


def test_the_sign_of_a_sum_is_that_of_its_terms():
    """Positive terms make it positive where there is one; ``sum |u|`` is at least ``|sum u|``."""
    form = NormalForm()
    positive = 1 / (1 + u[p] ** 2)
    signs = [form.signs.find_signs(form.normal_form(Sum(positive, (p, 1, end)))) for end in (m, T)]
    assert signs == [POSITIVE, NONNEGATIVE]
    room = Sum(Abs(u[p]), (p, 1, m)) - Abs(Sum(u[p], (p, 1, m)))
    assert form.signs.shows(form.normal_form(room), NONNEGATIVE)
    assert not form.signs.shows(form.normal_form(room), POSITIVE)


def test_a_sum_from_a_symbol_needs_more_than_its_own_range():
    """It is a difference of two sums from 1, so a root in it might not exist outside its range."""
    form = NormalForm()
    assert value_at(form.normal_form(Sum(u[p], (p, k, m))).expression(), 5, k=3) == value_at(
        Sum(u[p], (p, 3, m)), 5
    )
    with pytest.raises(Undecided, match="which starts at a symbol"):
        form.normal_form(Sum(Abs(u[p]), (p, k, m)))


def test_an_index_with_two_ranges_gets_two_names():
    """What is known of it in one range must not be used in the other."""
    form = NormalForm()
    assert assign_range(form, u[p], p, Integer(1), m) == (u[p], p)
    assert assign_range(form, u[p], p, Integer(1), m) == (u[p], p)
    summand, index = assign_range(form, u[p], p, Integer(1), m - 1)
    assert index != p
    assert summand == u[index]
    assert form.ranges == {p: (1, m), index: (1, m - 1)}


@pytest.mark.parametrize(
    ("end", "size"),
    [(m, (m, 0)), (m + 3, (m, 3)), (m - 2, (m, -2)), (Integer(5), (5, 0))]
    + [(e, (None, 0)) for e in (2 * m, m + T, m**2 + 1, a + 1, u[k] + 1)],
)
def test_ends_are_a_size_and_a_number(end, size):
    """``N + c`` with an integer symbol N is taken apart, and anything else is refused."""
    assert split_size(end) == size
