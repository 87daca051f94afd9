"""The other side of the growth benchmark: the setting on explicit symbols, and ways to find 0."""

import pytest
from sympy import Rational, diff, expand, simplify, sqrt, symbols

from bnproof.benchmarks.plain_sympy import (
    METHODS,
    STATEMENTS,
    Explicit,
    dot,
    eliminate_root,
    root_symbol,
    settle_statement,
)


def numbers(e):
    """``x = (1, 3)``, ``g = (2, -1)``, ``h = (1, 4)``: mu = 2, v = 1, and eps = 3 makes s = 2."""
    named = {"x": (1, 3), "g": (2, -1), "h": (1, 4)}
    values = {
        symbol: value
        for name in named
        for symbol, value in zip(e.list_entries(name), named[name], strict=True)
    }
    return values | dict(zip(e.scalars, (5, 7, 3), strict=True))


def test_the_setting_has_the_values_worked_by_hand():
    """mu, v, s, xhat, y and dx for two entries, with gamma = 5 and beta = 7."""
    e = Explicit(2)
    at = numbers(e)
    assert [value.subs(at) for value in (e.mu, e.v, e.s)] == [2, 1, 2]
    assert [value.subs(at) for value in e.xhat] == [-Rational(1, 2), Rational(1, 2)]
    assert [value.subs(at) for value in e.y] == [Rational(9, 2), Rational(19, 2)]
    # 5/(2*2) (2*2 - 1 - (-1/2)(-3/2)) = 5/4 * 9/4
    assert e.dx.subs(at) == Rational(45, 16)


def test_the_gradient_is_the_derivative_of_the_loss():
    """``dx`` is ``d(sum g y)/dx_1``, by SymPy's own derivative, at these values."""
    e = Explicit(2)
    slope = diff(dot(e.list_entries("g"), e.y), e.list_entries("x")[0])
    assert simplify(slope.subs(numbers(e)) - e.dx.subs(numbers(e))) == 0


@pytest.mark.parametrize("theorem", STATEMENTS)
def test_sides_agree_only_with_every_term(theorem):
    """At these values both sides of every pair are equal, and with a term dropped one pair is
    not."""
    e = Explicit(2)
    for dropped in (False, True):
        sides = STATEMENTS[theorem](e, dropped=dropped)
        gaps = [simplify((lhs - rhs).subs(numbers(e))) for lhs, rhs in sides]
        assert any(gaps) == dropped


def test_without_the_root_there_is_a_rational_function():
    """``s`` becomes S and eps ``S^2 - v``, so that nothing of either is left."""
    e = Explicit(3)
    function = eliminate_root(e, e.s + e.scalars[2] / e.s)
    assert not function.has(sqrt(e.v + e.scalars[2]))
    assert e.scalars[2] not in function.free_symbols
    assert simplify(function - (root_symbol() + (root_symbol() ** 2 - e.v) / root_symbol())) == 0


@pytest.mark.parametrize("method", METHODS)
def test_each_way_finds_zero_and_nothing_else(method):
    """``(s^2 - v - eps)`` is 0 and ``s^2 - v`` is not."""
    e = Explicit(2)
    assert METHODS[method](e, e.s**2 - e.v - e.scalars[2])
    assert not METHODS[method](e, e.s**2 - e.v)


def test_small_parts():
    """A product of lists, the entries' names, and what is refused."""
    a, b = symbols("a b")
    assert expand(dot([a, b], [b, 2]) - a * b - 2 * b) == 0
    assert [str(entry) for entry in Explicit(3).list_entries("g")] == ["g1", "g2", "g3"]
    for size in (1, 0):
        with pytest.raises(ValueError, match=f"m = {size}: .* two or more"):
            Explicit(size)
    with pytest.raises(KeyError):
        settle_statement("no method", "jacobian", 2, dropped=False)
    with pytest.raises(KeyError):
        settle_statement("field", "no theorem", 2, dropped=False)
