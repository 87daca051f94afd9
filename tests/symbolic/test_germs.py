"""Limits by the first terms of a series: known ones, and what is refused."""

import pytest
from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st

from bnproof.symbolic.duals import inverse, sqrt
from bnproof.symbolic.germs import ORDER, Diverges, Germ
from bnproof.symbolic.surds import NotExact, exact_root

t = Germ({1: fmpq(1)})
coefficients = st.integers(-4, 4)


@given(
    st.dictionaries(st.integers(-2, 3), coefficients, min_size=1),
    st.dictionaries(st.integers(-2, 3), coefficients),
)
def test_division_undoes_multiplication(first, second):
    """``(p q)/p`` has the terms of q, as far as they are known."""
    p, q = (Germ({n: fmpq(c) for n, c in terms.items()}) for terms in (first, second))
    if p.terms:
        again = p * q * p.inverse()
        assert all(again.terms.get(n, 0) == q.terms.get(n, 0) for n in range(-2, 3))


@given(st.integers(1, 9), st.lists(coefficients, min_size=1, max_size=3))
def test_roots_square_back(leading, rest):
    """The root of a germ with a positive leading coefficient squares to it."""
    germ = Germ({0: fmpq(leading), **{n: fmpq(c) for n, c in enumerate(rest, 1)}})
    root = sqrt(germ)
    square = root * root
    assert root.terms[0] == exact_root(fmpq(leading))
    assert all(square.terms.get(n, 0) == germ.terms.get(n, 0) for n in range(5))


def test_known_limits():
    """``(sqrt(1 + t) - 1)/t -> 1/2``, ``t/(1 + t) -> 0``, ``(1 + t)^5 -> 1``."""
    one = Germ({0: fmpq(1)})
    assert ((sqrt(one + t) - one) * inverse(t)).limit() == fmpq(1, 2)
    assert (t * inverse(one + t)).limit() == 0
    assert ((one + t) ** 5).limit() == 1


def test_what_has_no_limit_is_said():
    """A negative power diverges, an odd one has no root here, and a vanishing series cannot be
    divided by."""
    with pytest.raises(Diverges):
        inverse(t).limit()
    with pytest.raises(NotExact):
        sqrt(t)
    with pytest.raises(ValueError, match="negative"):
        sqrt(Germ({0: fmpq(-1), 2: fmpq(1)}))
    with pytest.raises(ZeroDivisionError):
        inverse(t - t)


def test_what_is_cut_off_is_never_guessed():
    """``1/(1 - t)`` less its first terms, over ``t^n``, tends to 1 while the next term is known,
    and is refused at the first that is not."""
    one = Germ({0: fmpq(1)})
    series = inverse(one - t)
    for n in (1, ORDER - 1):
        rest = series - Germ({power: fmpq(1) for power in range(n)})
        assert (rest * t**-n).limit() == 1
    rest = series - Germ({power: fmpq(1) for power in range(ORDER)})
    for refused in ((rest * t**-ORDER).limit, rest.sign, rest.inverse):
        with pytest.raises(NotExact):
            refused()
    # t^ORDER times what is known up to t^ORDER is known twice as far
    assert (rest * t**ORDER).known == 2 * ORDER
    assert (rest * t**ORDER + series).known == (series + rest * t**ORDER).known == ORDER
    assert Germ({2: fmpq(1), 3: fmpq(1)}, 3).terms == {2: 1}


def test_the_leading_term_decides_the_sign():
    """``t - 100 t^2`` is positive near 0, ``100 - 1/t`` is negative, and an exact 0 has the sign
    0."""
    assert Germ({1: fmpq(1), 2: fmpq(-100)}).sign() == 1
    assert (Germ({0: fmpq(100)}) - inverse(t)).sign() == -1
    assert Germ({0: exact_root(fmpq(2)) - fmpq(2), 1: fmpq(9)}).sign() == -1
    assert (t - t).sign() == 0
