"""Exact points that satisfy a question's conditions, small and readable first.

Sizes and values are drawn from the conditions: bounds narrow what is drawn
(:mod:`bnproof.symbolic.bounds`), equations are solved for a scalar, for the scale or the shift of
the batch, or for entries.  Whether the conditions hold is then evaluated, so nothing depends on how
a point was found.
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

from bnproof.symbolic.bounds import Linear, Span, find_linear_bounds, find_spans
from bnproof.symbolic.duals import sign
from bnproof.symbolic.exact import Evaluator
from bnproof.symbolic.frames import NotEvaluable, Point, Undefined
from bnproof.symbolic.points import describe_point
from bnproof.symbolic.reading import Question, find_numbers
from bnproof.symbolic.setting import Every, eps, m, mu, v, x
from bnproof.symbolic.signsets import find_assumed_signs
from bnproof.symbolic.solving import solve_conditions
from bnproof.symbolic.surds import NotExact

ATTEMPTS = 40
PATIENCE = 6  # attempts before entries far from 0 are drawn for inequalities
_PLAIN = [fmpq(n) for n in (0, 1, -1, 2, -2, 3)]
_PARTS = [fmpq(1, 2), fmpq(1, 3), fmpq(2, 3), fmpq(1, 5), fmpq(4, 5), fmpq(1, 100)]
_STEPS = [fmpq(1), fmpq(2), fmpq(1, 2), fmpq(3), fmpq(7), fmpq(1, 3), fmpq(1, 10), fmpq(40)]


@dataclass
class Sampler:
    """Draws points for one question."""

    question: Question
    random: Random
    edges: bool = False  # draw scalars from -1, 0, 1 most of the time
    undefined: str = ""  # the first point seen where a condition has no value
    _patient: bool = True  # nothing far from 0 is drawn yet
    _barren: set[int] = field(default_factory=set)  # sizes at which no attempt met the conditions
    _cached: dict[int, dict[Symbol, Span]] = field(default_factory=dict)

    def draw_points(self, size: int, count: int) -> Iterator[Point]:
        """Up to ``count`` points with batch size ``size``; fewer where the conditions rule points
        out."""
        drawn = 0
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
        point = Point({m: fmpq(size)}, lambda base, index: fmpq(0))
        try:
            self._draw_scalars(point, size, simple=simple)
            point.draw = self._build_draw(point, simple=simple)
            self._shape(point)
            self._assign(point)
            if point.size != size:
                return None
            solve_conditions(self._equations, point)
            return point if self._is_allowed(point) else None
        except Undefined as undefined:
            if self._meets_assumptions(point):
                where = describe_point(self.question, point).point
                self.undefined = self.undefined or f"{undefined} in a condition, at {where}"
        except (NotExact, NotEvaluable, ZeroDivisionError):
            pass
        return None

    # -- scalars -----------------------------------------------------------------------------------

    def _draw_scalars(self, point: Point, size: int, *, simple: bool) -> None:
        limits = self._narrow_spans(size)
        for symbol in self._order:
            span = limits[symbol].copy()
            for bound in self._bounds_of.get(symbol, ()):
                if bound.find_scalars() <= point.scalars.keys():
                    bound.narrow(span, point)
            point.scalars[symbol] = self._draw_scalar(symbol, span, size, simple=simple)

    @cached_property
    def _order(self) -> list[Symbol]:
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
        by_symbol: dict[Symbol, list[Linear]] = {}
        for bound in self._linear:
            by_symbol.setdefault(bound.symbol, []).append(bound)
        return by_symbol

    def _narrow_spans(self, size: int) -> dict[Symbol, Span]:
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
        for _ in range(50):
            value = self._draw_within(symbol, span, size, simple=simple)
            if suits(symbol, value):
                return value
        return fmpq(1)

    def _draw_within(self, symbol: Symbol, span: Span, size: int, *, simple: bool) -> fmpq:
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
        if (low is None and high is None) or (low == 0 and symbol.is_nonnegative):
            return self._draw_plain(simple=simple)
        end, sense = (low, 1) if low is not None else (high, -1)
        if (span.with_low if sense > 0 else span.with_high) and self.random.random() < 0.2:
            return end
        return end + sense * choose(_STEPS[:3] if simple else _STEPS)

    def _draw_integer(self, span: Span, size: int) -> fmpq:
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
        """A function that draws an entry its base and the conditions on all entries allow, the same
        one every time."""
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
        """Bounds of all entries of a base by scalars."""
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
        read."""
        spread = batch_variance(point)
        if self.random.random() < 0.15:
            point.scalars[eps] = fmpq(0)
        elif isinstance(spread, fmpq) and self.random.random() < 0.75:
            root = fmpq(int(float(spread) ** 0.5 * 2) + self.random.randint(1, 4), 2)
            if root * root >= spread:
                point.scalars[eps] = root * root - spread

    @cached_property
    def _assigned(self) -> dict[Symbol, Expr]:
        """Conditions ``symbol = value`` set the symbol; a size is met by the others."""
        values: dict[Symbol, Expr] = {}
        for condition in self.question.given:
            assigned = find_assignment(condition)
            if assigned and assigned[0] not in values:
                values[assigned[0]] = assigned[1]
        return values

    def _assign(self, point: Point) -> None:
        for _ in self._assigned:  # one may rest on another
            for symbol, value in self._assigned.items():
                if symbol != m:
                    point.scalars[symbol] = Evaluator(point).evaluate(value)

    @cached_property
    def _equations(self) -> list[Expr]:
        return [
            c.lhs - c.rhs
            for c in self.question.given
            if isinstance(c, Eq) and not find_assignment(c)
        ]

    def _is_allowed(self, point: Point) -> bool:
        """Whether the conditions hold, beyond doubt; what an equation assigns may be an interval,
        and holds by that."""
        if not self._meets_assumptions(point):
            return False
        evaluator = Evaluator(point, self.question.meaning)
        pairs = zip(self.question.conditions, self.question.given, strict=True)
        return all(
            (evaluator.allows if self._assigns(read) else evaluator.holds)(c) for c, read in pairs
        )

    def _assigns(self, condition: Basic) -> bool:
        """Whether a condition is what gives its symbol the value, which does not rest on it."""
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
        """What holds without being said: ``v + eps > 0``, the symbols' own assumptions, indices in
        ``1..m``."""
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
        return point.size > 1 and sign(batch_variance(point)) > 0


def batch_variance(point: Point) -> Any:
    """The biased variance of the point's batch."""
    entries = [point.entry(x, (p,)) for p in range(1, point.size + 1)]
    mean = sum(entries, fmpq(0)) * fmpq(1, point.size)
    return sum(((entry - mean) ** 2 for entry in entries), fmpq(0)) * fmpq(1, point.size)


def find_assignment(condition: Basic) -> tuple[Symbol, Expr] | None:
    """``(symbol, value)`` where the condition is an equation that gives a symbol a value free of
    it."""
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
_OF_SIGNS = {
    pair
    for known in ("positive", "negative", "nonnegative", "nonpositive", "nonzero")
    for pair in Symbol("any", real=True, **{known: True}).assumptions0.items()
}


@cache
def _meets(assumptions: tuple[tuple[str, bool], ...], number: Rational) -> bool:
    return all(getattr(number, f"is_{name}") in (None, held) for name, held in assumptions)


def suits(symbol: Symbol | IndexedBase, value: Any) -> bool:
    """Whether the assumptions of a symbol (or base) allow a value."""
    assumptions = _assumptions(symbol)
    if not isinstance(value, fmpq):  # of a root or an interval no more is known than its sign
        return _OF_SIGNS.issuperset(assumptions) and sign(value) in find_assumed_signs(symbol)
    return not assumptions or _meets(assumptions, Rational(int(value.p), int(value.q)))
