"""Spans of scalars: ends travel along conditions, strict ones stay strict, and no point that meets
the conditions is lost."""

import pytest
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Eq, Ge, Gt, Le, Lt, Ne, Symbol, exp, sqrt

from bnproof.symbolic.frames import Point
from bnproof.symbolic.setting import Every, i, m, x
from bnproof.symbolic.spans import Linear, Span, find_linear_bounds, find_spans

a, b, c = (Symbol(name, real=True) for name in "abc")
positive, falling = Symbol("p", positive=True), Symbol("q", nonpositive=True)
# each relation, and a value of which it is true, by how far it is from the border
RELATIONS = {
    Gt: lambda slack: slack + 1,
    Ge: lambda slack: slack,
    Lt: lambda slack: -slack - 1,
    Le: lambda slack: -slack,
    Eq: lambda slack: 0,
}
small = st.integers(-3, 3)


def spans(*conditions, symbols=(a, b, c)):
    """The spans that conditions leave."""
    return find_spans(find_linear_bounds(conditions, symbols), symbols)


def holds_in(span, value):
    """Whether a number lies in a span."""
    above = span.low is None or value > span.low or (span.with_low and value == span.low)
    below = span.high is None or value < span.high or (span.with_high and value == span.high)
    return above and below


@given(
    st.lists(
        st.tuples(small, small, st.integers(0, 2), st.sampled_from([*RELATIONS])),
        min_size=1,
        max_size=3,
    ),
    small,
    small,
)
@settings(max_examples=25)
def test_no_point_that_meets_the_conditions_is_lost(rows, first, second):
    """A point at which all linear conditions hold lies in both spans, and in the one that is
    narrowed by the other value."""
    conditions = [
        relation(p * (a - first) + q * (b - second) + RELATIONS[relation](slack), 0, evaluate=False)
        for p, q, slack, relation in rows
    ]
    bounds = find_linear_bounds(conditions, (a, b))
    assert len(bounds) == sum(bool(p) + bool(q) for p, q, *_ in rows)
    found = find_spans(bounds, (a, b))
    assert holds_in(found[a], first)
    assert holds_in(found[b], second)
    point = Point({m: fmpq(1), b: fmpq(second)}, lambda base, index: fmpq(0))
    for bound in bounds:
        if bound.symbol == a:
            bound.narrow(found[a], point)
    assert holds_in(found[a], first)


def test_ends_travel_along_a_chain():
    """``a >= b > c`` and ``c = 5`` give ``b > 5`` and ``a > 5``, as strictly as the strictest."""
    found = spans(a >= b, b > c, Eq(c, 5))
    assert found[a] == Span(fmpq(5), None, with_low=False)
    assert found[b] == Span(fmpq(5), None, with_low=False)
    assert found[c] == Span(fmpq(5), fmpq(5))


def test_a_negative_slope_turns_the_relation():
    """``3 - 2 a > b`` with ``b >= 1`` gives ``a < 1``."""
    found = spans(Gt(3 - 2 * a, b, evaluate=False), b >= 1)
    assert (found[a].low, found[a].high, found[a].with_high) == (None, 1, False)
    assert found[b].high is None


def test_what_is_declared_is_a_bound():
    """A positive symbol lies above 0, a non-positive one not above it, a batch has a value; a point
    that is excluded is no bound."""
    found = spans(Ne(a, 0), symbols=(positive, falling, m, a))
    assert found[positive] == Span(fmpq(0), with_low=False)
    assert found[falling] == Span(None, fmpq(0))
    assert found[m] == Span(fmpq(1))
    assert found[a] == Span()


def test_endless_chains_end():
    """``a > b + 1`` and ``b > a`` raise each other's ends for ever, and are left after some
    rounds."""
    found = spans(a > b + 1, b > a, a > 0)
    assert found[a].low > 1
    assert found[a].high is None


def test_only_conditions_that_are_linear_bound():
    """A square, a root, or a condition on all entries does not; a slope that holds another scalar
    waits for its value."""
    conditions = (a**2 > 4, sqrt(a) > 2, Every(x[i] > a), a + a**2 > 1, a * exp(a) > 1)
    assert find_linear_bounds(conditions, (a,)) == []
    (bound,) = find_linear_bounds([Gt(b * a, 6, evaluate=False)], (a,))
    assert bound == Linear(a, b, -6, ">")
    assert bound.find_scalars() == {b}
    assert find_spans([bound], (a, b))[a] == Span()
    for value, expected in ((-2, Span(None, fmpq(-3), with_high=False)), (0, Span())):
        span = Span()
        bound.narrow(span, Point({b: fmpq(value)}, lambda base, index: fmpq(0)))
        assert span == expected
    fixed = Span()
    Linear(a, b, -6, "==").narrow(fixed, Point({b: fmpq(2)}, lambda base, index: fmpq(0)))
    assert fixed == Span(fmpq(3), fmpq(3))


@pytest.mark.parametrize(("closed", "changes"), [(True, False), (False, True)])
def test_at_the_same_end_the_open_one_is_tighter(closed, changes):
    """A closed span is narrowed by its own end where that is excluded, once; a copy is apart."""
    span = Span(fmpq(1), fmpq(2))
    copy = span.copy()
    assert copy.keep_above(fmpq(1), closed=closed) == changes
    assert copy.keep_below(fmpq(2), closed=closed) == changes
    assert (copy.with_low, copy.with_high) == (closed, closed)
    assert not copy.keep_above(fmpq(1), closed=closed)
    assert not copy.keep_below(fmpq(5, 2), closed=False)
    assert span == Span(fmpq(1), fmpq(2))
