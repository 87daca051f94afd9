"""Power sums: algebra and sums rewritten into independent generators.

Generators are free entries ``x[i]``, scalars, and *atoms*: the power sums ``sum_j x_j^a g_j^b`` that are left when
each Kronecker delta is contracted, each summand expanded into monomials of the indexed symbols, and everything
that does not depend on the summation index pulled out (``sum_j 1 = m``).  The first two power sums of one base are
written by its mean and variance, ``sum b = m mean``, ``sum b^2 = m (var + mean^2)``, so that positivity shows.
Square roots and absolute values are generators with one relation each (:mod:`bnproof.symbolic.roots`).
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import cache
from itertools import count
from typing import Self

from sympy import (
    Abs,
    Add,
    Dummy,
    Expr,
    Indexed,
    IndexedBase,
    Integer,
    KroneckerDelta,
    Mul,
    Pow,
    Rational,
    Sum,
    Symbol,
    atan,
    bernoulli,
    binomial,
    cos,
    cosh,
    exp,
    sign,
    sin,
    sinh,
    tanh,
)

from bnproof.symbolic import powers, roots
from bnproof.symbolic.atoms import Atoms, expanded
from bnproof.symbolic.multiple_sums import MOST_INDICES, canonical
from bnproof.symbolic.outcomes import Undecided
from bnproof.symbolic.rendering import text
from bnproof.symbolic.setting import g, m, x
from bnproof.symbolic.signs import NONNEGATIVE, POSITIVE, Signs

HYPERBOLIC = (tanh, sinh, cosh)
TOTAL = (sin, cos, atan)  # real and defined for every real argument
UNROLL = 64


@cache
def _bound(depth: int) -> Dummy:
    """A name for the summation index of an atom: a dummy, so that no free index is captured."""
    return Dummy("jabcdefh"[depth - 1] if depth <= 8 else f"j{depth}", integer=True, positive=True)


class PowerSums(Atoms):
    """Rewrites algebra, sums, deltas, roots and powers into generators."""

    def __init__(self, signs: Signs, distinct: frozenset[Expr] = frozenset()) -> None:
        super().__init__(signs)
        self.distinct = distinct  # free indices that are pairwise different in the case at hand
        self.size_of: dict[Symbol, Expr] = {}
        self._normal: dict[Expr, Expr] = {}
        self._lengths: dict[IndexedBase, Expr] = {x: m, g: m}
        self._reach: dict[IndexedBase, int] = {}  # the largest number that indexes a base

    def fork(self) -> Self:
        """A copy in which more can be supposed; what it finds does not reach this one."""
        other = copy(self)
        for name, table in vars(self).items():
            if isinstance(table, dict):
                setattr(other, name, dict(table))
        other.signs = self.signs.fork()
        return other

    def leave_sums(self) -> None:
        """Forget the ranges of summation indices, and what was rewritten under them; atoms stay."""
        self.size_of.clear()
        self._normal.clear()

    def normal(self, e: Expr) -> Expr:
        """``e`` in generators; raises ``Undecided`` where it is not known to exist."""
        if e not in self._normal:
            self._normal[e] = self._rewrite(e)
        return self._normal[e]

    def _rewrite(self, e: Expr) -> Expr:
        match e:
            case Rational() | Symbol():
                return e
            case Indexed():
                return self._entry(e)
            case Add() | Mul():
                return e.func(*(self.normal(a) for a in e.args))
            case Pow():
                return self._power(e)
            case Sum():
                return self._sum(e)
            case KroneckerDelta():
                return self._delta(e)
            case Abs():
                return roots.absolute(self, self.normal(e.args[0]))
            case sign():
                return roots.sign(self, self.normal(e.args[0]))
            case exp():
                return powers.exponential(self, self.normal(e.args[0]))
        if isinstance(e, HYPERBOLIC):
            return powers.hyperbolic(self, e, self.normal(e.args[0]))
        if isinstance(e, TOTAL):
            return self.atom(e.func(self.unfold(expanded(self.normal(e.args[0])))))
        raise Undecided(f"{text(e)} is beyond the power-sum normal form ({type(e).__name__})")

    def _entry(self, e: Indexed) -> Expr:
        for index in e.indices:
            self._check_index(e, index)
        return e

    def _check_index(self, e: Indexed, index: Expr) -> None:
        length = self._lengths.get(e.base)
        inside = self.size_of.get(index, m if index.is_Symbol else None)
        if inside is None and length != m:
            size, offset = _split_size(index)
            inside = size if offset >= 0 else None
        elif inside is None and index.is_Integer and 1 <= index <= (self.signs.least(m) or 1):
            inside = m
        if inside is None and index.is_Integer and index >= 1 and e.base not in (x, g):
            self._reach[e.base] = max(int(index), self._reach.get(e.base, 0))
            inside = length
            if length is None:
                return  # a base that nothing ties to a size is a sequence without end
        if inside is not None and self._reach.get(e.base, 0) > (self.signs.least(inside) or 0):
            raise Undecided(f"{e.base}[{self._reach[e.base]}] is not known to be one of its {inside} entries")
        if inside is None or (len(e.indices) == 1 and length not in (None, inside)):
            raise Undecided(f"{text(e)} is not known to be an entry for every m")
        if len(e.indices) == 1:
            self._lengths[e.base] = inside

    def _delta(self, e: KroneckerDelta) -> Expr:
        first, second = e.args
        bound = [index for index in (first, second) if index in self.size_of]
        if bound:
            return e
        if self.distinct.issuperset((first, second)):
            return Integer(0)
        raise Undecided(f"{text(e)}: only plain indices can be compared")

    def _power(self, e: Pow) -> Expr:
        base = self.normal(e.base)
        if e.exp.is_Integer:
            return (self.divisor(base, e.base) if e.exp < 0 else base) ** e.exp
        if e.exp.is_Rational and e.exp.q == 2:
            root = roots.square_root(self, base, e.base)
            return (self.divisor(root, e.base) if e.exp < 0 else root) ** e.exp.p
        if e.exp.is_integer:
            return self._symbolic_power(base, e.exp, e.base)
        if (2 * e.exp).is_integer:
            return self._symbolic_power(roots.square_root(self, base, e.base), 2 * e.exp, e.base)
        raise Undecided(f"the power {text(e)} is not a square root and has no integer exponent")

    def _symbolic_power(self, base: Expr, exponent: Expr, shown: Expr) -> Expr:
        """``b^(c + n) = b^c b^n``: for ``b = 0`` too, as long as neither exponent is negative."""
        least = self._least(exponent)
        if least is None or least < 0:
            self.divisor(base, shown)
            least = exponent.as_coeff_Add()[0]
        rest = expanded(exponent - least)
        parts = Add.make_args(rest)
        if any((self._least(part) or 0) < 0 or self._least(part) is None for part in parts):
            parts = (rest,)
        return base**least * Mul(*(powers.symbolic_power(self, base, part) for part in parts if part != 0))

    def _least(self, exponent: Expr) -> Integer | None:
        """A lower bound of an integer expression linear in sizes and summation indices."""
        for index, size in self.size_of.items():
            coefficient = expanded(exponent).coeff(index)
            if coefficient.is_number and coefficient < 0:
                exponent = exponent.xreplace({index: size})
        exponent = expanded(exponent)
        least = Integer(0)
        for symbol_part in Add.make_args(exponent):
            coefficient, symbol = symbol_part.as_coeff_Mul()
            if symbol == 1:
                least += coefficient
                continue
            bound = self.signs.least(symbol) if symbol.is_Symbol else None
            if bound is None or coefficient < 0 or not coefficient.is_Integer:
                return None
            least += coefficient * bound
        return least

    # -- sums ------------------------------------------------------------------------------------------------

    def _sum(self, e: Sum) -> Expr:
        """``sum_{lo}^{N+c}`` is the sum over ``1..N`` with the terms at the ends added or taken off."""
        *inner, (index, low, high) = e.limits
        summand = Sum(e.function, *inner) if inner else e.function

        def at(position: Expr) -> Expr:
            return self.normal(summand.xreplace({index: position}))

        size, offset = self.ranged(index, low, high)
        if size is None:
            return Add(*(at(Integer(p)) for p in range(int(low), int(high) + 1)))
        total = self._sum_to(summand, index, size)
        total += Add(*(at(size + p) for p in range(1, offset + 1)))
        total -= Add(*(at(size + p) for p in range(offset + 1, 1)))
        total -= Add(*(at(Integer(p)) for p in range(1, int(low))))
        return total + Add(*(at(Integer(p)) for p in range(int(low), 1)))

    def ranged(self, index: Symbol, low: Expr, high: Expr) -> tuple[Expr | None, int]:
        """``(N, c)`` for a sum up to ``N + c``, ``(None, 0)`` for one between numbers; raises where it may run backwards."""
        if low.is_Integer and high.is_Integer and -1 <= high - low < UNROLL:
            return None, 0
        size, offset = _split_size(high)
        least = self.signs.least(size) if size is not None else None
        if size is None or least is None or not low.is_Integer or least + offset < low - 1:
            raise Undecided(f"the sum over {index} from {low} to {high}: only sums from 1 to a size are decided")
        return size, offset

    def _sum_to(self, summand: Expr, index: Symbol, size: Symbol) -> Expr:
        self.size_of[index] = size
        total = Integer(0)
        for term in Add.make_args(roots.squares_replaced(self.normal(summand), self.relations)):
            outside, inside = _separate(term, lambda factor: self.depends(factor, index))
            total += outside * self._power_sum(inside, index, size)
        return expanded(total)

    def _power_sum(self, monomial: Expr, index: Symbol, size: Symbol) -> Expr:
        for factor in Mul.make_args(monomial):
            if isinstance(factor, KroneckerDelta) and index in factor.args:
                return self._contract(monomial / factor, factor, index, size)
        if monomial == 1:
            return size
        if (degree := monomial.as_base_exp()) and degree[0] == index and degree[1].is_Integer and degree[1] > 0:
            return _faulhaber(size, int(degree[1]))
        base, exponent = degree
        if isinstance(base, Indexed) and base.indices == (index,) and (self.signs.least(size) or 0) >= 1:
            mean = self._mean(base.base, size)
            if exponent == 1:
                return size * mean
            if exponent == 2:
                return size * (self._variance(base.base, size) + mean**2)
        return self._sum_atom(monomial, index, size)

    def _sum_atom(self, monomial: Expr, index: Symbol, size: Symbol) -> Symbol:
        unfolded = self.unfold(monomial)
        taken = unfolded.atoms(Dummy)
        bound = next(name for name in map(_bound, count(1)) if name not in taken)
        total = Sum(unfolded.xreplace({index: bound}), (bound, 1, size))
        if unfolded.has(Sum):
            total = canonical(total, [_bound(depth) for depth in range(1, MOST_INDICES + 1)])
        return self.atom(total, **self._sum_sign(monomial, size))

    def _sum_sign(self, summand: Expr, size: Expr) -> dict[str, bool]:
        """A sum of positive terms is positive, if there is one; of non-negative ones, non-negative."""
        signs = self.signs.of(summand)
        if signs == POSITIVE and (self.signs.least(size) or 0) >= 1:
            return {"positive": True}
        return {"nonnegative": True} if signs <= NONNEGATIVE else {}

    def _contract(self, rest: Expr, delta: KroneckerDelta, index: Symbol, size: Symbol) -> Expr:
        """``sum_j delta_jt f(j) = f(t)`` for ``t`` in the range of ``j``."""
        term = delta.args[1] if delta.args[0] == index else delta.args[0]
        reach = self.size_of.get(term, m if term.is_Symbol else None)
        if term.is_Integer and 1 <= term <= (self.signs.least(size) or 0):
            reach = size
        if reach != size or self.depends(term, index):
            raise Undecided(f"{text(delta)}: {term} is not known to lie in 1..{size}")
        return self.normal(self.unfold(rest).xreplace({index: term}))

    def _mean(self, base: IndexedBase, size: Symbol) -> Symbol:
        bound = _bound(1)
        known = self._sum_sign(base[bound], size)
        return self.atom(Sum(base[bound], (bound, 1, size)) / size, **known)

    def _variance(self, base: IndexedBase, size: Symbol) -> Symbol:
        inner, outer = _bound(1), _bound(2)
        deviation = base[outer] - Sum(base[inner], (inner, 1, size)) / size
        return self.atom(Sum(deviation**2, (outer, 1, size)) / size, nonnegative=True)


def _separate(term: Expr, dependent: Callable[[Expr], bool]) -> tuple[Expr, Expr]:
    """``(outside, inside)`` with ``term = outside * inside``."""
    outside: list[Expr] = []
    inside: list[Expr] = []
    for factor in Mul.make_args(term):
        (inside if dependent(factor) else outside).append(factor)
    return Mul(*outside), Mul(*inside)


def _split_size(e: Expr) -> tuple[Expr | None, int]:
    """``N + c`` with an integer symbol (or entry ``n[k]``) ``N`` and an integer ``c``; ``(None, 0)`` for anything else."""
    offset, size = e.as_coeff_Add()
    if (size.is_Symbol or isinstance(size, Indexed)) and size.is_integer and offset.is_Integer:
        return size, int(offset)
    return None, 0


def _faulhaber(size: Symbol, degree: int) -> Expr:
    """``sum_{j=1}^N j^d = 1/(d+1) sum_r binom(d+1, r) B_r N^(d+1-r)`` with ``B_1 = +1/2`` (Faulhaber)."""
    total = sum(
        binomial(degree + 1, r) * (Rational(1, 2) if r == 1 else bernoulli(r)) * size ** (degree + 1 - r)
        for r in range(degree + 1)
    )
    return expanded(total / (degree + 1))
