"""Derivatives and expected values in exact evaluation, against SymPy's own derivatives and moments
known by hand."""

import pytest
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Derivative, IndexedBase, Integer, Sum, Symbol, sqrt

from bnproof.symbolic.exact import Evaluator
from bnproof.symbolic.exact_moves import MOST_OUTCOMES, list_variables
from bnproof.symbolic.expectation import E, NormalE
from bnproof.symbolic.frames import NotEvaluable, Point, Undefined
from bnproof.symbolic.setting import i, m, mu, v, x
from bnproof.symbolic.symbols import LARGEST_ORDER

a, b = Symbol("a", real=True), Symbol("b", real=True)
p = Symbol("p", integer=True)
small = st.integers(-4, 4)


def at(entries=(1, 2, 4), **scalars):
    """A point with these entries and real scalars."""
    values = {Symbol(name, real=True): fmpq(value) for name, value in scalars.items()}
    return Point({m: fmpq(len(entries)), **values}, lambda base, index: fmpq(entries[index[0] - 1]))


@given(st.lists(st.tuples(small, st.integers(0, 3), st.integers(0, 3)), max_size=3), small, small)
@settings(max_examples=25)
def test_mixed_derivatives_are_those_of_sympy(terms, first, second):
    """Every mixed derivative of a polynomial has the value that SymPy's rules give it."""
    polynomial = sum((c * a**k * b**n for c, k, n in terms), a * b)
    evaluator = Evaluator(at(a=first, b=second))
    for variables in ((a,), (a, b), (b, a), (a, a), (a, b, b)):
        expected = polynomial.diff(*variables).subs({a: first, b: second})
        assert evaluator.evaluate(Derivative(polynomial, *variables, evaluate=False)) == int(
            expected
        )


@given(st.lists(small, min_size=1, max_size=4))
@settings(max_examples=25)
def test_entries_with_computed_indices(entries):
    """``sum_p p dv/dx[m + 1 - p]`` has ``2 (x - mu)/m`` in each term, by the index of the entry."""
    size = len(entries)
    gradient = Sum(p * Derivative(v, x[m + 1 - p], evaluate=False), (p, 1, m))
    scaled = sum(
        row * 2 * (size * entries[size - row] - sum(entries)) for row in range(1, size + 1)
    )
    assert Evaluator(at(entries)).evaluate(gradient) == fmpq(scaled, size**2)


def test_the_point_is_where_it_was():
    """After a derivative its coordinates are numbers again."""
    point = at(a=2)
    evaluator = Evaluator(point)
    assert evaluator.evaluate(Derivative(a**2 * x[1], a, evaluate=False)) == 4
    assert evaluator.evaluate(Derivative(a**2 * x[1] ** 3, x[1], evaluate=False)) == 12
    assert evaluator.evaluate(a + x[1]) == 3


def test_kinks_and_bound_variables_have_no_derivative():
    """A root at 0 has none, and a summation index is nothing to differentiate by."""
    with pytest.raises(Undefined, match="kink"):
        Evaluator(at(a=0)).evaluate(Derivative(sqrt(a), a, evaluate=False))
    with pytest.raises(NotEvaluable, match="the variable of a sum or limit"):
        Evaluator(at()).evaluate(Sum(Derivative(p**2, p, evaluate=False), (p, 1, 2)))


def test_a_variable_counts_as_often_as_it_is_differentiated_by():
    """Orders are written out, up to a largest one; a symbolic order is refused."""
    assert list_variables(Derivative(a**9, (a, 2), b, evaluate=False)) == [a, a, b]
    assert len(list_variables(Derivative(a**9, (a, LARGEST_ORDER), evaluate=False))) == (
        LARGEST_ORDER
    )
    for order in (LARGEST_ORDER + 1, i):
        with pytest.raises(NotEvaluable, match="of the order"):
            list_variables(Derivative(a**9, (a, order), evaluate=False))


@given(st.integers(1, 4), small, small)
@settings(max_examples=25)
def test_moments_of_a_batch(size, mean, std):
    """``E[mu^2] = M^2 + sigma^2/m`` and ``E[v] = (1 - 1/m) sigma^2``, for normal entries too, whose
    fourth moment is ``M^4 + 6 M^2 sigma^2 + 3 sigma^4``."""
    evaluator, square = Evaluator(at([9] * size)), std**2
    for expected in (E, NormalE):
        spread = fmpq(square, size)
        assert evaluator.evaluate(expected(mu**2, Integer(mean), Integer(std))) == mean**2 + spread
        assert evaluator.evaluate(expected(v, Integer(mean), Integer(std))) == square - spread
    fourth = evaluator.evaluate(NormalE(x[m] ** 4, Integer(mean), Integer(std)))
    assert fourth == mean**4 + 6 * mean**2 * square + 3 * square**2


def test_an_expected_value_is_differentiated_by_what_is_not_random():
    """``d/du_1 E[u_1 x_1] = M``: the other bases keep their entries in every outcome."""
    u = IndexedBase("u", real=True)
    slope = Derivative(E(u[1] * x[1], a, b), u[1], evaluate=False)
    assert Evaluator(at(a=7, b=2)).evaluate(slope) == 7


def test_what_an_expected_value_cannot_be():
    """A degree beyond the moments, and a batch with too many outcomes, are refused."""
    one = Integer(1)
    with pytest.raises(NotEvaluable, match="degree"):
        Evaluator(at()).evaluate(E(x[1] ** 3, one, one))
    # two outcomes an entry: one entry more than the largest batch
    largest = MOST_OUTCOMES.bit_length() - 1
    assert Evaluator(at([0] * largest)).evaluate(E(x[1] * x[2], one, one)) == 1
    with pytest.raises(NotEvaluable, match="outcomes"):
        Evaluator(at([0] * (largest + 1))).evaluate(E(x[1] * x[2], one, one))
