"""Cases of a statement: which of its free indices are equal (a Kronecker delta of two of them needs
to know)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from sympy import Derivative, Expr, Indexed, Integer, KroneckerDelta, Symbol

from bnproof.symbolic.expectation import Expectation
from bnproof.symbolic.outcomes import Undecided
from bnproof.symbolic.reading import FREE, Question
from bnproof.symbolic.sampling import find_assignment
from bnproof.symbolic.setting import Every, m

MOST_TERMS = 6  # index terms that are told apart in every way


@dataclass(frozen=True)
class IndexCase:
    """One way the free indices can coincide: replacements, what stays pairwise distinct, the least
    ``m``."""

    replace: dict[Expr, Expr]
    distinct: frozenset[Expr]
    least_size: int

    def __str__(self) -> str:
        equal = [f"{old} = {new}" for old, new in self.replace.items()]
        names = sorted(map(str, self.distinct))
        compared = len(names) > 1 and any(not t.is_Integer for t in self.distinct)
        return ", ".join(equal + ([" != ".join(names)] if compared else []))


def list_cases(question: Question) -> list[IndexCase]:
    """One case where nothing compares indices, else one for every partition of the free indices."""
    terms = question.indices
    if len(terms) < 2 or not _compares(question):
        # nothing was told apart, so nothing may be concluded from two terms being different
        return [IndexCase({}, frozenset(), 1)]
    if len(terms) > MOST_TERMS:
        raise Undecided(f"{len(terms)} index terms are compared, more than {MOST_TERMS}")
    return [case for blocks in partitions(terms) if (case := _build_case(blocks)) is not None]


def find_given_size(question: Question) -> int | None:
    """The batch size, where a condition ``Eq(m, 3)`` fixes it."""
    sizes = [a[1] for c in question.given if (a := find_assignment(c)) and a[0] == m]
    return int(sizes[0]) if sizes and sizes[0].is_Integer and sizes[0] >= 1 else None


def list_concrete_cases(question: Question, size: int) -> list[IndexCase]:
    """A given batch size: each free index takes each of its values."""
    symbols = question.free_indices
    numbers = frozenset(Integer(p) for p in range(1, size + 1))
    values = product(sorted(numbers), repeat=len(symbols))
    return [
        IndexCase({**dict(zip(symbols, value, strict=True)), m: Integer(size)}, numbers, size)
        for value in values
    ]


def _compares(question: Question) -> bool:
    """Whether anything depends on which indices are equal.

    The parts are looked at as they were received: what SymPy cancels when it rebuilds a statement
    has to exist all the same, and whether it does may depend on a delta.
    """
    parts = question.received_parts
    if any(part.has(KroneckerDelta, Expectation) for part in parts):
        return True
    if any(
        isinstance(v, Indexed)
        for part in parts
        for d in part.atoms(Derivative)
        for v in d.variables
    ):
        return True
    single = (c for c in question.given if not isinstance(c, Every))
    return any(c.free_symbols & set(question.indices) for c in single)


def _build_case(blocks: list[list[Expr]]) -> IndexCase | None:
    """The partition as a case, ``None`` where it contradicts itself."""
    replace: dict[Expr, Expr] = {}
    for block in blocks:
        for term in block[1:]:
            solution = _solve_difference((block[0] - term).xreplace(replace).expand())
            if solution is None:
                return None
            if solution:
                replace = {
                    old: new.xreplace(solution).expand() for old, new in replace.items()
                } | solution
    put = [[t.xreplace(replace).expand() for t in block] for block in blocks]
    distinct = frozenset(block[0] for block in put)
    if len(distinct) < len(blocks):
        return None
    least = _least_size(blocks, put)
    if least is None or (m in replace and replace[m].is_Integer and least > replace[m]):
        return None
    return IndexCase(replace, distinct, least)


def _solve_difference(difference: Expr) -> dict[Expr, Expr] | None:
    """A value of one symbol that makes an affine difference vanish; ``None`` where nothing does."""
    if difference.is_number:
        return {} if difference == 0 else None
    symbols = sorted(difference.free_symbols, key=_rank_symbol)
    for symbol in symbols:
        slope = difference.coeff(symbol)
        rest = (difference - slope * symbol).expand()
        if slope.is_Integer and not rest.has(symbol) and (abs(slope) == 1 or symbol in FREE):
            return {symbol: (-rest / slope).expand()}
    raise Undecided(f"whether {difference} can be 0, which says whether two indices are equal")


def _rank_symbol(symbol: Symbol) -> tuple[int, str]:
    """Indices first, the batch size last; of two indices the later one is replaced by the
    earlier."""
    return (
        (0, str(-FREE.index(symbol))) if symbol in FREE else (2 if symbol == m else 1, symbol.name)
    )


def _least_size(blocks: list[list[Expr]], put: list[list[Expr]]) -> int | None:
    """A batch holds as many entries as there are different free indices, and those they are equal
    to."""
    inside = [values for block, values in zip(blocks, put, strict=True) if {*FREE, m} & set(block)]
    numbers = [int(values[0]) for values in inside if values[0].is_Integer]
    if any(number < 1 for number in numbers):
        return None
    return max([1, len(inside), *numbers])


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
