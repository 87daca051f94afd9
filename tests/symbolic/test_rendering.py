"""Statements as text and LaTeX, with the statistics by name."""

import pytest
from sympy import Derivative, Eq, IndexedBase, Sum

from bnproof.symbolic import Batch, Refuted, eps, g, gamma, i, j, k, m, mu, prove, s, v, x, xhat, y
from bnproof.symbolic.rendering import latex, text


def test_statistics_are_folded_into_their_names():
    """Sums over the batch print as mu, v, s, xhat and y."""
    assert text(mu) == "mu"
    assert text(v / (v + eps)) == "v/s**2"
    assert text(gamma / s) == "gamma/s"
    assert text(xhat(i) ** 2) == "xhat[i]**2"
    assert text(Eq(y(i), y(k))) == "y[i] = beta + gamma*xhat[k]"


def test_scaled_batches_are_folded_too():
    """Constant factors leave the sums."""
    scaled = Batch(lambda r: 3 * x[r])
    assert text(scaled.variance) == "9*v"
    assert text(scaled.mean) == "3*mu"


def test_sums_and_derivatives_read_as_such():
    """A sum names its index, a derivative its variable."""
    assert text(Sum(g[j] * xhat(j), (j, 1, m))) == "sum_j g[j]*xhat[j]"
    assert text(Derivative(v, x[k])) == "d(v)/dx[k]"


def test_a_sum_over_the_differentiation_index_keeps_it():
    """The derivative by x[k] is not taken out of the sum over k."""
    assert text(Sum(Derivative(v, x[k]), (k, 1, m))) == "sum_k d(v)/dx[k]"


def test_bound_names_print_without_underscores():
    """Dummies read like the indices they stand for."""
    u = Batch(IndexedBase("u", real=True).__getitem__)
    with pytest.raises(Refuted, match=r"sum_p u\[p\]"):
        prove(Eq(mu, u.mean))


def test_an_equation_of_equal_sides_stays_an_equation():
    """Folding does not let SymPy replace an equation by true."""
    assert text(Eq(xhat(i), (x[i] - mu) / s, evaluate=False)) == "xhat[i] = xhat[i]"


def test_latex_has_no_double_subscripts():
    """Named statistics become their usual symbols."""
    assert latex(xhat(i)) == r"\hat{x}_{i}"
    assert latex(v + eps) == r"\varepsilon + v"
