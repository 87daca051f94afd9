"""What a sum of squares that is 0 says of its terms, and which other equations say nothing."""

import pytest
from sympy import Eq, IndexedBase, Integer, KroneckerDelta, Rational, Sum, Symbol

from bnproof.symbolic import Every, i, j, k, m, mu, v, x
from bnproof.symbolic.vanishing import average_pairs, derive_entrywise, list_vanishing_terms
from tests.symbolic.written_out import value_at

a, b = Symbol("a", real=True), Symbol("b", real=True)
c = Symbol("c", positive=True)
p = Symbol("p", integer=True, positive=True)
u = IndexedBase("u", real=True)


def equation(lhs, rhs=0):
    """An equation that SymPy leaves as it is."""
    return Eq(lhs, rhs, evaluate=False)


@pytest.mark.parametrize(
    ("condition", "entry"),
    [
        (equation(v), lambda r: x[r] - mu),
        (equation(Integer(0), v), lambda r: x[r] - mu),
        (equation(-3 * c * Sum((x[p] - a) ** 4, (p, 1, m))), lambda r: x[r] - a),
        (equation(Sum(u[p] ** 2, (p, 1, m)) / m), lambda r: u[r]),
    ],
)
def test_every_term_of_a_sum_of_squares_vanishes(condition, entry):
    """Every entry then is 0, for one index that runs over the batch."""
    (every,) = derive_entrywise(condition)
    (index,) = every.indices
    assert every.relation.rhs == 0
    assert (every.relation.lhs - entry(index)).expand() == 0


@pytest.mark.parametrize(
    "condition",
    [
        equation(Sum(x[p] ** 3, (p, 1, m))),
        equation(Sum(x[p], (p, 1, m))),
        equation(Sum(x[p] ** 2, (p, 2, m))),
        equation(Sum(x[p] ** 2, (p, 1, m - 1))),
        equation(Sum(x[p] ** 2, (p, 1, m)), 1),
        equation(a * Sum(x[p] ** 2, (p, 1, m))),
        equation(Sum(x[p] ** 2, (p, 1, m)) - a),
        equation(Sum(x[p] ** 2, (p, 1, m)) * Sum(u[p] ** 2, (p, 1, m))),
        v > 0,
    ],
)
def test_other_equations_say_nothing_of_every_entry(condition):
    """Odd powers, other ranges, another side, a factor that may be 0, and no equation."""
    assert list(derive_entrywise(condition)) == []


def test_terms_of_one_sense_vanish_one_by_one():
    """``a^2 + 2 (b - 1)^4 = 0``; not with a term of another sense, an odd power or alone."""
    assert set(list_vanishing_terms(equation(a**2 + 2 * (b - 1) ** 4))) == {a, b - 1}
    assert set(list_vanishing_terms(equation(Integer(0), a**2 + b**2 / 3))) == {a, b}
    for left, right in (
        (a**2 - b**2, 0),
        (a**2 + b**3, 0),
        (a**2 + b**2 + 1, 0),
        (a**2 + c * b**2, 0),
        (a**2 + b**2, 1),
        (a**2, 0),
    ):
        assert list(list_vanishing_terms(equation(left, right))) == []


def test_pairs_are_averaged_over_either_index():
    """``x_i = x_j`` gives ``m x_i - sum x = 0``; written out at a batch of three."""
    both = average_pairs(Every(Eq(x[i], x[j])))
    assert [len(one.indices) for one in both] == [1, 1]
    total = value_at(Sum(x[p], (p, 1, m)), 3)
    for one, sense in zip(both, (1, -1), strict=True):
        left = one.relation.lhs.xreplace({one.indices[0]: Integer(2)})
        assert value_at(left, 3) == sense * (3 * value_at(x[2], 3) - total)
        assert one.relation.rhs == 0


@pytest.mark.parametrize(
    "condition",
    [
        Every(x[i] > x[j]),
        Every(Eq(x[i], a)),
        Every(Eq(x[i] * x[j], Rational(1, 2))),
        Every(Eq(KroneckerDelta(i, j) + x[i] - x[j], 1)),
        Every(Eq(x[i] + x[j], x[k])),
    ],
)
def test_other_conditions_on_entries_stay(condition):
    """Inequalities, one index, three of them, and terms that hold both."""
    assert average_pairs(condition) == [condition]
