"""Expected values: the moment rules against every outcome of a small distribution, and what is
refused."""

from fractions import Fraction
from itertools import product

import pytest
from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st
from sympy import Eq, IndexedBase, Integer, KroneckerDelta, Symbol, sqrt

from bnproof.symbolic import Undecided, eps, i, k, m, mu, prove, v, x
from bnproof.symbolic.expectation import E, NormalE, degree
from bnproof.symbolic.moments import moment

M, sigma = Symbol("M", real=True), Symbol("sigma", positive=True)
NODES = ((-2, Fraction(1, 5)), (Fraction(1, 2), Fraction(4, 5)))


@given(st.lists(st.integers(1, 3), min_size=1, max_size=2), st.integers(-3, 3), st.integers(1, 3))
def test_moments_up_to_degree_two(entries, mean, std):
    """``E[x_a x_b]`` by the rule is the sum over all outcomes of independent entries."""
    brute = Fraction(0)
    for outcome in product(NODES, repeat=3):
        weight, value = Fraction(1), Fraction(1)
        for _, probability in outcome:
            weight *= probability
        for entry in entries:
            value *= mean + std * outcome[entry - 1][0]
        brute += weight * value
    assert moment(tuple(map(Integer, entries)), Integer(mean), Integer(std)) == brute


def test_two_entries():
    """The covariance of two entries is sigma^2 on the diagonal alone."""
    assert prove(Eq(E(x[i] * x[k], M, sigma), M**2 + sigma**2 * KroneckerDelta(i, k))).points


@pytest.mark.parametrize(
    "expression",
    [
        E(x[i] ** 3, M, sigma),
        E(1 / x[i], M, sigma),
        E(sqrt(v + eps), M, sigma),
        NormalE(mu**6, M, sigma),
    ],
)
def test_what_has_no_rule_is_undecided(expression):
    """A degree beyond the rule, a quotient and a root are refused with a reason."""
    with pytest.raises(Undecided):
        prove(Eq(expression, m))


@pytest.mark.parametrize(("expected", "moments"), [(E, [1, 0, 1]), (NormalE, [1, 0, 1, 0, 3, 0])])
def test_outcomes_have_the_moments_of_the_distribution(expected, moments):
    """Probabilities add to 1, and every moment is right up to the largest degree."""
    degrees = range(expected.most + 1)
    found = [sum((w * node**n for node, w in expected.nodes), fmpq(0)) for n in degrees]
    assert found == moments
    assert all(weight > 0 for _, weight in expected.nodes)


def test_the_degree_of_a_polynomial_in_the_entries():
    """Degrees add in products and sums take the greatest; scalars, other bases and indices have
    none, and a quotient is no polynomial."""
    u = IndexedBase("u", real=True)
    for e, expected in (
        (x[i] * x[k] ** 2 + M, 3),
        (v * mu, 3),
        (M**5 * u[k] ** 4, 0),
        (u[k] ** 4 * x[i] / m, 1),
        (1 / x[i], None),
        (sqrt(v + eps), None),
        (abs(x[i]), None),
        (2 ** x[i], None),
    ):
        assert degree(e) == expected
