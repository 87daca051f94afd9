"""Moving a point so that equations among the conditions hold: the scale or the shift of a batch, or
some of its entries.

Random points never satisfy an equation such as ``mu = 0`` or ``v = 1``. Three kinds are solved
here: ``c + d t^2 = 0`` for the scale t of the batch, equations that a shift of the batch meets, and
equations that are affine in the entries of a base. Every step is exact. What is not solved is left
as it is, since the conditions are evaluated at the point afterwards. Start reading at
``solve_conditions``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from flint import fmpq
from sympy import Add, Expr, Indexed, IndexedBase, Mul, Sum

from bnproof.symbolic.duals import inverse, sign, sqrt
from bnproof.symbolic.exact import Evaluator
from bnproof.symbolic.frames import Point
from bnproof.symbolic.intervals import Interval
from bnproof.symbolic.setting import x
from bnproof.symbolic.surds import NotExact

Entries = dict[tuple[int, ...], Any]


def solve_conditions(equations: list[Expr], point: Point) -> None:
    """Move entries so that equations hold, where that is linear or a matter of scale.

    Parameters
    ----------
    equations
        Expressions that have to be 0.
    point
        The point. Its entries are changed in place; its scalars stay.

    Raises
    ------
    NotExact, NotEvaluable, Undefined, ZeroDivisionError
        Where a residual has no exact value. The point is then of no use.

    Notes
    -----
    The scale of ``x`` comes first. Then each base is solved for, ``x`` last: by a shift if that
    meets all of its equations and so keeps its spread, else entry by entry.
    """
    scaled, affine = _plan(tuple(equations))
    for equation in scaled:
        _rescale(equation, point)
    for base, linear in affine:
        # A shift changes no spread, so it does not undo what the scale has met.
        if base != x or not _shift(linear, point):
            _solve_linear(linear, base, point)


# The same few equations come back for every point; a question has one plan.
@lru_cache(maxsize=1 << 8)
def _plan(equations: tuple[Expr, ...]) -> tuple[list[Expr], list[tuple[IndexedBase, list[Expr]]]]:
    """The equations met by the scale of the batch, and by base those that are affine in its
    entries, ``x`` last.

    It depends on the equations alone, so it is made once for all points of a question.
    """
    scaled = [h for h in equations if h.has(x) and not _is_affine(h, x)]
    affine: list[tuple[IndexedBase, list[Expr]]] = []
    for base in sorted(
        {e.base for h in equations for e in h.atoms(Indexed)},
        key=lambda base: (base == x, str(base)),
    ):
        linear = [h for h in equations if h.has(base) and _is_affine(h, base)]
        if linear and all(
            len(e.indices) == 1 for h in linear for e in h.atoms(Indexed) if e.base == base
        ):
            affine.append((base, linear))
    return scaled, affine


def _collect_entries(point: Point, base: IndexedBase) -> Entries:
    """The entries ``1..m`` of a base at a point, by index; missing ones are drawn."""
    return {(p,): point.entry(base, (p,)) for p in range(1, point.size + 1)}


def _residual(equation: Expr, point: Point, base: IndexedBase, entries: Entries) -> Any:
    """The exact value of an equation's difference with other entries for one base.

    Raises ``NotExact`` where only an interval is known: nothing can be solved for then.
    """
    moved = Point(point.scalars, point.draw, {**point.entries, base: entries})
    value = Evaluator(moved).evaluate(equation)
    if isinstance(value, Interval):
        raise NotExact("an equation whose residual is an interval")
    return value


def _rescale(equation: Expr, point: Point) -> None:
    """``x -> mean + t (x - mean)`` for an equation of the form ``c + d t^2 = 0``.

    The residuals at t = 0, 1, 2 are ``c``, ``c + d`` and ``c + 4 d`` then, which is how the form is
    recognised.
    """
    entries = _collect_entries(point, x)
    mean = sum(entries.values(), fmpq(0)) * fmpq(1, point.size)

    def stretch(t: Any) -> Entries:
        return {index: mean + t * (value - mean) for index, value in entries.items()}

    start, once, twice = (_residual(equation, point, x, stretch(fmpq(t))) for t in (0, 1, 2))
    # Three values do not prove the form. If they mislead, the conditions fail and the point is
    # dropped.
    if sign(once - start) and twice - start == (once - start) * fmpq(4):
        square = -start * inverse(once - start)
        if sign(square) >= 0:
            # The root may be irrational: then the entries are surds, and still exact.
            point.entries[x] = stretch(sqrt(square))


def _shift(equations: list[Expr], point: Point) -> bool:
    """``x -> x + c`` for one equation that a shift can meet; whether the others then hold as well.

    The first equation is taken to be affine in the shift: its residuals at shifts of 0 and 1 give
    c.
    """
    entries = _collect_entries(point, x)
    start = _residual(equations[0], point, x, entries)
    once = _residual(
        equations[0], point, x, {index: value + fmpq(1) for index, value in entries.items()}
    )
    if not sign(once - start):
        return False
    by = -start * inverse(once - start)
    moved = {index: value + by for index, value in entries.items()}
    if any(sign(_residual(equation, point, x, moved)) for equation in equations):
        return False
    point.entries[x] = moved
    return True


def _is_affine(e: Expr, base: IndexedBase) -> bool:
    """Whether ``e`` visibly has degree at most one in the entries of ``base``.

    It may say no of an expression that becomes affine when it is multiplied out.
    """
    if not e.has(base) or isinstance(e, Indexed):
        return True
    if isinstance(e, (Add, Sum)):
        return all(_is_affine(a, base) for a in (e.args if isinstance(e, Add) else (e.function,)))
    return (
        isinstance(e, Mul)
        and sum(a.has(base) for a in e.args) == 1
        and all(_is_affine(a, base) for a in e.args)
    )


def _solve_linear(equations: list[Expr], base: IndexedBase, point: Point) -> None:
    """Gaussian elimination on the residuals, affine in ``base[1..m]``.

    The columns of the system are residuals at unit vectors, so no coefficient has to be read off an
    expression.
    """
    size = point.size
    start = list(_collect_entries(point, base).values())

    def residuals(entries: list[Any]) -> list[Any]:
        batch: Entries = {(p + 1,): e for p, e in enumerate(entries)}
        return [_residual(h, point, base, batch) for h in equations]

    zero = residuals([fmpq(0)] * size)
    columns = [residuals([fmpq(int(p == q)) for q in range(size)]) for p in range(size)]
    rows = [
        [columns[p][r] - zero[r] for p in range(size)] + [-zero[r]] for r in range(len(equations))
    ]
    solution = list(start)
    for row, pivot in reversed(_eliminate(rows, size)):
        # The entries that are no pivots keep their drawn values, and the pivots are solved for.
        rest = row[-1]
        for p in range(size):
            if p != pivot:
                rest = rest - row[p] * solution[p]
        solution[pivot] = rest * inverse(row[pivot])
    point.entries[base] = {(p + 1,): e for p, e in enumerate(solution)}


def _eliminate(rows: list[list[Any]], size: int) -> list[tuple[list[Any], int]]:
    """Reduced row echelon form; pivots from the right, so the first entries keep their drawn
    values."""
    pivots: list[tuple[list[Any], int]] = []
    for row in rows:
        for reduced, column in pivots:
            factor = row[column]
            row = [a - factor * b for a, b in zip(row, reduced, strict=True)]
        filled = [c for c in range(size) if row[c] != 0]
        # The row follows from those before it, or contradicts them, which the filter finds out.
        if not filled:
            continue
        column = filled[-1]
        scale = inverse(row[column])
        row = [a * scale for a in row]
        pivots = [
            ([a - other[column] * b for a, b in zip(other, row, strict=True)], c)
            for other, c in pivots
        ]
        pivots.append((row, column))
    return pivots
