"""Limits in normal form: leading coefficients, roots by their series, powers that vanish, and what
is left open."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Integer, Limit, Rational, Sum, Symbol, oo, sqrt

from bnproof.symbolic.limits import exists_near, rewrite_limit
from bnproof.symbolic.normal_form import NormalForm
from bnproof.symbolic.outcomes import Undecided
from bnproof.symbolic.reading import Near
from bnproof.symbolic.setting import eps, m, mu, v, x
from bnproof.symbolic.signsets import NONZERO, POSITIVE

a, b, t = (Symbol(name, real=True) for name in "abt")
c = Symbol("c", positive=True)
n = Symbol("n", integer=True, positive=True)
p = Symbol("p", integer=True)
small = st.integers(-5, 5)


@pytest.fixture
def form():
    """A normal form of which nothing is known."""
    return NormalForm()


def tends(form, function, variable, target, value, direction="+"):
    """Whether a limit is rewritten as a value."""
    limit = rewrite_limit(form, Limit(function, variable, target, direction))
    return form.vanishes(limit - form.normal_form(value))


@given(st.lists(small, min_size=3, max_size=3), st.lists(small, min_size=2, max_size=2), small)
@settings(max_examples=8)
def test_rational_functions_at_infinity(top, below, square):
    """The quotient of the leading coefficients, where the degrees are equal; 0 where the
    denominator has the greater one; nothing where the numerator has."""
    above = top[0] + top[1] * n + top[2] * n**2
    under = n**2 + below[0] * n + below[1] ** 2 + 30
    form = NormalForm()
    assert tends(form, above / under, n, oo, Integer(top[2]))
    assert tends(form, above / (under * n + 1), n, oo, Integer(0))
    if top[2]:
        with pytest.raises(Undecided):
            rewrite_limit(form, Limit(above * n / under, n, oo))
    # sqrt(n^2 + k n) - n: the root counts to its second term
    shift = abs(square)
    assert tends(form, sqrt(n**2 + shift * n) - n, n, oo, Rational(shift, 2))


def test_a_hole_and_a_side(form):
    """``((t + a)^3 - a^3)/t`` tends to ``3 a^2`` from both sides; ``sqrt(t^2)/t`` to 1 above and to
    -1 below and at ``-oo``, so from both sides to nothing."""
    assert tends(form, ((t + a) ** 3 - a**3) / t, t, 0, 3 * a**2, "+-")
    assert tends(form, (t**2 - 4) / (t - 2), t, 2, Integer(4), "-")
    root = sqrt(t**2, evaluate=False)
    for direction, sense in (("+", 1), ("-", -1)):
        assert tends(form, root / t, t, 0, Integer(sense), direction)
    assert tends(form, root / t, t, -oo, Integer(-1))
    with pytest.raises(Undecided):
        rewrite_limit(form, Limit(root / t, t, 0, "+-"))


def test_the_limit_of_a_root_by_its_series(form):
    """``(sqrt(c + t) - sqrt(c))/t`` tends to ``1/(2 sqrt(c))``, whatever ``c > 0`` is; the third
    coefficient of ``sqrt(1 + t)`` is 1/16."""
    cubic = (sqrt(1 + t) - 1 - t / 2 + t**2 / 8) / t**3
    assert tends(form, cubic, t, 0, Rational(1, 16), "+-")
    assert tends(form, (sqrt(c + t) - sqrt(c)) / t, t, 0, 1 / (2 * sqrt(c)))


def test_statistics_do_not_depend_on_the_variable(form):
    """``mu n/(n + v)`` tends to ``mu``, and the variable is gone; without ``eps`` the root of a
    variance may tend to 0."""
    form.signs.learn(form.normal_form(v), POSITIVE)
    limit = rewrite_limit(form, Limit(mu * n / (n + v), n, oo))
    assert form.vanishes(limit - form.normal_form(mu))
    assert not any(form.depends(place, n) for place in limit.list_places())
    assert tends(form, eps / (eps + v), eps, 0, Integer(0))
    with pytest.raises(Undecided, match="a sum or a power in it depends on"):
        rewrite_limit(form, Limit(Sum(1 / (x[p] ** 2 + n), (p, 1, m)), n, oo))


def test_a_leading_coefficient_has_to_differ_from_0(form):
    """``t/(a t + t^2)`` tends to ``1/a`` where ``a`` is known to differ from 0, and is left open
    where it may be 0."""
    with pytest.raises(Undecided):
        rewrite_limit(form, Limit(t / (a * t + t**2), t, 0))
    form.signs.learn(form.normal_form(a), NONZERO)
    assert tends(form, t / (a * t + t**2), t, 0, 1 / a)


def test_signs_are_those_near_the_target_during_the_limit_alone(form):
    """Afterwards no variable is near anything, also where the limit was refused."""
    rewrite_limit(form, Limit((t**2 + t) / t, t, 0))
    assert form.signs.near is None
    with pytest.raises(Undecided):
        rewrite_limit(form, Limit(Sum(1 / (x[p] ** 2 + n), (p, 1, m)), n, oo))
    assert form.signs.near is None


def test_powers_of_what_is_small_vanish(form):
    """``b^n + a`` tends to ``a`` for ``-1 < b < 1``, and is left open for any other ``b``."""
    with pytest.raises(Undecided, match="inside"):
        rewrite_limit(form, Limit(b**n + a, n, oo))
    form.signs.learn(form.normal_form(1 - b), POSITIVE)
    form.signs.learn(form.normal_form(1 + b), POSITIVE)
    assert tends(form, b**n + a, n, oo, a)
    assert tends(form, (b ** (n + 1) + 1) ** 2, n, oo, Integer(1))
    form.signs.learn(form.normal_form(1 - c), POSITIVE)
    for beyond in (b**n * n, 1 / (c**n + 2), c ** (1 - n), n**n):
        with pytest.raises(Undecided):
            rewrite_limit(form, Limit(beyond, n, oo))


def test_a_part_exists_near_the_target_or_not(form):
    """``1/(t - 2)`` exists near 2, from above ``sqrt(t - 2)`` too, and from below it does not."""
    parts = (1 / (t - 2), sqrt(t - 2))
    exists_near(form, Near(Limit(t, t, 2, "+"), parts), {})
    exists_near(form, Near(Limit(t, t, 2, "-"), parts[:1]), {})
    with pytest.raises(Undecided):
        exists_near(form, Near(Limit(t, t, 2, "-"), parts), {})
    with pytest.raises(Undecided):
        exists_near(form, Near(Limit(t, t, a, "+"), parts[:1]), {})
    exists_near(form, Near(Limit(t, t, a, "+"), parts[:1]), {a: Integer(2)})
