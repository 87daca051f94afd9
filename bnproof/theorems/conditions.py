"""That no condition can be dropped: without it the statement fails somewhere, or has no value.

A theorem with a condition that it does not need is true, but it says less than it could, and it
suggests a restriction that is not there.  So each condition of a proved statement is left out in
turn, and the rest is searched for an exact point that speaks for it.  At such a point either the
two sides differ, or the statement has no value, as ``1/gamma`` has none at ``gamma = 0``.

The search cannot show that a condition is superfluous.  It can only fail to find a use for it, and
the theorem then counts as undecided until someone has looked at it.
"""

from __future__ import annotations

from dataclasses import dataclass

from sympy import Basic

from bnproof.symbolic.outcomes import Counterexample
from bnproof.symbolic.reading import read
from bnproof.symbolic.search import Search

# Batch sizes that are tried, in this order.  Two values come first because the first point found is
# the one that readers are shown: one value alone has v = 0 and xhat = 0, which hides most failures
# or turns them into divisions by zero.  With two values and eps = 0 the gradient dx is always 0, so
# some conditions show only from three or four values on.
SIZES = (2, 1, 3, 4, 5)
# How often the sizes are gone through, with one random point each.  The seed is fixed, so that the
# answer repeats.  More rounds cost time only for a condition that nothing speaks for; with far
# fewer, a needed condition could pass for an idle one.
ROUNDS = 60


@dataclass(frozen=True)
class Needed:
    """A condition with what happens without it.

    Attributes
    ----------
    condition
        The condition that was left out.
    without
        An exact counterexample, or a sentence about a point where the statement is undefined; empty
        where neither was found.
    """

    condition: Basic
    without: Counterexample | str

    @property
    def shown(self) -> bool:
        """Whether something happens: a condition nothing speaks for should not be there."""
        return bool(self.without)

    def __str__(self) -> str:
        if isinstance(self.without, Counterexample):
            return f"false at {self.without}"
        return (
            f"undefined: {self.without}" if self.without else "nothing was found that speaks for it"
        )


def find_needed(statement: Basic, given: tuple[Basic, ...]) -> tuple[Needed, ...]:
    """Each condition in turn left out, the others kept.

    Parameters
    ----------
    statement
        A statement that has been proved under all of ``given``.
    given
        Its conditions.

    Returns
    -------
    tuple of Needed
        One for each condition, in the same order.
    """
    return tuple(
        Needed(
            condition,
            Search(read(statement, given[:place] + given[place + 1 :])).find_break(SIZES, ROUNDS),
        )
        for place, condition in enumerate(given)
    )
