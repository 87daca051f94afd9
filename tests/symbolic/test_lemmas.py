"""Lemmas are never negative, and among them are those of the mean, of Cauchy and of Schwarz."""

import pytest
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Sum, Symbol

from bnproof.symbolic.exact import Evaluator
from bnproof.symbolic.frames import Point
from bnproof.symbolic.lemmas import MOST_SUMS, list_lemmas
from bnproof.symbolic.normal_form import NormalForm
from bnproof.symbolic.setting import g, i, k, m, x

p, q = Symbol("p", integer=True), Symbol("q", integer=True)
QUARTICS = Sum(g[p] ** 4 + x[p] ** 2, (p, 1, m))
PRODUCT = Sum(x[p] ** 2, (p, 1, m)) * QUARTICS - Sum(x[p] * g[p], (p, 1, m)) ** 2
# formed once: their bound symbols are new ones every time, and nothing would be compiled once
OF_SUMS = [*list_lemmas(NormalForm(), PRODUCT, [i, k])]
OF_PAIRS = [*list_lemmas(NormalForm(), x[i] - g[i], [i])]
batches = st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)), min_size=1, max_size=4)


def at(pairs):
    """Values at a batch of pairs (x, g), with i = 1 and k = m."""
    scalars = {m: fmpq(len(pairs)), i: fmpq(1), k: fmpq(len(pairs))}
    return Evaluator(
        Point(scalars, lambda base, index: fmpq(pairs[index[0] - 1][0 if base == x else 1]))
    )


@given(batches)
@settings(max_examples=25)
def test_lemmas_are_never_negative(pairs):
    """Two sums of squares with two indices each, and six squares of a pair of bases."""
    assert len(OF_SUMS) == 4 + 6
    assert all(at(pairs).evaluate(lemma) >= 0 for lemma in OF_SUMS)


@given(batches)
@settings(max_examples=25)
def test_cauchy_schwarz_and_the_means_are_among_them(pairs):
    """By Lagrange's identity one is ``2 (sum x^2 sum g^2 - (sum x g)^2)``, by the same with the
    entries less their means another; two more are ``sum (x +- g)^2``."""
    values = [at(pairs).evaluate(lemma) for lemma in OF_PAIRS]
    size, sums = len(pairs), [sum(column) for column in zip(*pairs, strict=True)]
    centred = [[size * entry - sums[n] for n, entry in enumerate(pair)] for pair in pairs]
    for rows, scale in ((pairs, 1), (centred, size)):
        squares = sum(a * a for a, _ in rows) * sum(b * b for _, b in rows)
        lagrange = 2 * (squares - sum(a * b for a, b in rows) ** 2)
        assert fmpq(lagrange, scale**4) in values
        for sense in (1, -1):
            assert fmpq(sum((a + sense * b) ** 2 for a, b in rows), scale**2) in values


@pytest.mark.parametrize(
    "e",
    [
        Sum(x[p] ** 2, (p, 2, m)),
        Sum(x[p] ** 2, (p, 1, m - 1)),
        Sum(x[p], (p, 1, m)),
        Sum(x[p] ** 2, (p, 1, m), (q, 1, m)),
        Sum(x[p] ** 2 * x[i] ** 2, (p, 1, m)),
    ],
    ids=str,
)
def test_a_sum_that_may_leave_an_entry_out_says_nothing_of_it(e):
    """Nor does one of terms of any sign, and one whose terms hold the free index already."""
    assert [*list_lemmas(NormalForm(), e, [i])] == []


def test_only_so_many_sums_are_looked_at():
    """Beyond the most, in the order in which they are written, no lemma is formed."""
    sums = [Sum(x[p] ** (2 * power), (p, 1, m)) for power in range(1, MOST_SUMS + 4)]
    assert len([*list_lemmas(NormalForm(), sum(sums), [i])]) == MOST_SUMS
