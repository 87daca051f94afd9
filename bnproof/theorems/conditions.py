"""That no condition can be dropped: without it the statement fails somewhere, or has no value."""

from __future__ import annotations

from dataclasses import dataclass

from sympy import Basic

from bnproof.symbolic.outcomes import Counterexample
from bnproof.symbolic.reading import read
from bnproof.symbolic.search import Search

SIZES = (2, 1, 3, 4, 5)
ROUNDS = 60


@dataclass(frozen=True)
class Needed:
    """A condition with what happens without it: an exact counterexample, or a point where the
    statement is undefined."""

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
    """Each condition in turn left out, the others kept."""
    return tuple(
        Needed(
            condition,
            Search(read(statement, given[:place] + given[place + 1 :])).find_break(SIZES, ROUNDS),
        )
        for place, condition in enumerate(given)
    )
