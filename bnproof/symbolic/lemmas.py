"""Inequalities that an inequality may rest on: each is an expression that is visibly not negative.

A sum of terms that are not negative is at least as large as one of them; and
``sum_j sum_k (a_j b_k - a_k b_j)^2 >= 0`` is the inequality of Cauchy and Schwarz (Lagrange's
identity), and ``sum_j (a_j - b_j)^2 >= 0`` that of the means.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from sympy import Dummy, Expr, Indexed, IndexedBase, Sum, Symbol

from bnproof.symbolic.entries import Entries
from bnproof.symbolic.signsets import NONNEGATIVE
from bnproof.symbolic.summation import assign_range
from bnproof.symbolic.visible import find_visible_signs

MOST_SUMS = 12


def list_lemmas(form: Entries, e: Expr, free: list[Symbol]) -> Iterator[Expr]:
    """Expressions that are not negative and speak of what ``e`` speaks of."""
    yield from _list_terms_of_sums(form, e, free)
    yield from _list_squares_of_pairs(form, e)


def _list_terms_of_sums(form: Entries, e: Expr, free: list[Symbol]) -> Iterator[Expr]:
    """``sum_j f(j) - f(i)`` for every sum over the batch whose terms are visibly not negative."""
    for total in sorted(e.atoms(Sum), key=str)[:MOST_SUMS]:
        index, low, high = total.limits[0]
        if len(total.limits) > 1 or (low, high) != (1, form.size):
            continue
        summand, index = assign_range(form, total.function, index, low, high)
        if find_visible_signs(form, summand) <= NONNEGATIVE:
            for one in free:
                if one not in summand.free_symbols:
                    yield total - summand.xreplace({index: one})


def _list_squares_of_pairs(form: Entries, e: Expr) -> Iterator[Expr]:
    """``sum_jk (a_j b_k - a_k b_j)^2`` and ``sum_j (a_j +- b_j)^2`` for pairs of bases, their
    entries taken from the mean or as they are."""
    bases = sorted({entry.base for entry in e.atoms(Indexed) if len(entry.indices) == 1}, key=str)
    j, k, p = (Dummy(name, integer=True, positive=True) for name in "jkp")
    for a, b in combinations(bases, 2):
        for centred in (True, False):
            first, second = (_build_entry(base, p, form.size, centred=centred) for base in (a, b))
            at = {name: (first.xreplace({p: name}), second.xreplace({p: name})) for name in (j, k)}
            difference = at[j][0] * at[k][1] - at[k][0] * at[j][1]
            yield Sum(difference**2, (j, 1, form.size), (k, 1, form.size))
            yield from (Sum((first + sense * second) ** 2, (p, 1, form.size)) for sense in (1, -1))


def _build_entry(base: IndexedBase, index: Symbol, size: Expr, *, centred: bool) -> Expr:
    if not centred:
        return base[index]
    bound = Dummy("r", integer=True, positive=True)
    return base[index] - Sum(base[bound], (bound, 1, size)) / size
