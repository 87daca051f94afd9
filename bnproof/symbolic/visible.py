"""Signs that can be read off an expression as it is written: sums of squares, products of what is
known to be positive.

Multiplying out hides that ``sum (x_p - x_r)^2`` is not negative; here an expression is read from
the outside in, and only its smallest parts go through the normal form.  Where a summand holds
Kronecker deltas or signs of expressions, every way they can come out is read on its own: ``delta``
is 0 or 1, and ``sign(a) = 1`` supposes ``a > 0``.

Remainders are judged by this, since a remainder is handed over in a form that shows its sign.
Whether the expression exists is decided elsewhere; here only points where it does are spoken of.
"""

from __future__ import annotations

from sympy import Abs, Add, Expr, Integer, KroneckerDelta, Mul, Pow, Sum, exp, sign

from bnproof.symbolic.entries import Entries
from bnproof.symbolic.outcomes import Undecided
from bnproof.symbolic.signsets import (
    ANY,
    NEGATIVE,
    NONNEGATIVE,
    POSITIVE,
    ZERO,
    SignSet,
    power,
    product,
)
from bnproof.symbolic.summation import assign_range

SUPPOSED = {1: POSITIVE, 0: ZERO, -1: NEGATIVE}
# Deltas and signs whose values are told apart: up to three ways each, so up to 729 readings.
MOST_CHOICES = 6


def find_visible_signs(form: Entries, e: Expr) -> SignSet:
    """The signs ``e`` can have, as far as its written form and the conditions show.

    Parameters
    ----------
    form
        The form with the conditions. Summation indices in ``e`` get their ranges in it.
    e
        An expression, not multiplied out.

    Returns
    -------
    SignSet
        A set that contains the sign wherever ``e`` exists and the conditions hold; ``ANY`` where
        nothing shows.
    """
    choices = list(dict.fromkeys(_list_choices(e)))
    if len(choices) > MOST_CHOICES:
        return ANY
    if choices:
        return _settle_choice(form, e, choices[0])
    # Both sets contain the sign. That they are disjoint means that no point is left.
    return _read_structure(form, e) & _look_up_signs(form, e) or ANY


def _list_choices(e: Expr) -> list[Expr]:
    """Deltas and signs in ``e`` that are not inside a sum (they are settled there), the first to
    settle first."""
    if isinstance(e, Sum):
        return []
    if isinstance(e, (KroneckerDelta, sign)):
        return [e]
    return [choice for a in e.args for choice in _list_choices(a)]


def _settle_choice(form: Entries, e: Expr, choice: Expr) -> SignSet:
    """The signs of ``e`` for every value that one delta or sign can have, taken together.

    For a sign each value is supposed in a fork of the form, so that what follows from it stays
    there.
    """
    if isinstance(choice, KroneckerDelta):
        return frozenset().union(
            *(find_visible_signs(form, e.xreplace({choice: Integer(n)})) for n in (0, 1))
        )
    argument = form.normal_form(choice.args[0])
    possible: set[int] = set()
    for value in form.signs.find_signs(argument):
        supposed = form.fork()
        supposed.signs.learn(argument, SUPPOSED[value])
        possible |= find_visible_signs(supposed, e.xreplace({choice: Integer(value)}))
    return frozenset(possible)


def _read_structure(form: Entries, e: Expr) -> SignSet:
    """The signs by the outermost operation, whose arguments are read in the same way."""
    match e:
        case Sum():
            return _read_sum(form, e)
        case Add():
            return _add_signs([find_visible_signs(form, a) for a in e.args])
        case Mul():
            signs = POSITIVE
            for a in e.args:
                signs = product(signs, find_visible_signs(form, a))
            return signs
        case Pow() if e.exp.is_Integer:
            return power(find_visible_signs(form, e.base), int(e.exp))
        case Pow() if e.exp.is_Rational and e.exp.q == 2:
            # Where a root exists it is not negative, and its inverse exists only where it is
            # positive.
            return POSITIVE if e.exp < 0 else NONNEGATIVE
        case Abs():
            return NONNEGATIVE
        case exp():
            return POSITIVE
    return ANY


def _add_signs(parts: list[SignSet]) -> SignSet:
    """A sum of parts that all have one sense has it, strictly where one of them has."""
    for sense in (1, -1):
        if all(-sense not in signs for signs in parts):
            return (
                frozenset({sense})
                if any(signs == {sense} for signs in parts)
                else frozenset({0, sense})
            )
    return ANY


def _read_sum(form: Entries, e: Sum) -> SignSet:
    """The signs of a sum: those of its summand for every index in the range.

    A sum that is known to have a term has the strict sense of its terms. One that may be empty may
    also be 0.
    """
    *inner, (index, low, high) = e.limits
    summand = Sum(e.function, *inner) if inner else e.function
    summand, index = assign_range(form, summand, index, low, high)
    signs = find_visible_signs(form, summand)
    if low == 1 and (form.signs.lower_bound(high) or 0) >= 1:
        return signs if len(signs) == 1 or -1 not in signs or 1 not in signs else ANY
    return signs | ZERO if -1 not in signs or 1 not in signs else ANY


def _look_up_signs(form: Entries, e: Expr) -> SignSet:
    """What the normal form and the conditions say."""
    try:
        return form.signs.find_signs(form.normal_form(e))
    except Undecided:
        # It may still have a sign by its structure.
        return ANY
