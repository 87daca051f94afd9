"""Expected values as sums of deltas and moments, against every outcome of a distribution with the
same moments."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Derivative, IndexedBase, Integer, Mul, Pow, Rational, Sum, Symbol, sqrt

from bnproof.symbolic import Undecided, m, moments, mu, v, x
from bnproof.symbolic.expectation import E, NormalE
from bnproof.symbolic.moments import Term, expand_terms, moment, take_all, take_expectation
from tests.symbolic.written_out import value_at, write_out

M, sigma = Symbol("M", real=True), Symbol("sigma", positive=True)
a = Symbol("a", real=True)
p, q = Symbol("p", integer=True), Symbol("q", integer=True)
u = IndexedBase("u", real=True)
total = Sum(x[p], (p, 1, m))

factors = st.sampled_from([x[1], x[2], x[1] + a, total, Sum(u[p] * x[p], (p, 1, m)), u[1], a])
polynomials = st.lists(factors, min_size=1, max_size=3).map(
    lambda chosen: Mul(*chosen, evaluate=False)
)


def gauss_hermite(f, size, mean, std):
    """``E[f]`` for normal entries by the three nodes 0, +-sqrt 3, exact up to degree five."""
    result = Integer(0)
    for outcome in product(
        ((0, Rational(2, 3)), (1, Rational(1, 6)), (-1, Rational(1, 6))), repeat=size
    ):
        put = {x[place]: mean + std * sqrt(3) * node for place, (node, _) in enumerate(outcome, 1)}
        result += Mul(*(weight for _, weight in outcome)) * f.xreplace(put)
    return result.expand()


@given(polynomials)
@settings(max_examples=15)
def test_a_polynomial_is_the_sum_of_its_terms(f):
    """Written out at ``m = 3`` the terms have the value of the polynomial."""
    terms = [
        Sum(one.coefficient * Mul(*(x[e] for e in one.entries)), *one.ranges)
        if one.ranges
        else one.coefficient * Mul(*(x[e] for e in one.entries))
        for one in expand_terms(f)
    ]
    assert sum(value_at(one, 3, a=5) for one in terms) == value_at(f, 3, a=5)


@pytest.mark.parametrize(
    "f",
    [mu, v, mu**2, x[1] * x[2] * mu, x[1] ** 2 * x[2] ** 2, mu**3 * x[1], (x[1] - mu) ** 3 * x[2]],
)
def test_expected_values_agree_with_every_outcome(f):
    """For two entries with mean 2 and standard deviation 3, up to degree five."""
    taken = take_expectation(NormalE(f, Integer(2), Integer(3)))
    assert not taken.has(x)
    written = write_out(taken, 2).doit()
    assert written == gauss_hermite(write_out(f, 2), 2, 2, 3)


@pytest.mark.parametrize(("count", "central"), [(1, 0), (2, 1), (3, 0), (4, 3), (5, 0)])
def test_moments_of_one_entry(count, central):
    """``E[x_1^n]`` is 0, 1, 0, 3, 0 for the standard normal distribution, and M for one entry."""
    assert moment((Integer(1),) * count, Integer(0), Integer(1)) == central
    assert moment((Integer(1),), M, sigma) == M
    assert moment((), M, sigma) == 1


def test_the_sum_of_a_square_runs_over_two_indices():
    """``(sum_j x_j)^2`` is no sum of squares: each factor gets an index of its own."""
    (term,) = expand_terms(total**2)
    assert len(set(term.entries)) == len(term.ranges) == 2
    variance = write_out(take_expectation(E(total**2, Integer(0), sigma)), 3).doit()
    assert variance == 3 * sigma**2


def test_degrees_beyond_the_rule_are_refused():
    """``E`` presumes no more than the covariance, ``NormalE`` goes to five."""
    take_expectation(E(x[1] * x[2], M, sigma))
    take_expectation(NormalE(x[1] ** 5, M, sigma))
    for beyond in (E(x[1] * v, M, sigma), NormalE(x[1] ** 6, M, sigma)):
        with pytest.raises(Undecided, match="of degree"):
            take_expectation(beyond)


def test_what_is_no_polynomial_in_the_entries_is_refused(monkeypatch):
    """A quotient, a root, a random bound; and more terms than the limit."""
    for f in (1 / x[1], sqrt(x[1]), Sum(u[p], (p, 1, x[1])), Pow(x[1], a)):
        with pytest.raises(Undecided, match="no polynomial"):
            expand_terms(f)
    assert expand_terms(1 / a) == [Term(1 / a)]
    monkeypatch.setattr(moments, "MOST_TERMS", 8)
    expand_terms((x[1] + a) ** 3)
    with pytest.raises(Undecided, match="more than 8 terms"):
        expand_terms((x[1] + a) ** 4)


def test_derivatives_are_taken_before_expected_values():
    """``E[d(a x_1)^2/da] = 2 a E[x_1^2]``; values put in afterwards are no constants."""
    taken = take_all(E(Derivative((a * x[1]) ** 2, a), M, sigma))
    assert (taken - 2 * a * (M**2 + sigma**2)).expand() == 0
    assert take_all(Derivative(a**3, a)).subs(a, 2) == 12
