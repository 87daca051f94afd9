"""Equations among conditions: what they give a value, what they leave open, and when they
contradict each other."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Symbol, sqrt

from bnproof.symbolic.equations import Equations
from bnproof.symbolic.outcomes import Undecided
from bnproof.symbolic.signsets import NONNEGATIVE, POSITIVE

a, b, c = (Symbol(name, real=True) for name in "abc")
n = Symbol("n", integer=True)
small = st.integers(-3, 3)


@pytest.fixture
def form():
    """A ring of which nothing is known."""
    return Equations()


@given(st.tuples(small, small), st.tuples(small, small), small, small)
@settings(max_examples=25)
def test_linear_equations_are_solved_as_cramers_rule_does(first, second, at, beside):
    """Of all lines through a common point those vanish that two equations of such lines reach:
    every one, or where the two are parallel their own alone."""
    form = Equations()
    a_, b_ = form.atom(a), form.atom(b)
    for p, q in (first, second):
        form.assume(a_ * form.number(p) + b_ * form.number(q) - form.number(p * at + q * beside))
    determinant = first[0] * second[1] - first[1] * second[0]
    assert not form.impossible
    for p, q in ((1, 0), (0, 1), (1, 1), (2, -3)):
        line = a_ * form.number(p) + b_ * form.number(q) - form.number(p * at + q * beside)
        ranks = [first[0] * q - first[1] * p, second[0] * q - second[1] * p]
        reached = determinant != 0 or any(
            row != (0, 0) and rank == 0 for row, rank in zip((first, second), ranks, strict=True)
        )
        assert form.vanishes(line) == reached


def test_parallel_equations_contradict_each_other(form):
    """``a + b = 1`` and ``2 a + 2 b = 3`` hold nowhere."""
    total = form.atom(a) + form.atom(b)
    form.assume(total - form.number(1))
    form.assume(total + total - form.number(3))
    assert form.impossible


def test_a_sum_of_squares_vanishes_term_by_term(form):
    """``a^2 + 2 b^2 = 0`` gives both values; ``a^2 - b^2 = 0`` gives neither, and makes ``a^4``
    equal to ``b^4``."""
    a_, b_, c_ = (form.atom(symbol) for symbol in (a, b, c))
    form.assume(a_ * a_ + b_ * b_ * form.number(2))
    assert form.vanishes(a_)
    assert form.vanishes(b_)
    other = Equations()
    a_, b_, c_ = (other.atom(symbol) for symbol in (a, b, c))
    other.assume(a_ * a_ - b_ * b_)
    assert other.vanishes(c_ * (a_**4 - b_**4))
    assert not any(other.vanishes(one) for one in (a_, a_ - b_, a_ + b_, a_**3 - b_**3))


def test_factors_that_cannot_vanish_are_dropped(form):
    """``a (b - 1) = 0`` with ``a > 0`` gives ``b = 1``; with ``b > 1`` as well no point is left."""
    a_, b_ = form.atom(a), form.atom(b)
    form.signs.learn(a_, POSITIVE)
    fork = form.fork()
    form.assume(a_ * (b_ - form.number(1)))
    assert form.vanishes(b_ - form.number(1))
    assert not form.vanishes(a_)
    fork.signs.learn(fork.atom(b) - fork.number(1), POSITIVE)
    fork.assume(fork.atom(a) * (fork.atom(b) - fork.number(1)))
    assert fork.impossible


def test_an_integer_keeps_its_name(form):
    """``2 n = a`` does not give n a value, ``2 n = 6`` does, and ``2 n = 5`` holds nowhere."""
    twice = form.atom(n) * form.number(2)
    equation = (twice - form.atom(a)).top
    assert not form.solve(equation, form.ring.place(n))
    assert form.solve(equation, form.ring.place(a))
    assert form.vanishes(form.atom(a) - twice)
    for value, impossible in ((6, False), (5, True)):
        other = Equations()
        other.assume(other.atom(n) * other.number(2) - other.number(value))
        assert other.impossible == impossible
    assert other.resolve_place(other.ring.place(n)).constant is None


def test_a_coefficient_that_may_vanish_solves_nothing(form):
    """``c a = b`` gives ``a = b/c`` once ``c > 0`` is known, and the value takes part in later
    ones."""
    a_, b_, c_ = (form.atom(symbol) for symbol in (a, b, c))
    equation, place = (c_ * a_ - b_).top, form.ring.place(a)
    assert not form.solve(equation, place)
    form.signs.learn(c_, POSITIVE)
    assert form.solve(equation, place)
    form.set(form.ring.place(b), form.number(2) * c_)
    assert form.solved[place].constant == 2


def test_a_root_that_gets_a_value_has_to_square_to_its_base(form):
    """``sqrt(a) = b`` gives ``a = b^2``."""
    a_, b_ = form.atom(a), form.atom(b)
    root = form.ring.place(sqrt(a), NONNEGATIVE)
    form.ring.relations[root] = form.ring.lift(a_.top)
    form.assume(form.resolve_place(root) - b_)
    assert form.vanishes(form.atom(a) - b_ * b_)
    assert not form.vanishes(form.atom(a) - b_)


def test_a_fork_keeps_what_it_learns(form):
    """Values, identities and generators of the copy do not reach the original, which it starts
    from."""
    a_, b_ = form.atom(a), form.atom(b)
    form.assume(a_ - b_)
    fork = form.fork()
    fork.assume(fork.adopt(b_) - fork.number(2))
    fork.keep_identity(fork.atom(c) * fork.atom(c) - fork.number(3))
    assert fork.vanishes(fork.adopt(a_) - fork.number(2))
    assert fork.vanishes(fork.atom(c) ** 4 - fork.number(9))
    assert not form.vanishes(b_ - form.number(2))
    assert not form.vanishes(form.atom(c) ** 4 - form.number(9))
    assert form.vanishes(a_ - b_)


def test_a_divisor_is_known_to_differ_from_0(form):
    """It comes back once it is; a denominator that a value makes 0 is named."""
    a_ = form.atom(a)
    with pytest.raises(Undecided, match="division by a, which the conditions allow to be 0"):
        form.check_divisor(a_, a)
    form.signs.learn(a_, POSITIVE)
    assert form.check_divisor(a_, a) is a_
    quotient = form.number(1) * (form.atom(b) - a_).inverse()
    form.set(form.ring.place(b), form.atom(a))
    with pytest.raises(Undecided, match="which is 0"):
        form.substitute_solved(quotient)
    form.set(form.ring.place(a), form.number(1))
    assert form.substitute_solved(a_.inverse()).constant == 1
