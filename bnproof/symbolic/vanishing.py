"""A sum of squares that is 0 makes each term 0: ``v = 0`` gives ``x_i = mu``."""

from __future__ import annotations

from collections.abc import Iterator

from sympy import Basic, Dummy, Eq, Expr, Mul, Pow, Sum

from bnproof.symbolic.setting import Every, m


def flat_entries(condition: Basic) -> Iterator[Every]:
    """What an equation ``sum of squares = 0`` over the batch says of every entry."""
    if not isinstance(condition, Eq):
        return
    for side, other in (condition.args, condition.args[::-1]):
        if other == 0:
            yield from _terms(side)


def _terms(e: Expr) -> Iterator[Every]:
    """``c sum_{j=1}^m f_j^(2n) = 0``, with a factor c that is no sum: ``f_i = 0`` for every i."""
    sums = [factor for factor in Mul.make_args(e) if isinstance(factor, Sum)]
    if len(sums) != 1 or len(sums[0].limits) != 1:
        return
    rest = e / sums[0]
    index, low, high = sums[0].limits[0]
    summand = sums[0].function
    square = isinstance(summand, Pow) and summand.exp.is_Integer and summand.exp > 0 and summand.exp % 2 == 0
    if (low, high) == (1, m) and square and rest.is_nonzero and not rest.has(index):
        every = Dummy("i", integer=True, positive=True)
        yield Every(Eq(summand.base.xreplace({index: every}), 0, evaluate=False), every)
