"""The independent second check: the statement as it was written, evaluated exactly at many points.

The search shares no code with the normal form. It draws points that satisfy the conditions
(:mod:`bnproof.symbolic.sampling`), evaluates the statement there (:mod:`bnproof.symbolic.exact`),
and refutes it at the first point where it is false. A point at which the statement has no value is
remembered, since such a statement must not count as proved. Start reading at ``Search.run``.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property
from itertools import product
from random import Random

from flint import fmpq
from sympy import Basic, Indexed, Integer, KroneckerDelta, Sum
from sympy.core.relational import Relational

from bnproof.symbolic.counterexamples import describe_point
from bnproof.symbolic.exact import Evaluator
from bnproof.symbolic.frames import NotEvaluable, Point, Undefined
from bnproof.symbolic.index_cases import IndexCase
from bnproof.symbolic.outcomes import Counterexample, Refuted, Undecided
from bnproof.symbolic.reading import FREE, Question, find_numbers
from bnproof.symbolic.rendering import text
from bnproof.symbolic.sampling import Sampler
from bnproof.symbolic.setting import Every, m
from bnproof.symbolic.surds import NotExact

# The day on which the paper of Ioffe and Szegedy appeared. Any fixed number would do: the same
# statement is to meet the same points on every run.
SEED = 20150211
# A statement may hold for all small batches and fail for larger ones. Looking further costs time at
# every proof, and proofs do not rest on it.
LARGEST_SIZE = 64  # of a batch that is looked at without being asked for
LARGEST_BATCH = 1_000  # of one that the conditions ask for
FURTHER = 4  # points of the same size that are looked at for a simpler counterexample
SMALL_SIZE = 6  # of batches in which every choice of the free indices is looked at
# Sums of fractions slow down as their denominators grow, and deep sums have ``m^d`` terms.
MOST_TERMS = 1_500  # that the deepest sums of a statement may add up at one point


class Search:
    """Evaluates the statement as it was written, exactly, at points that satisfy the conditions.

    Attributes
    ----------
    question
        The statement and its conditions.
    samples
        The points at which the statement was evaluated and holds.
    undefined
        The first point at which the statement has no value, with the reason; empty where none was
        met.
    obstacle
        Why a point had to be passed over, such as a nested root; empty where none was.
    """

    def __init__(self, question: Question) -> None:
        self.question = question
        self.samples: list[Point] = []
        self.undefined = ""
        self.obstacle = ""
        # samples at which a summand was not looked at, since its sum is empty there
        self._partly = 0

    @property
    def points(self) -> int:
        """The number of points that agree with the statement.

        Where others had to be passed over, only those count at which every summand was evaluated:
        an empty sum agrees with anything.
        """
        return len(self.samples) - (self._partly if self.obstacle else 0)

    @cached_property
    def sizes(self) -> list[int]:
        """The batch sizes that the conditions on m alone allow, the smallest first.

        Sizes near the numbers in those conditions are among them, and the numbers that a Kronecker
        delta compares an index with. Sizes at which the sums of the statement would be too costly
        are left out.
        """
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
        """Whether a size meets the conditions on m; where that cannot be evaluated the size is
        kept."""
        # A condition on m alone reads no entry, so any function that draws entries will do.
        evaluator = Evaluator(Point({m: fmpq(size)}, lambda base, index: fmpq(0)))
        try:
            return all(evaluator.holds(condition) for condition in conditions)
        except (Undefined, NotExact, NotEvaluable):
            # Left to the sampler, which evaluates all conditions at the whole point anyway.
            return True

    def run(self, count: int, *, further: bool = False, edges: bool = False, most: int = 8) -> None:
        """Evaluate the statement at points of several sizes.

        Parameters
        ----------
        count
            How many points each of the first four sizes gets. Each later size gets one.
        further
            Whether to go to larger sizes instead of the smallest.
        edges
            Whether to prefer equal entries and scalars of -1, 0 and 1.
        most
            How many of the smallest sizes are tried. It has no effect with ``further``.

        Raises
        ------
        Refuted
            At the first point where the statement is false, with the shortest of a few
            counterexamples.
        """
        sampler = Sampler(self.question, Random(SEED), edges)
        # The first eight sizes were tried before. From the fifteenth on, every tenth has to
        # do, since large batches take long.
        sizes = self.sizes[8:14] + self.sizes[14::10] if further else self.sizes[:most]
        for place, size in enumerate(sizes):
            for point in sampler.draw_points(size, count if place < 4 else 1):
                self._try(point, sampler)

    def visit(self, case: IndexCase) -> None:
        """Make sure that the statement was evaluated at a point of a case.

        The points of other cases say nothing about it.

        Parameters
        ----------
        case
            Which of the free indices are equal.

        Raises
        ------
        Undecided
            Where no such point satisfies the conditions, as far as was looked.
        Refuted
            Where the statement is false at a point that was met on the way.
        """
        if any(case.describes(point.scalars) for point in self.samples):
            return
        # Such as m = 45, or three indices that are equal: sizes and points are looked for.
        sampler = Sampler(self.question, Random(SEED), edges=True)
        for size in self.sizes:
            for point in sampler.draw_points(size, FURTHER):
                if case.describes(point.scalars):
                    before = len(self.samples)
                    self._try(point, sampler)
                    if len(self.samples) > before:
                        return
        if self._may_occur(case):
            raise Undecided(f"no exact point was found in the case {case} to check the proof")

    def _may_occur(self, case: IndexCase) -> bool:
        """Whether the conditions on indices alone allow a case, in small batches.

        With ``Eq(i, k)`` among the conditions there is no point with ``i != k`` to be found.
        """
        indices = self.question.free_indices
        terms = (*case.distinct, *case.replace, *case.replace.values())
        if not {s for term in terms for s in term.free_symbols} <= {*indices, m}:
            return True  # a declared integer has values without end
        alone = [
            c
            for c in self.question.conditions
            if find_numbers(c) <= {*indices, m} and not c.has(Indexed)
        ]
        for size in range(1, SMALL_SIZE + 1):
            for values in product(range(1, size + 1), repeat=len(indices)):
                scalars = {m: fmpq(size), **dict(zip(indices, map(fmpq, values), strict=True))}
                evaluator = Evaluator(Point(dict(scalars), lambda base, index: fmpq(0)))
                try:
                    if case.describes(scalars) and all(map(evaluator.holds, alone)):
                        return True
                except (Undefined, NotExact, NotEvaluable):
                    return True
        return False

    def find_break(self, sizes: Iterable[int], rounds: int) -> Counterexample | str:
        """Look for a point where the statement is false or has no value.

        Parameters
        ----------
        sizes
            The batch sizes to try, one point of each in turn.
        rounds
            How often the sizes are gone through.

        Returns
        -------
        Counterexample or str
            The counterexample, or a description of a point where the statement or a condition has
            no value. The empty text where neither was found, which proves nothing.
        """
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
        """Evaluate the statement at one point, and record whether it holds, is undefined or is out
        of reach."""
        evaluator = Evaluator(point, self.question.meaning)
        try:
            # Sides that are known as intervals agree where these overlap: the check only fails to
            # refute.
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
        """Whether the statement is true at a point, or not known to be false."""
        return Evaluator(point, self.question.meaning).allows(self.question.received)

    def _find_simplest(self, point: Point, sampler: Sampler) -> Counterexample:
        """Of the counterexample found and some further ones of its size, the one that is shortest
        to write."""
        examples = [describe_point(self.question, point)]
        for other in sampler.draw_points(point.size, FURTHER):
            with suppress(Undefined, NotExact, NotEvaluable):
                if not self._holds(other):
                    examples.append(describe_point(self.question, other))
        return min(examples, key=lambda example: len(str(example)))


def nesting_depth(e: Basic) -> int:
    """How many sums stand inside one another, each depending on the index of the one around it.

    A sum that does not depend on the indices around it is evaluated once and remembered, so it adds
    nothing to the depth. The depth d is what the number of terms at one point grows with, as
    ``m^d``.
    """
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
    of them.

    Returns
    -------
    str
        The hint, to be put behind a message. Empty unless a condition mentions an entry of a free
        index that the statement does not mention.
    """
    for condition in question.given:
        single = not isinstance(condition, Every)
        entries = (
            {index for e in condition.atoms(Indexed) for index in e.indices} if single else set()
        )
        if entries & {*FREE} - find_numbers(question.statement):
            shown = text(condition)
            return f"; {shown} is a condition on one entry: write Every({shown}) for all of them"
    return ""
