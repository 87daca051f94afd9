"""The names of the setting: Algorithm 1 of Ioffe and Szegedy (2015) for one feature of a
mini-batch.

A mini-batch is ``x[1], ..., x[m]`` with a symbolic size ``m >= 1``; ``g[i]`` is the upstream
gradient ``dL/dy_i``.  Every statistic below is an ordinary SymPy expression over ``Sum`` and
``IndexedBase``, so a statement can be written, differentiated and substituted into with SymPy
alone. Indices count from 1, as in the paper.

The names ``i``, ``j``, ``k`` are free indices in ``1..m``, ``gamma`` and ``beta`` the affine
parameters, ``eps >= 0`` the number under the root. The statistics of the batch ``x`` are ``mu``,
``v`` and ``s = sqrt(v + eps)``; its normalised values and outputs are ``xhat(i)`` and ``y(i)``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from sympy import Dummy, Expr, IndexedBase, Sum, Symbol, sqrt, symbols
from sympy.core.relational import Relational
from sympy.logic.boolalg import Boolean

# Positive, since a batch holds at least one value. The statistics of no values do not exist.
m = Symbol("m", integer=True, positive=True)
i, j, k = symbols("i j k", integer=True, positive=True)
x = IndexedBase("x", real=True)
g = IndexedBase("g", real=True)
gamma, beta = symbols("gamma beta", real=True)
# Zero is allowed: much of the book is about ``eps = 0``. What is divided by is ``s``, and
# ``v + eps > 0`` is assumed of every batch.
eps = Symbol("eps", nonnegative=True)

# Dummies, not symbols: an expression a reader differentiates by x[i] cannot capture them.
_p = Dummy("p", integer=True, positive=True)
_r = Dummy("r", integer=True, positive=True)


@dataclass(frozen=True)
class Batch:
    """Batch statistics of ``entry(1), ..., entry(size)``.

    Attributes
    ----------
    entry
        A function from an index to an expression, so ``Batch(lambda r: a * x[r])`` is the scaled
        batch.
    size
        How many entries there are: ``m``, or any other positive integer expression.
    eps
        What is added to the variance under the root.

    Examples
    --------
    >>> from sympy import Eq, Symbol
    >>> from bnproof.symbolic import Batch, mu, prove, x
    >>> a = Symbol("a", real=True)
    >>> prove(Eq(Batch(lambda r: a * x[r]).mean, a * mu)).points > 0
    True
    """

    entry: Callable[[Expr], Expr]
    size: Expr = m
    eps: Expr = eps

    @cached_property
    def mean(self) -> Expr:
        """``mu = (1/m) sum_r entry(r)``."""
        return Sum(self.entry(_p), (_p, 1, self.size)) / self.size

    @cached_property
    def variance(self) -> Expr:
        """``v = (1/m) sum_r (entry(r) - mu)^2``, the biased variance of Algorithm 1."""
        return Sum((self.entry(_r) - self.mean) ** 2, (_r, 1, self.size)) / self.size

    @cached_property
    def std(self) -> Expr:
        """``s = sqrt(v + eps)``."""
        return sqrt(self.variance + self.eps)

    def xhat(self, index: Expr) -> Expr:
        """``xhat_i = (entry(i) - mu) / s``."""
        return (self.entry(index) - self.mean) / self.std

    def y(self, index: Expr, gamma: Expr = gamma, beta: Expr = beta) -> Expr:
        """``y_i = gamma xhat_i + beta``."""
        return gamma * self.xhat(index) + beta


batch = Batch(x.__getitem__)
mu, v, s = batch.mean, batch.variance, batch.std


def xhat(index: Expr) -> Expr:
    """``xhat_i = (x_i - mu)/s``, the normalised value at ``index`` (Algorithm 1, third line)."""
    return batch.xhat(index)


def y(index: Expr) -> Expr:
    """``y_i = gamma xhat_i + beta``, the output at ``index`` (Algorithm 1, fourth line)."""
    return batch.y(index)


class Every(Boolean):  # type: ignore[misc]
    """A condition on all entries: ``Every(x[i] > 0)`` says it for every index ``i`` in ``1..m``.

    It runs over all of ``i``, ``j``, ``k`` that occur in the relation, or over the indices that are
    handed over.  It is a condition of :func:`~bnproof.symbolic.prove` only, no statement. Without
    it, ``x[i] > 0`` is a condition on one entry.

    Parameters
    ----------
    relation
        A relation of numbers that holds for all values of the indices.
    *indices
        What it runs over: symbols that are integers, other than ``m``. Without them, those of
        ``i``, ``j``, ``k`` that occur in the relation.

    Raises
    ------
    TypeError
        For what is no relation, such as one that SymPy has already decided, and for an index that
        is no integer symbol.
    ValueError
        For a relation without such an index.

    Examples
    --------
    >>> from bnproof.symbolic import Every, i, mu, prove, x
    >>> prove(mu > 0, Every(x[i] > 0)).points > 0
    True
    """

    def __new__(cls, relation: Relational, *indices: Symbol) -> Every:
        """``indices``: what it runs over; without them, those of ``i``, ``j``, ``k`` that occur."""
        if not isinstance(relation, Relational):
            raise TypeError(f"Every takes a relation such as x[i] > 0, not {relation}")
        for index in indices:
            if (
                not isinstance(index, Symbol)
                or (index not in (i, j, k) and not index.is_integer)
                or index == m
            ):
                raise TypeError(f"Every runs over indices such as i, not over {index!r}")
        try:
            free = relation.free_symbols
        except AttributeError:  # a part that is none of SymPy's, as x[None] has
            raise TypeError(f"Every takes a relation of SymPy's, not {relation}") from None
        over = indices or tuple(index for index in (i, j, k) if index in free)
        if not over:
            raise ValueError(
                f"Every({relation}) has none of the indices i, j, k: write the relation without"
                " Every"
            )
        return Boolean.__new__(cls, relation, *over)

    @property
    def relation(self) -> Relational:
        """The relation that holds for all indices."""
        return self.args[0]

    @property
    def indices(self) -> tuple[Symbol, ...]:
        """The indices it runs over."""
        return self.args[1:]
