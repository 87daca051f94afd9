"""The bridge from the book to arrays: formulas with changed arguments on numbers, and what the book
predicts."""

from fractions import Fraction

import pytest
from sympy import Integer, Sum

from bnproof.lowering.numbers import Rationals
from bnproof.lowering.program import lower
from bnproof.symbolic.setting import beta, eps, g, gamma, i, j, k, m, mu, x, xhat, y
from bnproof.theorems import closed_forms, formulas
from bnproof.theorems.book import Assertion, Eq, Observed, Relation, Theorem, find
from bnproof.theorems.closed_forms import scale_by, shift_by
from bnproof.theorems.formulas import (
    find_free_index,
    formula,
    list_formulas,
    list_predictions,
    list_scalar_changes,
)

# The mean is 4 and the variance 9, so that s = 5.
VALUES = {"x": [1, 7], "g": [2, 7], "gamma": 10, "beta": 1, "eps": 16, "c": 5, "a": 2}
VALUES |= {"mu_r": 2, "v_r": 9}


def at(changed, index=i):
    """A formula at every index of that batch, in exact fractions."""
    exact = Rationals()
    arrays = {
        name: exact.array([[one] for one in value]) if isinstance(value, list) else Fraction(value)
        for name, value in VALUES.items()
    }
    return lower(changed(index), index)(exact, arrays)[:, 0].tolist()


CHANGED = {
    "nothing": (Observed("y"), [-5, 7]),
    "a shift": (Observed("y", x=lambda r: x[r] + shift_by), [-5, 7]),
    # The mean is 8, the variance 36, and with eps = 64 s = 10.
    "x and eps": (Observed("y", x=lambda r: scale_by * x[r], eps=scale_by**2 * eps), [-5, 7]),
    # With eps = 16 - 16 = 0 s = 3.
    "eps": (Observed("y", eps=eps - 16), [-9, 11]),
    # 3 - x is the batch 2, -4.
    "a sign": (Observed("y", x=lambda r: 3 - x[r]), [7, -5]),
    "an entry of gamma": (Observed("y", gamma=-gamma), [7, -5]),
    # mu = 4, below the sums of the other statistics as well.
    "a statistic": (Observed("y", x=lambda r: mu * x[r], eps=16 * eps), [-5, 7]),
    # The old gamma, 10, scales x to mean 40 and variance 900; with eps = 1600 s = 50.
    "x by the old gamma": (
        Observed("y", x=lambda r: gamma * x[r], gamma=Integer(1), eps=gamma**2 * eps),
        [Fraction(2, 5), Fraction(8, 5)],
    ),
    "the batch of inference": (Observed("infer_y", x=lambda r: x[r] - mu), [-9, 3]),
}


@pytest.mark.parametrize(("observed", "expected"), CHANGED.values(), ids=CHANGED)
def test_a_changed_argument_counts_wherever_it_stands(observed, expected):
    """In the entry of the output as in the sums of the statistics."""
    assert at(formula(observed)) == expected


def test_scalars_change_all_at_once():
    """gamma and beta that are exchanged are no longer equal to each other."""
    # xhat = -3/5, 3/5 times 1, and 10 added.
    swapped = at(formula(Observed("y", gamma=beta, beta=gamma)))
    assert swapped == [Fraction(47, 5), Fraction(53, 5)]


def test_a_gradient_is_that_at_the_changed_batch():
    """dx of two values is ``-+ gamma (g_2 - g_1) eps/s^3/2``, here at s = 5 and again at s = 3."""
    assert at(formula(Observed("dx")), k) == [Fraction(-16, 5), Fraction(16, 5)]
    # Values 4 and 4 have no spread, so that s^2 = eps = 9, and g stays as it is.
    constant = formula(Observed("dx", x=lambda r: x[r] - x[r] + 4, eps=Integer(9)))
    assert at(constant, k) == [Fraction(-25, 3), Fraction(25, 3)]


def test_formulas_come_in_the_order_of_the_parameters():
    """A parameter without a change of its own is the output of that name."""
    plain = Observed("y", gamma=Integer(5), beta=Integer(0))
    law = Relation(
        "three",
        "one output after the other",
        lambda infer_y, y_plain, y: Eq(infer_y(i), y_plain(i) + y(i)),
        observed={"y_plain": plain},
    )
    found = [at(one) for one in list_formulas(law)]
    assert found == [[-1, 11], [-3, 3], [-5, 7]]


def test_a_scalar_that_becomes_zero_is_changed():
    """0 is a change as any other, and the change of x is listed elsewhere."""
    observed = Observed("y", x=lambda r: 2 * x[r], beta=Integer(0), eps=4 * eps)
    assert list_scalar_changes(observed) == {"beta": 0, "eps": 4 * eps}
    assert list_scalar_changes(Observed("dx")) == {}


def test_only_assertions_that_say_so_predict(monkeypatch):
    """Each output comes with the theorem that proves its formula, from whichever it is."""
    total = Assertion("the sum", Eq(Sum(g[k], (k, 1, m)), closed_forms.dbeta), predicts="dbeta")
    output = Assertion("the output", Eq(gamma * xhat(i) + beta, y(i)), predicts="y")
    other = Assertion("another one", Eq(mu * m, Sum(x[k], (k, 1, m))))
    entries = {
        name: Theorem(name, "chapter", "", "", items)
        for name, items in (("one", (other, total)), ("none", (other,)), ("two", (output, other)))
    }
    monkeypatch.setattr(formulas, "book", lambda: entries)
    assert list_predictions() == {"dbeta": ("one", total), "y": ("two", output)}


@pytest.mark.parametrize(
    ("name", "outputs"),
    [
        ("collapse", {"y"}),
        ("gradient-x", {"dx"}),
        ("gradient-affine", {"dgamma", "dbeta"}),
        ("inference-gradient", {"infer_dx", "infer_dgamma", "infer_dbeta"}),
        ("double-backward", {"d_dy", "d_x", "d_gamma"}),
    ],
)
def test_the_free_index_is_that_of_the_predicted_formula(name, outputs):
    """And a formula for a whole channel has none."""
    claims = {one.predicts: one for one in find(name).select_items(Assertion) if one.predicts}
    assert claims.keys() == outputs
    for output, claim in claims.items():
        index = find_free_index(output)
        assert claim.statement.rhs.free_symbols & {i, j, k} == {index} - {None}
