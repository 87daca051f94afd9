"""Sets of signs against numbers that have these signs."""

from itertools import product as pairs

import pytest
from sympy import S, Symbol

from bnproof.symbolic.signsets import (
    ANY,
    NEGATIVE,
    NONNEGATIVE,
    NONZERO,
    OF_RELATION,
    POSITIVE,
    ZERO,
    find_assumed_signs,
    power,
    product,
)

SETS = [POSITIVE, NEGATIVE, ZERO, NONNEGATIVE, NEGATIVE | ZERO, NONZERO, ANY]
COMPARED = {
    "==": lambda p, q: p == q,
    "!=": lambda p, q: p != q,
    "<": lambda p, q: p < q,
    "<=": lambda p, q: p <= q,
    ">": lambda p, q: p > q,
    ">=": lambda p, q: p >= q,
}


def members(signs):
    """Numbers of every sign in a set, two of each but 0."""
    return [value for value in (-3, -1, 0, 1, 2) if of_number(value) in signs]


def of_number(value):
    """The sign of a number: -1, 0 or 1."""
    return (value > 0) - (value < 0)


@pytest.mark.parametrize(("first", "second"), [*pairs(SETS, SETS)])
def test_products_have_these_signs_and_no_others(first, second):
    """The set is that of all products of numbers with these signs."""
    assert product(first, second) == {
        of_number(p * q) for p in members(first) for q in members(second)
    }


@pytest.mark.parametrize(("signs", "exponent"), [*pairs(SETS, range(-3, 4))])
def test_powers_have_these_signs_and_no_others(signs, exponent):
    """Of negative powers where they exist; ``0^0`` is 1."""
    bases = [p for p in members(signs) if p or exponent >= 0]
    found = power(signs, exponent)
    assert {of_number(p**exponent) for p in bases} == found - (ZERO if exponent < 0 else set())


def test_a_relation_gives_the_sign_of_the_difference():
    """``lhs op rhs`` holds exactly where the sign of ``lhs - rhs`` lies in the set."""
    for op, compare in COMPARED.items():
        for p, q in pairs(range(-1, 2), repeat=2):
            assert compare(p, q) == (of_number(p - q) in OF_RELATION[op])


@pytest.mark.parametrize(
    ("assumed", "signs"),
    [
        ({"real": True}, ANY),
        ({"positive": True}, POSITIVE),
        ({"negative": True}, NEGATIVE),
        ({"nonnegative": True}, NONNEGATIVE),
        ({"nonpositive": True}, NEGATIVE | ZERO),
        ({"nonzero": True}, NONZERO),
        ({"zero": True}, ZERO),
        ({"prime": True}, POSITIVE),
        ({"even": True}, ANY),
    ],
)
def test_assumptions_leave_these_signs(assumed, signs):
    """Those that SymPy does not exclude."""
    assert find_assumed_signs(Symbol("a", **assumed)) == signs


def test_numbers_leave_one_sign():
    """As any other expression of known sign."""
    assert [find_assumed_signs(e) for e in (S(-2), S(0), S.Half)] == [NEGATIVE, ZERO, POSITIVE]
