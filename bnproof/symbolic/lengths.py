"""How long the numbers of a statement can become, bounded before anything is computed.

SymPy computes ``2^(10^12)`` as soon as such a power is built again, even if it was written without
being evaluated, and the process runs out of memory.  So every power is measured first, from what
was received: with its exponents as they are written, with the values that conditions give to its
symbols, and with the numbers that a summation index or the variable of a limit runs to.

A *length* is a bound of ``log2 |p|`` and ``log2 q`` for a number ``p/q``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from sympy import (
    Add,
    Basic,
    Eq,
    Idx,
    Indexed,
    Integer,
    Limit,
    Mul,
    Pow,
    Rational,
    Sum,
    Symbol,
    exp,
    log,
)

from bnproof.symbolic.outcomes import Unreadable
from bnproof.symbolic.symbols import LONGEST

# 2^64 bits: above any length that is let through, and no overflow where lengths are exponents
FAR = 64.0

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


class Measuring:
    """Lengths under one assignment of lengths to symbols.

    Parameters
    ----------
    known
        The lengths of the symbols that have a value.  All others count as 1: where they cancel,
        what is left of an exponent are its numbers.
    """

    def __init__(self, known: Lengths) -> None:
        self.known = known
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
            case exp():
                return self._measure_exponential(e)
            case log():
                # log(2^k) is k log 2
                return math.log2(1 + self.measure(e.args[0]))
            case Sum():
                limits = [(index, map(self.measure, ends)) for index, *ends in e.limits]
                within = {index: max(ends) for index, ends in limits}
                inside = Measuring({**self.known, **within}).measure(e.function)
                return inside + sum(within.values())
            case Limit():
                function, variable, target, _ = e.args
                near = self.measure(target) if target.is_finite else 0.0
                return Measuring({**self.known, variable: near}).measure(function)
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

    def _measure_exponential(self, e: exp) -> float:
        """``exp(k log b) = b^k``; without a logarithm SymPy keeps the function as it is."""
        bases = [self.measure(inner.args[0]) for inner in e.atoms(log)]
        return self._check(max(bases, default=0.0) * 2 ** min(self.measure(e.args[0]), FAR))

    def _check(self, length: float) -> float:
        if length > LONGEST:
            raise Unreadable(
                f"a power of more than {LONGEST} bits: name it by a symbol, with a condition"
            )
        return length


def _measure_values(conditions: Iterable[Basic]) -> dict[Basic, float]:
    """How long the values can be that equations among the conditions give to symbols.

    Equations that share symbols are taken together.  What they determine is made of their numbers,
    and a product of all of these bounds it.  Only algebraic equations give a symbol a value that is
    put in for it; a sum or a symbolic power does not.
    """
    known: dict[Basic, float] = {}
    groups: list[tuple[set[Basic], float]] = []
    for condition in conditions:
        if not isinstance(condition, Eq) or not all(map(_is_algebraic, condition.args)):
            continue
        symbols = {s for s in condition.free_symbols if isinstance(s, Symbol)}
        length = sum(map(Measuring({}).measure, condition.args))
        for group in [group for group in groups if group[0] & symbols]:
            groups.remove(group)
            symbols, length = symbols | group[0], length + group[1]
        groups.append((symbols, length))
    for symbols, length in groups:
        known |= dict.fromkeys(symbols, length)
    return known


def _is_algebraic(e: Basic) -> bool:
    """Whether it is made of symbols, entries and numbers by ``+ - * /`` and roots."""
    if isinstance(e, Symbol | Idx | Rational | Indexed):
        return True
    if isinstance(e, Pow):
        return isinstance(e.exp, Rational) and _is_algebraic(e.base)
    return isinstance(e, Add | Mul) and all(map(_is_algebraic, e.args))
