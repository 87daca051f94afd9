"""Bounds of the double backward: sums and products of ingredients, and real arithmetic inside."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp

from bnproof.certify.bounds import ExactBatch, NoBound, Precision, inverse_std
from bnproof.certify.double_bounds import Ingredient, double_backward
from tests.certify.exactly import exact, moments

SINGLE, EPS = Precision.from_dtype(np.float32), 1e-3
WHOLE = st.integers(-20, 20)


def ingredient(terms, errors):
    """What a sum of exact terms has, computed with these errors in single terms."""
    return Ingredient(np.array(float(sum(map(abs, terms)))), np.array(float(sum(map(abs, errors)))))


@given(*4 * [st.lists(WHOLE, min_size=3, max_size=3)])
def test_errors_of_sums_and_products_are_within_those_of_ingredients(a, of_a, b, of_b):
    """Whole numbers, so that everything is exact: the computed value differs from the true one by
    at most the error, and its true value by at most the magnitude from 0."""
    left, right = ingredient(a, of_a), ingredient(b, of_b)
    (true_a, got_a), (true_b, got_b) = (
        (sum(t), sum(t) + sum(e)) for t, e in ((a, of_a), (b, of_b))
    )
    for made, true, got in (
        (left + right, true_a + true_b, got_a + got_b),
        (left * right, true_a * true_b, got_a * got_b),
    ):
        assert abs(true) <= made.magnitude
        assert abs(got - true) <= made.error


@given(
    st.lists(st.floats(-100, 100, width=32), min_size=2, max_size=40), st.permutations(range(40))
)
def test_a_mean_in_any_order_is_within_its_error(values, order):
    """Float32 sums of exact values, one after the other in a random order."""
    made = Ingredient(np.abs(np.array(values))[:, None], np.zeros((len(values), 1))).mean(SINGLE)
    total = np.float32(0)
    for n in order:
        if n < len(values):
            total += np.float32(values[n])
    got = Fraction(float(total / np.float32(len(values))))
    true = sum(map(Fraction, values)) / len(values)
    assert abs(got - true) <= Fraction(float(made.error[0]))


def differentiate(x, g, h, gamma, eps, root):
    """``d_dy``, ``d_x`` and ``d_gamma`` by the closed form, in whatever numbers are given."""
    m = len(x)
    mean = lambda values: sum(values) / m  # noqa: E731
    mu = mean(x)
    s = root(mean([(value - mu) * (value - mu) for value in x]) + eps)
    xhat = [(value - mu) / s for value in x]
    c, d = (mean([a * b for a, b in zip(up, xhat, strict=True)]) for up in (g, h))
    mean_g, mean_h = mean(g), mean(h)
    g_hat = [a - mean_g - z * c for a, z in zip(g, xhat, strict=True)]
    h_hat = [a - mean_h - z * d for a, z in zip(h, xhat, strict=True)]
    joint = mean([a * b for a, b in zip(g_hat, h, strict=True)])
    d_dy = [gamma / s * value for value in h_hat]
    d_x = [
        -(gamma / s / s) * (d * a + c * b + z * joint)
        for a, b, z in zip(g_hat, h_hat, xhat, strict=True)
    ]
    return d_dy, d_x, [m * joint / s]


GAMMA = np.float32(1.5)


@pytest.mark.parametrize("offset", [0, 30])
@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_float32_stays_inside(offset, seed):
    """The closed form in float32 against 60 digits, near 0 and thirty spreads away."""
    x, g, h = draw(seed, offset)
    got = differentiate(x, g, h, GAMMA, np.float32(EPS), np.sqrt)
    for mine, true, allowed in zip(got, as_numbers(x, g, h, EPS), bound(x, g, h), strict=True):
        assert all(
            abs(mp.mpf(float(a)) - b) <= e for a, b, e in zip(mine, true, allowed, strict=True)
        )


def test_another_eps_lies_outside():
    """An eps that is a tenth too large changes each quantity by more than its bound."""
    x, g, h = draw(0, 0)
    quantities = (as_numbers(x, g, h, eps) for eps in (EPS, 1.1 * EPS))
    for true, wrong, allowed in zip(*quantities, bound(x, g, h), strict=True):
        assert all(abs(a - b) > e for a, b, e in zip(wrong, true, allowed, strict=True))


def test_a_deviation_within_its_own_bound_stays_inside():
    """``1/s`` may be off by all that :func:`inverse_std` allows, a thousand spreads away from 0,
    where that is most of the error: everything else is exact here."""
    x, g, _ = draw(0, 1000)
    h = np.zeros(8, np.float32)
    h[0] = 1
    b = batch(x)
    off = float(inverse_std(SINGLE, b).total[0])
    d_dy, _, d_gamma = as_numbers(x, g, h, EPS)
    allowed = bound(x, g, h)
    assert off > 100 * SINGLE.u
    assert all(abs(true) * off <= own for true, own in zip(d_dy, allowed[0], strict=True))
    assert abs(d_gamma[0]) * off <= allowed[2][0]


def bound(x, g, h):
    """The bounds of ``d_dy``, ``d_x`` and ``d_gamma``."""
    columns = (values[:, None].astype(float) for values in (g, h))
    found = double_backward(SINGLE, batch(x), *columns, np.array([float(GAMMA)]))
    return [one.total.reshape(-1) for one in found]


def draw(seed, offset):
    """Eight float32 values of x with a spread of 0.02, of g, and of h."""
    random = np.random.default_rng(seed)
    x = offset * 0.02 + random.normal(size=8) * 0.02
    return (np.float32(values) for values in (x, random.normal(size=8), random.normal(size=8)))


def as_numbers(x, g, h, eps):
    """The three gradients in 60 digits."""
    with mp.workdps(60):
        columns = ([mp.mpf(float(value)) for value in values] for values in (x, g, h))
        return differentiate(*columns, mp.mpf(float(GAMMA)), mp.mpf(eps), mp.sqrt)


def batch(x):
    """The exact batch, from fractions."""
    mean, variance = moments(exact(x))
    deviation = np.array([float(value - mean) for value in exact(x)])
    numbers = (np.array([float(value)]) for value in (mean, variance))
    return ExactBatch(x[:, None].astype(float), deviation[:, None], *numbers, EPS)


def test_too_many_values_have_no_bound():
    """Where ``m u >= 1`` a mean cannot be judged."""
    half = Precision(2.0**-3, 0.0, 2.0**-3, 0.0)
    with pytest.raises(NoBound):
        Ingredient(np.ones((8, 1)), np.zeros((8, 1))).mean(half)
