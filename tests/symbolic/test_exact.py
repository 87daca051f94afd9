"""Exact evaluation of a statement as it is written: what exists has its value, what does not is
said."""

import operator
from fractions import Fraction

import pytest
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import (
    Abs,
    Derivative,
    Eq,
    Ge,
    Gt,
    IndexedBase,
    KroneckerDelta,
    Le,
    Lt,
    Max,
    Min,
    Mul,
    Ne,
    Or,
    Piecewise,
    Sum,
    Symbol,
    exp,
    log,
    sqrt,
)

from bnproof.symbolic.exact import Evaluator
from bnproof.symbolic.frames import NotEvaluable, Point, Undefined
from bnproof.symbolic.setting import Every, i, j, m, mu, v, x
from bnproof.symbolic.surds import NotExact

a, b = Symbol("a", real=True), Symbol("b", real=True)
p, q = Symbol("p", integer=True), Symbol("q", integer=True)
u = IndexedBase("u", real=True)
fractions = st.fractions(-9, 9, max_denominator=7)
batches = st.lists(fractions, min_size=1, max_size=4)


def exactly(number):
    """A Python fraction as FLINT's."""
    return fmpq(number.numerator, number.denominator)


def at(entries=(2, 3, 7), **scalars):
    """An evaluator at a batch, with scalars by name."""
    values = {Symbol(name, real=True): exactly(Fraction(value)) for name, value in scalars.items()}
    return Evaluator(
        Point(
            {m: fmpq(len(entries)), **values},
            lambda base, index: exactly(Fraction(entries[(index[0] - 1) % len(entries)])),
        )
    )


@given(batches)
@settings(max_examples=25)
def test_nested_statistics_are_those_of_plain_fractions(entries):
    """The variance as it is written, a sum in a sum, is the mean of the squared deviations."""
    size, mean = len(entries), sum(entries) / Fraction(len(entries))
    evaluator = at(entries)
    assert evaluator.evaluate(mu) == exactly(mean)
    assert evaluator.evaluate(v) == exactly(sum((one - mean) ** 2 for one in entries) / size)


@given(batches)
@settings(max_examples=25)
def test_a_value_is_kept_for_the_indices_it_depends_on(entries):
    """What depends on the outer index alone is looked up inside the inner sum, for each outer
    index anew."""
    inside = (x[q] + q) ** 2 * x[p] + KroneckerDelta(p, q)
    expected = sum(
        (second + at_) ** 2 * first + (row == at_)
        for at_, second in enumerate(entries, 1)
        for row, first in enumerate(entries, 1)
    )
    assert at(entries).evaluate(Sum(inside, (p, 1, m), (q, 1, m))) == exactly(Fraction(expected))


def test_an_inner_sum_may_use_the_name_of_an_outer_one():
    """After the inner sum the name has its outer value again: ``sum_p (p + (1 + 2) p) = 4 * 6``,
    and ``sum_p p 5^p = 5 + 2 * 25``."""
    inner = Sum(p, (p, 1, 2))
    assert at().evaluate(Sum(p + p * inner, (p, 1, 3))) == 24
    # the sum stands before the factor that needs the outer value
    assert at().evaluate(Sum(Sum(x[p], (p, 1, 2)) ** p * p, (p, 1, 2))) == 5 + 2 * 25


def test_empty_sums_are_0_and_backward_ones_do_not_exist():
    """From 1 to 0 there is nothing to add; from 1 to -1 readers disagree. An empty sum has not
    looked at its summand."""
    evaluator = at()
    assert evaluator.evaluate(Sum(1 / (p - p**2), (p, 1, 0))) == 0
    assert not evaluator.whole
    evaluator.evaluate(Sum(x[p], (p, 1, 1)))
    assert not evaluator.whole
    with pytest.raises(Undefined, match="from 1 to -1"):
        evaluator.evaluate(Sum(x[p], (p, 1, -1)))
    looked = at()
    looked.evaluate(Sum(Sum(x[q], (q, 1, p - 1)), (p, 1, m)))
    assert looked.whole


def test_every_part_has_to_exist():
    """Neither a factor 0 nor a disjunction that is true already hides a division by 0."""
    evaluator = at(a=0)
    with pytest.raises(Undefined):
        evaluator.evaluate(Mul(0, 1 / a, evaluate=False))
    with pytest.raises(Undefined):
        evaluator.holds(Or(Ge(a, 0), Gt(1 / a, 0)))


def test_only_the_first_branch_that_applies_is_evaluated():
    """``1/a`` is not touched where ``a = 0`` has a case of its own; with no case there is no
    value."""
    cases = Piecewise((5, a <= 0), (1 / a, a < 4), (7, a < 9))
    assert [at(a=value).evaluate(cases) for value in (0, 2, 5)] == [5, fmpq(1, 2), 7]
    with pytest.raises(Undefined, match="no branch"):
        at(a=9).evaluate(cases)


@given(st.fractions(0, 5, max_denominator=9), st.fractions(0, 5, max_denominator=9))
@settings(max_examples=25)
def test_relations_of_roots_are_decided(first, second):
    """Roots compare as what is under them does, by all six relations, also where they are
    equal."""
    evaluator = at(a=first, b=second)
    pairs = {
        Eq: operator.eq,
        Ne: operator.ne,
        Lt: operator.lt,
        Le: operator.le,
        Gt: operator.gt,
        Ge: operator.ge,
    }
    for relation, expected in pairs.items():
        holds = evaluator.holds(relation(sqrt(a), sqrt(b), evaluate=False))
        assert holds == expected(first, second)


def test_overlapping_intervals_decide_nothing():
    """``log(exp(a)) = a`` is not contradicted, and not confirmed; ``exp(a) > 1 + a`` is decided."""
    evaluator = at(a=Fraction(1, 3))
    same = Eq(log(exp(a), evaluate=False), a, evaluate=False)
    assert evaluator.allows(same)
    with pytest.raises(NotExact):
        evaluator.holds(same)
    with pytest.raises(NotExact):
        evaluator.allows(Lt(same.lhs, same.rhs, evaluate=False))
    assert evaluator.holds(exp(a) > 1 + a)
    assert not evaluator.allows(Eq(exp(a), 1 + a))


def test_conditions_on_all_entries_try_every_index():
    """One pair of entries that fails is enough, wherever it stands."""
    ordered = Every(Le(x[i] * KroneckerDelta(i, j), 3, evaluate=False))
    assert at((1, 2, 3)).holds(ordered)
    for entries in ((4, 1, 2), (1, 4, 2), (1, 2, 4)):
        assert not at(entries).holds(ordered)


def test_borders_of_cases_have_no_derivative():
    """At the point where two cases meet, a kink, or where two arguments of a maximum are equal."""
    slopes = {
        Piecewise((a, a < 1), (2 - a, True)): (1, -1),
        Abs(a - 1): (-1, 1),
        Max(a, 1): (0, 1),
        Min(a, 2 - a): (1, -1),
    }
    for e, (before, after) in slopes.items():
        slope = Derivative(e, a, evaluate=False)
        assert at(a=Fraction(1, 2)).evaluate(slope) == before
        assert at(a=Fraction(3, 2)).evaluate(slope) == after
        with pytest.raises(Undefined):
            at(a=1).evaluate(slope)


def test_indices_are_integers_in_the_batch():
    """Half an index is none, and ``x[m + 1]`` is no entry; any other base may be indexed
    anywhere."""
    for outside in (x[m + 1], x[0], x[m / 2], u[m / 2]):
        with pytest.raises(Undefined):
            at().evaluate(outside)
    assert at().evaluate(u[m + 1]) == 2
    with pytest.raises(NotEvaluable, match="b has no value"):
        at(a=1).evaluate(a + b)
