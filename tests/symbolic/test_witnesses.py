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
