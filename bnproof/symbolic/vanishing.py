"""A sum of squares that is 0 makes each term 0: ``v = 0`` gives ``x_i = mu``.

The normal form treats a sum as one generator, so of such an equation it would only learn that this
generator is 0. Here conditions of that shape are turned into conditions on every entry or on single
terms, each of which follows from the condition it is made of.
"""

from __future__ import annotations

from collections.abc import Iterator

from sympy import Add, Basic, Dummy, Eq, Expr, Mul, Pow, Sum

from bnproof.symbolic.setting import Every, m


def derive_entrywise(condition: Basic) -> Iterator[Every]:
    """What an equation ``sum of squares = 0`` over the batch says of every entry.

    Parameters
    ----------
    condition
        Any condition. One that is no such equation gives nothing.

    Yields
    ------
    Every
        ``Every(f_i = 0)`` for ``c sum_{j=1}^m f_j^(2n) = 0`` with a factor c that is not 0.
    """
    if not isinstance(condition, Eq):
        return
    for side, other in (condition.args, condition.args[::-1]):
        if other == 0:
            yield from _derive_from_sum(side)


def list_vanishing_terms(condition: Eq) -> Iterator[Expr]:
    """The expressions that an equation ``c_1 f_1^2 + c_2 f_2^4 + ... = 0`` makes 0.

    Parameters
    ----------
    condition
        An equation with 0 on one side.

    Yields
    ------
    Expr
        Every f, where all the numbers c are positive and all exponents are even.
    """
    for side, other in (condition.args, condition.args[::-1]):
        terms = [term.as_coeff_Mul() for term in Add.make_args(side)]
        if (
            other == 0
            # A power alone is solved without this, as one of its factors has to be 0.
            and len(terms) > 1
            and all(c.is_positive and _is_even_power(rest) for c, rest in terms)
        ):
            yield from (rest.base for _, rest in terms)


def average_pairs(condition: Every) -> list[Every]:
    """An equation for all pairs of indices, added up over either: ``x_i = x_j`` gives
    ``m x_i = sum_j x_j``.

    Parameters
    ----------
    condition
        A condition on all entries.

    Returns
    -------
    list of Every
        Conditions over one index that say the same where no term holds both indices. Any other
        condition comes back as it is.
    """
    if not isinstance(condition.relation, Eq) or len(condition.indices) != 2:
        return [condition]
    difference = (condition.relation.lhs - condition.relation.rhs).expand()
    if any({*condition.indices} <= term.free_symbols for term in Add.make_args(difference)):
        return [condition]
    first, second = condition.indices
    totals = (
        (one, Sum(difference, (other, 1, m))) for one, other in ((first, second), (second, first))
    )
    return [Every(Eq(total, 0, evaluate=False), one) for one, total in totals if total.has(one)]


def _is_even_power(e: Expr) -> bool:
    """Whether an expression is written as a power with a positive even number for an exponent."""
    return bool(isinstance(e, Pow) and e.exp.is_Integer and e.exp > 0 and e.exp % 2 == 0)


def _derive_from_sum(e: Expr) -> Iterator[Every]:
    """``c sum_{j=1}^m f_j^(2n) = 0``, with a factor c that is no sum: ``f_i = 0`` for every i."""
    sums = [factor for factor in Mul.make_args(e) if isinstance(factor, Sum)]
    if len(sums) != 1 or len(sums[0].limits) != 1:
        return
    rest = e / sums[0]
    index, low, high = sums[0].limits[0]
    summand = sums[0].function
    if (
        (low, high) == (1, m)
        and _is_even_power(summand)
        # By SymPy's assumptions alone, as for ``1/m``; what the conditions say of it is not asked.
        and rest.is_nonzero
        and not rest.has(index)
    ):
        every = Dummy("i", integer=True, positive=True)
        yield Every(Eq(summand.base.xreplace({index: every}), 0, evaluate=False), every)
