"""Multiple sums in one order: ``sum_r D_r sum_c W_c u_rc`` and ``sum_c W_c sum_r D_r u_rc`` become
the same atom.

A product of entries and sums is flattened into one sum over several indices.  These are ordered by
the places in which they stand (colour refinement: an index is told apart by its factors, then by
the indices it shares them with); only indices that this leaves alike are tried in every order, and
the written summand decides.

Whatever order is chosen, the sum keeps its value. A form that failed to be the same for two equal
sums would cost a proof, and would never give a wrong one. Start reading at ``canonicalise``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import permutations, product

from sympy import Basic, Dummy, Expr, Integer, Mul, Sum, Symbol, default_sort_key

# A bound on the time. Sums over more indices stay as they are written.
MOST_INDICES = 8
# Six indices that nothing tells apart have 720 orders. Each is written out and compared.
MOST_ORDERS = 720
# One list for all atoms ever made: equal sums get equal names, which makes them one generator.
BOUND: list[Symbol] = []
Ranged = tuple[Symbol, Expr]


def name_index(depth: int) -> Symbol:
    """The name of the summation index at a depth of an atom, the same one on every call.

    It is a dummy, so that no free index is captured.

    Parameters
    ----------
    depth
        0 for the first index of an atom, 1 for the next one, and so on.
    """
    while depth >= len(BOUND):
        name = "jabcdefh"[len(BOUND)] if len(BOUND) < 8 else f"j{len(BOUND)}"
        BOUND.append(Dummy(name, integer=True, positive=True))
    return BOUND[depth]


def flatten_product(e: Expr) -> tuple[Expr, list[Ranged]] | None:
    """A product of sums from 1 as one summand with all its ranges, every index fresh.

    Returns
    -------
    (summand, [(index, size), ...]) or None
        ``None`` for any other shape, such as a sum that does not start at 1, a sum over several
        terms, or a sum in a denominator.
    """
    summand, ranges = Integer(1), list[Ranged]()
    for factor in Mul.make_args(e):
        base, exponent = factor.as_base_exp()
        if not isinstance(base, Sum):
            summand *= factor
            continue
        if not (exponent.is_Integer and exponent > 0):
            return None
        # Each factor of a power is opened anew, so that it gets indices of its own.
        for _ in range(int(exponent)):
            inner = _open_sum(base)
            if inner is None:
                return None
            summand *= inner[0]
            ranges += inner[1]
    return summand, ranges


def _open_sum(e: Sum) -> tuple[Expr, list[Ranged]] | None:
    """The summand and ranges of a sum, and of the sums that are factors of its summand."""
    if any(low != 1 for _, low, _ in e.limits) or e.function.is_Add:
        return None
    fresh = {index: Dummy(index.name, integer=True, positive=True) for index, *_ in e.limits}
    inner = flatten_product(e.function.xreplace(fresh))
    if inner is None:
        return None
    return inner[0], [
        *inner[1],
        *((fresh[index], high.xreplace(fresh)) for index, _, high in e.limits),
    ]


def canonicalise(e: Sum) -> Sum:
    """The sum with its indices in the first of all orders.

    Parameters
    ----------
    e
        A sum, with further sums among the factors of its summand.

    Returns
    -------
    Sum
        An equal sum over ``name_index(0)``, ``name_index(1)``, ....  Sums whose ranges depend on
        each other, with a single index, or with too many orders to try come back as they are.
    """
    flat = _open_sum(e)
    if flat is None or not 2 <= len(flat[1]) <= MOST_INDICES:
        return e
    summand, ranges = flat
    indices = {index for index, _ in ranges}
    # A bound that is itself an index ties two indices together: they cannot change places.
    if summand.has(Sum) or summand.is_Add or any(size.free_symbols & indices for _, size in ranges):
        return e
    factors = [factor.as_base_exp() for factor in Mul.make_args(summand)]
    orders = list(_list_orders(factors, dict(ranges)))
    if len(orders) > MOST_ORDERS:
        return e
    names = [name_index(depth) for depth in range(len(ranges))]
    best = min(
        orders,
        key=lambda order: _sort_key(factors, dict(zip(order, range(len(order)), strict=True))),
    )
    put = dict(zip(best, names, strict=True))
    sizes = dict(ranges)
    return Sum(summand.xreplace(put), *((put[index], 1, sizes[index]) for index in best))


def _list_orders(
    factors: list[tuple[Expr, Expr]], sizes: dict[Symbol, Expr]
) -> Iterator[list[Symbol]]:
    """The orders that sort the indices by what tells them apart.

    Colours are refined until no round tells more indices apart: the colour of an index is its
    range, then also the factors it stands in with the colours of their other indices. Indices of
    one colour are permuted in every way.
    """
    colour = {index: (str(size),) for index, size in sizes.items()}
    rank = _rank(colour)
    # Every round but the last splits a class, so there are no more rounds than indices.
    for _ in sizes:
        seen = {index: (rank[index], _mark_factors(factors, index, rank)) for index in sizes}
        finer = _rank(seen)
        if len(set(finer.values())) == len(set(rank.values())):
            break
        rank = finer
    classes: dict[int, list[Symbol]] = {}
    for index in sizes:
        classes.setdefault(rank[index], []).append(index)
    for chosen in product(*(permutations(classes[colour]) for colour in sorted(classes))):
        yield [index for part in chosen for index in part]


def _rank(seen: Mapping[Symbol, object]) -> dict[Symbol, int]:
    """A number for each index, equal for those with equal values of ``seen``."""
    ordered = sorted(set(seen.values()), key=str)
    place = {value: number for number, value in enumerate(ordered)}
    return {index: place[value] for index, value in seen.items()}


def _mark_factors(
    factors: list[tuple[Expr, Expr]], index: Symbol, rank: dict[Symbol, int]
) -> tuple[str, ...]:
    """The factors an index stands in, itself marked and the others by their rank."""
    marks = {other: Symbol(f"#{number}") for other, number in rank.items()} | {index: Symbol("#")}
    return tuple(
        sorted(str((b.xreplace(marks), e.xreplace(marks))) for b, e in factors if _has(b, e, index))
    )


def _has(base: Basic, exponent: Basic, index: Symbol) -> bool:
    return index in base.free_symbols or index in exponent.free_symbols


def _sort_key(
    factors: list[tuple[Expr, Expr]], number: dict[Symbol, int]
) -> list[tuple[object, ...]]:
    """A summand as a sorted list of its factors, its indices numbered; it depends on no name."""
    put = {index: Integer(place + 1) for index, place in number.items()}
    return sorted(default_sort_key((b.xreplace(put), e.xreplace(put))) for b, e in factors)


# Eight names from the start: other modules take the first ones straight from the list.
name_index(7)
