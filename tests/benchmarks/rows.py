"""All rows of a family of attack statements at once, and what points say about each of them."""

from random import Random

from sympy import Basic

from bnproof.benchmarks.attack_evaluator import judge_statement
from bnproof.benchmarks.attack_points import draw_points

WRONG = (False, "undefined")


class Collecting(Random):
    """A generator that keeps the table a family chooses its row from."""

    rows = ()

    def choice(self, options):
        """The usual choice; a sequence of rows is also kept."""
        first = options[0]
        if isinstance(first, tuple) and len(first) > 2 and isinstance(first[0], Basic):
            self.rows = options
        return super().choice(options)


def list_rows(family, seed=0):
    """Every row that the family could have returned for this seed: statement, conditions, mark."""
    rng = Collecting(seed)
    family(rng)
    return [(row[0], row[1], row[-1]) for row in rng.rows]


def find_contradictions(family, points=6):
    """The rows marked true that are false or undefined at one of some points."""
    return [
        row
        for row in list_rows(family)
        if row[2]
        for point in draw_points(Random(0), row[:1], row[1], points)
        if judge_statement(row[0], point) in WRONG
    ]


def find_survivors(family, points=150):
    """The rows that nobody vouches for and that no point shows to be false or undefined.

    Rows whose sides SymPy has made the same tree are left out, and so are those whose conditions no
    point satisfies.
    """
    survivors = []
    for statement, given, known in list_rows(family):
        same = getattr(statement, "lhs", 0) == getattr(statement, "rhs", 1)
        if known or same:
            continue
        answers = []
        for point in draw_points(Random(0), (statement,), given, points):
            answers.append(judge_statement(statement, point))
            if answers[-1] in WRONG:
                break
        if answers and answers[-1] not in WRONG:
            survivors.append((statement, given))
    return survivors
