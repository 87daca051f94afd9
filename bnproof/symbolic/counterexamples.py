"""A point of exact evaluation as a counterexample that can be read.

A point of the exact check may hold more than the statement mentions, such as entries that were
drawn on the way. Here it is cut down to what a reader needs in order to work the counterexample out
by hand.
"""

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
    """The values of a point by name, and both sides of the statement there.

    Parameters
    ----------
    question
        The statement and conditions. Only the names that they mention are shown, and ``x`` wherever
        ``eps`` is mentioned.
    point
        The point. A mentioned batch that has no entry yet is drawn and kept in it.

    Returns
    -------
    Counterexample
        Both sides are ``None`` where the statement is no relation, or where one of them has no
        exact value here. That the point refutes the statement is not checked.
    """
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
            # The values still show where the statement fails, or has no value.
            sides = (None, None)
    # SymPy had decided the statement before it was read, so there are no sides to evaluate.
    elif isinstance(statement, BooleanFalse):
        sides = (False, True)
    return Counterexample(point.size, values, *sides)


def _mark_interval(value: Any) -> object:
    """A value that is known as an interval only, as ``about`` and its midpoint."""
    return f"about {value}" if isinstance(value, Interval) else value
