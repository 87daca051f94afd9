"""How long the numbers of a statement can become, bounded before anything is computed.

SymPy computes ``2^(10^12)`` as soon as such a power is built again, even if it was written without
being evaluated, and the process runs out of memory.  So every power is measured first, from what
was received: with its exponents as they are written, with the values that conditions give to its
symbols, and with the numbers that a summation index or the variable of a limit runs to.

A *length* is a bound of ``log2 |p|`` and ``log2 q`` for a number ``p/q``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from sympy import (
    Add,
    Basic,
    Eq,
    Idx,
    Indexed,
    Integer,
    Limit,
    Max,
    Min,
    Mul,
    Pow,
    Rational,
    Sum,
    Symbol,
    cosh,
    exp,
    log,
    sinh,
)

from bnproof.symbolic.outcomes import Unreadable
from bnproof.symbolic.symbols import LONGEST

# 2^64 bits: above any length that is let through, and no overflow where lengths are exponents
FAR = 64.0

# Of a tree: the largest of the book has 1,200, and every walk takes as long as the tree is large.
MOST_NODES = 20_000

Lengths = Mapping[Basic, float]


def refuse_long_powers(parts: Iterable[Basic], conditions: Iterable[Basic]) -> None:
    """Refuse a statement in which a power could be a number of too many bits.

    Parameters
    ----------
    parts
        The statement and its conditions, as they were received.
    conditions
        The conditions alone; equations among them may give symbols their values.

    Raises
    ------
    Unreadable
        Where a power is longer than ``LONGEST`` bits.

    Examples
    --------
    >>> from sympy import Eq, Pow, Symbol
    >>> from bnproof.symbolic.lengths import refuse_long_powers
    >>> n = Symbol("n", integer=True)
    >>> refuse_long_powers([Eq(2**n, 8)], [Eq(n, 3)])
    >>> refuse_long_powers([Eq(2**n, 8)], [Eq(n, 10**12)])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    bnproof.symbolic.outcomes.Unreadable: a power of more than 3000 bits: ...
    """
    known = _measure_values(conditions)
    for part in parts:
        Measuring(known).measure(part)


def refuse_foreign_parts(expression: Basic) -> None:
    """Refuse an expression that holds what is none of SymPy's, as ``x[None]`` does.

    Raises
    ------
    Unreadable
        With the part and the node it stands in.
    """
    seen: set[Basic] = set()
    left = [expression]
    while left:
        node = left.pop()
        if node in seen:
            continue
        seen.add(node)
        for part in node.args:
            if not isinstance(part, Basic):
                raise Unreadable(f"{node} holds {part!r}, which is no SymPy expression")
            left.append(part)


def refuse_large_trees(parts: Iterable[Basic]) -> None:
    """Refuse what has too many nodes once shared parts are written out.

    Parameters
    ----------
    parts
        The statement and its conditions, as they were received.

    Raises
    ------
    Unreadable
        Where one of them has more than ``MOST_NODES`` nodes.
    """
    counts: dict[Basic, int] = {}

    def count(e: Basic) -> int:
        # A part that stands in twice is counted twice and looked at once.
        if e not in counts:
            sizes = sorted(map(count, e.args), reverse=True)
            counts[e] = _count_maximum(sizes) if isinstance(e, (Max, Min)) else 1 + sum(sizes)
        return counts[e]

    for part in parts:
        if count(part) > MOST_NODES:
            raise Unreadable(
                f"a statement of more than {MOST_NODES} nodes: name its parts by symbols, with"
                " conditions"
            )


def _count_maximum(sizes: Sequence[int]) -> int:
    """The nodes of ``max(a, b) = (a + b + |a - b|)/2``, with itself in the place of a for each
    further argument: each of them doubles what there is."""
    total, *others = sizes
    for size in others:
        total = 2 * (total + size) + 4
    return total


class Measuring:
    """Lengths under one assignment of lengths to symbols.

    Parameters
    ----------
    known
        The lengths of the symbols that have a value.  All others count as 1: where they cancel,
        what is left of an exponent are its numbers.
    most
        The length beyond which a power is refused.
    """

    def __init__(self, known: Lengths, most: float = LONGEST) -> None:
        self.known, self.most = known, most
        # parts stand in a statement many times over, mu and v above all
        self.measured: dict[Basic, float] = {}

    def measure(self, e: Basic) -> float:
        """The length of an expression; raises ``Unreadable`` for a power that is too long."""
        if e not in self.measured:
            self.measured[e] = self._measure(e)
        return self.measured[e]

    def _measure(self, e: Basic) -> float:
        match e:
            case Rational():
                return max(math.log2(abs(int(e.p)) or 1), math.log2(int(e.q)))
            case Symbol() | Idx():
                return self.known.get(e, 0.0)
            case Add():
                return self._measure_sum(e)
            case Mul():
                return sum(map(self.measure, e.args))
            case Pow():
                return self._measure_power(e.base, e.exp)
            case exp() | cosh() | sinh():
                return self._measure_exponential(e)
            case log():
                # log(2^k) is k log 2
                return math.log2(1 + self.measure(e.args[0]))
            case Sum():
                limits = [(index, map(self.measure, ends)) for index, *ends in e.limits]
                within = {index: max(ends) for index, ends in limits}
                inside = Measuring({**self.known, **within}, self.most).measure(e.function)
                return inside + sum(within.values())
            case Limit():
                function, variable, target, _ = e.args
                near = self.measure(target) if target.is_finite else 0.0
                return Measuring({**self.known, variable: near}, self.most).measure(function)
            case _:
                return max(map(self.measure, e.args), default=0.0)

    def _measure_sum(self, e: Add) -> float:
        """``|p + q| <= |p| + |q|`` for integers; denominators are multiplied."""
        whole = [self.measure(t) for t in e.args if isinstance(t, Integer | Symbol | Idx)]
        others = [self.measure(t) for t in e.args if not isinstance(t, Integer | Symbol | Idx)]
        together = max(whole, default=0.0) + math.log2(len(whole) or 1)
        return together + sum(others) + (math.log2(1 + len(others)) if others else 0.0)

    def _measure_power(self, base: Basic, exponent: Basic) -> float:
        """The length of the base, as many times as the exponent may say."""
        times = (
            abs(exponent)
            if isinstance(exponent, Rational)
            else 2 ** min(self.measure(exponent), FAR)
        )
        return self._check(self.measure(base) * float(min(times, 2**FAR)))

    def _measure_exponential(self, e: Basic) -> float:
        """``exp(k log b) = b^k``, and of a number ``exp(k) = 2^(k/log 2)``.

        SymPy keeps the latter as it is, and writes out its digits as soon as it stands in another
        function or is compared.
        """
        bases = [self.measure(inner.args[0]) for inner in e.atoms(log)]
        base = max(bases, default=0.0 if e.free_symbols - self.known.keys() else 1 / math.log(2))
        return self._check(base * 2 ** min(self.measure(e.args[0]), FAR))

    def _check(self, length: float) -> float:
        if length > self.most:
            raise Unreadable(
                f"a power of more than {LONGEST} bits: name it by a symbol, with a condition"
            )
        return length


def _measure_values(conditions: Iterable[Basic]) -> dict[Basic, float]:
    """How long the values can be that equations among the conditions give to symbols.

    What an equation makes of a symbol is made of its other symbols and its numbers, and the product
    of all of these bounds it.  Only algebraic equations give a symbol a value that is put in for
    it; a sum or a symbolic power does not.
    """
    equations = [
        (frozenset(s for s in condition.free_symbols if isinstance(s, Symbol)), condition.args)
        for condition in conditions
        if isinstance(condition, Eq) and all(map(_is_algebraic, condition.args))
    ]
    known: dict[Basic, float] = {}
    # A value reaches a symbol through as many equations as there are.
    for _ in equations:
        before = dict(known)
        for symbol in {s for symbols, _ in equations for s in symbols}:
            measuring = Measuring({**before, symbol: 0.0}, most=math.inf)
            lengths = (
                measuring.measure(side)
                for symbols, sides in equations
                if symbol in symbols
                for side in sides
            )
            # Beyond what is let through nothing needs to be told apart.
            known[symbol] = min(sum(lengths), 2.0 * LONGEST)
        if known == before:
            break
    return known


def _is_algebraic(e: Basic) -> bool:
    """Whether it is made of symbols, entries and numbers by ``+ - * /`` and roots."""
    if isinstance(e, Symbol | Idx | Rational | Indexed):
        return True
    if isinstance(e, Pow):
        return isinstance(e.exp, Rational) and _is_algebraic(e.base)
    return isinstance(e, Add | Mul) and all(map(_is_algebraic, e.args))
