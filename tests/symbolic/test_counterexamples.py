"""Points as counterexamples: which names are shown, and the sides there."""

from flint import fmpq
from sympy import Eq, Ge, IndexedBase, Symbol, exp, false, sqrt

from bnproof.symbolic import eps, m, mu, x
from bnproof.symbolic.counterexamples import describe_point
from bnproof.symbolic.frames import Point
from bnproof.symbolic.intervals import Interval
from bnproof.symbolic.reading import read

a, b = Symbol("a", real=True), Symbol("b", real=True)
u = IndexedBase("u", real=True)


def point(**scalars):
    """A batch (1, 2, 6) with a = -3, b = 5 and eps = 4; missing entries are 9."""
    known = {m: fmpq(3), a: fmpq(-3), b: fmpq(5), eps: fmpq(4)}
    entries = {x: {(n,): fmpq(e) for n, e in enumerate((1, 2, 6), 1)}}
    return Point(
        known | {Symbol(n, real=True): value for n, value in scalars.items()},
        lambda base, index: fmpq(9),
        entries,
    )


def test_what_is_mentioned_is_shown_with_both_sides():
    """Batches first, then scalars by name; b is not mentioned."""
    shown = describe_point(read(Eq(mu + a, 1), ()), point())
    assert shown.m == 3
    assert list(shown.values.items()) == [("x", (1, 2, 6)), ("a", -3)]
    assert (shown.lhs, shown.rhs) == (0, 1)


def test_the_batch_is_shown_where_eps_is():
    """``v + eps > 0`` is a condition on the batch; without eps it is left out."""
    assert set(describe_point(read(Ge(eps, a), ()), point()).values) == {"x", "a", "eps"}
    assert set(describe_point(read(Ge(b, a), ()), point()).values) == {"a", "b"}


def test_entries_that_are_missing_are_drawn():
    """A mentioned batch is complete, and conditions mention too."""
    shown = describe_point(read(Ge(a, 0), (u[1] > 0,)), point())
    assert shown.values["u"] == (9, 9, 9)


def test_an_interval_is_marked():
    """Its digits are no exact value."""
    shown = describe_point(read(Ge(exp(a), b), ()), point())
    assert str(shown.lhs).startswith("about 0.0497")
    assert shown.rhs == 5
    inexact = point(a=Interval.from_number(fmpq(1, 3)))
    assert str(describe_point(read(Ge(a, b), ()), inexact).values["a"]).startswith("about 0.333")


def test_sides_without_a_value_are_left_out():
    """A root of a negative number, a statement that is false by itself, and no relation."""
    assert describe_point(read(Ge(sqrt(a), 0, evaluate=False), ()), point()).lhs is None
    decided = describe_point(read(false, (a < 0,)), point())
    assert (decided.lhs, decided.rhs) == (False, True)
    either = describe_point(read((a > 0) | (b < 0), ()), point())
    assert (either.lhs, either.rhs, dict(either.values)) == (None, None, {"a": -3, "b": 5})
