"""Expected values: the moment rules against every outcome of a small distribution, and what is
refused."""

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sympy import Eq, Integer, KroneckerDelta, Symbol, sqrt

from bnproof.symbolic import Undecided, eps, i, k, m, mu, prove, v, x
from bnproof.symbolic.expectation import E, NormalE
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
