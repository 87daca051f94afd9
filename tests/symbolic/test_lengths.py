"""Lengths bound every number that SymPy would compute when a statement is built again."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Add, Eq, Integer, Mul, Pow, Rational, Sum, Symbol, sqrt, symbols

from bnproof.symbolic.lengths import (
    MOST_NODES,
    Measuring,
    refuse_large_trees,
    refuse_long_powers,
)
from bnproof.symbolic.outcomes import Unreadable
from bnproof.symbolic.symbols import LONGEST

n, T = symbols("n T", integer=True)
p = Symbol("p", integer=True)
numbers = st.recursive(
    st.builds(Rational, st.integers(-9, 9), st.integers(1, 4)),
    lambda parts: st.one_of(
        st.lists(parts, min_size=2, max_size=3).map(lambda args: Add(*args, evaluate=False)),
        st.lists(parts, min_size=2, max_size=3).map(lambda args: Mul(*args, evaluate=False)),
        st.builds(lambda base, e: Pow(base, e, evaluate=False), parts, st.integers(0, 5)),
    ),
    max_leaves=6,
)


def length(number):
    """``log2`` of the larger of numerator and denominator."""
    return math.log2(max(abs(int(number.p)), int(number.q)))


@given(numbers)
@settings(max_examples=50)
def test_no_number_is_longer_than_its_bound(written):
    """However sums, products and powers are nested."""
    number = written.replace(lambda e: e.is_number, lambda e: e.doit())
    assert length(Rational(number)) <= Measuring({}).measure(written) + 1e-9


@pytest.mark.parametrize(
    ("power", "conditions"),
    [
        (2**n, [Eq(n, 5000)]),
        (2**n, [Eq(n, 50 * T), Eq(T, 100)]),
        (2 ** (n + 5000), []),
        (Sum(3**p, (p, 1, 4000)), []),
        (sqrt(n) ** T, [Eq(n, 4), Eq(T, 9000)]),
        (2**n, [Eq(n, T**4), Eq(T, 10)]),
        (2**n, [Eq(T, 100), Eq(n, T + T * T)]),
    ],
)
def test_what_may_become_too_long_is_refused(power, conditions):
    """By its own numbers, by conditions, or by the range of an index."""
    with pytest.raises(Unreadable, match=f"more than {LONGEST} bits"):
        refuse_long_powers([Eq(power, 1, evaluate=False), *conditions], conditions)


@pytest.mark.parametrize(
    ("power", "conditions"),
    [
        (2**n, [Eq(n, 1000)]),
        (2**n, [n >= 10**12]),
        (2**n, [Eq(n, 10), Eq(T, 10**12)]),
        (2 ** (2 * n + 100), []),
        (n**T, [Eq(T, 2000), Eq(n, 1)]),
        (Pow(1, Integer(10) ** 12, evaluate=False), []),
    ],
)
def test_what_stays_short_is_let_through(power, conditions):
    """Conditions count only where they give a symbol of the power its value."""
    refuse_long_powers([Eq(power, 1, evaluate=False), *conditions], conditions)


def test_a_tree_is_counted_with_its_shared_parts():
    """Each doubling doubles the nodes, and is looked at once."""
    doubled = n
    for _ in range(13):
        doubled = Add(doubled, doubled, evaluate=False)
    refuse_large_trees([doubled])  # 2^14 - 1 nodes
    with pytest.raises(Unreadable, match=f"more than {MOST_NODES} nodes"):
        refuse_large_trees([n, Add(doubled, doubled, evaluate=False)])
