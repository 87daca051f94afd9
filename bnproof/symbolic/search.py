"""The independent second check: the statement as it was written, evaluated exactly at many points."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from bnproof.symbolic.exact import Evaluator, NotEvaluable, Point, Undefined
from bnproof.symbolic.outcomes import Counterexample, Refuted
from bnproof.symbolic.points import described
from bnproof.symbolic.reading import Question
from bnproof.symbolic.sampling import Sampler
from bnproof.symbolic.surds import NotExact

SEED = 20150211


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
        sampler = Sampler(self.question, Random(SEED), edges)
        for size in sizes:
            for point in sampler.points(size, count if size < 5 else 1):
                self._try(point)

    def breaks(self, sizes: Iterable[int], rounds: int) -> Counterexample | str:
        """A point where the statement is false, or the first where it has no value; empty where neither was found."""
        sampler = Sampler(self.question, Random(SEED), edges=True)
        for size in [*sizes] * rounds:
            for point in sampler.points(size, 1):
                try:
                    self._try(point)
                except Refuted as refuted:
                    return refuted.counterexample
                if self.undefined:
                    return self.undefined
            if sampler.undefined:
                return sampler.undefined
        return ""

    def _try(self, point: Point) -> None:
        try:
            holds = Evaluator(point).holds(self.question.statement)
        except Undefined as undefined:
            self.undefined = self.undefined or f"{undefined} at {described(self.question, point).point}"
        except (NotExact, NotEvaluable) as obstacle:
            self.obstacle = f"the exact check has to pass: {obstacle}"
        else:
            if not holds:
                raise Refuted(self.question.statement, described(self.question, point))
            self.samples.append(point)
