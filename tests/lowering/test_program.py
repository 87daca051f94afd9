"""Lowering: what was proved is what is executed, on floats, rationals and balls."""

from fractions import Fraction

import numpy as np
import pytest
from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st
from sympy import Derivative, KroneckerDelta, Rational, Sum

from bnproof.lowering.numbers import Balls, Floats, Rationals, ball, precision
from bnproof.lowering.program import NotLowered, lower
from bnproof.symbolic import eps, g, gamma, i, j, k, m, mu, s, v, x, xhat, y
from bnproof.symbolic.exact import Evaluator
from bnproof.symbolic.frames import Point
from bnproof.theorems import quantities

FORMULAS = {
    "y": (y(i), (i,)),
    "dx": (quantities.dx(k), (k,)),
    "dgamma": (quantities.dgamma, ()),
    "infer_y": (quantities.infer_y(i), (i,)),
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
        quantities.mu_r: "mu_r",
        quantities.v_r: "v_r",
        gamma: "gamma",
        eps: "eps",
        quantities.beta: "beta",
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
