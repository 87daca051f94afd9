"""A point of exact evaluation as a counterexample that can be read."""

from __future__ import annotations

from sympy import Indexed
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanFalse

from bnproof.symbolic.exact import Evaluator, NotEvaluable, Point, Undefined
from bnproof.symbolic.intervals import Interval
from bnproof.symbolic.outcomes import Counterexample
from bnproof.symbolic.reading import Question
from bnproof.symbolic.surds import NotExact, Surd


def described(question: Question, point: Point) -> Counterexample:
    """The values of a point by name, and both sides of the statement there."""
    for base in question.bases:  # what was drawn inside a derivative only
        if base not in point.entries and all(
            len(e.indices) == 1 for part in question.parts for e in part.atoms(Indexed) if e.base == base
        ):
            point.entries[base] = {(p,): point.entry(base, (p,)) for p in range(1, point.size + 1)}
    values: dict[str, object] = {}
    for base, entries in sorted(point.entries.items(), key=str):
        values[str(base)] = tuple(_plain(entries[index]) for index in sorted(entries))
    values |= {s.name: _plain(point.scalars[s]) for s in question.named}
    statement = question.statement
    sides: tuple[object, object] = (None, None)
    if isinstance(statement, Relational):
        evaluator = Evaluator(point)
        try:
            sides = (_plain(evaluator.value(statement.lhs)), _plain(evaluator.value(statement.rhs)))
        except (Undefined, NotExact, NotEvaluable):
            sides = (None, None)
    elif isinstance(statement, BooleanFalse):
        sides = (False, True)
    return Counterexample(point.size, values, *sides)


def _plain(value: Surd | Interval) -> object:
    if isinstance(value, Interval):
        return f"about {value}"
    return value.rational if value.is_rational else value
