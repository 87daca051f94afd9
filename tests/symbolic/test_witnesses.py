"""Witnesses: a right one proves, a wrong one never does, and what it rests on is proved too."""

import pytest
from sympy import (
    Derivative,
    Eq,
    Ge,
    Gt,
    IndexedBase,
    Integer,
    KroneckerDelta,
    Le,
    Ne,
    Sum,
    Symbol,
    sign,
    sqrt,
    tanh,
)

from bnproof.symbolic import Refuted, Undecided, eps, gamma, i, j, k, m, mu, prove, s, v, x, xhat
from bnproof.symbolic.witnesses import Increasing, Induction, Lemma, Remainder

a, w = Symbol("a", nonnegative=True), Symbol("w", real=True)
W = Symbol("W", nonnegative=True)
p = Symbol("p", integer=True, nonnegative=True)
T = Symbol("T", integer=True, nonnegative=True)
t = Symbol("t", positive=True)
even = Symbol("e", even=True, nonnegative=True)
b = IndexedBase("b", real=True)
others = (1 - KroneckerDelta(j, i)) * (1 - KroneckerDelta(k, i))
room = Sum(others * (x[j] - x[k]) ** 2, (j, 1, m), (k, 1, m)) / (2 * m)
above = Lemma(Ge(w, tanh(w), evaluate=False), Increasing(w, tanh(w) ** 2))
sum_above = Lemma(Ge(w + tanh(w), 0, evaluate=False), Increasing(w, 2 - tanh(w) ** 2))

PROVED = {
    "a sum of squares": (Le((x[i] - mu) ** 2, (m - 1) * v, evaluate=False), (), Remainder(room)),
    "strict": (
        Gt(1 / s, 1 / sqrt(v + eps + 1), evaluate=False),
        (),
        Remainder(1 / (s * sqrt(v + eps + 1) * (s + sqrt(v + eps + 1)))),
    ),
    "different": (Ne(2 * gamma, gamma, evaluate=False), (Ne(gamma, 0),), Remainder(gamma)),
    "increasing": (above.statement, (w >= 0,), above.by),
    "increasing, with lemmas": (
        Le(w - tanh(w), w**3 / 3, evaluate=False),
        (w >= 0,),
        Increasing(w, (w - tanh(w)) * (w + tanh(w)), (above, sum_above)),
    ),
    "induction, an equation": (Eq(Sum(2 * j - 1, (j, 1, T)), T**2), (), Induction(T)),
    "induction, an inequality": (
        Ge(W**p, a**p, evaluate=False),
        (a <= W,),
        Induction(p, W * (W**p - a**p) + a**p * (W - a)),
    ),
}
NOT_PROVED = {
    "the remainder is the difference itself": (
        Le(xhat(i) ** 2, (m - 1) * v / s**2, evaluate=False),
        (),
        Remainder((m - 1) * v / s**2 - xhat(i) ** 2),
    ),
    "another remainder": (
        Le((x[i] - mu) ** 2, (m - 1) * v, evaluate=False),
        (),
        Remainder(room + v),
    ),
    "a remainder that can be negative": (
        Ge(w**2, w, evaluate=False),
        (w >= 1,),
        Remainder(w * (w - 2) + w),
    ),
    "strict, with a remainder that can be 0": (Gt(v + eps, eps, evaluate=False), (), Remainder(v)),
    "a remainder that divides by 0": (
        Ge(w**2 + 1, 1, evaluate=False),
        (),
        Remainder(w**3 * (1 / w + 1) - w**3),
    ),
    "a sign that is supposed, not known": (
        Ge(sign(w) * w, w, evaluate=False),
        (),
        Remainder((sign(w) - 1) * w - eps),
    ),
    "not differentiable at 0": (
        Ge(sqrt(w), 0, evaluate=False),
        (w >= 0,),
        Increasing(w, 1 / (2 * sqrt(w))),
    ),
    "a condition on the variable": (
        Ge(w**2, w, evaluate=False),
        (w >= 0, w <= t),
        Increasing(w, 2 * w - 1),
    ),
    "a false lemma": (
        Ge(w, 2 * tanh(w), evaluate=False),
        (w >= 0,),
        Increasing(
            w, 1 - 2 * (1 - tanh(w) ** 2), (Lemma(Ge(2 * tanh(w) ** 2, 1, evaluate=False)),)
        ),
    ),
    "increasing, the variable not known to be >= 0": (
        Ge(w**2 * (w + 5000), 0, evaluate=False),
        (),
        Increasing(w, 3 * w**2 + 10000 * w),
    ),
    "increasing, a division that cancels": (
        Ge(W + 1 / (w - 3), 1 / (w - 3), evaluate=False),
        (),
        Increasing(W, Integer(1)),
    ),
    "increasing, over eps": (Ge(eps, 0, evaluate=False), (), Increasing(eps, Integer(1))),
    "induction over even numbers": (
        Eq(((-1) ** even + 1) * even * (even - 2) * (even - 4), 0),
        (),
        Induction(even),
    ),
    "induction over a summation index": (Eq(Sum(T, (T, 1, m)), m * (m + 1) / 2), (), Induction(T)),
    "a derivative for a remainder": (
        Ge(2 * w, 0, evaluate=False),
        (Eq(w, 3),),
        Remainder(Derivative(w**2, w)),
    ),
    "induction over the batch size": (
        Eq(m * v, m * v + 0 * m, evaluate=False) & Eq(m**2, m),
        (),
        Induction(m),
    ),
    "induction from a false base": (Eq(Sum(2 * j - 1, (j, 1, T)), T**2 + 1), (), Induction(T)),
    "induction with a hypothesis on the index": (
        Ge(2**p, p**2, evaluate=False),
        (p >= 4,),
        Induction(p, 2**p - 2 * p - 1),
    ),
}


@pytest.mark.parametrize(("statement", "given", "by"), PROVED.values(), ids=PROVED)
def test_a_right_witness_proves(statement, given, by):
    """The inequality (or statement for every integer) is proved, and was checked at exact
    points."""
    assert prove(statement, *given, by=by).points > 0


def test_a_wrong_witness_does_not_refute():
    """The statement is true; that its witness fails is no counterexample to it."""
    with pytest.raises(Undecided, match="witness fails"):
        prove(Ge(W + 1, 0, evaluate=False), by=Increasing(W, Integer(1)))


@pytest.mark.parametrize(("statement", "given", "by"), NOT_PROVED.values(), ids=NOT_PROVED)
def test_a_wrong_witness_proves_nothing(statement, given, by):
    """Nothing comes back as a proof."""
    with pytest.raises((Undecided, Refuted)):
        prove(statement, *given, by=by)


def test_increasing_leaves_the_start_and_the_slope():
    """``f(0) = 0`` under the other conditions, ``f' >= 0`` with the lemmas for ``w >= 0``."""
    statement, others = Le(tanh(w), w, evaluate=False), (t > 1,)
    lemma = Lemma(Ge(w**2, 0, evaluate=False))
    parts = Increasing(w, tanh(w) ** 2, (lemma,)).parts(statement, (w >= 0, *others))
    assert [rule for rule, *_ in parts] == ["lemma", "at 0", "derivative"]
    (_, used, inside, none), (_, start, at_start, _), (_, rises, at_rise, by) = parts
    assert (used, none) == (lemma.statement, None)
    assert set(inside) == {*others, w >= 0}
    assert (start.lhs, start.rhs, at_start) == (0, 0, others)
    assert rises == Ge(Derivative(w - tanh(w), w), 0, evaluate=False)
    assert (set(at_rise), by) == ({*inside, lemma.statement}, Remainder(tanh(w) ** 2))


def test_induction_leaves_the_first_value_and_the_step():
    """The first value is 0 or 1 by the assumptions; the statement is a condition of the step."""
    n = Symbol("n", integer=True, positive=True)
    for index, first in ((T, 0), (n, 1)):
        statement = Ge(2**index, index, evaluate=False)
        base, step = Induction(index, 2**index - 1).parts(statement, (t > 1,))
        assert base[1:] == (Ge(2**first, first, evaluate=False), (t > 1,), None)
        assert step[1] == Ge(2 ** (index + 1), index + 1, evaluate=False)
        assert step[2:] == ((t > 1, statement), Remainder(2**index - 1))


def test_what_does_not_fit_a_method_is_left_undecided():
    """A strict inequality, a condition on the variable, and a variable of which more is known."""
    above_0 = Ge(w, 0, evaluate=False)
    for by, statement, given in (
        (Increasing(w, 1), Gt(w + 1, 1, evaluate=False), (above_0,)),
        (Increasing(w, 1), above_0, ()),
        (Increasing(w, 1), above_0, (above_0, w < 3)),
        (Increasing(t, 1), Ge(t, 0, evaluate=False), ()),
        (Induction(T), Eq(T, T, evaluate=False), (T > 3,)),
        (Induction(w), Eq(w, w, evaluate=False), ()),
        (Induction(k), Eq(k, k, evaluate=False), ()),
    ):
        with pytest.raises(Undecided):
            by.parts(statement, given)


def test_a_witness_holds_expressions():
    """A number is read as one; a text would be evaluated as code, and is refused."""
    assert Remainder(2).expression == Integer(2)
    for attempt in (lambda: Remainder("w**2"), lambda: Increasing(w, None), lambda: Induction("T")):
        with pytest.raises(TypeError):
            attempt()
