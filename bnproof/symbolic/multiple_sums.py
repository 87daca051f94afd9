"""Multiple sums in one order: ``sum_r D_r sum_c W_c u_rc`` and ``sum_c W_c sum_r D_r u_rc`` become the same atom.

A product of entries and sums is flattened into one sum over several indices, which are then named and ordered so that
the written summand is the smallest among all namings.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

from sympy import Dummy, Expr, Integer, Mul, Pow, Sum, Symbol

MOST_INDICES = 5
Ranged = tuple[Symbol, Expr]


def flattened(e: Expr) -> tuple[Expr, list[Ranged]] | None:
    """``(summand, [(index, size), ...])`` of a product of sums from 1, indices fresh; ``None`` for any other shape."""
    summand, ranges = Integer(1), list[Ranged]()
    for factor in Mul.make_args(e):
        base, exponent = factor.as_base_exp()
        if not isinstance(base, Sum):
            summand *= factor
            continue
        if not (exponent.is_Integer and exponent > 0):
            return None
        for _ in range(int(exponent)):
            inner = _opened(base)
            if inner is None:
                return None
            summand *= inner[0]
            ranges += inner[1]
    return summand, ranges


def _opened(e: Sum) -> tuple[Expr, list[Ranged]] | None:
    if any(low != 1 for _, low, _ in e.limits) or e.function.is_Add:
        return None
    fresh = {index: Dummy(index.name, integer=True, positive=True) for index, *_ in e.limits}
    inner = flattened(e.function.xreplace(fresh))
    if inner is None:
        return None
    return inner[0], [*inner[1], *((fresh[index], high.xreplace(fresh)) for index, _, high in e.limits)]


def canonical(e: Sum, names: list[Symbol]) -> Sum:
    """The sum with its indices named by ``names`` in the first of all orders; ragged sums stay as they are."""
    flat = _opened(e)
    if flat is None or len(flat[1]) < 2 or len(flat[1]) > MOST_INDICES:
        return e
    summand, ranges = flat
    indices = {index for index, _ in ranges}
    if summand.has(Sum) or summand.is_Add or any(size.free_symbols & indices for _, size in ranges):
        return e
    best = min(_namings(summand, ranges, names), key=lambda naming: naming[0])
    return Sum(best[1], *((name, 1, size) for name, size in best[2]))


def _namings(
    summand: Expr, ranges: list[Ranged], names: list[Symbol]
) -> Iterator[tuple[tuple[list[str], str], Expr, list[Ranged]]]:
    for order in permutations(ranges):
        named = list(zip(names, (size for _, size in order), strict=False))
        renamed = summand.xreplace({index: name for (index, _), (name, _) in zip(order, named, strict=True)})
        shown = sorted(str(factor) for factor in _factors(renamed))
        yield ([str(size) for _, size in named], "*".join(shown)), renamed, named


def _factors(e: Expr) -> list[Expr]:
    return [Pow(*factor.as_base_exp()) for factor in Mul.make_args(e)]
