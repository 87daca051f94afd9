"""Points that satisfy the conditions of a statement, and what they say about its truth.

A batch of 1 to 7 small rationals, with edge values (0, equal entries, eps = 0 with v > 0) and with
values that make s rational, where balls need not decide.  Equations among the conditions are solved
for one of their symbols or entries; what then does not satisfy every condition is thrown away.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from flint import fmpq
from sympy import And, Basic, Eq, Idx, IndexedBase, Limit, Sum, Symbol

from bnproof.benchmarks.attack_calculus import BoundNames, DrawnPoint, Place
from bnproof.benchmarks.attack_evaluator import AttackEvaluator, judge_statement
from bnproof.benchmarks.attack_numbers import NoValue, Unknown
from bnproof.symbolic import Every, eps, g, i, j, k, m, x

POINTS = 24
TRIES = 30  # for every point that satisfies the conditions
SIZES = range(1, 8)
TOPS, BOTTOMS = (0, 0, 1, 1, -1, -1, 2, -2, 3, -3, 5), (1, 1, 1, 2, 2, 3)
Parts = tuple[Basic, ...]


def collect_free_names(e: Basic, bound: frozenset[Basic] = frozenset()) -> set[Basic]:
    """The symbols and bases of an expression that no sum, limit or ``Every`` binds."""
    if isinstance(e, (Symbol, Idx, IndexedBase)):
        return set() if e in bound else {e}
    if isinstance(e, Sum):
        names: set[Basic] = set()
        for index, low, high in reversed(e.limits):
            names |= collect_free_names(low, bound) | collect_free_names(high, bound)
            bound = bound | {index}
        return names | collect_free_names(e.function, bound)
    if isinstance(e, Limit):
        return collect_free_names(e.args[0], bound | {e.args[1]}) | collect_free_names(
            e.args[2], bound
        )
    if isinstance(e, Every):
        return collect_free_names(e.args[0], bound | {*e.args[1:]})
    return set[Basic]().union(*(collect_free_names(part, bound) for part in e.args))


def draw_small(rng: Random) -> fmpq:
    """A small rational, 0 and +-1 often."""
    return fmpq(rng.choice(TOPS), rng.choice(BOTTOMS)) * (7 if rng.random() < 0.05 else 1)


def draw_batch(rng: Random, size: int) -> list[fmpq]:
    """Entries: any, all equal, or half above and half below their mean by the same rational."""
    kind = rng.randrange(6)
    if kind == 0:
        return [draw_small(rng)] * size
    if kind == 1:
        return [abs(draw_small(rng)) + 1 for _ in range(size)]
    if kind == 2 and size % 2 == 0:
        middle, apart = draw_small(rng), draw_small(rng)
        return [middle + (apart if place % 2 else -apart) for place in range(size)]
    return [draw_small(rng) for _ in range(size)]


def variance(values: list[fmpq]) -> fmpq:
    """The biased variance."""
    mean = sum(values, fmpq(0)) / len(values)
    return sum(((value - mean) ** 2 for value in values), fmpq(0)) / len(values)


def draw_scalar(rng: Random, symbol: Basic, size: int) -> fmpq:
    """A value that suits what is declared of a symbol, where that is easy."""
    if symbol in (i, j, k):
        return fmpq(rng.choice((1, size, rng.randint(1, size))))
    value = fmpq(rng.randint(-3, 6)) if symbol.is_integer else draw_small(rng)
    if symbol.is_nonnegative:
        value = abs(value)
    return value + 1 if symbol.is_positive and value <= 0 else value


def suits(symbol: Basic, value: fmpq) -> bool:
    """Whether a value satisfies what is declared of a symbol."""
    declared = {
        "is_integer": value.q == 1,
        "is_positive": value > 0,
        "is_nonnegative": value >= 0,
        "is_negative": value < 0,
        "is_nonpositive": value <= 0,
        "is_nonzero": value != 0,
        "is_even": value.q == 1 and value.p % 2 == 0,
        "is_odd": value.q == 1 and value.p % 2 == 1,
    }
    return all(getattr(symbol, name) in (None, value) for name, value in declared.items())


def draw_points(rng: Random, parts: Parts, given: Parts, count: int) -> Iterator[DrawnPoint]:
    """Up to ``count`` points that satisfy the conditions and every assumption."""
    names = set[Basic]().union(*map(collect_free_names, (*parts, *given)))
    sizes = [size for size in SIZES if _allows_size(size, given)] or [*SIZES]
    for _ in range(count):
        for _ in range(TRIES):
            point = _draw_point(rng, names, rng.choice(sizes))
            for condition in given:
                _solve(rng, condition, point)
            if _satisfies(point, given):
                yield point
                break


def _allows_size(size: int, given: Parts) -> bool:
    alone = [c for c in given if collect_free_names(c) == {m}]
    point = DrawnPoint({m: fmpq(size)}, {}, lambda place: fmpq(0))
    return all(judge_statement(condition, point) is not False for condition in alone)


def _draw_point(rng: Random, names: set[Basic], size: int) -> DrawnPoint:
    ordered = sorted((n for n in names if not isinstance(n, IndexedBase)), key=str)
    scalars = {name: draw_scalar(rng, name, size) for name in ordered}
    scalars[m] = fmpq(size)
    xs, gs = draw_batch(rng, size), [draw_small(rng) for _ in range(size)]
    entries: dict[Place, fmpq] = {(x, (p,)): value for p, value in enumerate(xs, 1)}
    entries |= {(g, (p,)): value for p, value in enumerate(gs, 1)}
    scalars[eps] = _draw_eps(rng, variance(xs))
    seed = rng.random()

    def draw(place: Place) -> fmpq:
        return draw_small(Random(f"{seed}/{place}"))

    return DrawnPoint(scalars, entries, draw)


def _draw_eps(rng: Random, spread: fmpq) -> fmpq:
    """0, a small number, or what makes ``v + eps`` the square of a rational."""
    kind = rng.randrange(4)
    if kind == 0:
        return fmpq(0)
    if kind == 1:
        return abs(draw_small(rng))
    std = abs(draw_small(rng)) + fmpq(rng.randint(1, 3), 2)
    while std * std < spread:
        std = std + 1
    return std * std - spread


def _solve(rng: Random, condition: Basic, point: DrawnPoint) -> None:
    """Make an equation true by one of its symbols or entries, where it is linear in that one."""
    if isinstance(condition, And):
        for part in condition.args:
            _solve(rng, part, point)
    if not isinstance(condition, Eq) or judge_statement(condition, point) is True:
        return
    for _ in range(4):
        if _solve_once(rng, condition, point):
            return


def _solve_once(rng: Random, condition: Basic, point: DrawnPoint) -> bool:
    size = int(point.scalars[m].p)
    names = sorted(collect_free_names(condition) - {m, i, j, k}, key=str)
    if not names:
        return False
    name = rng.choice(names)
    deep = isinstance(name, IndexedBase)
    table = point.entries if deep else point.scalars
    key = (name, (rng.randint(1, size),)) if deep else name
    before, residuals = table.get(key), []
    for value in (fmpq(0), fmpq(1)):
        table[key] = value
        residuals.append(_residual(condition, point))
    at_0, at_1 = residuals
    if at_0 is not None and at_1 is not None and at_0 != at_1:
        table[key] = at_0 / (at_0 - at_1)
        if judge_statement(condition, point) is True:
            return True
    table[key] = draw_small(rng) if before is None else before
    return False


def _residual(condition: Basic, point: DrawnPoint) -> fmpq | None:
    evaluator = AttackEvaluator(point)
    try:
        sides = [evaluator.evaluate(side, BoundNames()) for side in condition.args]
    except (NoValue, Unknown):
        return None
    return sides[0] - sides[1] if all(isinstance(side, fmpq) for side in sides) else None


def _satisfies(point: DrawnPoint, given: Parts) -> bool:
    size = int(point.scalars[m].p)
    spread = variance([point.entries[x, (p,)] for p in range(1, size + 1)])
    inside = point.scalars[eps] >= 0 and spread + point.scalars[eps] > 0
    declared = all(suits(symbol, value) for symbol, value in point.scalars.items())
    return inside and declared and all(judge_statement(c, point) is True for c in given)


def determine_truth(
    rng: Random, statement: Basic, given: Parts, *, known: bool
) -> tuple[str, DrawnPoint | None]:
    """``false``, ``undefined``, ``true`` (``known``, and nothing contradicts), or ``not known``."""
    broken = None
    seen = 0
    for point in draw_points(rng, (statement,), given, POINTS):
        seen += 1
        answer = judge_statement(statement, point)
        if answer is False:
            return "false", point
        broken = point if answer == "undefined" and broken is None else broken
    if broken is not None:
        return "undefined", broken
    return ("true" if known and seen else "not known"), None


def render_point(point: DrawnPoint) -> str:
    """A point in one line."""
    scalars = sorted((str(name), str(value)) for name, value in point.scalars.items())
    entries = sorted((str(b), at, str(value)) for (b, at), value in point.entries.items())
    listed = [f"{name} = {value}" for name, value in scalars]
    return ", ".join(listed + [f"{b}{list(at)} = {value}" for b, at, value in entries])
