"""Cases of a statement: which of its free indices are equal (a Kronecker delta of two of them needs to know)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from sympy import Derivative, Expr, Indexed, Integer, KroneckerDelta

from bnproof.symbolic.expectation import Expectation
from bnproof.symbolic.reading import Question
from bnproof.symbolic.sampling import assignment
from bnproof.symbolic.setting import m


@dataclass(frozen=True)
class Case:
    """One way the free indices can coincide: replacements, what stays pairwise distinct, the least ``m``."""

    replace: dict[Expr, Expr]
    distinct: frozenset[Expr]
    least_size: int

    def __str__(self) -> str:
        equal = [f"{old} = {new}" for old, new in self.replace.items()]
        names = sorted(map(str, self.distinct))
        compared = len(names) > 1 and any(not t.is_Integer for t in self.distinct)
        return ", ".join(equal + ([" != ".join(names)] if compared else []))


def cases(question: Question) -> list[Case]:
    """One case where nothing compares indices, else one for every partition of the free indices."""
    terms = _terms(question)
    if len(terms) < 2 or not _compares(question):
        return [Case({}, frozenset(terms), 1)]
    return [case for blocks in partitions(terms) if (case := _case(blocks)) is not None]


def _terms(question: Question) -> list[Expr]:
    return [t for t in question.indices if t.is_Symbol or t.is_Integer]


def given_size(question: Question) -> int | None:
    """The batch size, where a condition ``Eq(m, 3)`` fixes it."""
    sizes = [a[1] for c in question.given if (a := assignment(c)) and a[0] == m]
    return int(sizes[0]) if sizes and sizes[0].is_Integer and sizes[0] >= 1 else None


def concrete_cases(question: Question, size: int) -> list[Case]:
    """A given batch size: each free index takes each of its values."""
    symbols = [t for t in _terms(question) if t.is_Symbol and t != m]
    numbers = frozenset(Integer(p) for p in range(1, size + 1))
    values = product(sorted(numbers), repeat=len(symbols))
    return [Case({**dict(zip(symbols, value, strict=True)), m: Integer(size)}, numbers, size) for value in values]


def _compares(question: Question) -> bool:
    if any(part.has(KroneckerDelta, Expectation) for part in question.parts):
        return True
    if any(isinstance(v, Indexed) for part in question.parts for d in part.atoms(Derivative) for v in d.variables):
        return True
    return any(c.free_symbols & set(question.indices) for c in question.given)


def _case(blocks: list[list[Expr]]) -> Case | None:
    replace: dict[Expr, Expr] = {}
    for block in blocks:
        numbers = [t for t in block if t.is_Integer]
        if len(numbers) > 1:
            return None
        chosen = numbers[0] if numbers else m if m in block else block[0]
        replace |= {t: chosen for t in block if t != chosen}
    inside = [block for block in blocks if any(t.is_Symbol for t in block)]  # a bare number need not be an index
    if m in replace and len(inside) > int(replace[m]):
        return None
    distinct = frozenset(replace.get(block[0], block[0]) for block in blocks)
    merged = [int(t) for block in inside for t in block if t.is_Integer]
    return Case(replace, distinct, max([1, len(inside), *merged]))


def partitions(terms: list[Expr]) -> Iterator[list[list[Expr]]]:
    """Every partition of ``terms`` into blocks."""
    if not terms:
        yield []
        return
    first, *rest = terms
    for blocks in partitions(rest):
        yield [[first], *blocks]
        for position, block in enumerate(blocks):
            yield [*blocks[:position], [first, *block], *blocks[position + 1 :]]
