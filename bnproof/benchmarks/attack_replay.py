"""Whether a counterexample of the prover shows what it should, by the evaluator of the attack."""

from __future__ import annotations

from typing import Any

from flint import fmpq
from sympy import Basic, Indexed, IndexedBase

from bnproof.benchmarks.attack_calculus import DrawnPoint, Place
from bnproof.benchmarks.attack_evaluator import judged
from bnproof.benchmarks.attack_numbers import Unknown
from bnproof.benchmarks.attack_points import free_names
from bnproof.symbolic import Counterexample, eps, m

Parts = tuple[Basic, ...]


def objection(statement: Basic, given: Parts, example: Counterexample) -> str:
    """What is wrong with a counterexample; empty where nothing is, or where it cannot be read."""
    point = _point((statement, *given), example)
    if point is None:
        return ""
    answer = judged(statement, point)
    if answer in (True, "undefined"):
        told = "true" if answer is True else "undefined"
        return f"the statement is {told} at the counterexample {example.point}"
    broken = [str(c) for c in given if judged(c, point) in (False, "undefined")]
    return f"{broken[0]} does not hold at the counterexample {example.point}" if broken else ""


def _point(parts: Parts, example: Counterexample) -> DrawnPoint | None:
    """The counterexample as a point; ``None`` where a value is missing or is not rational."""
    names = set[Basic]().union(*map(free_names, parts)) - {m}
    if len({str(name) for name in names}) < len(names):
        return None
    scalars: dict[Basic, fmpq] = {m: fmpq(example.m), eps: fmpq(1)}
    entries: dict[Place, fmpq] = {}
    for name in names:
        value: Any = example.values.get(str(name))
        if isinstance(name, IndexedBase):
            if not _rational(value) or _several(name, parts):
                return None
            entries |= {(name, (p,)): one for p, one in enumerate(value, 1)}
        elif isinstance(value, fmpq):
            scalars[name] = value
        else:
            return None
    return DrawnPoint(scalars, entries, _missing)


def _rational(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(one, fmpq) for one in value)


def _several(base: IndexedBase, parts: Parts) -> bool:
    found = (entry for part in parts for entry in part.atoms(Indexed))
    return any(entry.base == base and len(entry.indices) != 1 for entry in found)


def _missing(place: Place) -> fmpq:
    raise Unknown(f"the counterexample has no {place}")
