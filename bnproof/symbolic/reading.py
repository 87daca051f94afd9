"""Reading a statement: what the symbols mean, bound indices renamed apart, equations of conditions kept.

SymPy lets two sums share an index name and captures it when it substitutes or differentiates; after reading,
every summation index is a fresh dummy, so nothing later can capture anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from sympy import (
    Basic,
    Dummy,
    Expr,
    Idx,
    Indexed,
    IndexedBase,
    Integer,
    KroneckerDelta,
    Lambda,
    Limit,
    Pow,
    Subs,
    Sum,
    Symbol,
    oo,
    sympify,
)
from sympy.concrete.expr_with_limits import ExprWithLimits
from sympy.core.relational import Relational
from sympy.logic.boolalg import And, Boolean

from bnproof.symbolic.outcomes import Undecided
from bnproof.symbolic.setting import eps, i, j, k, m

DIRECTIONS = frozenset({Symbol("+"), Symbol("-"), Symbol("+-")})  # SymPy keeps a limit's direction as a symbol


@dataclass
class Question:
    """A statement and its conditions, as bnproof reads them.

    ``present`` are the entries, divisions, roots and symbolic powers of the statement as it was received (SymPy may
    cancel them when it rebuilds an expression, yet they have to exist); ``sizes`` bounds each summation index.
    """

    statement: Basic
    given: tuple[Basic, ...]
    present: tuple[Expr, ...] = ()
    sizes: dict[Basic, tuple[Expr, Expr]] = field(default_factory=dict)
    remainder: Expr | None = None  # of an inequality: what its sides are claimed to differ by

    @property
    def parts(self) -> tuple[Basic, ...]:
        return (self.statement, *self.given)

    @property
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
        used = {t for part in self.parts for t in free_indices(part)}
        return sorted(used | {n for n in (i, j, k) if n in self.named}, key=str)

    @cached_property
    def bases(self) -> list[IndexedBase]:
        """The indexed bases, ``x`` and ``g`` among them, by name."""
        return sorted({e.base for part in self.parts for e in part.atoms(Indexed)}, key=str)


def read(statement: Any, given: tuple[Any, ...] = (), remainder: Expr | None = None) -> Question:
    """Read a SymPy statement (or a Python bool), its conditions and a remainder; raises ``TypeError`` for anything else."""
    renaming = _Renaming()
    received = renaming.apart(_boolean(statement), {})
    present = tuple(renaming.present)
    conditions = [renaming.apart(part, {}) for condition in given for part in And.make_args(_boolean(condition))]
    aside = None if remainder is None else renaming.apart(remainder, {})
    parts = [received, *conditions, *(() if aside is None else (aside,))]
    meaning = _meaning([*parts, *present])

    def meant(part: Basic) -> Basic:
        return replaced(part, meaning)

    sizes = {index: (meant(low), meant(high)) for index, (low, high) in renaming.sizes.items()}
    return Question(
        meant(received),
        tuple(map(meant, conditions)),
        tuple(map(meant, present)),
        sizes,
        None if aside is None else meant(aside),
    )


def replaced(part: Basic, replacements: dict[Basic, Basic]) -> Basic:
    """``part`` with replacements made; a relation stays one, without SymPy deciding it by assumptions."""
    if not replacements:
        return part
    if isinstance(part, Relational):
        return part.func(*(side.xreplace(replacements) for side in part.args), evaluate=False)
    return part.xreplace(replacements)


def _boolean(part: Any) -> Basic:
    read_as = sympify(part)
    if not isinstance(read_as, (Relational, Boolean)) or isinstance(read_as, Symbol):
        raise TypeError(f"{part} is no statement: write an equation such as Eq(lhs, rhs)")
    return read_as


def _meaning(parts: list[Basic]) -> dict[Basic, Basic]:
    """Replacements for the user's own symbols: ``Idx`` and plain indices are positive integers, the rest real."""
    indexing = {s for part in parts for s in _index_symbols(part)}
    used = {symbol for part in parts for symbol in part.atoms(Symbol, Idx)}
    labels = {base.label for part in parts for base in part.atoms(IndexedBase)}
    meaning: dict[Basic, Basic] = {}
    for symbol in used - labels - DIRECTIONS:
        if isinstance(symbol, Idx):
            meaning[symbol] = Dummy(str(symbol.label), integer=True, positive=True)
        elif symbol in indexing and symbol.is_integer is None:
            meaning[symbol] = Dummy(symbol.name, integer=True, positive=True)
        elif symbol.is_real is None and symbol.is_complex is None and symbol.is_commutative:
            meaning[symbol] = Dummy(symbol.name, **(symbol.assumptions0 | {"real": True}))
        elif symbol.is_real is not True:
            raise Undecided(f"{symbol} is not a real number")
    plain_bases = {base for part in parts for base in part.atoms(IndexedBase) if base.is_real is None}
    return meaning | {base: IndexedBase(str(base.label), real=True) for base in plain_bases}


def _index_symbols(part: Basic) -> Iterator[Symbol]:
    for node in part.atoms(Indexed, KroneckerDelta):
        for index in node.indices if isinstance(node, Indexed) else node.args:
            yield from index.free_symbols
    for node in part.atoms(Sum):
        for limit in node.limits:
            for end in limit[1:]:
                yield from end.free_symbols


class _Renaming:
    """Renames bound symbols apart; equal sums get equal dummies (no sum contains itself)."""

    def __init__(self) -> None:
        self._known: dict[tuple[Basic, frozenset[tuple[Basic, Basic]]], Basic] = {}
        self.present: list[Expr] = []
        self.sizes: dict[Basic, tuple[Expr, Expr]] = {}

    def apart(self, e: Basic, names: dict[Basic, Basic]) -> Basic:
        """``e`` with every bound symbol replaced by a dummy (``names``: the renamings in force)."""
        if isinstance(e, (Symbol, Idx)):
            return names.get(e, e)
        if not e.args or isinstance(e, IndexedBase):
            return e
        key = (e, frozenset((old, new) for old, new in names.items() if old in numbers_in(e)))
        if key not in self._known:
            self._known[key] = self._renamed(e, names)
        return self._known[key]

    def _renamed(self, e: Basic, names: dict[Basic, Basic]) -> Basic:
        if isinstance(e, Sum):
            return self._sum(e, names)
        if isinstance(e, Limit):
            return self._limit(e, names)
        if isinstance(e, (ExprWithLimits, Subs, Lambda)):
            raise Undecided(f"{type(e).__name__} is beyond the power-sum normal form")
        arguments = [self.apart(a, names) for a in e.args]
        if isinstance(e, Relational):
            return e.func(*arguments, evaluate=False)
        if isinstance(e, Pow) and not (arguments[1].is_Integer and arguments[1] > 0):
            self.present.append(Pow(*arguments, evaluate=False))
        if isinstance(e, Indexed):
            self.present.append(e.func(*arguments))
        return e.func(*arguments)

    def _sum(self, e: Sum, names: dict[Basic, Basic]) -> Expr:
        """The last limit of a SymPy ``Sum`` is the outermost; each bound sees only the indices outside it."""
        *inner, limit = e.limits
        if len(limit) != 3:
            raise Undecided(f"the sum over {limit[0]} has no bounds: write ({limit[0]}, 1, m)")
        index, low, high = limit
        fresh = Dummy(index.name, integer=True, **({"positive": True} if low.is_positive else {}))
        summand = Sum(e.function, *inner) if inner else e.function
        bounds = (self.apart(low, names), self.apart(high, names))
        self.sizes[fresh] = bounds
        return Sum(self.apart(summand, {**names, index: fresh}), (fresh, *bounds))

    def _limit(self, e: Limit, names: dict[Basic, Basic]) -> Expr:
        function, variable, target, direction = e.args
        known = {"integer": True} if variable.is_integer else {}
        fresh = Dummy(variable.name, **known, **({"positive": True} if target == oo else {"real": True}))
        outside = len(self.present)
        inside = self.apart(function, {**names, variable: fresh})
        # what depends on the variable need only exist near the target, which the limit decides
        self.present[outside:] = [part for part in self.present[outside:] if fresh not in numbers_in(part)]
        return Limit(inside, fresh, self.apart(target, names), str(direction))


@lru_cache(maxsize=1 << 16)
def numbers_in(e: Basic) -> frozenset[Symbol]:
    """Free symbols of ``e`` that stand for numbers: labels of bases and summation indices do not."""
    if isinstance(e, (Symbol, Idx)):
        return frozenset({e})
    if isinstance(e, IndexedBase):
        return frozenset()
    if isinstance(e, Limit):
        return (numbers_in(e.args[0]) - {e.args[1]}) | numbers_in(e.args[2])
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
