"""Linear programming in exact arithmetic: the two-phase simplex method with Bland's rule, which
ends on every input.

It proposes the weights of certificates, which are checked afterwards, so nothing depends on it.
(SymPy 1.14 has one too; on programs as degenerate as ours it returns points that violate the
constraints.)

A table has one row for each constraint, with columns for the variables, for the slack of each row,
for one helper variable, and for the right side. The basis says which variable each row is solved
for.
"""

from __future__ import annotations

from flint import fmpq

Row = list[fmpq]
# Bland's rule ends always, but it may take exponentially many exchanges. A program that takes more
# is given up, which costs a certificate and nothing else.
MOST_STEPS = 400


def maximise(gain: Row, rows: list[Row], ends: Row) -> Row | None:
    """An ``x >= 0`` with ``rows x <= ends`` that makes ``gain x`` largest.

    Parameters
    ----------
    gain
        The coefficients of what is made largest, n rationals.
    rows
        The left sides of the constraints, k rows of n rationals.
    ends
        The right sides, k rationals of any sign.

    Returns
    -------
    list of fmpq or None
        The n values of ``x``.  ``None`` where there is none, where the gain has no bound, or after
        ``MOST_STEPS`` exchanges.

    Notes
    -----
    Where a right side is negative, ``x = 0`` violates a constraint. A first phase then subtracts
    one helper variable from every row and makes it as small as possible; it can be made 0 exactly
    where some ``x`` satisfies all constraints.
    """
    width, height = len(gain), len(rows)
    table = [
        [*row, *(fmpq(int(i == j)) for j in range(height)), fmpq(-1), end]
        for i, (row, end) in enumerate(zip(rows, ends, strict=True))
    ]
    basis = [width + place for place in range(height)]
    helper = width + height  # x_0 of the first phase, which makes every row feasible
    worst = min(range(height), key=lambda i: ends[i], default=None)
    if worst is not None and ends[worst] < 0:
        _exchange(table, basis, worst, helper)
        first = [fmpq(0)] * helper + [fmpq(-1)]
        if not _climb(table, basis, first) or _value(table, basis, helper) != 0:
            return None
        # The helper is 0 and still in the basis: any column with an entry in its row may take its
        # place.
        if helper in basis:
            row = basis.index(helper)
            column = next((c for c in range(helper) if table[row][c] != 0), None)
            if column is not None:
                _exchange(table, basis, row, column)
    for line in table:
        # It has done its work, and must not enter the basis again.
        line[helper] = fmpq(0)
    if not _climb(table, basis, [*gain, *([fmpq(0)] * (height + 1))]):
        return None
    return [_value(table, basis, column) for column in range(width)]


def _value(table: list[Row], basis: list[int], column: int) -> fmpq:
    """The value of a column at the corner that the table stands for."""
    return table[basis.index(column)][-1] if column in basis else fmpq(0)


def _climb(table: list[Row], basis: list[int], gain: Row) -> bool:
    """Exchange until no column promises more; whether that came to an end."""
    for _ in range(MOST_STEPS):
        # Bland's rule: the first column that promises something, and of the rows that limit it most
        # the one of the first variable. No basis comes back then, which makes the method end.
        column = next(
            (
                c
                for c in range(len(gain))
                if c not in basis and _reduced_gain(table, basis, gain, c) > 0
            ),
            None,
        )
        if column is None:
            return True
        rows = [i for i, line in enumerate(table) if line[column] > 0]
        # Nothing limits the column, so the gain has no bound.
        if not rows:
            return False
        row = min(rows, key=lambda i: (table[i][-1] / table[i][column], basis[i]))
        _exchange(table, basis, row, column)
    return False


def _reduced_gain(table: list[Row], basis: list[int], gain: Row, column: int) -> fmpq:
    """What the gain grows by for each unit of a column that enters the basis."""
    total = gain[column]
    for line, inside in zip(table, basis, strict=True):
        if gain[inside] != 0 and line[column] != 0:
            total -= gain[inside] * line[column]
    return total


def _exchange(table: list[Row], basis: list[int], row: int, column: int) -> None:
    """The column enters the basis in place of the row's."""
    scale = 1 / table[row][column]
    table[row] = [entry * scale for entry in table[row]]
    for i, line in enumerate(table):
        factor = line[column]
        if i != row and factor != 0:
            table[i] = [a - factor * b if b else a for a, b in zip(line, table[row], strict=True)]
    basis[row] = column
