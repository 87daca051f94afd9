"""What a walk through the calls of a layer is judged by, and how a broken law ends it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bnproof.contract import Array, Convention, Failure, FailureKind, Measurement
from bnproof.laws.answers import wrap_exception
from bnproof.laws.behaviour import measure_failure
from bnproof.laws.comparing import compare
from bnproof.laws.oracle import Oracle
from bnproof.laws.supports import Supports


class LawBroken(AssertionError):
    """A law about layers is broken; carries the law, what was seen, and the program that leads
    there."""

    def __init__(self, law: str, seen: Measurement, steps: list[str]) -> None:
        super().__init__(law)
        self.law, self.seen, self.steps = law, seen, steps


class WalkEnded(Exception):
    """Something is not offered, or there is nothing to judge by: the walk ends here, without a
    finding."""


@dataclass(frozen=True)
class Walked:
    """What walks drive, which laws they judge, and how often each was judged.

    ``alone``: in a process of its own, where nobody else's Ctrl-C arrives.
    """

    make: Callable[..., Any]
    convention: Convention
    supports: Supports
    laws: frozenset[str]
    judgements: dict[str, int] = field(default_factory=dict)
    alone: bool = False


@dataclass
class WalkJudge:
    """The laws along one walk; ``steps`` is the program that leads to where the layer is."""

    walked: Walked
    steps: list[str]

    def call(self, law: str, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """The answer; what is not offered ends the walk, what is raised breaks the law."""
        try:
            return function(*arguments, **options)
        except NotImplementedError as missing:
            raise WalkEnded from missing
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt) and not self.walked.alone:
                raise
            failure = wrap_exception(error, getattr(function, "__name__", "make"))
            raise LawBroken(law, measure_failure(law, failure), self.steps) from None

    def compare(self, law: str, quantity: str, value: Array, oracle: Oracle) -> None:
        """A value within its bound of the exact one."""
        self._settle(law, compare(law, quantity, value, oracle))

    def expect(self, law: str, failure: Failure | None) -> None:
        """A law that holds or not, without a size; ``None`` where it holds."""
        self._settle(law, measure_failure(law, failure))

    def expect_unchanged(
        self,
        law: str,
        call: str,
        before: Mapping[str, Any],
        after: Mapping[str, Any],
        kind: FailureKind = FailureKind.CHANGED,
    ) -> None:
        """Every array of the state has the bits it had."""
        changed = find_changed(before, after)
        self.expect(law, Failure(kind, call, changed) if changed else None)

    def _settle(self, law: str, seen: Measurement) -> None:
        self.walked.judgements[law] = self.walked.judgements.get(law, 0) + 1
        if not seen.holds and law in self.walked.laws:
            raise LawBroken(law, seen, self.steps)


def find_changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """The first array that has other bits; empty if none."""
    for name, value in before.items():
        now = after[name]
        if value is None or now is None:
            if value is not now:
                return name
        elif np.asarray(value).tobytes() != np.asarray(now).tobytes():
            return name
    return ""


def shorten(value: Any) -> str:
    """A value on part of a line."""
    return "None" if value is None else " ".join(str(value).split())[:60]
