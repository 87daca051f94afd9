"""The independent second check: the statement as it was written, evaluated exactly at many
points."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property
from random import Random

from flint import fmpq
from sympy import Basic, Indexed, Integer, KroneckerDelta, Sum
from sympy.core.relational import Relational

from bnproof.symbolic.exact import Evaluator
from bnproof.symbolic.frames import NotEvaluable, Point, Undefined
from bnproof.symbolic.outcomes import Counterexample, Refuted
from bnproof.symbolic.points import describe_point
from bnproof.symbolic.reading import FREE, Question, find_numbers
from bnproof.symbolic.rendering import text
from bnproof.symbolic.sampling import Sampler
from bnproof.symbolic.setting import Every, m
from bnproof.symbolic.surds import NotExact

SEED = 20150211
LARGEST_SIZE = 64  # of a batch that is looked at without being asked for
LARGEST_BATCH = 1_000  # of one that the conditions ask for
FURTHER = 4  # points of the same size that are looked at for a simpler counterexample
MOST_TERMS = 1_500  # that the deepest sums of a statement may add up at one point


class Search:
    """Evaluates the statement as it was written, exactly, at points that satisfy the conditions."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.samples: list[Point] = []
        self.undefined = ""
        self.obstacle = ""
        # samples at which a summand was not looked at, since its sum is empty there
        self._partly = 0

    @property
    def points(self) -> int:
        """Points at which the statement was evaluated and holds; where others had to be passed,
        whole ones alone count."""
        return len(self.samples) - (self._partly if self.obstacle else 0)

    @cached_property
    def sizes(self) -> list[int]:
        """The batch sizes that the conditions on m alone allow, the smallest first; costly ones
        left out."""
        alone = [
            c
            for c in self.question.conditions
            if isinstance(c, Relational) and find_numbers(c) == {m} and not c.has(Indexed)
        ]
        named = {int(n) for c in alone for n in c.atoms(Integer)}
        compared = {
            int(a)
            for d in self.question.received.atoms(KroneckerDelta)
            for a in d.args
            if a.is_Integer
        }
        tried = {
            *range(1, LARGEST_SIZE + 1),
            *(n + p for n in named for p in (-1, 0, 1, 2)),
            *compared,
        }
        allowed = [size for size in sorted(tried) if size >= 1 and self._suits(alone, size)]
        depth = max(map(nesting_depth, (self.question.received, *self.question.conditions)))
        return [size for size in allowed if size <= LARGEST_BATCH and size**depth <= MOST_TERMS]

    def _suits(self, conditions: list[Basic], size: int) -> bool:
        evaluator = Evaluator(Point({m: fmpq(size)}, lambda base, index: fmpq(0)))
        try:
            return all(evaluator.holds(condition) for condition in conditions)
        except (Undefined, NotExact, NotEvaluable):
            return True

    def run(self, count: int, *, further: bool = False, edges: bool = False, most: int = 8) -> None:
        """Try the smallest sizes, so many (``further``: larger ones); raises ``Refuted`` where the
        statement is false."""
        sampler = Sampler(self.question, Random(SEED), edges)
        sizes = self.sizes[8:14] + self.sizes[14::10] if further else self.sizes[:most]
        for place, size in enumerate(sizes):
            for point in sampler.draw_points(size, count if place < 4 else 1):
                self._try(point, sampler)

    def find_break(self, sizes: Iterable[int], rounds: int) -> Counterexample | str:
        """A point where the statement is false, or the first where it has no value; empty where
        neither was found."""
        sampler = Sampler(self.question, Random(SEED), edges=True)
        for size in [*sizes] * rounds:
            for point in sampler.draw_points(size, 1):
                try:
                    self._try(point, sampler)
                except Refuted as refuted:
                    return refuted.counterexample
                if self.undefined:
                    return self.undefined
            if sampler.undefined:
                return sampler.undefined
        return ""

    def _try(self, point: Point, sampler: Sampler) -> None:
        evaluator = Evaluator(point, self.question.meaning)
        try:
            holds = evaluator.allows(self.question.received)
        except Undefined as undefined:
            self.undefined = (
                self.undefined or f"{undefined} at {describe_point(self.question, point).point}"
            )
        except (NotExact, NotEvaluable) as obstacle:
            self.obstacle = f"the exact check has to pass: {obstacle}"
        else:
            if not holds:
                counterexample = self._find_simplest(point, sampler)
                raise Refuted(self.question.statement, counterexample, suggest_every(self.question))
            self.samples.append(point)
            self._partly += not evaluator.whole

    def _holds(self, point: Point) -> bool:
        return Evaluator(point, self.question.meaning).allows(self.question.received)

    def _find_simplest(self, point: Point, sampler: Sampler) -> Counterexample:
        """Of the counterexample found and some further ones of its size the one that is shortest to
        write."""
        examples = [describe_point(self.question, point)]
        for other in sampler.draw_points(point.size, FURTHER):
            with suppress(Undefined, NotExact, NotEvaluable):
                if not self._holds(other):
                    examples.append(describe_point(self.question, other))
        return min(examples, key=lambda example: len(str(example)))


def nesting_depth(e: Basic) -> int:
    """How many sums stand inside one another, each depending on the index of the one around it."""
    return max(_find_depths(e, frozenset()))


def _find_depths(e: Basic, around: frozenset[Basic]) -> tuple[int, int]:
    """The depth of sums that depend on the indices around them, and the greatest depth of any."""
    own = frozenset(limit[0] for limit in e.limits) if isinstance(e, Sum) else frozenset()
    inside = [_find_depths(a, around | own) for a in e.args]
    depth, other = (max((pair[n] for pair in inside), default=0) for n in (0, 1))
    if own:
        depth += len(e.limits)
        if not find_numbers(e) & around:
            return 0, max(depth, other)
    return depth, max(depth, other)


def suggest_every(question: Question) -> str:
    """A hint where a condition speaks of the entry of one free index, which is easily taken for all
    of them."""
    for condition in question.given:
        single = not isinstance(condition, Every)
        entries = (
            {index for e in condition.atoms(Indexed) for index in e.indices} if single else set()
        )
        if entries & {*FREE} - find_numbers(question.statement):
            shown = text(condition)
            return f"; {shown} is a condition on one entry: write Every({shown}) for all of them"
    return ""
