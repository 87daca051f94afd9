"""Reading a statement: what the symbols mean, bound indices renamed apart, equations of conditions kept.

SymPy lets two sums share an index name and captures it when it substitutes or differentiates; after reading,
every summation index is a fresh dummy, so nothing later can capture anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from sympy import Basic, Dummy, Expr, Idx, Indexed, IndexedBase, Integer, KroneckerDelta, Sum, Symbol, sympify
from sympy.core.relational import Relational
from sympy.logic.boolalg import Boolean

from bnproof.symbolic.outcomes import Undecided
from bnproof.symbolic.setting import eps, m


@dataclass
class Question:
    """A statement and its conditions, as bnproof reads them."""

    statement: Basic
    given: tuple[Basic, ...]

    @cached_property
    def parts(self) -> tuple[Basic, ...]:
        return (self.statement, *self.given)

    @cached_property
    def scalars(self) -> list[Symbol]:
        """The batch size, then eps and the symbols mentioned, by name."""
        return [m, *sorted({eps, *self.named}, key=str)]

    @cached_property
    def named(self) -> list[Symbol]:
        """The free symbols the statement and its conditions mention, without the batch size."""
        return sorted(frozenset().union(*(numbers_in(part) for part in self.parts)) - {m}, key=str)

    @cached_property
    def indices(self) -> list[Expr]:
        """Index terms with no summation index in them (``i``, ``k``, ``1``), in a fixed order."""
        return sorted({t for part in self.parts for t in free_indices(part)}, key=str)

    @cached_property
    def bases(self) -> list[IndexedBase]:
        """The indexed bases, ``x`` and ``g`` among them, by name."""
        return sorted({e.base for part in self.parts for e in part.atoms(Indexed)}, key=str)


def read(statement: Any, given: tuple[Any, ...] = ()) -> Question:
    """Read a SymPy statement (or a Python bool) and its conditions; raises ``TypeError`` for anything else."""
    parts = [_boolean(part) for part in (statement, *given)]
    meaning = _meaning(parts)
    parts = [part.xreplace(meaning) if meaning else part for part in parts]
    renaming = _Renaming()
    parts = [renaming.apart(part, {}) for part in parts]
    return Question(parts[0], tuple(parts[1:]))


def _boolean(part: Any) -> Basic:
    read_as = sympify(part)
    if not isinstance(read_as, (Relational, Boolean)) or isinstance(read_as, Symbol):
        raise TypeError(f"{part} is no statement: write an equation such as Eq(lhs, rhs)")
    return read_as


def _meaning(parts: list[Basic]) -> dict[Basic, Basic]:
    """Replacements for the user's own symbols: ``Idx`` and plain indices are positive integers, the rest real."""
    indexing = {s for part in parts for s in _index_symbols(part)}
    used = {symbol for part in parts for symbol in part.atoms(Symbol, Idx)}
    meaning: dict[Basic, Basic] = {}
    for symbol in used:
        if isinstance(symbol, Idx):
            meaning[symbol] = Dummy(str(symbol.label), integer=True, positive=True)
        elif symbol in indexing and symbol.is_integer is None:
            meaning[symbol] = Dummy(symbol.name, integer=True, positive=True)
        elif symbol.is_real is None and symbol.is_complex is None and symbol.is_commutative:
            meaning[symbol] = Dummy(symbol.name, **(symbol.assumptions0 | {"real": True}))
        elif symbol.is_real is not True:
            raise Undecided(f"{symbol} is not a real number")
    labels = {base.label for part in parts for base in part.atoms(IndexedBase)}
    plain_bases = {base for part in parts for base in part.atoms(IndexedBase) if base.is_real is None}
    meaning = {old: new for old, new in meaning.items() if old not in labels}
    return meaning | {base: IndexedBase(str(base.label), real=True) for base in plain_bases}


def _index_symbols(part: Basic) -> Iterator[Symbol]:
    for node in part.atoms(Indexed, KroneckerDelta):
        for index in node.indices if isinstance(node, Indexed) else node.args:
            yield from index.free_symbols
    for node in part.atoms(Sum):
        for limit in node.limits:
            yield limit[0]
            for end in limit[1:]:
                yield from end.free_symbols


class _Renaming:
    """Renames summation indices apart; equal sums get equal dummies (no sum contains itself)."""

    def __init__(self) -> None:
        self._known: dict[tuple[Basic, frozenset[tuple[Basic, Basic]]], Basic] = {}

    def apart(self, e: Basic, names: dict[Basic, Basic]) -> Basic:
        """``e`` with every summation index replaced by a dummy (``names``: the renamings in force)."""
        if isinstance(e, Symbol):
            return names.get(e, e)
        if not e.args or isinstance(e, IndexedBase):
            return e
        key = (e, frozenset((old, new) for old, new in names.items() if old in numbers_in(e)))
        if key not in self._known:
            renamed = self._sum(e, names) if isinstance(e, Sum) else e.func(*(self.apart(a, names) for a in e.args))
            self._known[key] = renamed
        return self._known[key]

    def _sum(self, e: Sum, names: dict[Basic, Basic]) -> Expr:
        """The last limit of a SymPy ``Sum`` is the outermost; each bound sees only the indices outside it."""
        *inner, limit = e.limits
        if len(limit) != 3:
            raise Undecided(f"the sum over {limit[0]} has no bounds: write ({limit[0]}, 1, m)")
        index, low, high = limit
        fresh = Dummy(index.name, integer=True, **({"positive": True} if low.is_positive else {}))
        summand = Sum(e.function, *inner) if inner else e.function
        bounds = (self.apart(low, names), self.apart(high, names))
        return Sum(self.apart(summand, {**names, index: fresh}), (fresh, *bounds))


@lru_cache(maxsize=1 << 16)
def numbers_in(e: Basic) -> frozenset[Symbol]:
    """Free symbols of ``e`` that stand for numbers: labels of bases and summation indices do not."""
    if isinstance(e, Symbol):
        return frozenset({e})
    if isinstance(e, IndexedBase):
        return frozenset()
    found = frozenset[Symbol]().union(*(numbers_in(a) for a in e.args))
    return found - {limit[0] for limit in e.limits} if isinstance(e, Sum) else found


def free_indices(e: Basic, bound: frozenset[Basic] = frozenset()) -> Iterator[Expr]:
    """Terms that index a base or a delta and hold no summation index, and the ends a partial sum leaves."""
    if isinstance(e, Sum):
        bound = bound | {limit[0] for limit in e.limits}
        for _, low, high in e.limits:
            if low.is_Integer:
                yield from (Integer(p) for p in range(1, int(min(low, 9))))
            if low.is_Integer and high.is_Integer:
                yield from (Integer(p) for p in range(int(low), int(min(high, 9)) + 1))
            elif high.is_Add:
                yield high.as_coeff_Add()[1]
    if isinstance(e, (Indexed, KroneckerDelta)):
        for index in e.indices if isinstance(e, Indexed) else e.args:
            if not index.free_symbols & bound:
                yield index
    for argument in e.args:
        yield from free_indices(argument, bound)
