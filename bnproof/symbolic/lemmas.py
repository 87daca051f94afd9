"""Inequalities that the proof of an inequality may rest on: expressions that are never negative.

There are two kinds.

- A sum of terms that are not negative is at least as large as one of them.
- ``sum_j sum_k (a_j b_k - a_k b_j)^2 >= 0`` is the inequality of Cauchy and Schwarz, since it
  equals ``2 (sum a^2 sum b^2 - (sum a b)^2)`` (Lagrange's identity). ``sum_j (a_j +- b_j)^2 >= 0``
  is the inequality of the means, ``2 |sum a b| <= sum a^2 + sum b^2``.

They are not a part of the statement. The prover learns their signs where the sign of a difference
does not follow from the conditions alone, and searches once more for a certificate.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from sympy import Dummy, Expr, Indexed, IndexedBase, Sum, Symbol

from bnproof.symbolic.entries import Entries
from bnproof.symbolic.signsets import NONNEGATIVE
from bnproof.symbolic.summation import assign_range
from bnproof.symbolic.visible import find_visible_signs

# Sums of which lemmas are formed, the first by their written form. Each lemma is one more fact in
# the search for a certificate, which soon takes longer than it is worth.
MOST_SUMS = 12


def list_lemmas(form: Entries, e: Expr, free: list[Symbol]) -> Iterator[Expr]:
    """List expressions that are never negative and speak of the sums and bases of ``e``.

    Parameters
    ----------
    form
        The normal form of the case at hand, whose knowledge of signs is used.
    e
        The difference of the sides of an inequality, as it is written.
    free
        The free indices of the statement.

    Yields
    ------
    Expr
        An expression that is not negative for any batch that meets the conditions.
    """
    yield from _list_terms_of_sums(form, e, free)
    yield from _list_squares_of_pairs(form, e)


def _list_terms_of_sums(form: Entries, e: Expr, free: list[Symbol]) -> Iterator[Expr]:
    """``sum_j f(j) - f(i)`` for every sum over the batch whose terms are visibly not negative."""
    for total in sorted(e.atoms(Sum), key=str)[:MOST_SUMS]:
        index, low, high = total.limits[0]
        # only over the whole batch does every free index lie in the range of the sum
        if len(total.limits) > 1 or (low, high) != (1, form.size):
            continue
        summand, index = assign_range(form, total.function, index, low, high)
        if find_visible_signs(form, summand) <= NONNEGATIVE:
            for one in free:
                if one not in summand.free_symbols:
                    yield total - summand.xreplace({index: one})


def _list_squares_of_pairs(form: Entries, e: Expr) -> Iterator[Expr]:
    """The squares above for pairs of bases, with entries taken from their mean or as they are."""
    bases = sorted({entry.base for entry in e.atoms(Indexed) if len(entry.indices) == 1}, key=str)
    j, k, p = (Dummy(name, integer=True, positive=True) for name in "jkp")
    for a, b in combinations(bases, 2):
        # centred entries give the inequality for variances and the covariance
        for centred in (True, False):
            first, second = (_build_entry(base, p, form.size, centred=centred) for base in (a, b))
            at = {name: (first.xreplace({p: name}), second.xreplace({p: name})) for name in (j, k)}
            difference = at[j][0] * at[k][1] - at[k][0] * at[j][1]
            yield Sum(difference**2, (j, 1, form.size), (k, 1, form.size))
            yield from (Sum((first + sense * second) ** 2, (p, 1, form.size)) for sense in (1, -1))


def _build_entry(base: IndexedBase, index: Symbol, size: Expr, *, centred: bool) -> Expr:
    """An entry of a base, less the mean of the base where ``centred``."""
    if not centred:
        return base[index]
    bound = Dummy("r", integer=True, positive=True)
    return base[index] - Sum(base[bound], (bound, 1, size)) / size
