"""Whether a counterexample of the prover shows what it should, by the evaluator of the attack."""

from __future__ import annotations

from typing import Any

from flint import fmpq
from sympy import Basic, Indexed, IndexedBase

from bnproof.benchmarks.attack_calculus import DrawnPoint, Place
from bnproof.benchmarks.attack_evaluator import judge_statement
from bnproof.benchmarks.attack_numbers import Unknown
from bnproof.benchmarks.attack_points import collect_free_names
from bnproof.symbolic import Counterexample, eps, m

Parts = tuple[Basic, ...]


def find_objection(statement: Basic, given: Parts, example: Counterexample) -> str:
    """What is wrong with a counterexample; empty where nothing is, or where it cannot be read."""
    point = _read_point((statement, *given), example)
    if point is None:
        return ""
    answer = judge_statement(statement, point)
    if answer in (True, "undefined"):
        verdict = "true" if answer is True else "undefined"
        return f"the statement is {verdict} at the counterexample {example.point}"
    broken = [str(c) for c in given if judge_statement(c, point) in (False, "undefined")]
    return f"{broken[0]} does not hold at the counterexample {example.point}" if broken else ""


def _read_point(parts: Parts, example: Counterexample) -> DrawnPoint | None:
    """The counterexample as a point; ``None`` where a value is missing or is not rational."""
    names = set[Basic]().union(*map(collect_free_names, parts)) - {m}
    if len({str(name) for name in names}) < len(names):
        return None
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
    return isinstance(value, tuple) and all(isinstance(one, fmpq) for one in value)


def _has_several_indices(base: IndexedBase, parts: Parts) -> bool:
    entries = (entry for part in parts for entry in part.atoms(Indexed))
    return any(entry.base == base and len(entry.indices) != 1 for entry in entries)


def _refuse_entry(place: Place) -> fmpq:
    raise Unknown(f"the counterexample has no {place}")
