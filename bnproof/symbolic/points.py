"""A point of exact evaluation as a counterexample that can be read."""

from __future__ import annotations

from typing import Any

from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanFalse

from bnproof.symbolic.exact import Evaluator
from bnproof.symbolic.frames import NotEvaluable, Point, Undefined
from bnproof.symbolic.intervals import Interval
from bnproof.symbolic.outcomes import Counterexample
from bnproof.symbolic.reading import Question
from bnproof.symbolic.setting import eps, x
from bnproof.symbolic.surds import NotExact


def describe_point(question: Question, point: Point) -> Counterexample:
    """The values of a point by name, and both sides of the statement there."""
    mentioned = {question.meaning.get(base, base) for base in question.symbols.bases.values()}
    if eps in question.named:
        mentioned.add(x)  # v + eps > 0 is a condition on the batch
    for base in question.vectors:  # what was drawn inside a derivative only
        if base in mentioned and base not in point.entries:
            point.entries[base] = {(p,): point.entry(base, (p,)) for p in range(1, point.size + 1)}
    values: dict[str, object] = {}
    for base, entries in sorted(point.entries.items(), key=str):
        if base in mentioned:
            values[str(base)] = tuple(_mark_interval(entries[index]) for index in sorted(entries))
    values |= {s.name: _mark_interval(point.scalars[s]) for s in question.named}
    statement = question.received
    sides: tuple[object, object] = (None, None)
    if isinstance(statement, Relational):
        evaluator = Evaluator(point, question.meaning)
        try:
            sides = (
                _mark_interval(evaluator.evaluate(statement.lhs)),
                _mark_interval(evaluator.evaluate(statement.rhs)),
            )
        except (Undefined, NotExact, NotEvaluable):
            sides = (None, None)
    elif isinstance(statement, BooleanFalse):
        sides = (False, True)
    return Counterexample(point.size, values, *sides)


def _mark_interval(value: Any) -> object:
    return f"about {value}" if isinstance(value, Interval) else value
