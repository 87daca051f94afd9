"""Exact points that satisfy a question's conditions, small and readable first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property
from random import Random
from typing import Any

from sympy import Add, Basic, Eq, Expr, Indexed, IndexedBase, Mul, Rational, Sum, Symbol

from bnproof.symbolic.exact import Evaluator, NotEvaluable, Point, Undefined
from bnproof.symbolic.intervals import Interval
from bnproof.symbolic.points import described
from bnproof.symbolic.reading import Question, numbers_in
from bnproof.symbolic.setting import eps, m, mu, v, x
from bnproof.symbolic.surds import NotExact, Surd

ATTEMPTS = 40
_PLAIN = [Fraction(n) for n in (0, 1, -1, 2, -2, 3)]


@dataclass
class Sampler:
    """Draws points for one question: conditions that are equations are solved, the others filter."""

    question: Question
    random: Random
    edges: bool = False  # draw scalars from -1, 0, 1 most of the time
    undefined: str = ""  # the first point seen where a condition has no value

    def points(self, size: int, count: int) -> Iterator[Point]:
        """Up to ``count`` points with batch size ``size``; fewer where the conditions rule points out."""
        found = 0
        for attempt in range(ATTEMPTS):
            if found == count:
                return
            point = self._attempt(size, simple=attempt % 2 == 0)
            if point is not None:
                found += 1
                yield point

    def _attempt(self, size: int, *, simple: bool) -> Point | None:
        point = Point({m: Surd(size)}, cache(lambda base, index: Surd(self._entry(base, simple=simple))))
        for symbol in self.question.scalars:
            if symbol != m:
                point.scalars[symbol] = Surd(self._scalar(symbol, size, simple=simple))
        if self._equations:
            self._echo(point)
        elif self.edges and self.random.random() < 0.3:
            self._flatten(point, x)
        for base in self.question.bases if self.edges else ():
            if base != x and self.random.random() < 0.15:
                self._flatten(point, base)
        try:
            self._round_std(point)
            self._assign(point)
            if point.size != size:
                return None
            solve_conditions(self._equations, point)
            return point if self._allowed(point) else None
        except Undefined as undefined:
            if self._standing(point):
                self.undefined = (
                    self.undefined or f"{undefined} in a condition, at {described(self.question, point).point}"
                )
        except (NotExact, NotEvaluable, ZeroDivisionError):
            pass
        return None

    def _real(self, *, simple: bool) -> Fraction:
        if simple:
            return Fraction(self.random.randint(-3, 4))
        return Fraction(self.random.randint(-9, 9), self.random.choice((1, 2, 3, 5)))

    def _entry(self, base: IndexedBase, *, simple: bool) -> Fraction:
        """An entry that the assumptions of its base allow."""
        for _ in range(200):
            value = Fraction(self.random.randint(1, 4)) if base.is_integer else self._real(simple=simple)
            if _suits(base, value):
                return value
        return Fraction(1)

    def _scalar(self, symbol: Symbol, size: int, *, simple: bool) -> Fraction:
        if symbol in self.question.indices:
            return Fraction(self.random.randint(1, size))
        for _ in range(200):
            if self.edges and self.random.random() < 0.7:
                value = Fraction(self.random.randint(-1, 1))
            elif symbol.is_integer:
                value = Fraction(self.random.randint(-2, 5))
            elif simple and self.random.random() < 0.5:
                value = self.random.choice(_PLAIN)
            elif self.random.random() < 0.05:
                value = Fraction(self.random.randint(-1000, 1000))
            else:
                value = Fraction(self.random.randint(-8, 8), self.random.choice((1, 2, 3, 4, 7)))
            if _suits(symbol, value):
                return value
        return Fraction(1)

    def _echo(self, point: Point) -> None:
        """Mostly let further bases repeat ``x``, reversed, scaled and shifted, and scalars its statistics.

        Conditions may ask for equal spreads or equal means, which independent draws would never meet.
        """
        if self.random.random() < 0.25:
            return
        for symbol in self.question.named:
            if symbol.is_integer and symbol.is_positive and symbol not in self.question.indices:
                point.scalars[symbol] = Surd(point.size)
        if self.random.random() < 0.3:
            self._flatten(point, x)
        for base in self.question.bases:
            if base != x:
                shift = self.random.choice((Surd(0), Surd(0), Surd(self._real(simple=True))))
                scale = self.random.choice((Surd(1), Surd(1), Surd(2)))
                entries: dict[tuple[int, ...], Any] = {
                    (p,): point.entry(x, (point.size + 1 - p,)) * scale + shift for p in range(1, point.size + 1)
                }
                point.entries[base] = entries
        statistics = Evaluator(point)
        for symbol in sorted({s for e in self._equations for s in numbers_in(e)} - {m, eps}, key=str):
            value = statistics.value(self.random.choice((mu, v)))
            if not symbol.is_integer and self.random.random() < 0.6 and _suits(symbol, value.rational):
                point.scalars[symbol] = value

    def _flatten(self, point: Point, base: IndexedBase) -> None:
        """A constant batch, of no spread; for a base with several indices nothing happens."""
        if all(len(e.indices) == 1 for part in self.question.parts for e in part.atoms(Indexed) if e.base == base):
            point.entries[base] = {(p,): point.entry(base, (1,)) for p in range(1, point.size + 1)}

    def _round_std(self, point: Point) -> None:
        """Mostly choose eps so that ``s = sqrt(v + eps)`` is rational: such points are easy to read."""
        if self.random.random() < 0.15:
            point.scalars[eps] = Surd(0)
        elif self.random.random() < 0.75:
            spread = _spread(point)
            root = Fraction(int(float(spread) ** 0.5 * 2) + self.random.randint(1, 4), 2)
            if root * root >= spread:
                point.scalars[eps] = Surd(root * root - spread)

    def _assign(self, point: Point) -> None:
        """Conditions ``symbol = value`` set the symbol."""
        for condition in self.question.given:
            if assigned := assignment(condition):
                point.scalars[assigned[0]] = Evaluator(point).value(assigned[1])

    @cached_property
    def _equations(self) -> list[Expr]:
        return [c.lhs - c.rhs for c in self.question.given if isinstance(c, Eq) and not assignment(c)]

    def _allowed(self, point: Point) -> bool:
        evaluator = Evaluator(point)
        return self._standing(point) and all(evaluator.holds(condition) for condition in self.question.given)

    def _standing(self, point: Point) -> bool:
        """What holds without being said: ``v + eps > 0``, the symbols' own assumptions, indices in ``1..m``."""
        if x in self.question.bases and (point.scalars[eps] + Surd(_spread(point))).sign() == 0:
            return False
        if not point.size >= 1 or any(
            not _suits(symbol, value.rational) for symbol, value in point.scalars.items() if value.is_rational
        ):
            return False
        indices = [n for n in self.question.indices if n in point.scalars]
        return all(1 <= point.scalars[n].rational <= point.size for n in indices)


def _spread(point: Point) -> Fraction:
    """The biased variance of the point's batch (its entries are rational by construction)."""
    entries = [point.entry(x, (p,)).plain().rational for p in range(1, point.size + 1)]
    mean = sum(entries, Fraction(0)) / point.size
    return sum(((entry - mean) ** 2 for entry in entries), Fraction(0)) / point.size


def assignment(condition: Basic) -> tuple[Symbol, Expr] | None:
    """``(symbol, value)`` where the condition is an equation that gives a symbol a value free of it."""
    if isinstance(condition, Eq):
        for symbol, value in ((condition.lhs, condition.rhs), (condition.rhs, condition.lhs)):
            if isinstance(symbol, Symbol) and symbol not in numbers_in(value):
                return symbol, value
    return None


def _suits(symbol: Symbol | IndexedBase, value: Fraction) -> bool:
    """Whether the symbol's (or base's) own assumptions allow the value."""
    number = Rational(value.numerator, value.denominator)
    return all(getattr(number, f"is_{name}") in (None, held) for name, held in symbol.assumptions0.items())


def solve_conditions(equations: list[Expr], point: Point) -> None:
    """Move the entries of one base so that equations affine in them hold; others are left to the filter."""
    for base in sorted({e.base for h in equations for e in h.atoms(Indexed)} - {x}, key=str):
        affine = [h for h in equations if h.has(base) and _affine(h, base)]
        if affine:
            _solve_linear(affine, base, point)


def _affine(e: Expr, base: IndexedBase) -> bool:
    """Whether ``e`` visibly has degree at most one in the entries of ``base``."""
    if not e.has(base) or isinstance(e, Indexed):
        return True
    if isinstance(e, (Add, Sum)):
        return all(_affine(a, base) for a in (e.args if isinstance(e, Add) else (e.function,)))
    return isinstance(e, Mul) and sum(a.has(base) for a in e.args) == 1 and all(_affine(a, base) for a in e.args)


def _solve_linear(equations: list[Expr], base: IndexedBase, point: Point) -> None:
    """Gaussian elimination on the residuals, affine in ``base[1..m]``."""
    size = point.size
    start: list[Any] = [point.entry(base, (p,)).plain() for p in range(1, size + 1)]

    def residuals(entries: list[Any]) -> list[Any]:
        moved = Point(point.scalars, point.draw, {**point.entries, base: {(p + 1,): e for p, e in enumerate(entries)}})
        values = [Evaluator(moved).value(h) for h in equations]
        if any(isinstance(value, Interval) for value in values):
            raise NotExact("an equation whose residual is an interval")
        return values

    zero = residuals([Surd(0)] * size)
    columns = [residuals([Surd(int(p == q)) for q in range(size)]) for p in range(size)]
    rows = [[columns[p][r] - zero[r] for p in range(size)] + [-zero[r]] for r in range(len(equations))]
    pivots = _eliminate(rows, size)
    solution = list(start)
    for row, pivot in reversed(pivots):
        rest = row[-1]
        for p in range(size):
            if p != pivot:
                rest = rest - row[p] * solution[p]
        solution[pivot] = rest / row[pivot]
    point.entries[base] = {(p + 1,): e for p, e in enumerate(solution)}


def _eliminate(rows: list[list[Surd]], size: int) -> list[tuple[list[Surd], int]]:
    """Reduced row echelon form; pivots from the right, so the first entries keep their drawn values."""
    pivots: list[tuple[list[Surd], int]] = []
    for row in rows:
        for reduced, column in pivots:
            factor = row[column]
            row = [a - factor * b for a, b in zip(row, reduced, strict=True)]
        filled = [c for c in range(size) if row[c].terms]
        if not filled:
            continue
        column = filled[-1]
        row = [a / row[column] for a in row]
        pivots = [([a - other[column] * b for a, b in zip(other, row, strict=True)], c) for other, c in pivots]
        pivots.append((row, column))
    return pivots
