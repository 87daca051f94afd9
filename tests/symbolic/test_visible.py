"""Signs by the written form: what shows, what every case of a delta or a sign leaves, what does
not show."""

import pytest
from sympy import (
    Abs,
    IndexedBase,
    Integer,
    KroneckerDelta,
    Mul,
    Pow,
    Rational,
    Sum,
    Symbol,
    exp,
    sign,
    sqrt,
)

from bnproof.symbolic import i, j, k, m, x
from bnproof.symbolic.normal_form import NormalForm
from bnproof.symbolic.signsets import ANY, NEGATIVE, NONNEGATIVE, NONZERO, POSITIVE, ZERO
from bnproof.symbolic.visible import MOST_CHOICES, find_visible_signs

a, b = Symbol("a", real=True), Symbol("b", real=True)
c, d = Symbol("c", positive=True), Symbol("d", negative=True)
T = Symbol("T", integer=True, nonnegative=True)
p, q = Symbol("p", integer=True, positive=True), Symbol("q", integer=True, positive=True)
u = IndexedBase("u", real=True)
pairs = Sum((x[p] - x[q]) ** 2, (p, 1, m), (q, 1, m))

SHOWN = {
    "a double sum of squares": (pairs, NONNEGATIVE),
    "its opposite": (-pairs, NEGATIVE | ZERO),
    "a square and a number": ((a - b) ** 2 + 1, POSITIVE),
    "a product of two senses": (c * d * (a - b) ** 2, NEGATIVE | ZERO),
    "an odd power": (d**3, NEGATIVE),
    "a root": (sqrt(a), NONNEGATIVE),
    "the inverse of a root": (Pow(a, Rational(-1, 2)), POSITIVE),
    "an absolute value": (Abs(a - b), NONNEGATIVE),
    "an exponential": (exp(a - b), POSITIVE),
    "a sum of positive terms": (Sum(exp(u[p]), (p, 1, m)), POSITIVE),
    "one that may be empty": (Sum(exp(u[p]), (p, 1, T)), NONNEGATIVE),
    "a sum of negative terms": (Sum(d * u[p] ** 2 - 1, (p, 1, m)), NEGATIVE),
    "both senses": (c + d, ANY),
    "nothing known": (a * b, ANY),
    "a sum of anything": (Sum(u[p], (p, 1, m)), ANY),
    "a sign": (sign(a - b), ANY),
    "a sign times its argument": (sign(a) * a, NONNEGATIVE),
    "one minus a sign": (1 - sign(a), NONNEGATIVE),
    "a sign plus two": (2 + sign(a), POSITIVE),
    "a sign and another factor": (sign(a) * b, ANY),
    "a delta": ((1 - KroneckerDelta(i, j)) * (a - b) ** 2, NONNEGATIVE),
    "two deltas": (
        (1 - KroneckerDelta(i, k)) * (1 - KroneckerDelta(j, k)) + KroneckerDelta(i, k),
        NONNEGATIVE,
    ),
    "a delta and more": (KroneckerDelta(i, j) + 1, POSITIVE),
    "a delta minus more": (KroneckerDelta(i, j) - 1, NEGATIVE | ZERO),
    "a delta in a sum": (
        Sum((1 - KroneckerDelta(p, k)) * (x[p] - x[k]) ** 2, (p, 1, m)),
        NONNEGATIVE,
    ),
}


@pytest.mark.parametrize(("e", "signs"), SHOWN.values(), ids=SHOWN)
def test_what_shows(e, signs):
    """The set of signs, by hand."""
    assert find_visible_signs(NormalForm(), e) == signs


def test_conditions_count_too():
    """``a > b`` makes ``c (a - b)`` positive, and leaves ``b - 2 a`` open."""
    form = NormalForm()
    form.signs.learn(form.normal_form(a - b), POSITIVE)
    assert find_visible_signs(form, c * (a - b)) == POSITIVE
    assert find_visible_signs(form, b - 2 * a) == ANY
    form.signs.learn(form.normal_form(a), NONZERO)
    assert find_visible_signs(form, sign(a) * a) == POSITIVE


def test_what_a_sign_supposes_stays_in_its_case():
    """Reading ``sign(a) a`` supposes ``a > 0`` and ``a < 0`` in turn, and learns neither."""
    form = NormalForm()
    find_visible_signs(form, sign(a) * a)
    assert form.signs.find_signs(form.normal_form(a)) == ANY
    assert find_visible_signs(form, a) == ANY


def test_too_many_choices_are_not_told_apart():
    """The number of readings grows by a factor for each."""
    signs = [sign(Symbol(f"s{number}", real=True)) for number in range(MOST_CHOICES + 1)]
    for count, expected in ((2, POSITIVE), (MOST_CHOICES + 1, ANY)):
        total = Mul(*(2 + one for one in signs[:count])) + Integer(1)
        assert find_visible_signs(NormalForm(), total) == expected
