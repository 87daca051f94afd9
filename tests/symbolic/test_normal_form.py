"""Derivatives, cases and existence in the normal form, and which bases are batches."""

import pytest
from sympy import (
    Abs,
    Derivative,
    Eq,
    Ge,
    IndexedBase,
    Limit,
    Max,
    Piecewise,
    S,
    Sum,
    Symbol,
    log,
    oo,
    sign,
    sqrt,
)

from bnproof.symbolic import Undecided, eps, i, j, k, m, mu, v, x
from bnproof.symbolic.expectation import E
from bnproof.symbolic.normal_form import NormalForm, find_batches
from bnproof.symbolic.reading import read
from bnproof.symbolic.signsets import NEGATIVE, NONNEGATIVE, NONZERO, POSITIVE

a, b = Symbol("a", real=True), Symbol("b", real=True)
n = Symbol("n", integer=True, positive=True)
u, w = IndexedBase("u", real=True), IndexedBase("w", real=True)


def form_where(**known):
    """A normal form in which the signs of a and b are known."""
    form = NormalForm()
    for name, signs in known.items():
        form.signs.learn(form.atom(Symbol(name, real=True)), signs)
    return form


def equal(form, first, second):
    """Whether the normal forms of two expressions are equal."""
    return form.vanishes(form.normal_form(first) - form.normal_form(second))


def test_derivatives_are_taken():
    """``d(a^3 |b|)/da = 3 a^2 |b|``, of second order ``6 a |b|``, and ``d|a|/da`` by the sign."""
    form = NormalForm()
    assert equal(form, Derivative(a**3 * Abs(b), a), 3 * a**2 * Abs(b))
    assert equal(form, Derivative(a**3 * Abs(b), (a, 2)), 6 * a * Abs(b))
    assert not equal(form, Derivative(a**3, a), a**2)
    for known, slope in ((POSITIVE, S.One), (NEGATIVE, -S.One)):
        assert equal(form_where(a=known), Derivative(Abs(a), a), slope)


@pytest.mark.parametrize(
    ("e", "mended"),
    [
        (Derivative(Abs(a), a), NONZERO),
        (Derivative(sign(a) * a, a), NONZERO),
        (Derivative(Max(a, 0), a), NONZERO),
        (Derivative(a * Max(2 * a, 0) + b, a), NONZERO),
        (Derivative(sqrt(a), a), POSITIVE),
        (Derivative(sqrt(a) ** 3, a), POSITIVE),
        (Derivative(log(a), a), POSITIVE),
        (Derivative(1 / a, a), NONZERO),
    ],
)
def test_a_derivative_needs_a_smooth_expression(e, mended):
    """At a corner or at an end of its domain there is none; a condition that keeps away from it
    mends that."""
    with pytest.raises(Undecided):
        form_where(a=NONNEGATIVE).normal_form(e)
    with pytest.raises(Undecided):
        form_where(a=NONNEGATIVE).exists(e, {})
    form = form_where(a=mended)
    form.normal_form(e)
    form.exists(e, {})


def test_derivatives_of_limits_and_expected_values_are_refused():
    """Their smoothness is not looked into."""
    t = Symbol("t", real=True)
    for inside in (Limit(a * t, t, 3), E(a * x[1], a, b)):
        with pytest.raises(Undecided):
            form_where(a=POSITIVE).exists(Derivative(inside, a), {})


def test_cases_are_decided_by_ranges_alone():
    """A condition that says that an index lies in ``1..m`` applies; any other is left open."""
    form = NormalForm()
    within = Piecewise((u[k], (k >= 1) & (k <= m)), (0, True))
    assert equal(form, within, u[k])
    with pytest.raises(Undecided, match="not decided by the conditions"):
        form.normal_form(Piecewise((u[k], k <= m - 1), (0, True)))
    with pytest.raises(Undecided, match="not decided by the conditions"):
        form_where(a=POSITIVE).normal_form(Piecewise((1, a > 0), (0, True)))


def test_entries_have_to_lie_in_their_batch():
    """``x_1``, ``x_i`` and ``x_m`` exist for every m, ``x_2`` does not; nor do those of a base
    that is indexed by ``1..m`` elsewhere."""
    form = NormalForm()
    for entry in (x[1], x[i], x[m], x[m + 1 - k], u[2], u[0]):
        form.exists(entry, {})
    form.batches = frozenset({u})
    for entry in (x[2], x[0], x[m + 1], x[i + 1], x[n], u[2]):
        with pytest.raises(Undecided, match="not known to be an entry"):
            form.exists(entry, {})
    form.signs.learn(form.atom(m) - form.number(2), NONNEGATIVE)
    form.exists(x[2], {})


def test_parts_exist_after_conditions_are_put_in():
    """``1/a`` exists for ``a = 3`` and not for ``a = b``; a sum may not run backwards."""
    form = NormalForm()
    form.exists(1 / a, {a: form.number(3).expression()})
    with pytest.raises(Undecided, match="division by b"):
        form.exists(1 / a, {a: b})
    form.exists(Sum(1, (n, 1, m - 1)), {})
    with pytest.raises(Undecided, match="may run backwards"):
        form.exists(Sum(1, (n, 2, m - 1)), {})


def test_expected_values_are_taken():
    """``E[v] = (m - 1)/m sigma^2``, and not ``sigma^2``."""
    form, sigma = NormalForm(), Symbol("sigma", positive=True)
    assert equal(form, E(v, a, sigma), (m - 1) * sigma**2 / m)
    assert not equal(form, E(v, a, sigma), sigma**2)
    with pytest.raises(Undecided):
        form.normal_form(E(x[1] / b, a, sigma))


def test_limits_are_found():
    """``v/(v + eps)`` tends to 1 as eps tends to 0 where v is positive."""
    form = NormalForm()
    form.signs.learn(form.normal_form(v), POSITIVE)
    assert form.normal_form(Limit(v / (v + eps), eps, 0, "+")).constant == 1
    assert form.normal_form(Limit((2 * n + 1) / (n + 3), n, oo)).constant == 2


def test_batches_are_bases_with_an_index_through_the_batch():
    """Of a free index or of a sum over ``1..m``; a shorter sum and two indices do not count."""
    question = read(
        Ge(
            u[j]
            + w[2]
            + Sum(IndexedBase("c", real=True)[n], (n, 1, m))
            + mu
            + Sum(IndexedBase("d", real=True)[n], (n, 1, m - 1))
            + IndexedBase("B", real=True)[i, i],
            0,
            evaluate=False,
        ),
        (Eq(a, 1),),
    )
    found = find_batches(question.present, question.ranges)
    assert {str(base) for base in found} == {"u", "c", "x"}
