"""What a walk through the calls of a layer is judged by, and how a broken law ends it.

A walk stops at the first law that is broken, because a layer in a wrong state says little about
what follows.  The law, what was seen and the steps so far travel in an exception.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bnproof.contract import Array, Convention, Failure, FailureKind, Measurement
from bnproof.laws.answers import find_changed, wrap_exception
from bnproof.laws.behaviour import measure_failure
from bnproof.laws.comparing import compare
from bnproof.laws.oracle import Oracle
from bnproof.laws.supports import Supports


class LawBroken(AssertionError):
    """A law about layers is broken.

    Attributes
    ----------
    law
        The id of the law.
    seen
        What was measured, or what failed.
    steps
        The program that leads there, a statement each.
    """

    def __init__(self, law: str, seen: Measurement, steps: list[str]) -> None:
        super().__init__(law)
        self.law, self.seen, self.steps = law, seen, steps


class WalkEnded(Exception):
    """Something is not offered, or there is nothing to judge by: the walk ends here, without a
    finding."""


@dataclass(frozen=True)
class Walked:
    """What walks drive, which laws they judge, and how often each was judged.

    Attributes
    ----------
    make
        The layer's class or factory.
    convention, supports
        By which convention, and what may be asked.
    laws
        The ids of the laws that end a walk.  Others may be broken unnoticed, which is how several
        broken laws of one layer are found.
    seed
        What walks and arguments are drawn from.
    count
        Random walks of each length; scripts are repeated in proportion.
    alone
        Whether this is a process of its own, where nobody else's Ctrl-C arrives.
    judgements
        Counts, law by law, how often each was judged; it is added to.
    """

    make: Callable[..., Any]
    convention: Convention
    supports: Supports
    laws: frozenset[str]
    seed: int = 0
    count: int = 15
    alone: bool = False
    judgements: dict[str, int] = field(default_factory=dict)


@dataclass
class WalkJudge:
    """The laws along one walk.

    Attributes
    ----------
    walked
        What is driven and judged.
    steps
        The program that leads to where the layer is.  The walk adds to it, and a broken law takes
        it along.
    """

    walked: Walked
    steps: list[str]

    def call(self, law: str, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Call a function of the layer.

        Parameters
        ----------
        law
            The law that is broken if the function raises.
        function
            The layer's class, or one of its methods; arguments and options follow.

        Returns
        -------
        object
            Its answer, not looked at.

        Raises
        ------
        WalkEnded
            Where the function raises ``NotImplementedError``: not offered is no violation.
        LawBroken
            Where it raises anything else, ``SystemExit`` included.
        """
        try:
            return function(*arguments, **options)
        except NotImplementedError as missing:
            raise WalkEnded from missing
        except BaseException as error:
            # Ctrl-C belongs to the user, unless this process is out of reach of it.
            if isinstance(error, KeyboardInterrupt) and not self.walked.alone:
                raise
            failure = wrap_exception(error, getattr(function, "__name__", "make"))
            # The stranger's traceback is dropped: the failure has the exception's type and its
            # first line, and the program shows the rest.
            raise LawBroken(law, measure_failure(law, failure), self.steps) from None

    def compare(self, law: str, quantity: str, value: Array, oracle: Oracle) -> None:
        """Judge a value: it lies within its bound of the exact one."""
        self._settle(law, compare(law, quantity, value, oracle))

    def expect(self, law: str, failure: Failure | None) -> bool:
        """Judge a law that holds or not, without a size, and return whether it holds.

        Parameters
        ----------
        law
            The id of the law.
        failure
            What went wrong; ``None`` where the law holds.
        """
        self._settle(law, measure_failure(law, failure))
        return failure is None

    def expect_unchanged(
        self,
        law: str,
        call: str,
        before: Mapping[str, Any],
        after: Mapping[str, Any],
        kind: FailureKind = FailureKind.CHANGED,
    ) -> None:
        """Judge that every array of the state has the bits it had.

        Parameters
        ----------
        law
            The law that is broken where one has not.
        call
            What was called in between, for the reader.
        before, after
            The arrays by name, ``None`` for what is absent.  Names that are only in ``after`` are
            free.
        kind
            What a difference counts as.
        """
        changed = find_changed(before, after)
        self.expect(law, Failure(kind, call, changed) if changed else None)

    def _settle(self, law: str, seen: Measurement) -> None:
        """Count the judgement, and end the walk if one of the laws that are asked for is broken."""
        # Every judgement is counted, also of laws that are not asked for. The verdict looks at
        # those that are.
        self.walked.judgements[law] = self.walked.judgements.get(law, 0) + 1
        if not seen.holds and law in self.walked.laws:
            raise LawBroken(law, seen, self.steps)


def shorten(value: Any) -> str:
    """Write a value on part of a line."""
    return "None" if value is None else " ".join(str(value).split())[:60]
