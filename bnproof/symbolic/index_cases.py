"""Cases of a statement: which of its free indices are equal.

A Kronecker delta of two free indices is 1 where they are equal and 0 where they differ, so a
statement that compares indices is proved once for every way in which they can coincide. Each way is
a partition of the index terms into blocks of equal ones. Terms such as ``1`` and ``i + 1`` take
part, since ``i`` may equal ``1`` and never ``i + 1``.

The cases cover every batch: whatever values the indices have, one case describes them. A partition
is left out only where it cannot occur.

Start reading at :func:`list_cases`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from sympy import Derivative, Expr, Indexed, Integer, KroneckerDelta, Rational, Symbol

from bnproof.symbolic.expectation import Expectation
from bnproof.symbolic.outcomes import Undecided
from bnproof.symbolic.reading import FREE, Question
from bnproof.symbolic.sampling import find_assignment
from bnproof.symbolic.setting import Every, m

# Index terms that are told apart in every way. Six terms have 203 partitions, seven have 877, and
# each partition is a proof of its own.
MOST_TERMS = 6


@dataclass(frozen=True)
class IndexCase:
    """One way in which the free indices can coincide.

    Attributes
    ----------
    replace
        What stands for what: of equal indices the later one is replaced by the earlier one, and an
        index that equals a number by the number.
    distinct
        The index terms that differ pairwise, one for each block of equal terms.
    least_size
        The least batch size at which the case can occur.
    """

    replace: dict[Expr, Expr]
    distinct: frozenset[Expr]
    least_size: int

    def describes(self, scalars: Mapping[Symbol, Any]) -> bool:
        """Whether indices with these values are equal and different as the case says.

        Parameters
        ----------
        scalars
            Exact values of the free symbols and of ``m``.
        """
        # other symbols may have values that are no rational numbers, and no index mentions them
        values = {
            symbol: Rational(int(value.p), int(value.q))
            for symbol, value in scalars.items()
            if symbol.is_integer
        }

        def read(term: Expr) -> Expr:
            return term.xreplace(values)

        distinct = [read(term) for term in self.distinct]
        return len({*distinct}) == len(distinct) and all(
            read(old) == read(new) for old, new in self.replace.items()
        )

    def __str__(self) -> str:
        equal = [f"{old} = {new}" for old, new in self.replace.items()]
        names = sorted(map(str, self.distinct))
        compared = len(names) > 1 and any(not t.is_Integer for t in self.distinct)
        return ", ".join(equal + ([" != ".join(names)] if compared else []))


def list_cases(question: Question) -> list[IndexCase]:
    """List the cases of a statement.

    Parameters
    ----------
    question
        The statement with its conditions, as they were read.

    Returns
    -------
    list of IndexCase
        A single case without replacements where nothing compares indices, and else one case for
        every partition of the index terms that can occur.

    Raises
    ------
    Undecided
        For more than ``MOST_TERMS`` index terms, and where it is not known whether two of them can
        be equal, such as ``m`` and ``(m + 1)/2``.

    Examples
    --------
    >>> from sympy import Eq, KroneckerDelta
    >>> from bnproof.symbolic.reading import read
    >>> from bnproof.symbolic.setting import i, k, x
    >>> for case in list_cases(read(Eq(KroneckerDelta(i, k) * (x[i] - x[k]), 0))):
    ...     print(case, case.least_size)
    i != k 2
    k = i 1
    """
    terms = question.indices
    if len(terms) < 2 or not _compares(question):
        # nothing was told apart, so nothing may be concluded from two terms being different
        return [IndexCase({}, frozenset(), 1)]
    if len(terms) > MOST_TERMS:
        raise Undecided(f"{len(terms)} index terms are compared, more than {MOST_TERMS}")
    return [case for blocks in partitions(terms) if (case := _build_case(blocks)) is not None]


def find_given_size(question: Question) -> int | None:
    """Find the batch size that a condition such as ``Eq(m, 3)`` fixes.

    Returns
    -------
    int or None
        The size; ``None`` where no condition says ``m`` is a number that is at least 1.
    """
    sizes = [a[1] for c in question.given if (a := find_assignment(c)) and a[0] == m]
    return int(sizes[0]) if sizes and sizes[0].is_Integer and sizes[0] >= 1 else None


def list_concrete_cases(question: Question, size: int) -> list[IndexCase]:
    """List the cases of a given batch size, in which each free index takes each of its values.

    Parameters
    ----------
    question
        The statement with its conditions, as they were read.
    size
        The batch size.

    Returns
    -------
    list of IndexCase
        ``size^n`` cases for n free indices, each with a number for every index and for ``m``.
    """
    symbols = question.free_indices
    numbers = frozenset(Integer(p) for p in range(1, size + 1))
    values = product(sorted(numbers), repeat=len(symbols))
    return [
        IndexCase({**dict(zip(symbols, value, strict=True)), m: Integer(size)}, numbers, size)
        for value in values
    ]


def _compares(question: Question) -> bool:
    """Tell whether anything depends on which indices are equal.

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
    """Turn a partition into a case; ``None`` where it contradicts itself.

    Equal terms are solved for one symbol after the other. What is found for one pair is put into
    the pairs after it, so ``i = k`` and ``k = 1`` together give ``i = 1``.
    """
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
    # terms of different blocks may have become equal: i = k makes i + 1 and k + 1 equal too
    put = [[t.xreplace(replace).expand() for t in block] for block in blocks]
    distinct = frozenset(block[0] for block in put)
    if len(distinct) < len(blocks):
        return None
    least = _least_size(blocks, put)
    if least is None or (m in replace and replace[m].is_Integer and least > replace[m]):
        return None
    return IndexCase(replace, distinct, least)


def _solve_difference(difference: Expr) -> dict[Expr, Expr] | None:
    """A value of one symbol that makes an affine difference vanish.

    The result is empty where the difference is 0 already, and ``None`` where no value makes it 0.
    Raises ``Undecided`` for a difference that cannot be solved in this way.
    """
    if difference.is_number:
        return {} if difference == 0 else None
    symbols = sorted(difference.free_symbols, key=_rank_symbol)
    for symbol in symbols:
        slope = difference.coeff(symbol)
        rest = (difference - slope * symbol).expand()
        # a free index may get a value such as (m + 1)/2; a case where it is no integer is empty
        if slope.is_Integer and not rest.has(symbol) and (abs(slope) == 1 or symbol in FREE):
            return {symbol: (-rest / slope).expand()}
    raise Undecided(f"whether {difference} can be 0, which says whether two indices are equal")


def _rank_symbol(symbol: Symbol) -> tuple[int, str]:
    """The order in which symbols are solved for: free indices, then others, the batch size last.

    Of two indices the later one is replaced by the earlier one, so that a statement keeps ``i``.
    """
    return (
        (0, str(-FREE.index(symbol))) if symbol in FREE else (2 if symbol == m else 1, symbol.name)
    )


def _least_size(blocks: list[list[Expr]], put: list[list[Expr]]) -> int | None:
    """The least batch size of a case; ``None`` where an index would lie below 1.

    A batch holds as many entries as there are different free indices, and at least as many as the
    greatest number that one of them equals.
    """
    # a block without a free index, such as that of the number 5 alone, need not lie in the batch
    inside = [values for block, values in zip(blocks, put, strict=True) if {*FREE, m} & set(block)]
    numbers = [int(values[0]) for values in inside if values[0].is_Integer]
    if any(number < 1 for number in numbers):
        return None
    return max([1, len(inside), *numbers])


def partitions(terms: list[Expr]) -> Iterator[list[list[Expr]]]:
    """List every partition of terms into blocks.

    Parameters
    ----------
    terms
        Terms, all different. Their number is that of the partitions by Bell: 1, 1, 2, 5, 15, 52.

    Yields
    ------
    list of list
        The blocks. The first term of ``terms`` goes into a block of its own, and then into each
        block of a partition of the others.

    Examples
    --------
    >>> from sympy import symbols
    >>> for blocks in partitions(list(symbols("i j k"))):
    ...     print(blocks)
    [[i], [j], [k]]
    [[i, j], [k]]
    [[j], [i, k]]
    [[i], [j, k]]
    [[i, j, k]]
    """
    if not terms:
        yield []
        return
    first, *rest = terms
    for blocks in partitions(rest):
        yield [[first], *blocks]
        for position, block in enumerate(blocks):
            yield [*blocks[:position], [first, *block], *blocks[position + 1 :]]
