"""Maxima and minima by absolute values, against the greatest and the least of the numbers."""

from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Abs, Max, Min, Rational, symbols

from bnproof.symbolic.maxima import replace_maximum

NAMES = symbols("a b c d", real=True)
numbers = st.lists(
    st.builds(Rational, st.integers(-9, 9), st.integers(1, 4)), min_size=2, max_size=3
)


@given(numbers)
@settings(max_examples=12)
def test_the_value_is_the_greatest_or_the_least(values):
    """For two and three arguments, equal ones among them."""
    names = NAMES[: len(values)]
    put = dict(zip(names, values, strict=True))
    assert replace_maximum(Max(*names)).subs(put) == max(values)
    assert replace_maximum(Min(*names)).subs(put) == min(values)


def test_nothing_but_absolute_values_is_left():
    """Also of more than two arguments, and in the same form for every order of them."""
    a, b, c, _ = NAMES
    written = replace_maximum(Max(a, b, c))
    assert not written.has(Max, Min)
    assert written == replace_maximum(Max(c, a, b))


def test_the_argument_stays_where_the_corner_lies():
    """SymPy would write ``|2 a - 2 b|`` as ``2 |a - b|``; its argument vanishes at the corner."""
    a, b, *_ = NAMES
    (magnitude,) = replace_maximum(Max(2 * a, 2 * b)).atoms(Abs)
    assert magnitude.args[0] in (2 * a - 2 * b, 2 * b - 2 * a)
