"""Each condition left out in turn: what speaks for it, and that nothing speaks for one that is
idle."""

import pytest
from sympy import symbols

from bnproof.symbolic.outcomes import Counterexample
from bnproof.symbolic.setting import gamma, m, v
from bnproof.theorems.book import Ge, Le, Ne
from bnproof.theorems.conditions import Needed, find_needed

a, b, c, d = symbols("a b c d", real=True)


def test_the_other_conditions_are_kept():
    """A product of four numbers that are all >= 0 but one is negative only through that one."""
    factors = (a, b, c, d)
    needed = find_needed(Ge(a * b * c * d, 0), tuple(Ge(one, 0) for one in factors))
    assert [one.condition for one in needed] == [Ge(one, 0) for one in factors]
    for left_out, one in zip("abcd", needed, strict=True):
        values = one.without.values
        assert {name for name, value in values.items() if value < 0} == {left_out}
        assert one.without.lhs == values["a"] * values["b"] * values["c"] * values["d"]


@pytest.mark.parametrize(
    ("statement", "size"), [(Ge(m, 2), 1), (Ge(m, 3), 2), (Le(m, 3), 4), (Le(m, 4), 5)]
)
def test_batches_of_one_to_five_values_are_searched(statement, size):
    """Two values come before one value, where both would do."""
    (needed,) = find_needed(statement, (statement,))
    assert needed.without == Counterexample(size, {}, size, statement.rhs)


def test_a_condition_may_keep_the_statement_from_having_no_value():
    """The point where it has none is told, as is the one where it is false."""
    undefined, false = find_needed(Ge(a * gamma / gamma**2, a / gamma - b), (Ne(gamma, 0), b >= 0))
    assert undefined.shown
    assert false.shown
    assert str(undefined).startswith("undefined: division by zero at m = ")
    assert "gamma = 0" in str(undefined)
    assert str(false) == f"false at {false.without}"
    assert false.without.values["b"] < 0 != false.without.values["gamma"]
    # Equal values have no variance to divide by.
    (spread,) = find_needed(Ge(1 / v, 0), (v > 0,))
    assert str(spread).startswith("undefined: division by zero at m = ")


@pytest.mark.parametrize("others", [(Ge(a, 0),), (Ge(a, 1),), (Ge(a - b, 0), Ge(b, 1))])
def test_a_condition_that_follows_from_others_is_idle(others):
    """So is each of two equal ones, since the other one is still there."""
    first, *_ = find_needed(Ge(a, 0), (Ge(a, 0), *others))
    assert first == Needed(Ge(a, 0), "")
    assert not first.shown
    assert str(first) == "nothing was found that speaks for it"


def test_idle_conditions_stay_in_their_place():
    """Between two that are needed; and without conditions there is nothing to tell."""
    needed = find_needed(Ge(a * c, 0), (Ge(a, 0), Le(b, 7), Ge(c, 0)))
    assert [one.shown for one in needed] == [True, False, True]
    assert find_needed(Ge(a**2, 0), ()) == ()
