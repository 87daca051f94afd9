"""Lowering: what was proved is what is executed, on floats, rationals and balls."""

from fractions import Fraction

import numpy as np
import pytest
from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st
from sympy import Abs, Derivative, KroneckerDelta, Rational, Sum, sign

from bnproof.lowering.numbers import Balls, Floats, Rationals, ball, precision
from bnproof.lowering.program import NotLowered, lower
from bnproof.symbolic import eps, g, gamma, i, j, k, m, mu, s, v, x, xhat, y
from bnproof.symbolic.exact import Evaluator
from bnproof.symbolic.frames import Point
from bnproof.theorems import closed_forms

FORMULAS = {
    "y": (y(i), (i,)),
    "dx": (closed_forms.dx(k), (k,)),
    "dgamma": (closed_forms.dgamma, ()),
    "infer_y": (closed_forms.infer_y(i), (i,)),
    "Jacobian": (gamma / s * (KroneckerDelta(i, k) - 1 / m - xhat(i) * xhat(k) / m), (i, k)),
}
small = st.integers(-6, 6).map(lambda n: Fraction(n, 2))


def exactly(number):
    """A fraction as the exact evaluator's rational."""
    return fmpq(number.numerator, number.denominator)


def evaluate(expression, free, entries, scalars):
    """The formula by the prover's own exact evaluator, index by index."""
    size = len(entries["x"])
    table = {
        base: {(p + 1,): exactly(q) for p, q in enumerate(entries[str(base)])} for base in (x, g)
    }
    values = {**scalars, m: fmpq(size)}
    if not free:
        return Evaluator(Point(values, None, table)).evaluate(expression)
    return [
        evaluate(expression, free[1:], entries, {**values, free[0]: fmpq(p)})
        for p in range(1, size + 1)
    ]


@pytest.mark.parametrize(("expression", "free"), FORMULAS.values(), ids=FORMULAS)
@given(st.data())
def test_balls_contain_the_exact_value(expression, free, data):
    """The lowered formula in balls encloses what the exact evaluator finds, entry by entry."""
    size = data.draw(st.integers(2, 4))
    entries = {
        name: data.draw(st.lists(small, min_size=size, max_size=size)) for name in ("x", "g")
    }
    numbers = {
        "gamma": Fraction(-3, 2),
        "beta": Fraction(1, 3),
        "eps": Fraction(1, 4),
        "mu_r": Fraction(2),
        "v_r": Fraction(5),
    }
    symbols = {
        closed_forms.mu_r: "mu_r",
        closed_forms.v_r: "v_r",
        gamma: "gamma",
        eps: "eps",
        closed_forms.beta: "beta",
    }
    exact = np.array(
        evaluate(expression, free, entries, {s_: exactly(numbers[n]) for s_, n in symbols.items()}),
        dtype=object,
    )
    balls = Balls()
    arrays = {
        name: balls.array(np.array(column, dtype=object)[:, None])
        for name, column in entries.items()
    }
    with precision(200):
        got = lower(expression, *free)(
            balls, arrays | {name: ball(value) for name, value in numbers.items()}
        )
        for enclosure, truth in zip(np.ravel(got), np.ravel(exact), strict=True):
            terms = {1: truth} if isinstance(truth, fmpq) else truth.terms
            value = sum(
                (ball(Fraction(int(q.p), int(q.q))) * ball(d).sqrt() for d, q in terms.items()),
                ball(0),
            )
            assert enclosure.overlaps(value)
            assert enclosure.rad() < ball(Fraction(1, 2**150))


def test_floats_and_rationals_agree():
    """The same program on three kinds of numbers gives one value (eps makes s rational here)."""
    program = lower(y(i), i)
    column = np.array([[1], [3]])
    rational = Rationals()
    exact = program(
        rational,
        {
            "x": rational.array(column),
            "gamma": Fraction(2),
            "beta": Fraction(1),
            "eps": Fraction(9, 16),
        },
    )
    floats = program(
        Floats(), {"x": column.astype(float), "gamma": 2.0, "beta": 1.0, "eps": 9 / 16}
    )
    assert list(exact[:, 0]) == [Fraction(-3, 5), Fraction(13, 5)]
    np.testing.assert_array_max_ulp(floats[:, 0], np.array([-0.6, 2.6]), 4)


def test_channels_ride_along():
    """Two features in one call equal two calls."""
    data = np.random.default_rng(0).normal(size=(5, 2))
    program = lower(v)
    both = program(Floats(), {"x": data})
    single = [program(Floats(), {"x": data[:, [channel]]})[0] for channel in range(2)]
    assert list(both) == single


def test_irrational_roots_are_refused_in_rationals():
    """Exact rationals do not round."""
    with pytest.raises(ArithmeticError, match="no rational square root"):
        lower(s)(Rationals(), {"x": Rationals().array([[0], [2], [2]]), "eps": Fraction(0)})


@pytest.mark.parametrize(
    "expression", [Derivative(mu, x[k]), Sum(x[j], (j, 1, m - 1)), x[1] ** Rational(1, 3)]
)
def test_what_has_no_array_form_is_refused(expression):
    """Derivatives, partial sums and other roots are named in the error."""
    with pytest.raises(NotLowered):
        lower(expression)


def test_a_missing_input_is_named():
    """The error says which input the formula needs."""
    with pytest.raises(KeyError, match="needs gamma"):
        lower(y(i), i)(Floats(), {"x": np.zeros((2, 1)), "eps": 1.0, "beta": 0.0})


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(2, 400))
def test_a_float_becomes_exactly_itself(value, bits):
    """At any precision, as a fraction does: no radius, the same number."""
    with precision(bits):
        found = ball(value)
    assert found.is_exact()
    assert Fraction(int(found.man_exp()[0])) * Fraction(2) ** int(found.man_exp()[1]) == Fraction(
        value
    )


HAND = {
    "order of axes": (x[i] * g[k], (k, i), lambda a, b: np.outer(b, a)),
    "two sums": (Sum(x[i] * x[j] * g[j], (i, 1, m), (j, 1, m)), (), lambda a, b: a.sum() * a @ b),
    "without the index": (Sum(g[k], (i, 1, m)), (k,), lambda a, b: len(a) * b),
    "of a constant": (Sum(3, (i, 1, m)), (), lambda a, b: 3 * len(a)),
    "delta": (x[i] * KroneckerDelta(i, k), (i, k), lambda a, b: np.diag(a)),
    "powers": (x[i] ** 3 / g[i] ** 2, (i,), lambda a, b: a**3 / b**2),
    "roots": ((x[i] ** 2) ** Rational(-3, 2), (i,), lambda a, b: np.abs(a) ** -3.0),
    "signs": (Abs(x[i]) * sign(g[i]), (i,), lambda a, b: np.abs(a) * np.sign(b)),
    "diagonal": (x[i] * g[i] - x[i] * Sum(g[i], (i, 1, m)), (i,), lambda a, b: a * b - a * b.sum()),
}


@pytest.mark.parametrize(("expression", "free", "by_hand"), HAND.values(), ids=HAND)
def test_formulas_by_hand(expression, free, by_hand):
    """Powers of two, so that every operation is exact: axes in the order asked for, sums over their
    own index, and indices that do not occur."""
    a, b = np.array([1.0, -2.0, 4.0]), np.array([2.0, -1.0, 0.5])
    found = lower(expression, *free)(Floats(), {"x": a[:, None], "g": b[:, None]})
    expected = np.asarray(by_hand(a, b))
    # the last axis is that of the channels, which a number has not
    values = np.asarray(found)[..., 0] if np.ndim(found) else np.asarray(found)
    assert np.array_equal(values, expected)


def test_equal_subexpressions_are_computed_once():
    """The mean inside of the variance, once for both of its places; the same expression gives the
    same program."""
    program = lower(v + mu**2)
    assert lower(v + mu**2) is program
    assert [step.operation for step in program.instructions].count("sum") == 2
    assert program.inputs == {"x"}


def test_a_free_index_has_to_be_listed():
    """The error names it."""
    with pytest.raises(NotLowered, match="further free indices"):
        lower(x[i] * g[k], i)
