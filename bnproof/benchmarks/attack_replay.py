"""Whether a counterexample of the prover shows what it should, by the evaluator of the attack.

A refutation is only as good as its counterexample: at its values the statement must be false, and
every condition true.  This module reads the values into a point and asks the evaluator, which
shares no code with the prover that found them.

From ``bnproof.symbolic`` come ``Counterexample``, which is plain data, and the names ``eps`` and
``m``.  Start reading at :func:`find_objection`.
"""

from __future__ import annotations

from typing import Any

from flint import fmpq
from sympy import Basic, Indexed, IndexedBase

from bnproof.benchmarks.attack_calculus import DrawnPoint, Place
from bnproof.benchmarks.attack_evaluator import judge_statement
from bnproof.benchmarks.attack_numbers import Unknown
from bnproof.benchmarks.attack_points import Parts, collect_free_names
from bnproof.symbolic import Counterexample, eps, m


def find_objection(statement: Basic, given: Parts, example: Counterexample) -> str:
    """What is wrong with a counterexample.

    Parameters
    ----------
    statement
        What was refuted.
    given
        The conditions.
    example
        The values at which the statement is said to fail.

    Returns
    -------
    str
        One sentence where the statement is true or undefined at these values, or where a condition
        does not hold.  It is empty where nothing is wrong, where the evaluator cannot tell, and
        where the values cannot be read as rationals.

    Examples
    --------
    >>> from flint import fmpq
    >>> from sympy import Eq, Symbol
    >>> from bnproof.benchmarks.attack_replay import find_objection
    >>> from bnproof.symbolic import Counterexample
    >>> a = Symbol("a")
    >>> find_objection(Eq(a**2, a), (), Counterexample(1, {"a": fmpq(2)}))
    ''
    >>> find_objection(Eq(a**2, a), (), Counterexample(1, {"a": fmpq(1)}))
    'the statement is true at the counterexample m = 1, a = 1'
    """
    point = _read_point((statement, *given), example)
    if point is None:
        return ""
    answer = judge_statement(statement, point)
    # Being unknown is no objection: the attack accuses only where it is certain.
    if answer in (True, "undefined"):
        verdict = "true" if answer is True else "undefined"
        return f"the statement is {verdict} at the counterexample {example.point}"
    broken = [str(c) for c in given if judge_statement(c, point) in (False, "undefined")]
    return f"{broken[0]} does not hold at the counterexample {example.point}" if broken else ""


def _read_point(parts: Parts, example: Counterexample) -> DrawnPoint | None:
    """The counterexample as a point; ``None`` where a value is missing or is not rational."""
    names = set[Basic]().union(*map(collect_free_names, parts)) - {m}
    # A counterexample has its values by printed name. Two different names that print alike, such as
    # a free a and a base a, could be mixed up.
    if len({str(name) for name in names}) < len(names):
        return None
    # m and eps belong to every point; where eps occurs in the statement, its value follows below
    scalars: dict[Basic, fmpq] = {m: fmpq(example.m), eps: fmpq(1)}
    entries: dict[Place, fmpq] = {}
    for name in names:
        value: Any = example.values.get(str(name))
        if isinstance(name, IndexedBase):
            if not _is_rational(value) or _has_several_indices(name, parts):
                return None
            entries |= {(name, (p,)): one for p, one in enumerate(value, 1)}
        elif isinstance(value, fmpq):
            scalars[name] = value
        else:
            return None
    return DrawnPoint(scalars, entries, _refuse_entry)


def _is_rational(value: Any) -> bool:
    """Whether the values of a base are a tuple of rationals."""
    return isinstance(value, tuple) and all(isinstance(one, fmpq) for one in value)


def _has_several_indices(base: IndexedBase, parts: Parts) -> bool:
    """Whether a base occurs with another number of indices than one."""
    entries = (entry for part in parts for entry in part.atoms(Indexed))
    return any(entry.base == base and len(entry.indices) != 1 for entry in entries)


def _refuse_entry(place: Place) -> fmpq:
    """The counterexample lists all entries that it needs: nothing is drawn on demand."""
    raise Unknown(f"the counterexample has no {place}")
