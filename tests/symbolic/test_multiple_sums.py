"""Multiple sums in one order: equal for every way to write them, with the value they had."""

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import IndexedBase, Integer, Mul, Sum, Symbol

from bnproof.symbolic import m
from bnproof.symbolic.multiple_sums import canonicalise, flatten_product, name_index
from tests.symbolic.written_out import value_at

p, q, r = (Symbol(name, integer=True, positive=True) for name in "pqr")
A, B = IndexedBase("A", real=True), IndexedBase("B", real=True)
u = IndexedBase("u", real=True)
n = Symbol("n", integer=True, positive=True)

factors = st.sampled_from(
    [A[p, q], A[q, p], A[q, r], A[r, r], B[p, r], B[r, q], u[p], u[q] ** 2, u[r], p, (q + r) ** 2]
)
summands = st.lists(factors, min_size=1, max_size=4).map(lambda chosen: Mul(*chosen))


@given(summands)
@settings(max_examples=15)
def test_every_order_gives_the_same_sum(summand):
    """Whatever the indices are named and in which order they are summed."""
    found = {
        canonicalise(
            Sum(
                summand.xreplace(dict(zip((p, q, r), names, strict=True))),
                *((index, 1, m) for index in order),
            )
        )
        for names in permutations((p, q, r))
        for order in ((p, q, r), (r, p, q))
    }
    assert len(found) == 1


@given(summands)
@settings(max_examples=10)
def test_the_value_stays(summand):
    """With a range of its own for one of the indices."""
    written = Sum(summand, (p, 1, m), (q, 1, 2), (r, 1, m))
    assert value_at(canonicalise(written), 3) == value_at(written, 3)


def test_different_sums_stay_different():
    """``A_pq A_qr`` is a chain, ``A_pq A_rq`` is not; nor are ranges exchanged."""
    ranges = ((p, 1, m), (q, 1, m), (r, 1, m))
    chain, meeting = Sum(A[p, q] * A[q, r], *ranges), Sum(A[p, q] * A[r, q], *ranges)
    assert canonicalise(chain) != canonicalise(meeting)
    wide, high = Sum(A[p, q], (p, 1, m), (q, 1, n)), Sum(A[q, p], (p, 1, m), (q, 1, n))
    assert canonicalise(wide) != canonicalise(high)
    assert canonicalise(wide) == canonicalise(Sum(A[q, p], (q, 1, m), (p, 1, n)))


def test_sums_inside_a_product_are_taken_out():
    """``sum_r D_r sum_c W_c A_rc`` is ``sum_c W_c sum_r D_r A_rc``."""
    first = Sum(u[r] * Sum(B[q, q] * A[r, q], (q, 1, m)), (r, 1, m))
    second = Sum(B[q, q] * Sum(u[r] * A[r, q], (r, 1, m)), (q, 1, m))
    assert canonicalise(first) == canonicalise(second)
    assert value_at(canonicalise(first), 3) == value_at(first, 3)


@pytest.mark.parametrize(
    "e",
    [
        Sum(u[p], (p, 1, m)),
        Sum(A[p, q], (p, 1, q), (q, 1, m)),
        Sum(A[p, q] + u[p], (p, 1, m), (q, 1, m)),
        Sum(A[p, q], (p, 2, m), (q, 1, m)),
        Sum(A[p, q] / Sum(u[r], (r, 1, m)), (p, 1, m), (q, 1, m)),
    ],
)
def test_other_shapes_come_back_as_they_are(e):
    """One index, ranges that depend on each other, several terms, another start, a quotient."""
    assert canonicalise(e) == e


def test_a_power_of_a_sum_gets_an_index_for_each_factor():
    """``(sum u)^2`` is a double sum, not ``sum u^2``."""
    total = Sum(u[p], (p, 1, m))
    summand, ranges = flatten_product(2 * total**2 * u[n])
    indices = [index for index, _ in ranges]
    assert len(set(indices)) == 2
    assert [size for _, size in ranges] == [m, m]
    assert summand == 2 * u[n] * u[indices[0]] * u[indices[1]]
    assert flatten_product(1 / total) is None
    assert flatten_product(u[n]) == (u[n], [])


def test_names_are_the_same_on_every_call():
    """And differ between depths, and from any symbol of that name."""
    names = [name_index(depth) for depth in range(12)]
    assert names == [name_index(depth) for depth in range(12)]
    assert len({str(name) for name in names}) == 12
    assert names[0] != Symbol("j", integer=True, positive=True)
    assert all((name - Integer(1)).is_nonnegative for name in names)
