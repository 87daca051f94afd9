"""The names of the setting, against statistics of the standard library, and ``Every``."""

from fractions import Fraction
from statistics import mean, pvariance

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Dummy, Eq, Ge, IndexedBase, Integer, Rational, Sum, Symbol, sqrt, true

from bnproof.symbolic import Batch, Every, beta, eps, g, gamma, i, j, k, m, mu, s, v, x, xhat, y
from tests.symbolic.written_out import fraction, write_out

a = Symbol("a", real=True)
entries = st.lists(st.fractions(-9, 9, max_denominator=5), min_size=1, max_size=5)


def at(e, values, **scalars):
    """The value of an expression at a batch."""
    put = {x[place]: Rational(f.numerator, f.denominator) for place, f in enumerate(values, 1)}
    put |= {s: Rational(scalars[s.name]) for s in e.free_symbols if s.name in scalars}
    return write_out(e, len(values)).xreplace(put).doit()


@given(entries)
@settings(max_examples=25)
def test_mean_and_variance_are_those_of_the_population(values):
    """The variance is the biased one, divided by m."""
    assert fraction(at(mu, values)) == mean(values)
    assert fraction(at(v, values)) == pvariance(values)


def test_the_output_follows_algorithm_1():
    """For (1, 3, 5, 7): mu = 4, v = 5, and s = 3 with eps = 4."""
    values = [Fraction(n) for n in (1, 3, 5, 7)]
    assert at(s, values, eps=4) == 3
    assert [at(xhat(Integer(n)), values, eps=4) for n in (1, 2, 3, 4)] == [
        -1,
        Rational(-1, 3),
        Rational(1, 3),
        1,
    ]
    assert at(y(Integer(4)), values, eps=4, gamma=2, beta=-5) == -3
    assert at(s, values, eps=0) == sqrt(5)


def test_a_batch_of_other_entries():
    """Scaled entries, another size and another eps."""
    u = IndexedBase("u", real=True)
    own = Batch(lambda r: 2 * u[r] + a, Integer(2), Integer(0))
    assert write_out(own.mean).expand() == u[1] + u[2] + a
    assert write_out(own.variance - (u[1] - u[2]) ** 2).expand() == 0
    assert own.y(k, gamma=1, beta=0) == own.xhat(k) == (own.entry(k) - own.mean) / own.std
    assert not own.std.has(eps)


def test_no_name_is_captured():
    """The statistics of x hold no free index, and a sum over any of them leaves them alone."""
    for statistic in (mu, v, s):
        assert statistic.atoms(Symbol).isdisjoint({i, j, k})
        bound = {index for total in statistic.atoms(Sum) for index in total.variables}
        assert all(isinstance(index, Dummy) for index in bound)
        assert bound


def test_what_is_assumed():
    """Sizes and indices are positive integers, eps is not negative, all others are real."""
    assert all(symbol.is_integer and symbol.is_positive for symbol in (m, i, j, k))
    assert eps.is_nonnegative
    assert eps.is_positive is None
    for e in (gamma, beta, x[i], g[i]):
        assert e.is_real
        assert e.is_nonnegative is None


def test_every_runs_over_the_free_indices_that_occur():
    """Or over those that are handed over."""
    assert Every(x[i] > x[k]).indices == (i, k)
    assert Every(x[i] > 0).relation == (x[i] > 0)
    other = Symbol("p", integer=True)
    assert Every(x[other] + x[i] > 0, other).indices == (other,)


@pytest.mark.parametrize(
    ("attempt", "error"),
    [
        (lambda: Every(x[i]), TypeError),
        (lambda: Every(true), TypeError),
        (lambda: Every(Ge(x[1], a)), ValueError),
        (lambda: Every(x[i] > 0, m), TypeError),
        (lambda: Every(x[i] > a, a), TypeError),
        (lambda: Every(Eq(x[i], 0), 1), TypeError),
    ],
)
def test_what_is_no_condition_on_all_entries_is_refused(attempt, error):
    """In one line."""
    with pytest.raises(error) as refused:
        attempt()
    assert "\n" not in str(refused.value)
