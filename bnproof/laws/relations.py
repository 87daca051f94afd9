"""Relation laws: a theorem's relation among outputs, evaluated on what was observed.

Each observed number stands for a ball around it with its a-priori bound as radius; a correct
implementation's ball contains the exact value, and the exact values satisfy the theorem.  So the
law is broken exactly if the two sides of the relation, computed in balls, are disjoint somewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from flint import arb
from sympy import Basic, Eq, Expr, IndexedBase, Symbol

from bnproof.contract import QUANTITIES, Array, Case, Failure, FailureKind, Measurement
from bnproof.formats import Format
from bnproof.laws import balls
from bnproof.laws.answers import Answers, Failed, NotOffered
from bnproof.laws.columns import columns, position, rows
from bnproof.laws.comparing import worst_index
from bnproof.laws.law import Law
from bnproof.laws.oracle import Oracle
from bnproof.laws.quantities import FORMULAS
from bnproof.lowering.numbers import BALLS, BITS, Floats, ball, precision
from bnproof.lowering.program import lower
from bnproof.symbolic.setting import eps, i, k
from bnproof.theorems import book
from bnproof.theorems.book import Observed, Theorem
from bnproof.theorems.formulas import scalar_changes

SCALE = 4.0  # a power of two: scaling x by it and eps by its square is exact


def list_laws() -> Iterable[Law]:
    """One law per ``Relation`` of the book."""
    for theorem in book.book().values():
        for item in theorem.of(book.Relation):
            yield _law(theorem, item)


def _law(theorem: Theorem, item: book.Relation) -> Law:
    def measure(answers: Answers, oracle: Oracle) -> Measurement | None:
        return measure_relation(item, answers)

    families = frozenset[str]().union(
        *(FORMULAS[item.of(name).output].families for name in item.quantities)
    )
    return Law(item.name, theorem.id, item.says, item.quantities, measure, families=families)


@cache
def observations(law: str) -> dict[str, Observed]:
    """What a relation law asks for with changed arguments, by the name it gives it."""
    items = [
        item
        for theorem in book.book().values()
        for item in theorem.of(book.Relation)
        if item.name == law
    ]
    return {name: item.of(name) for item in items for name in item.quantities}


def measure_relation(item: book.Relation, answers: Answers) -> Measurement | None:
    """Evaluate both sides in balls and compare them entry by entry."""
    if "eps" in answers.target.constants and _changes_eps(item):
        return None
    case = snapped(answers.case)
    if Eq(eps, 0) in item.given:
        case = replace(case, eps=0.0)
    if case.eps < answers.convention.eps_min or (case.eps == 0 and constant_channel(case)):
        return None
    relation, index = _relation(item)
    observed = {name: _observed(item.of(name), answers, case) for name in item.quantities}
    inputs = (
        _inputs(answers, case)
        | observed
        | {name: ball(value) for name, value in _constants(case).items()}
    )
    with precision(BITS):
        left, right = (_evaluate(side, index, inputs) for side in (relation.lhs, relation.rhs))
        return _compare_sides(item, np.asarray(left - right), case)


def _changes_eps(item: book.Relation) -> bool:
    return Eq(eps, 0) in item.given or any(
        item.of(name).eps is not None for name in item.quantities
    )


@cache
def _relation(item: book.Relation) -> tuple[Basic, Symbol | None]:
    """The relation over arrays of observed values, and the index it is stated for."""
    relation = item.relation(
        *(IndexedBase(name, real=True).__getitem__ for name in item.quantities)
    )
    return relation, next((n for n in (i, k) if n in relation.free_symbols), None)


def _inputs(answers: Answers, case: Case) -> dict[str, Any]:
    """The case in balls, once for all the laws that look at it."""
    key = ("inputs", *_key(case))
    if key not in answers.shared:
        answers.shared[key] = balls.inputs(case)
    return dict(answers.shared[key])


def _oracle(answers: Answers, case: Case) -> Oracle:
    """The oracle of a variant of the case, one for all the laws that look at it."""
    key = ("oracle", *_key(case))
    if key not in answers.shared:
        answers.shared[key] = Oracle(case)
    return answers.shared[key]


def _key(case: Case) -> tuple[Any, ...]:
    return case.eps, *(None if a is None else a.tobytes() for a in (case.x, case.gamma, case.beta))


def snapped(case: Case) -> Case:
    """The case with x on a grid of 12 bits (less in half precision), so that the variants' shifts
    and scalings are exact."""
    x = np.asarray(case.x, dtype=float)
    largest = float(np.max(np.abs(x)))
    if largest == 0:
        return case
    bits = min(12, Format.of(case.dtype).p - 3)
    grid = 2.0 ** (np.ceil(np.log2(largest)) - bits)
    return replace(case, x=(np.round(x / grid) * grid).astype(case.dtype))


def constant_channel(case: Case) -> bool:
    """Whether some channel has no spread (with eps = 0 nothing is defined there)."""
    return bool(np.any(np.ptp(np.asarray(columns(case.x), dtype=float), axis=0) == 0))


def _constants(case: Case) -> dict[str, float]:
    """``c``: a shift that keeps ``x + c`` exact on the snapped grid, 1.5 times the largest entry's
    power of two; ``a``."""
    largest = float(np.max(np.abs(np.asarray(case.x, dtype=float)))) or 1.0
    return {"c": 1.5 * 2.0 ** float(np.ceil(np.log2(largest))), "a": SCALE}


def _observed(of: Observed, answers: Answers, case: Case) -> Any:
    """The observed array as balls, each with its own a-priori bound as radius; asked for once per
    case."""
    asked = changed(case, of)
    key = ("observed", of.output, _key(asked))
    if key not in answers.shared:
        answers.shared[key] = _ask(of.output, answers, asked)
    found = answers.shared[key]
    if isinstance(found, Exception):
        raise found
    return found


def changed(case: Case, of: Observed) -> Case:
    """The case with the arguments of an observation; gamma = 1 and beta = 0 are handed over as
    ``None``."""
    channels = case.x.shape[1]
    like = case.dtype if case.gamma is None else case.gamma.dtype
    gamma = np.ones(channels, like) if case.gamma is None else case.gamma
    beta = np.zeros(channels, like) if case.beta is None else case.beta
    scalars: dict[str, Any] = {**_constants(case), "gamma": gamma, "beta": beta, "eps": case.eps}
    found = {name: lower(change)(Floats(), scalars) for name, change in scalar_changes(of).items()}
    case = replace(case, eps=float(found.get("eps", case.eps)))
    for name, neutral in (("gamma", 1), ("beta", 0)):
        if name in found:
            value = (
                None
                if np.ndim(found[name]) == 0 and found[name] == neutral
                else np.asarray(found[name], like)
            )
            case = replace(case, gamma=value) if name == "gamma" else replace(case, beta=value)
    if of.x is None:
        return case
    floats = Floats(case.dtype)
    constants = {name: floats.array(value) for name, value in _constants(case).items()}
    moved = lower(of.x(i), i)(floats, {**constants, "x": columns(case.x)})
    return replace(case, x=rows(np.asarray(moved), case.x.shape))


def _ask(output: str, answers: Answers, case: Case) -> Any:
    try:
        values = Answers(answers.target, case).observe(output)
    except (Failed, NotOffered) as missing:
        return missing
    if values is None:
        return NotOffered(f"no {output}")
    got = columns(values)
    if not np.all(np.isfinite(got)):
        method = QUANTITIES[output].method
        return Failed(Failure(FailureKind.RANGE, method, output, got="not finite"))
    radius = np.broadcast_to(_oracle(answers, case).bound(output).total, got.shape)
    return np.vectorize(lambda value, rad: arb(float(value), float(rad)), otypes=[object])(
        got, radius
    )


def _evaluate(side: Expr, index: Symbol | None, inputs: dict[str, Any]) -> Any:
    return lower(side, *(() if index is None else (index,)))(BALLS, inputs)


def _compare_sides(item: book.Relation, difference: Array, case: Case) -> Measurement:
    """The entry where the two sides differ most, in units of what the arithmetic explains."""

    def ratio(value: arb) -> float:
        if not value.is_finite():
            return 0.0  # no a-priori bound here, so nothing to judge by
        return float(abs(value.mid()) / value.rad()) if value.mid() != 0 else 0.0

    ratios = np.vectorize(ratio, otypes=[float])(difference)
    at = worst_index(ratios)
    got, allowed = float(difference[at].mid()), float(difference[at].rad())
    return Measurement(
        item.name,
        item.quantities,
        ratio=float(ratios[at]),
        where=position(at, case.x.shape),
        got=got,
        allowed=allowed,
        error=abs(got),
        dtype=case.dtype.name,
        comparison="relation",
    )
