"""The three outcomes of a proof attempt: ``Proof``, ``Refuted``, ``Undecided``.

A proof is returned, the two others are raised, so that a caller who forgets about them does not
mistake them for a proof. Beside them stand ``Unreadable``, for input that has to be mended, and
``Disagreement``, for a fault of bnproof itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sympy import Basic
from sympy.core.relational import Relational
from sympy.logic.boolalg import Boolean

from bnproof.symbolic.rendering import text


@dataclass(frozen=True)
class Step:
    """One line of a proof.

    Attributes
    ----------
    rule
        What was done, such as ``left minus right``, with the case of the free indices it was done
        in.
    expression
        The expression reached.
    why
        Why the rule is allowed, or what makes the expression 0 or of the wanted sign.
    """

    rule: str
    expression: Basic
    why: str

    def __str__(self) -> str:
        return f"{self.rule}: {text(self.expression)}\n      {self.why}"


@dataclass(frozen=True)
class Proof:
    """A statement that holds for every batch size and every value the conditions allow.

    Attributes
    ----------
    statement
        What was proved.
    given
        The conditions it was proved under.
    steps
        What the normal form did, case by case. Cases that the conditions exclude leave no step.
    points
        The number of exact evaluations of the un-normalised statement that agreed with the proof.
        They are the second, independent check; the proof does not rest on how many they are.
    """

    statement: Basic
    given: tuple[Basic, ...] = ()
    steps: tuple[Step, ...] = ()
    points: int = 0

    def __reduce__(self) -> tuple[Any, ...]:
        # SymPy evaluates a relation again when it is unpickled. An equation that is proved here
        # could arrive as ``True``, and a long one takes seconds. So its two sides are sent.
        relations = tuple(map(_take_apart, (self.statement, *self.given)))
        return _restore_proof, (relations, self.steps, self.points)

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


Parts = tuple[type[Boolean], tuple[Any, ...]]


def _take_apart(part: Basic) -> Basic | Parts:
    """A relation, or what holds relations, as its kind and its parts; a number as it is."""
    # a symbol counts as a Boolean too, and has no parts
    if isinstance(part, Boolean) and part.args:
        return type(part), tuple(map(_take_apart, part.args))
    return part


def _put_together(part: Basic | Parts) -> Basic:
    """What was taken apart, its relations as they were written."""
    if isinstance(part, Basic):
        return part
    kind, parts = part
    as_written = {"evaluate": False} if issubclass(kind, Relational) else {}
    return kind(*map(_put_together, parts), **as_written)


def _restore_proof(
    relations: tuple[Basic | Parts, ...], steps: tuple[Step, ...], points: int
) -> Proof:
    """The proof that was pickled."""
    statement, *given = map(_put_together, relations)
    return Proof(statement, tuple(given), steps, points)


@dataclass(frozen=True)
class Counterexample:
    """Exact values at which the two sides differ.

    Attributes
    ----------
    m
        The batch size.
    values
        The batches and scalars by name. A batch is a tuple of its entries; a value known only as an
        interval is a text that begins with ``about``.
    lhs, rhs
        Both sides at these values. ``None`` where the statement is no relation of two numbers, or
        where a side could not be evaluated.  A statement that SymPy had decided to be false before
        it was read has ``False`` on the left and ``True`` on the right.
    """

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
        """The values alone, without the two sides, in one line."""
        at = ", ".join(f"{name} = {_format_value(value)}" for name, value in self.values.items())
        return f"m = {self.m}{', ' if at else ''}{at}"


def _format_value(value: object) -> str:
    """A batch in brackets, any other value as it prints."""
    if isinstance(value, tuple):
        return f"({', '.join(map(str, value))})"
    return str(value)


class Refuted(Exception):
    """The statement is false at a point that satisfies the conditions.

    Attributes
    ----------
    statement
        The statement that is false, as it was read.
    counterexample
        The exact values that show it.
    hint
        A suggestion to add to the message, such as ``write Every(...)``; empty where there is none.
    """

    def __init__(self, statement: Basic, counterexample: Counterexample, hint: str = "") -> None:
        self.statement = statement
        self.counterexample = counterexample
        self.hint = hint
        # All three go to Exception, which pickles an error by its arguments.
        super().__init__(statement, counterexample, hint)

    def __str__(self) -> str:
        return f"{text(self.statement)} is false at {self.counterexample}{self.hint}"


class Undecided(Exception):
    """Neither proved nor refuted.

    It never counts as a pass, and says nothing about whether the statement is true.

    Attributes
    ----------
    reason
        One sentence that says what stood in the way.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Unreadable(ValueError):
    """A statement or condition that cannot be read exactly as it is written.

    The sentence names what to mend. It is a ``ValueError``, since the input is at fault.
    """


class Disagreement(AssertionError):
    """The normal form and the exact evaluation contradict each other: a fault of bnproof itself.

    It is an ``AssertionError``, so that no clause for wrong input or for arithmetic catches it on
    the way out.
    """
