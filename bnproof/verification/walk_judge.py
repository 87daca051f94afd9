"""What a sequence of calls on a layer is judged by, and how a broken law leaves the state machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import reject

from bnproof.contract import Array, Convention, Measurement
from bnproof.laws.answers import one_line
from bnproof.laws.asked import Asked
from bnproof.laws.behaviour import outcome
from bnproof.laws.judging import held
from bnproof.laws.oracle import Oracle


class LawBroken(AssertionError):
    """A law of sequences is broken; carries the law, what was seen, and the program that leads there."""

    def __init__(self, law: str, seen: Measurement, steps: list[str]) -> None:
        super().__init__(law)
        self.law, self.seen, self.steps = law, seen, steps


@dataclass(frozen=True)
class Subject:
    """What a machine drives, which of its laws it judges, and which were judged at all."""

    make: Callable[..., Any]
    convention: Convention
    asked: Asked
    laws: frozenset[str]
    judged: dict[str, int]
    alone: bool = False


@dataclass
class Judge:
    """The laws of one example; ``steps`` is the program that leads to where the layer is."""

    subject: Subject
    steps: list[str]

    def offered(self, law: str, call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """The answer; what is not offered ends the example, what is raised breaks the law."""
        try:
            return call(*arguments, **options)
        except NotImplementedError:
            reject()
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt) and not self.subject.alone:
                raise
            name = getattr(call, "__name__", "make")
            raise LawBroken(
                law, outcome(law, "state", f"{name} raised {type(error).__name__}: {one_line(error)}"), self.steps
            ) from None

    def value(self, law: str, quantity: str, value: Array, oracle: Oracle) -> None:
        """A value within its bound of the exact one."""
        seen = held(law, quantity, value, oracle, self.subject.convention.running_var)
        self.subject.judged[law] = self.subject.judged.get(law, 0) + 1
        if not seen.holds and law in self.subject.laws:
            raise LawBroken(law, seen, self.steps)

    def note(self, law: str, problem: str) -> None:
        """A law that holds or not, without a size."""
        self.subject.judged[law] = self.subject.judged.get(law, 0) + 1
        if problem and law in self.subject.laws:
            raise LawBroken(law, outcome(law, "state", problem), self.steps)


def altered(before: dict[str, Any], after: dict[str, Any]) -> str:
    """The first array that has other bits; empty if none."""
    for name, value in before.items():
        now = after[name]
        same = value is now is None or (value is not None and now is not None and value.tobytes() == now.tobytes())
        if not same:
            return name
    return ""


def short(value: Any) -> str:
    """A value on part of a line."""
    return "None" if value is None else " ".join(str(value).split())[:60]
