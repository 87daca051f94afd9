"""The evaluator of the attack: exact where it can be, and unknown or undefined where not."""

import pytest
from flint import arb, ctx, fmpq
from sympy import (
    Eq,
    Function,
    Ge,
    Gt,
    Not,
    Piecewise,
    Rational,
    Sum,
    Symbol,
    cos,
    log,
    sqrt,
    tanh,
    true,
)

from bnproof.benchmarks import attack_evaluator
from bnproof.benchmarks.attack_calculus import BoundNames, DrawnPoint
from bnproof.benchmarks.attack_evaluator import AttackEvaluator, judge_statement
from bnproof.benchmarks.attack_identities import equate
from bnproof.benchmarks.attack_numbers import NoValue, Unknown
from bnproof.symbolic import i, j, k, m, x

a, b = Symbol("a"), Symbol("b")


def point(at=0, other=0):
    """A batch of four zeros, ``a`` and ``b``."""
    scalars = {m: fmpq(4), i: fmpq(1), k: fmpq(2), a: fmpq(at), b: fmpq(other)}
    return DrawnPoint(scalars, {(x, (p,)): fmpq(0) for p in range(1, 5)}, lambda place: fmpq(0))


def evaluate(e, at=0, other=0):
    """The value of an expression at such a point."""
    return AttackEvaluator(point(at, other)).evaluate(e, BoundNames())


def test_powers_are_exact_where_they_can_be():
    """Whole and half exponents of rationals, 1 to any power, and 0 to a positive power."""
    assert evaluate(a**-3, fmpq(-2, 3)) == fmpq(-27, 8)
    assert evaluate(a ** Rational(3, 2), fmpq(4, 9)) == fmpq(8, 27)
    assert evaluate(a**b, 1, fmpq(1, 7)) == 1
    assert evaluate(a**b, 0, fmpq(1, 7)) == 0
    cube_root = evaluate(a ** Rational(1, 3), 27)
    assert isinstance(cube_root, arb)
    assert cube_root.contains(3)
    with pytest.raises(NoValue):
        evaluate(a**b, -1, fmpq(1, 7))


def test_a_hyperbolic_tangent_lies_between_its_bounds():
    """``tanh(log 3) = (9 - 1)/(9 + 1) = 4/5``, and ``tanh 0`` is 0."""
    assert evaluate(tanh(log(a)), 3).contains(fmpq(4, 5))
    assert evaluate(tanh(a), 0) == 0


def test_the_first_true_branch_counts_and_later_ones_need_not_exist():
    """``1/a`` behind a true branch is not looked at; a condition before it has to exist."""
    cases = Piecewise((5, a >= 0), (1 / a, True), evaluate=False)
    assert evaluate(cases, 0) == 5
    assert evaluate(cases, -2) == fmpq(-1, 2)
    with pytest.raises(NoValue):
        evaluate(Piecewise((1, 1 / a > 0), (2, True), evaluate=False), 0)


def test_what_is_not_known_here_is_unknown_and_never_false():
    """A cosine, an unknown function and a name without a value."""
    for e in (cos(a), Function("f")(a), Symbol("unheard")):
        with pytest.raises(Unknown):
            evaluate(e)
        assert judge_statement(equate(e, 0), point()) == "unknown"


def test_a_sum_of_too_many_terms_is_not_begun(monkeypatch):
    """The limit counts over nested sums; one term less is still added up."""
    nested = Sum(1, (j, 1, i), (i, 1, m))  # 4 outer terms and 1 + 2 + 3 + 4 inner ones
    monkeypatch.setattr(attack_evaluator, "MOST_TERMS", 14)
    assert evaluate(nested) == 10
    monkeypatch.setattr(attack_evaluator, "MOST_TERMS", 13)
    with pytest.raises(Unknown):
        evaluate(nested)


def test_a_sum_is_remembered_under_the_values_of_its_names():
    """The same inner sum inside of another has another value for every outer index."""
    inner = Sum(a * j, (j, 1, i))
    assert evaluate(Sum(inner * inner, (i, 1, m)), 2) == 4 * (1 + 9 + 36 + 100)


def test_all_parts_of_a_condition_have_to_exist():
    """What is decided already does not excuse a part that does not exist."""
    exists, broken = Gt(a, -1), Gt(1 / a, 0)
    assert judge_statement(exists | broken, point(0)) == "undefined"
    assert judge_statement(Not(broken), point(0)) == "undefined"
    assert judge_statement(exists & broken, point(2)) is True
    assert judge_statement(true, point()) is True


def test_the_precision_is_put_back(monkeypatch):
    """Whatever was found, and however many bits it took, balls outside keep theirs."""
    monkeypatch.setattr(ctx, "prec", 77)
    close = Ge(sqrt(a) * 10**40, 14142135623730950488016887242096980785696, evaluate=False)
    # sqrt(2) = 1.4142135623730950488016887242096980785696 7187..., so 64 bits leave it open
    assert judge_statement(close, point(2)) is True
    assert judge_statement(Eq(1 / a, 0), point(0)) == "undefined"
    assert ctx.prec == 77
