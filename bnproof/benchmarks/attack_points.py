"""Points that satisfy the conditions of a statement, and what they say about its truth.

A batch has 1 to 7 small rationals.  Edge values come often: 0, equal entries, ``eps = 0`` with
``v > 0``, the first and the last index.  So do values that make ``s = sqrt(v + eps)`` rational,
because there the evaluator calculates exactly and balls need not decide.  Equations among the
conditions are solved for one of their symbols or entries, since hardly any random point would
satisfy them.  What then does not satisfy every condition is thrown away.

Points can show that a statement is false or undefined, never that it is true.  For truth the attack
relies on how the statement was made, see :func:`determine_truth`.

Of ``bnproof.symbolic``, this module uses only names of the setting: ``m``, ``x``, ``g``, ``eps``,
the indices, and the condition ``Every``.  Start reading at :func:`draw_points`.
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

# A slip that shows only in rare places needs many points, and the time of an attack grows in
# proportion.
POINTS = 24
TRIES = 30  # for every point that satisfies the conditions
# Sums of seven terms are quick even when nested, and a false formula usually fails for small m
# already. Size 1 has to be among them, as v = 0 and m - 1 = 0 there.
SIZES = range(1, 8)
# numbers that appear twice are drawn twice as often
TOPS, BOTTOMS = (0, 0, 1, 1, -1, -1, 2, -2, 3, -3, 5), (1, 1, 1, 2, 2, 3)
Parts = tuple[Basic, ...]


def collect_free_names(e: Basic, bound: frozenset[Basic] = frozenset()) -> set[Basic]:
    """The symbols and bases of an expression that no sum, limit or ``Every`` binds.

    Parameters
    ----------
    e
        An expression, a relation or a condition.
    bound
        Names that are bound further out.

    Returns
    -------
    set of Basic
        What a point has to give a value for.  A name that is bound in one place and free in another
        is among them.
    """
    if isinstance(e, (Symbol, Idx, IndexedBase)):
        return set() if e in bound else {e}
    if isinstance(e, Sum):
        names: set[Basic] = set()
        # The last limit is the outermost. Its bounds see the names outside only, and those of inner
        # limits see its index as well.
        for index, low, high in reversed(e.limits):
            names |= collect_free_names(low, bound) | collect_free_names(high, bound)
            bound = bound | {index}
        return names | collect_free_names(e.function, bound)
    if isinstance(e, Limit):
        # the value that is tended to stands outside of the binding
        return collect_free_names(e.args[0], bound | {e.args[1]}) | collect_free_names(
            e.args[2], bound
        )
    if isinstance(e, Every):
        return collect_free_names(e.args[0], bound | {*e.args[1:]})
    return set[Basic]().union(*(collect_free_names(part, bound) for part in e.args))


def draw_small(rng: Random) -> fmpq:
    """A small rational: 0 and +-1 often, now and then seven times as large."""
    # a larger value now and then, for conditions such as a > 3
    return fmpq(rng.choice(TOPS), rng.choice(BOTTOMS)) * (7 if rng.random() < 0.05 else 1)


def draw_batch(rng: Random, size: int) -> list[fmpq]:
    """The entries of one batch.

    They are arbitrary, all equal (``v = 0``), all positive, or half above and half below their mean
    by the same rational, in which case ``sqrt(v)`` is rational.
    """
    kind = rng.randrange(6)
    if kind == 0:
        return [draw_small(rng)] * size
    if kind == 1:
        return [abs(draw_small(rng)) + 1 for _ in range(size)]
    # deviations +-d give v = d^2, so sqrt(v) = |d| also with eps = 0
    if kind == 2 and size % 2 == 0:
        middle, apart = draw_small(rng), draw_small(rng)
        return [middle + (apart if place % 2 else -apart) for place in range(size)]
    return [draw_small(rng) for _ in range(size)]


def variance(values: list[fmpq]) -> fmpq:
    """The biased variance ``v = sum (value - mu)^2 / m`` of rationals.

    It is written once more here, since the attack borrows no formula from the prover.
    """
    mean = sum(values, fmpq(0)) / len(values)
    return sum(((value - mean) ** 2 for value in values), fmpq(0)) / len(values)


def draw_scalar(rng: Random, symbol: Basic, size: int) -> fmpq:
    """A value that suits what is declared of a symbol, where that is easy.

    Parameters
    ----------
    rng
        The source of chance.
    symbol
        The symbol; ``i``, ``j`` and ``k`` are indices of the batch.
    size
        The batch size, which indices equal as often as they equal 1.

    Returns
    -------
    fmpq
        A rational.  Rare assumptions, such as being even, are left to :func:`suits`.
    """
    if symbol in (i, j, k):
        # statements about x[i + 1] or x[i - 1] go wrong at the ends of the batch
        return fmpq(rng.choice((1, size, rng.randint(1, size))))
    value = fmpq(rng.randint(-3, 6)) if symbol.is_integer else draw_small(rng)
    if symbol.is_nonnegative:
        value = abs(value)
    return value + 1 if symbol.is_positive and value <= 0 else value


def suits(symbol: Basic, value: fmpq) -> bool:
    """Whether a value satisfies what is declared of a symbol: being whole, its sign, its parity."""
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
    # None says that nothing is declared
    return all(getattr(symbol, name) in (None, value) for name, value in declared.items())


def draw_points(rng: Random, parts: Parts, given: Parts, count: int) -> Iterator[DrawnPoint]:
    """Draw points that satisfy the conditions and every assumption.

    Parameters
    ----------
    rng
        The source of chance.
    parts
        What has to get a value: usually the statement alone.
    given
        The conditions.
    count
        How many points are wanted.

    Yields
    ------
    DrawnPoint
        Up to ``count`` points.  There are fewer, or none, where conditions are hard to meet or
        contradict each other.
    """
    names = set[Basic]().union(*map(collect_free_names, (*parts, *given)))
    # Without this, Eq(m, 2) would waste six tries of seven. If no size suits, all are tried, so
    # that contradictory conditions end as an empty list and not as an error.
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
    """Whether no condition on ``m`` alone rules a batch size out."""
    alone = [c for c in given if collect_free_names(c) == {m}]
    point = DrawnPoint({m: fmpq(size)}, {}, lambda place: fmpq(0))
    return all(judge_statement(condition, point) is not False for condition in alone)


def _draw_point(rng: Random, names: set[Basic], size: int) -> DrawnPoint:
    """A point for some names, not yet held against the conditions."""
    # a set has no order, and the same seed has to give the same point
    ordered = sorted((n for n in names if not isinstance(n, IndexedBase)), key=str)
    scalars = {name: draw_scalar(rng, name, size) for name in ordered}
    # after the loop, which may have drawn something for m as for any integer
    scalars[m] = fmpq(size)
    xs, gs = draw_batch(rng, size), [draw_small(rng) for _ in range(size)]
    entries: dict[Place, fmpq] = {(x, (p,)): value for p, value in enumerate(xs, 1)}
    entries |= {(g, (p,)): value for p, value in enumerate(gs, 1)}
    scalars[eps] = _draw_eps(rng, variance(xs))
    # Entries of other bases are drawn when they are first asked for. A generator of their own makes
    # them independent of the order in which that happens.
    seed = rng.random()

    def draw(place: Place) -> fmpq:
        """An entry of another base, the same whenever this point is asked for it."""
        return draw_small(Random(f"{seed}/{place}"))

    return DrawnPoint(scalars, entries, draw)


def _draw_eps(rng: Random, spread: fmpq) -> fmpq:
    """0, a small number, or what makes ``v + eps`` the square of a rational."""
    kind = rng.randrange(4)
    if kind == 0:
        return fmpq(0)
    if kind == 1:
        return abs(draw_small(rng))
    # eps = std^2 - v has to be >= 0
    std = abs(draw_small(rng)) + fmpq(rng.randint(1, 3), 2)
    while std * std < spread:
        std = std + 1
    return std * std - spread


def _solve(rng: Random, condition: Basic, point: DrawnPoint) -> None:
    """Make an equation true by one of its symbols or entries, where it is linear in that one.

    The point is changed in place.  Other conditions may break by it; the caller looks at all of
    them afterwards.
    """
    if isinstance(condition, And):
        for part in condition.args:
            _solve(rng, part, point)
    if not isinstance(condition, Eq) or judge_statement(condition, point) is True:
        return
    # the equation may not be linear in the name that is drawn; another try may draw one that serves
    for _ in range(4):
        if _solve_once(rng, condition, point):
            return


def _solve_once(rng: Random, condition: Basic, point: DrawnPoint) -> bool:
    """One try with a name drawn at random; says whether the equation is true now.

    With the residuals ``r(0)`` and ``r(1)``, a linear equation has the solution
    ``r(0)/(r(0) - r(1))``. An equation that is not linear does not hold there, and the try has
    failed.
    """
    size = int(point.scalars[m].p)
    # sizes and indices have to stay integers in their range, so they are not solved for
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
    # undone, so that a failed try leaves no trace
    table[key] = draw_small(rng) if before is None else before
    return False


def _residual(condition: Basic, point: DrawnPoint) -> fmpq | None:
    """``lhs - rhs`` where that is rational, otherwise ``None``."""
    evaluator = AttackEvaluator(point)
    try:
        sides = [evaluator.evaluate(side, BoundNames()) for side in condition.args]
    except (NoValue, Unknown):
        return None
    return sides[0] - sides[1] if all(isinstance(side, fmpq) for side in sides) else None


def _satisfies(point: DrawnPoint, given: Parts) -> bool:
    """Whether a point lies in the setting (``v + eps > 0``) and satisfies every condition."""
    size = int(point.scalars[m].p)
    spread = variance([point.entries[x, (p,)] for p in range(1, size + 1)])
    # the setting presumes s > 0, so a point with v = eps = 0 would contradict nothing
    inside = point.scalars[eps] >= 0 and spread + point.scalars[eps] > 0
    declared = all(suits(symbol, value) for symbol, value in point.scalars.items())
    return inside and declared and all(judge_statement(c, point) is True for c in given)


def determine_truth(
    rng: Random, statement: Basic, given: Parts, *, known: bool
) -> tuple[str, DrawnPoint | None]:
    """What points say about a statement.

    Parameters
    ----------
    rng
        The source of chance.
    statement
        The statement.
    given
        Its conditions.
    known
        Whether it is true by construction.

    Returns
    -------
    tuple of str and DrawnPoint or None
        ``"false"`` or ``"undefined"`` with a point that shows it, where being false outweighs being
        undefined; ``"true"`` where it is so by construction and no point contradicts;
        ``"not known"`` for all else.  A statement whose conditions no point satisfied is not known
        to be anything.

    Examples
    --------
    >>> from random import Random
    >>> from sympy import Eq
    >>> from bnproof.benchmarks.attack_points import determine_truth
    >>> from bnproof.symbolic import eps, s, v
    >>> determine_truth(Random(0), Eq(s**2, v + eps, evaluate=False), (), known=True)
    ('true', None)
    >>> determine_truth(Random(0), Eq(s**2, v, evaluate=False), (), known=False)[0]
    'false'
    """
    broken = None
    seen = 0
    for point in draw_points(rng, (statement,), given, POINTS):
        seen += 1
        answer = judge_statement(statement, point)
        # one false point settles it
        if answer is False:
            return "false", point
        # the first undefined point is kept, while the search for a false one goes on
        broken = point if answer == "undefined" and broken is None else broken
    if broken is not None:
        return "undefined", broken
    return ("true" if known and seen else "not known"), None


def render_point(point: DrawnPoint) -> str:
    """A point in one line, in a fixed order: scalars first, then entries."""
    scalars = sorted((str(name), str(value)) for name, value in point.scalars.items())
    entries = sorted((str(b), at, str(value)) for (b, at), value in point.entries.items())
    listed = [f"{name} = {value}" for name, value in scalars]
    return ", ".join(listed + [f"{b}{list(at)} = {value}" for b, at, value in entries])
