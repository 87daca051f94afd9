"""Reading: bound symbols renamed apart, what has to exist, and what a question mentions."""

import pytest
from sympy import (
    Abs,
    Add,
    Derivative,
    Eq,
    Function,
    Ge,
    IndexedBase,
    Integer,
    KroneckerDelta,
    Limit,
    Matrix,
    Mul,
    Ne,
    Piecewise,
    Pow,
    Sum,
    Symbol,
    exp,
    log,
    sqrt,
    true,
)

from bnproof.symbolic import Every, Undecided, eps, i, j, k, m, x
from bnproof.symbolic.expectation import E
from bnproof.symbolic.reading import (
    Around,
    Near,
    find_numbers,
    list_expressions,
    list_free_indices,
    read,
    rename_bound,
    substitute,
)

a, b = Symbol("a", real=True), Symbol("b", real=True)
t = Symbol("t", real=True)
n = Symbol("n", integer=True)
u, B = IndexedBase("u", real=True), IndexedBase("B", real=True)


def test_bound_symbols_are_renamed_apart():
    """Two sums over j get dummies, equal sums the same one, and a free j stays as it is."""
    first, second = Sum(u[j], (j, 1, m)), Sum(u[j] * Sum(u[j], (j, 1, j)), (j, 1, m))
    renamed = rename_bound(u[j] * first).expression
    assert j in renamed.free_symbols
    assert j not in renamed.atoms(Sum).pop().atoms(Symbol)
    assert renamed == rename_bound(u[j] * Sum(u[j], (j, 1, m))).expression
    outer = rename_bound(second).expression
    inner = outer.function.atoms(Sum).pop()
    assert inner.limits[0][0] != outer.limits[0][0]
    assert inner.limits[0][2] == outer.limits[0][0]
    assert inner.function == u[inner.limits[0][0]]


def test_a_renamed_sum_has_the_same_terms():
    """Written out at m = 3 nothing has changed, whatever the names were."""
    nested = Sum(B[j, k] * Sum(u[k] + j, (k, j, m)), (j, 1, m), (k, 1, 2))
    renamed = rename_bound(nested).expression
    assert renamed != nested
    assert renamed.subs(m, 3).doit() == nested.subs(m, 3).doit()


def test_what_sympy_cancels_has_to_exist_all_the_same():
    """Divisions, roots, logarithms, entries and ranges are recorded; a total function is not."""
    cancelled = Add(1 / a, Mul(-1, 1 / a), x[5], -x[5], evaluate=False)
    parts = rename_bound(cancelled).parts
    assert rename_bound(cancelled).expression == 0
    assert set(parts) == {1 / a, x[5]}
    assert set(rename_bound(sqrt(a) + log(b)).parts) == {sqrt(a), log(b)}
    assert rename_bound(Abs(a) ** 2 + exp(b)).parts == ()
    (ones,) = rename_bound(Sum(7, (n, 1, m - 1))).parts
    assert (ones.function, ones.limits[0][1:]) == (1, (1, m - 1))
    assert rename_bound(Function("f")(a)).parts == (Function("f")(a),)
    open_cases = Piecewise((1, a > 0), evaluate=False)
    assert rename_bound(open_cases).parts == (open_cases,)
    assert rename_bound(Piecewise((1, a > 0), (2, True))).parts == ()


def test_parts_of_limits_and_derivatives_exist_nearby():
    """Near the target where they depend on the variable; around the point of a derivative."""
    limit = rename_bound(Limit(a / t + 1 / b, t, 0, "+"))
    (near,) = (part for part in limit.parts if isinstance(part, Near))
    assert 1 / b in limit.parts
    assert [part.subs(near.limit.args[1], a) for part in near.parts] == [1 / a]
    derived = rename_bound(Derivative(sqrt(a), a))
    (around,) = (part for part in derived.parts if isinstance(part, Around))
    assert (around.variables, around.parts) == ((a,), (sqrt(a),))
    assert sqrt(a) in list_expressions(derived.parts)
    assert near.limit in list_expressions(limit.parts)


def test_kinds_of_nodes_that_are_not_known_are_refused():
    """Also where SymPy would cancel them; so are expected values beyond their degree."""
    for unknown in (Mul(0, Matrix([[a]]).as_immutable(), evaluate=False), E(x[1] ** 3, a, b)):
        with pytest.raises(Undecided):
            rename_bound(unknown)


def test_numbers_are_the_free_symbols_that_are_no_names():
    """Labels of bases and bound symbols are none; a bound of a sum is outside of it."""
    assert find_numbers(u[i] + a) == {i, a}
    assert find_numbers(Sum(u[j] * b, (j, 1, j))) == {b, j}
    assert find_numbers(Sum(B[j, k], (j, 1, k), (k, 1, m))) == {m}
    assert find_numbers(Limit(a * t, t, b)) == {a, b}
    assert find_numbers(Every(Ge(x[i], a))) == {a}


def test_free_index_terms_are_listed():
    """Indices of entries and deltas without a summation index, and those that a partial
    sum leaves out."""
    e = u[i + 1] * Sum(u[n] * KroneckerDelta(n, k) * B[k, 2], (n, 1, m))
    assert set(list_free_indices(e)) == {i + 1, k, 2}
    assert set(list_free_indices(Sum(u[n], (n, 3, m - 1)))) == {1, 2, m}
    assert set(list_free_indices(Sum(u[n], (n, 2, 4)))) == {1, 2, 3, 4}


def test_a_relation_stays_one_when_something_is_put_in():
    """SymPy would decide ``1 > 0``, and print true."""
    decided = substitute(Ge(a, 0, evaluate=False), {a: Integer(1)})
    assert decided == Ge(1, 0, evaluate=False) != true
    every = substitute(Every(Ge(x[i], a)), {a: b})
    assert every == Every(Ge(x[i], b))
    assert substitute(a**2, {a: b}) == b**2


def test_a_question_says_what_it_mentions():
    """Symbols, free indices, bases and index terms, each in a fixed order."""
    plain = Symbol("c")
    question = read(Ge(plain * u[i] + B[1, k] + m, b), (Ne(a, 0), Every(x[j] > 0)))
    assert [symbol.name for symbol in question.named] == ["a", "b", "c", "i", "k"]
    assert [symbol.name for symbol in question.scalars] == ["m", "a", "b", "c", "eps", "i", "k"]
    assert question.free_indices == [i, k]
    assert [str(base) for base in question.bases] == ["B", "u", "x"]
    assert [str(base) for base in question.vectors] == ["u", "x"]
    assert question.indices == [1, i, k]
    assert question.meaning[plain].is_real
    assert plain not in question.statement.free_symbols


@pytest.mark.parametrize(
    ("nonsense", "sentence"),
    [
        ("a > b", "is a text"),
        (True, "Python bool"),
        ([Ge(a, 0)], "one by one"),
        (Symbol("P"), "is no statement"),
        (a + 1, "is no statement"),
        (Every(x[i] > 0), "no statement"),
    ],
)
def test_what_is_no_statement_is_refused_in_one_line(nonsense, sentence):
    """The sentence says what to write."""
    with pytest.raises(TypeError, match=sentence) as refused:
        read(nonsense)
    assert "\n" not in str(refused.value)


def test_conjunctions_of_conditions_are_taken_apart():
    """Each part is a condition; the statement itself stays whole."""
    question = read(Eq(a, b), ((a > 0) & (b > 0), eps > 0))
    assert set(question.conditions) == {a > 0, b > 0, eps > 0}
    assert question.statement == Eq(a, b)


def test_powers_that_always_exist_are_not_recorded():
    """``a^2`` exists everywhere, ``a^n`` and ``a^(-2)`` do not."""
    assert rename_bound(a**2).parts == ()
    for power in (a**n, a**-2):
        assert rename_bound(power).parts == (Pow(*power.args, evaluate=False),)
