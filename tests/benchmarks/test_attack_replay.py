"""A counterexample is read exactly, and nothing is said where it cannot be read."""

from flint import fmpq
from sympy import IndexedBase, Symbol

from bnproof.benchmarks.attack_identities import equate
from bnproof.benchmarks.attack_replay import find_objection
from bnproof.symbolic import Counterexample, eps, m, mu, v, x

a = Symbol("a")
BATCH = (fmpq(1), fmpq(3))  # mu = 2, v = 1


def test_entries_and_the_size_are_read():
    """With ``x = (1, 3)`` the mean is 2 and the variance 1, whatever eps is."""
    example = Counterexample(2, {"x": BATCH})
    assert find_objection(equate(mu, 3), (), example) == ""
    assert "is true" in find_objection(equate(mu, 2), (), example)
    assert "is true" in find_objection(equate(v, 1), (m >= 2,), example)
    assert "m = 2" in find_objection(equate(v, 1), (), example)


def test_a_condition_that_does_not_exist_is_objected_to():
    """A condition has to hold at the values, and one that is undefined there does not."""
    example = Counterexample(1, {"a": fmpq(0)})
    assert find_objection(equate(a, 1), (a >= 0,), example) == ""
    for broken in (a > 0, 1 / a > 0):
        assert str(broken) in find_objection(equate(a, 1), (broken,), example)


def test_eps_is_that_of_the_counterexample():
    """``eps = 1/4`` is read where it is given, though every point has some eps."""
    example = Counterexample(1, {"eps": fmpq(1, 4)})
    assert "is true" in find_objection(equate(4 * eps, 1), (), example)
    assert find_objection(equate(eps, 1), (), example) == ""


def test_nothing_is_said_of_what_cannot_be_read():
    """A missing value, one that is no rational, two names that print alike, two indices."""
    true = equate(a, a + 0 * x[1])
    assert "is true" in find_objection(true, (), Counterexample(1, {"a": fmpq(1)}))
    for values in ({}, {"a": "about 1"}, {"a": 1.5}):
        assert find_objection(true, (), Counterexample(1, values)) == ""
    alike = equate(a, Symbol("a", positive=True))
    assert find_objection(alike, (), Counterexample(1, {"a": fmpq(1)})) == ""
    matrix = IndexedBase("w", real=True)
    both = equate(matrix[1, 1] * 0 + matrix[1, 1], matrix[1, 1])
    assert find_objection(both, (), Counterexample(1, {"w": (fmpq(1),)})) == ""


def test_an_entry_that_is_not_listed_is_never_made_up():
    """A statement about ``w[3]`` with two entries given is left alone, neither true nor false."""
    w = IndexedBase("w", real=True)
    example = Counterexample(1, {"w": BATCH})
    assert "is true" in find_objection(equate(w[2], 3), (), example)
    assert find_objection(equate(w[3], w[3]), (), example) == ""
