"""Exact points that satisfy a question's conditions, small and readable first.

Sizes and values are drawn from the conditions: bounds narrow what is drawn
(:mod:`bnproof.symbolic.spans`), equations are solved for a scalar, for the scale or the shift of
the batch, or for entries.  Whether the conditions hold is then evaluated, so nothing depends on how
a point was found.

One attempt draws the scalars, then entries, then shapes the point: constant batches, an eps that
makes s rational, batches that repeat each other. Then it solves what is left of the equations, and
in the end it asks whether all conditions hold. Start reading at ``Sampler._attempt``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from random import Random
from typing import Any

from flint import fmpq
from sympy import Basic, Eq, Expr, Indexed, IndexedBase, Rational, Symbol
from sympy.core.relational import Relational

from bnproof.symbolic.counterexamples import describe_point
from bnproof.symbolic.duals import sign
from bnproof.symbolic.exact import Evaluator
from bnproof.symbolic.frames import NotEvaluable, Point, Undefined
from bnproof.symbolic.reading import Question, find_numbers
from bnproof.symbolic.setting import Every, eps, m, mu, v, x
from bnproof.symbolic.signsets import find_assumed_signs
from bnproof.symbolic.solving import solve_conditions
from bnproof.symbolic.spans import Linear, Span, find_linear_bounds, find_spans
from bnproof.symbolic.surds import NotExact

# At one batch size and call, which bounds the time. Where no point is found at any size the
# statement is left undecided.
ATTEMPTS = 40
# Attempts before entries far from 0 are drawn for inequalities.
PATIENCE = 6
# Small and readable first: these numbers end up in counterexamples.
_PLAIN = [fmpq(n) for n in (0, 1, -1, 2, -2, 3)]
# How far along a bounded span a value lies, near its ends as well as inside.
_PARTS = [fmpq(1, 2), fmpq(1, 3), fmpq(2, 3), fmpq(1, 5), fmpq(4, 5), fmpq(1, 100)]
# How far beyond its only bound a value lies. The first three serve for simple points.
_STEPS = [fmpq(1), fmpq(2), fmpq(1, 2), fmpq(3), fmpq(7), fmpq(1, 3), fmpq(1, 10), fmpq(40)]


@dataclass
class Sampler:
    """Draws points for one question.

    Attributes
    ----------
    question
        The statement and conditions that points are drawn for.
    random
        The source of randomness. A seeded one gives the same points on every run.
    edges
        Whether scalars are -1, 0 or 1 most of the time, and batches constant more often.
    undefined
        The first point seen where a condition has no value, in words; empty where none was met.
    """

    question: Question
    random: Random
    edges: bool = False  # draw scalars from -1, 0, 1 most of the time
    undefined: str = ""  # the first point seen where a condition has no value
    _patient: bool = True  # nothing far from 0 is drawn yet
    _barren: set[int] = field(default_factory=set)  # sizes at which no attempt met the conditions
    _cached: dict[int, dict[Symbol, Span]] = field(default_factory=dict)

    def draw_points(self, size: int, count: int) -> Iterator[Point]:
        """Draw points of one batch size that satisfy the conditions.

        Parameters
        ----------
        size
            The batch size m of the points.
        count
            How many points are wanted.

        Yields
        ------
        Point
            Up to ``count`` points; fewer, or none, where the conditions rule points out or none was
            found within a fixed number of attempts.
        """
        drawn = 0
        # A size without any point is not tried again: every call would spend all its attempts on
        # it.
        for attempt in range(0 if size in self._barren else ATTEMPTS):
            if drawn == count:
                return
            self._patient = attempt < PATIENCE
            point = self._attempt(size, simple=attempt % 2 == 0)
            if point is not None:
                drawn += 1
                yield point
        if not drawn:
            self._barren.add(size)

    def _attempt(self, size: int, *, simple: bool) -> Point | None:
        """One attempt at a point; ``None`` where it does not satisfy the conditions or leaves
        exact numbers."""
        point = Point({m: fmpq(size)}, lambda base, index: fmpq(0))
        try:
            self._draw_scalars(point, size, simple=simple)
            point.draw = self._build_draw(point, simple=simple)
            self._shape(point)
            self._assign(point)
            # A guard: such a point would be counted for a size that it does not have.
            if point.size != size:
                return None
            solve_conditions(self._equations, point)
            return point if self._is_allowed(point) else None
        except Undefined as undefined:
            # A condition without a value counts only at a point where it had to have one.
            if self._meets_assumptions(point):
                where = describe_point(self.question, point).point
                self.undefined = self.undefined or f"{undefined} in a condition, at {where}"
        except (NotExact, NotEvaluable, ZeroDivisionError):
            pass
        return None

    # -- scalars -----------------------------------------------------------------------------------

    def _draw_scalars(self, point: Point, size: int, *, simple: bool) -> None:
        """Draw the scalars one after the other, each within the bounds that those before it
        leave."""
        limits = self._narrow_spans(size)
        for symbol in self._order:
            span = limits[symbol].copy()
            for bound in self._bounds_of.get(symbol, ()):
                if bound.find_scalars() <= point.scalars.keys():
                    bound.narrow(span, point)
            point.scalars[symbol] = self._draw_scalar(symbol, span, size, simple=simple)

    @cached_property
    def _order(self) -> list[Symbol]:
        """The scalars in the order they are drawn in, without the batch size."""
        return [symbol for symbol in self.question.scalars if symbol != m]

    @cached_property
    def _linear(self) -> list[Linear]:
        """The conditions on scalars alone as bounds, what equations assign put in."""
        put = {s: value for s, value in self._assigned.items() if s != m}
        conditions = []
        for condition in self.question.given:
            if isinstance(condition, Relational) and not condition.has(Indexed):
                sides = [side.xreplace(put) for side in condition.args]
                conditions.append(condition.func(*sides, evaluate=False))
        return find_linear_bounds(conditions, [s for s in self._order if s not in put])

    @cached_property
    def _bounds_of(self) -> dict[Symbol, list[Linear]]:
        """The bounds by the scalar that they bound."""
        by_symbol: dict[Symbol, list[Linear]] = {}
        for bound in self._linear:
            by_symbol.setdefault(bound.symbol, []).append(bound)
        return by_symbol

    def _narrow_spans(self, size: int) -> dict[Symbol, Span]:
        """The numeric bounds of every scalar at a batch size; free indices lie in ``1..size``."""
        if size not in self._cached:
            here = [
                Linear(b.symbol, b.slope, b.rest.xreplace({m: Rational(size)}), b.op)
                for b in self._linear
            ]
            self._cached[size] = find_spans(here, self._order)
            for index in self.question.free_indices:
                self._cached[size][index].keep_above(fmpq(1), closed=True)
                self._cached[size][index].keep_below(fmpq(size), closed=True)
        return self._cached[size]

    def _draw_scalar(self, symbol: Symbol, span: Span, size: int, *, simple: bool) -> Any:
        """A value that the assumptions of a symbol allow; 1 where none was found, which is
        filtered later."""
        # Assumptions such as prime or odd are met by drawing until they hold.
        for _ in range(50):
            value = self._draw_within(symbol, span, size, simple=simple)
            if suits(symbol, value):
                return value
        return fmpq(1)

    def _draw_within(self, symbol: Symbol, span: Span, size: int, *, simple: bool) -> fmpq:
        """A value within a span: inside it, or now and then at an end that belongs to it.

        Ends are drawn on purpose, since a statement with ``<`` for ``<=`` differs there alone.
        """
        if symbol.is_integer:
            return self._draw_integer(span, size)
        low, high, choose = span.low, span.high, self.random.choice
        if low is not None and high is not None:
            if low >= high or (self.random.random() < 0.2 and (span.with_low or span.with_high)):
                return (
                    low
                    if span.with_low and (not span.with_high or self.random.random() < 0.5)
                    else high
                )
            return low + (high - low) * choose(_PARTS)
        # A bound of 0 that is only the symbol's own assumption: ``suits`` sees to it.
        if (low is None and high is None) or (low == 0 and symbol.is_nonnegative):
            return self._draw_plain(simple=simple)
        end, sense = (low, 1) if low is not None else (high, -1)
        if (span.with_low if sense > 0 else span.with_high) and self.random.random() < 0.2:
            return end
        return end + sense * choose(_STEPS[:3] if simple else _STEPS)

    def _draw_integer(self, span: Span, size: int) -> fmpq:
        """An integer within a span; where nothing bounds it a small one, or one near the batch
        size."""
        low = (
            None
            if span.low is None
            else int(span.low.ceil()) + int(span.low.q == 1 and not span.with_low)
        )
        high = (
            None
            if span.high is None
            else int(span.high.floor()) - int(span.high.q == 1 and not span.with_high)
        )
        if low is not None and high is not None:
            # Far from its lower bound an integer makes sums and powers slow.
            return fmpq(self.random.randint(low, min(high, low + 40)) if low <= high else low)
        if low is not None and low > 1:
            return fmpq(low + self.random.randint(0, 4))
        if high is not None:
            return fmpq(high - self.random.randint(0, 4))
        near = self.random.random() < 0.3
        return fmpq(
            self.random.choice((size - 1, size, size + 1)) if near else self.random.randint(-2, 5)
        )

    def _draw_plain(self, *, simple: bool) -> fmpq:
        """A number that nothing bounds: small integers first, fractions and now and then a large
        one."""
        if self.edges and self.random.random() < 0.7:
            return fmpq(self.random.randint(-1, 1))
        if simple and self.random.random() < 0.7:
            return self.random.choice(_PLAIN)
        if not simple and self.random.random() < 0.1:
            return fmpq(self.random.randint(-1000, 1000))
        return fmpq(self.random.randint(-8, 8), self.random.choice((1, 2, 3, 4, 7)))

    # -- entries -----------------------------------------------------------------------------------

    def _build_draw(
        self, point: Point, *, simple: bool
    ) -> Callable[[IndexedBase, tuple[int, ...]], Any]:
        """A function that draws an entry its base and the conditions on all entries allow.

        It gives the same value for the same entry every time, as the perturbed copies of a point
        require.
        """
        limits = {base: self._narrow_entry_span(base, point) for base in self._bounded}
        wide = self._conditioned and not self._patient and self.random.random() < 0.4
        scale = self.random.choice((fmpq(1, 10), fmpq(10), fmpq(100))) if wide else fmpq(1)

        @cache
        def draw(base: IndexedBase, index: tuple[int, ...]) -> fmpq:
            # a condition on all entries speaks of these
            inside = len(index) == 1 and 1 <= index[0] <= point.size
            span = limits.get(base) if inside else None
            for _ in range(100):
                value = self._draw_entry(base, span, simple=simple)
                if not base.is_integer and base not in limits:
                    value = value * scale
                if suits(base, value):
                    return value
            raise NotEvaluable(f"no value was found for an entry of {base}")

        return draw

    def _draw_entry(self, base: IndexedBase, span: Span | None, *, simple: bool) -> fmpq:
        """One entry: within its span, an integer where its base is one, else a small number."""
        if span is not None:
            return self._draw_within(base, span, 1, simple=simple)
        if base.is_integer:
            return fmpq(
                self.random.randint(1, 4) if base.is_positive else self.random.randint(-4, 4)
            )
        if simple:
            return fmpq(self.random.randint(-3, 4))
        return fmpq(self.random.randint(-9, 9), self.random.choice((1, 2, 3, 5)))

    @cached_property
    def _conditioned(self) -> bool:
        """Whether an inequality speaks of entries."""
        return any(c.has(Indexed) and not isinstance(c, (Eq, Every)) for c in self.question.given)

    @cached_property
    def _bounded(self) -> dict[IndexedBase, list[Linear]]:
        """Bounds of all entries of a base by scalars, from conditions such as
        ``Every(x[i] > a)``."""
        by_base: dict[IndexedBase, list[Linear]] = {}
        for condition in self.question.given:
            if isinstance(condition, Every) and len(condition.indices) == 1:
                entries = condition.relation.atoms(Indexed)
                plain = len(entries) == 1 and next(iter(entries)).indices == condition.indices
                bounds = find_linear_bounds([condition.relation], entries) if plain else []
                for bound in bounds:
                    by_base.setdefault(bound.symbol.base, []).append(bound)
        return by_base

    def _narrow_entry_span(self, base: IndexedBase, point: Point) -> Span:
        """The span that those bounds leave to the entries of a base at a point."""
        span = Span()
        for bound in self._bounded[base]:
            if bound.find_scalars() <= point.scalars.keys():
                bound.narrow(span, point)
        return span

    # -- conditions --------------------------------------------------------------------------------

    def _shape(self, point: Point) -> None:
        """Constant batches now and then, and an eps that makes s rational, where nothing speaks
        against it."""
        if self._equations:
            self._echo(point)
        elif self.edges and self.random.random() < 0.3:
            self._equalise_entries(point, x)
        for base in self.question.bases if self.edges else ():
            if base != x and self.random.random() < 0.15:
                self._equalise_entries(point, base)
        if eps not in self._bounds_of and eps not in self._assigned:
            self._round_std(point)

    def _echo(self, point: Point) -> None:
        """Mostly let further bases repeat ``x``, reversed, scaled and shifted, and scalars its
        statistics.

        Conditions may ask for equal spreads or equal means, which independent draws would never
        meet.
        """
        # Some points stay as they were drawn: equations of another kind may need them.
        if self.random.random() < 0.25:
            return
        for symbol in self.question.named:
            if (
                symbol.is_integer
                and symbol.is_positive
                and symbol not in self.question.free_indices
            ):
                point.scalars[symbol] = fmpq(point.size)
        if self.random.random() < 0.3:
            self._equalise_entries(point, x)
        for base in self.question.vectors:
            if base != x and base not in self._bounded:
                shift = self.random.choice((fmpq(0), fmpq(0), fmpq(self.random.randint(-3, 4))))
                scale = self.random.choice((fmpq(1), fmpq(1), fmpq(2)))
                point.entries[base] = {
                    (p,): point.entry(x, (point.size + 1 - p,)) * scale + shift
                    for p in range(1, point.size + 1)
                }
        statistics = Evaluator(point)
        for symbol in sorted(
            {s for e in self._equations for s in find_numbers(e)} - {m, eps}, key=str
        ):
            value = statistics.evaluate(self.random.choice((mu, v)))
            if not symbol.is_integer and self.random.random() < 0.6 and suits(symbol, value):
                point.scalars[symbol] = value

    def _equalise_entries(self, point: Point, base: IndexedBase) -> None:
        """A constant batch, of no spread; for a base with several indices nothing happens."""
        if base in self.question.vectors:
            point.entries[base] = {(p,): point.entry(base, (1,)) for p in range(1, point.size + 1)}

    def _round_std(self, point: Point) -> None:
        """Mostly choose eps so that ``s = sqrt(v + eps)`` is rational: such points are easy to
        read.

        Rational numbers are also faster than roots, and a root of a root has no exact value here.
        """
        spread = batch_variance(point)
        if self.random.random() < 0.15:
            point.scalars[eps] = fmpq(0)
        elif isinstance(spread, fmpq) and self.random.random() < 0.75:
            # In halves, some way above the square root of the spread. Rounding does no harm: what
            # matters is checked exactly in the next line.
            root = fmpq(int(float(spread) ** 0.5 * 2) + self.random.randint(1, 4), 2)
            if root * root >= spread:
                point.scalars[eps] = root * root - spread

    @cached_property
    def _assigned(self) -> dict[Symbol, Expr]:
        """The conditions ``symbol = value``, which set the symbol.

        The batch size is never set: where one side is ``m`` the other side has to come out right.
        """
        values: dict[Symbol, Expr] = {}
        for condition in self.question.given:
            assigned = find_assignment(condition)
            if assigned and assigned[0] not in values:
                values[assigned[0]] = assigned[1]
        return values

    def _assign(self, point: Point) -> None:
        """Give every assigned symbol its value at the point."""
        for _ in self._assigned:  # one may rest on another
            for symbol, value in self._assigned.items():
                if symbol != m:
                    point.scalars[symbol] = Evaluator(point).evaluate(value)

    @cached_property
    def _equations(self) -> list[Expr]:
        """The equations that assign nothing, as expressions that have to be 0."""
        return [
            c.lhs - c.rhs
            for c in self.question.given
            if isinstance(c, Eq) and not find_assignment(c)
        ]

    def _is_allowed(self, point: Point) -> bool:
        """Whether the conditions hold, beyond doubt.

        They are evaluated as they were received. What an equation assigns may be known as an
        interval only; it holds because the value was put there.
        """
        if not self._meets_assumptions(point):
            return False
        evaluator = Evaluator(point, self.question.meaning)
        pairs = zip(self.question.conditions, self.question.given, strict=True)
        return all(
            (evaluator.allows if self._assigns(read) else evaluator.holds)(c) for c, read in pairs
        )

    def _assigns(self, condition: Basic) -> bool:
        """Whether a condition is what gives its symbol the value, which does not rest on it.

        With ``a = b`` and ``b = exp(a)`` each value would rest on the other. Then neither equation
        holds by being assigned, and both have to hold beyond doubt.
        """
        assigned = find_assignment(condition)
        if assigned is None or assigned[0] == m or self._assigned[assigned[0]] != assigned[1]:
            return False
        resting: set[Symbol] = set()
        left = [assigned[1]]
        while left:
            symbols = find_numbers(left.pop()) & self._assigned.keys() - resting
            resting |= symbols
            left += [self._assigned[symbol] for symbol in symbols]
        return assigned[0] not in resting

    def _meets_assumptions(self, point: Point) -> bool:
        """What holds without being said: ``v + eps > 0``, the symbols' own assumptions, indices
        in ``1..m``."""
        if not point.size >= 1 or any(
            not suits(symbol, value) for symbol, value in point.scalars.items()
        ):
            return False
        if any(
            not suits(base, value)
            for base, batch in point.entries.items()
            for value in batch.values()
        ):
            return False
        if any(not 1 <= point.scalars[n] <= point.size for n in self.question.free_indices):
            return False
        if point.scalars[eps] != 0:
            return True
        # With eps = 0 the batch needs a spread, and one value alone has none.
        return point.size > 1 and sign(batch_variance(point)) > 0


def batch_variance(point: Point) -> Any:
    """The biased variance of the point's batch.

    Parameters
    ----------
    point
        A point; entries of ``x`` that are missing are drawn.

    Returns
    -------
    number
        Exact: a rational, a surd, or an interval where an entry is one.
    """
    entries = [point.entry(x, (p,)) for p in range(1, point.size + 1)]
    mean = sum(entries, fmpq(0)) * fmpq(1, point.size)
    return sum(((entry - mean) ** 2 for entry in entries), fmpq(0)) * fmpq(1, point.size)


def find_assignment(condition: Basic) -> tuple[Symbol, Expr] | None:
    """The symbol and the value of a condition ``symbol = value``.

    Parameters
    ----------
    condition
        Any condition.

    Returns
    -------
    (symbol, value) or None
        ``None`` where the condition is no equation, and where neither side is a symbol alone that
        does not occur on the other side.
    """
    if isinstance(condition, Eq):
        for symbol, value in ((condition.lhs, condition.rhs), (condition.rhs, condition.lhs)):
            if isinstance(symbol, Symbol) and symbol not in find_numbers(value):
                return symbol, value
    return None


@cache
def _assumptions(symbol: Symbol | IndexedBase) -> tuple[tuple[str, bool], ...]:
    """What is assumed of a symbol beyond being real."""
    return tuple(sorted(symbol.assumptions0.items() - _REAL.assumptions0.items()))


_REAL = Symbol("any", real=True)
# The assumptions that a sign settles, with all that SymPy derives from each.
_OF_SIGNS = {
    pair
    for known in ("positive", "negative", "nonnegative", "nonpositive", "nonzero")
    for pair in Symbol("any", real=True, **{known: True}).assumptions0.items()
}


@cache
def _meets(assumptions: tuple[tuple[str, bool], ...], number: Rational) -> bool:
    """Whether a number has the assumed properties; one that SymPy cannot tell counts as met."""
    return all(getattr(number, f"is_{name}") in (None, value) for name, value in assumptions)


def suits(symbol: Symbol | IndexedBase, value: Any) -> bool:
    """Whether the assumptions of a symbol (or base) allow a value.

    Parameters
    ----------
    symbol
        A symbol or an indexed base.
    value
        An exact number. Of one that is no rational only the sign can be compared with assumptions,
        so it suits no symbol of which more is assumed.

    Returns
    -------
    bool
        Never ``True`` for a value whose sign contradicts an assumption.

    Raises
    ------
    NotExact
        Where the value is an interval that contains 0, so that its sign is not known.
    """
    assumptions = _assumptions(symbol)
    if not isinstance(value, fmpq):  # of a root or an interval no more is known than its sign
        return _OF_SIGNS.issuperset(assumptions) and sign(value) in find_assumed_signs(symbol)
    return not assumptions or _meets(assumptions, Rational(int(value.p), int(value.q)))
