"""The independent second check: the statement as it was written, evaluated exactly at many points."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanFalse

from bnproof.symbolic.exact import Evaluator, NotEvaluable, Point, Undefined
from bnproof.symbolic.outcomes import Counterexample, Refuted
from bnproof.symbolic.reading import Question
from bnproof.symbolic.sampling import Sampler
from bnproof.symbolic.surds import NotExact, Surd


class Search:
    """Evaluates the statement as it was written, exactly, at points that satisfy the conditions."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.samples: list[Point] = []
        self.undefined = ""
        self.obstacle = ""

    @property
    def points(self) -> int:
        return len(self.samples)

    def run(self, sizes: Iterable[int], count: int, *, edges: bool = False) -> None:
        """Try every size; raises ``Refuted`` at the first point where the statement is false."""
        sampler = Sampler(self.question, Random(20150211), edges)
        for size in sizes:
            for point in sampler.points(size, count if size < 5 else 1):
                self._try(point)

    def _try(self, point: Point) -> None:
        try:
            holds = Evaluator(point).holds(self.question.statement)
        except Undefined as undefined:
            self.undefined = self.undefined or f"{undefined} at {_describe(self.question, point)}"
        except (NotExact, NotEvaluable) as obstacle:
            self.obstacle = f"the exact check has to pass: {obstacle}"
        else:
            if not holds:
                raise Refuted(self.question.statement, _describe(self.question, point))
            self.samples.append(point)


def _describe(question: Question, point: Point) -> Counterexample:
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


def _plain(value: Surd) -> object:
    return value.rational if value.is_rational else value
