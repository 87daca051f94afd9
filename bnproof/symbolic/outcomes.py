"""The three outcomes of a proof attempt: ``Proof``, ``Refuted``, ``Undecided``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sympy import Basic

from bnproof.symbolic.rendering import text


@dataclass(frozen=True)
class Step:
    """One line of a proof: the expression reached, the rule that led there, and why it is
    allowed."""

    rule: str
    expression: Basic
    why: str

    def __str__(self) -> str:
        return f"{self.rule}: {text(self.expression)}\n      {self.why}"


@dataclass(frozen=True)
class Proof:
    """A statement that holds for every batch size and every value the conditions allow.

    ``points`` counts the exact evaluations of the un-normalised statement that agreed with the
    proof.
    """

    statement: Basic
    given: tuple[Basic, ...] = ()
    steps: tuple[Step, ...] = ()
    points: int = 0

    def __str__(self) -> str:
        given = f", given {', '.join(text(c) for c in self.given)}" if self.given else ""
        lines = [f"Proved for every batch size m >= 1{given}:", f"  {text(self.statement)}"]
        lines += [f"  {number}. {step}" for number, step in enumerate(self.steps, 1)]
        if self.points:
            lines.append(
                f"  Checked independently, in exact arithmetic, at {self.points} points of small"
                " batches."
            )
        return "\n".join(lines)


@dataclass(frozen=True)
class Counterexample:
    """Exact values at which the two sides differ: batch size, batches, scalars, and both sides."""

    m: int
    values: Mapping[str, object] = field(default_factory=dict)
    lhs: object = None
    rhs: object = None

    def __str__(self) -> str:
        sides = (
            ""
            if self.lhs is None and self.rhs is None
            else f": left side {self.lhs}, right side {self.rhs}"
        )
        return f"{self.point}{sides}"

    @property
    def point(self) -> str:
        """The values alone."""
        at = ", ".join(f"{name} = {_format_value(value)}" for name, value in self.values.items())
        return f"m = {self.m}{', ' if at else ''}{at}"


def _format_value(value: object) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(str, value))})"
    return str(value)


class Refuted(Exception):
    """The statement is false; ``counterexample`` holds the exact values that show it."""

    def __init__(self, statement: Basic, counterexample: Counterexample, hint: str = "") -> None:
        self.statement = statement
        self.counterexample = counterexample
        self.hint = hint
        super().__init__(statement, counterexample, hint)

    def __str__(self) -> str:
        return f"{text(self.statement)} is false at {self.counterexample}{self.hint}"


class Undecided(Exception):
    """Neither proved nor refuted; ``reason`` says what stood in the way."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Unreadable(ValueError):
    """A statement or condition that cannot be read exactly as it is written; the sentence names
    what to mend."""


class Disagreement(AssertionError):
    """The normal form and the exact evaluation contradict each other: a fault of bnproof itself."""
