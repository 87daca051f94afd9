"""Linear programming in exact arithmetic: the two-phase simplex method with Bland's rule, which
ends on every input.

It proposes the weights of certificates, which are checked afterwards, so nothing depends on it.
(SymPy 1.14 has one too; on programs as degenerate as ours it returns points that violate the
constraints.)
"""

from __future__ import annotations

from flint import fmpq

Row = list[fmpq]
MOST_STEPS = 400


def maximise(gain: Row, rows: list[Row], ends: Row) -> Row | None:
    """An ``x >= 0`` with ``rows x <= ends`` that makes ``gain x`` largest.

    ``None`` where there is none, where the gain has no bound, or after ``MOST_STEPS`` exchanges.
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
        if helper in basis:
            row = basis.index(helper)
            column = next((c for c in range(helper) if table[row][c] != 0), None)
            if column is not None:
                _exchange(table, basis, row, column)
    for line in table:
        line[helper] = fmpq(0)
    if not _climb(table, basis, [*gain, *([fmpq(0)] * (height + 1))]):
        return None
    return [_value(table, basis, column) for column in range(width)]


def _value(table: list[Row], basis: list[int], column: int) -> fmpq:
    return table[basis.index(column)][-1] if column in basis else fmpq(0)


def _climb(table: list[Row], basis: list[int], gain: Row) -> bool:
    """Exchange until no column promises more; whether that came to an end."""
    for _ in range(MOST_STEPS):
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
        if not rows:
            return False
        row = min(rows, key=lambda i: (table[i][-1] / table[i][column], basis[i]))
        _exchange(table, basis, row, column)
    return False


def _reduced_gain(table: list[Row], basis: list[int], gain: Row, column: int) -> fmpq:
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
