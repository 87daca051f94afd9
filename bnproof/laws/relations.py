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
from bnproof.laws.columns import from_columns, locate_in_batch, to_columns
from bnproof.laws.comparing import find_worst_index
from bnproof.laws.law import Law
from bnproof.laws.oracle import Oracle
from bnproof.laws.quantities import FORMULAS
from bnproof.lowering.numbers import BALLS, BITS, Floats, ball, precision
from bnproof.lowering.program import lower
from bnproof.symbolic.setting import eps, i, k
from bnproof.theorems import book
from bnproof.theorems.book import Observed, Theorem
from bnproof.theorems.formulas import list_scalar_changes

SCALE = 4.0  # a power of two: scaling x by it and eps by its square is exact


def list_laws() -> Iterable[Law]:
    """One law per ``Relation`` of the book."""
    for theorem in book.book().values():
        for item in theorem.select_items(book.Relation):
            yield _build_law(theorem, item)


def _build_law(theorem: Theorem, item: book.Relation) -> Law:
    def measure(answers: Answers, oracle: Oracle) -> Measurement | None:
        return measure_relation(item, answers)

    families = frozenset[str]().union(
        *(FORMULAS[item.find_observed(name).output].families for name in item.quantities)
    )
    return Law(item.name, theorem.id, item.says, item.quantities, measure, families=families)


@cache
def list_observations(law: str) -> dict[str, Observed]:
    """What a relation law asks for with changed arguments, by the name it gives it."""
    items = [
        item
        for theorem in book.book().values()
        for item in theorem.select_items(book.Relation)
        if item.name == law
    ]
    return {name: item.of(name) for item in items for name in item.quantities}


def measure_relation(item: book.Relation, answers: Answers) -> Measurement | None:
    """Evaluate both sides in balls and compare them entry by entry."""
    if "eps" in answers.target.constants and _changes_eps(item):
        return None
    case = snap(answers.case)
    if Eq(eps, 0) in item.given:
        case = replace(case, eps=0.0)
    if case.eps < answers.convention.eps_min or (case.eps == 0 and has_constant_channel(case)):
        return None
    relation, index = _build_relation(item)
    observed = {name: _observe(item.find_observed(name), answers, case) for name in item.quantities}
    inputs = (
        _share_inputs(answers, case)
        | observed
        | {name: ball(value) for name, value in _choose_constants(case).items()}
    )
    with precision(BITS):
        left, right = (_evaluate(side, index, inputs) for side in (relation.lhs, relation.rhs))
        return _compare_sides(item, np.asarray(left - right), case)


def _changes_eps(item: book.Relation) -> bool:
    return Eq(eps, 0) in item.given or any(
        item.find_observed(name).eps is not None for name in item.quantities
    )


@cache
def _build_relation(item: book.Relation) -> tuple[Basic, Symbol | None]:
    """The relation over arrays of observed values, and the index it is stated for."""
    relation = item.relation(
        *(IndexedBase(name, real=True).__getitem__ for name in item.quantities)
    )
    return relation, next((n for n in (i, k) if n in relation.free_symbols), None)


def _share_inputs(answers: Answers, case: Case) -> dict[str, Any]:
    """The case in balls, once for all the laws that look at it."""
    key = ("inputs", *_build_key(case))
    if key not in answers.shared:
        answers.shared[key] = balls.convert_case(case)
    return dict(answers.shared[key])


def _share_oracle(answers: Answers, case: Case) -> Oracle:
    """The oracle of a variant of the case, one for all the laws that look at it."""
    key = ("oracle", *_build_key(case))
    if key not in answers.shared:
        answers.shared[key] = Oracle(case)
    return answers.shared[key]


def _build_key(case: Case) -> tuple[Any, ...]:
    return case.eps, *(None if a is None else a.tobytes() for a in (case.x, case.gamma, case.beta))


def snap(case: Case) -> Case:
    """The case with x on a grid of 12 bits (less in half precision), so that the variants' shifts
    and scalings are exact."""
    x = np.asarray(case.x, dtype=float)
    largest = float(np.max(np.abs(x)))
    if largest == 0:
        return case
    bits = min(12, Format.from_dtype(case.dtype).p - 3)
    grid = 2.0 ** (np.ceil(np.log2(largest)) - bits)
    return replace(case, x=(np.round(x / grid) * grid).astype(case.dtype))


def has_constant_channel(case: Case) -> bool:
    """Whether some channel has no spread (with eps = 0 nothing is defined there)."""
    return bool(np.any(np.ptp(np.asarray(to_columns(case.x), dtype=float), axis=0) == 0))


def _choose_constants(case: Case) -> dict[str, float]:
    """``c``: a shift that keeps ``x + c`` exact on the snapped grid, 1.5 times the largest entry's
    power of two; ``a``."""
    largest = float(np.max(np.abs(np.asarray(case.x, dtype=float)))) or 1.0
    return {"c": 1.5 * 2.0 ** float(np.ceil(np.log2(largest))), "a": SCALE}


def _observe(observation: Observed, answers: Answers, case: Case) -> Any:
    """The observed array as balls, each with its own a-priori bound as radius; asked for once per
    case."""
    variant = change_case(case, observation)
    key = ("observed", observation.output, _build_key(variant))
    if key not in answers.shared:
        answers.shared[key] = _ask(observation.output, answers, variant)
    observed = answers.shared[key]
    if isinstance(observed, Exception):
        raise observed
    return observed


def change_case(case: Case, observation: Observed) -> Case:
    """The case with the arguments of an observation; gamma = 1 and beta = 0 are handed over as
    ``None``."""
    channels = case.x.shape[1]
    like = case.dtype if case.gamma is None else case.gamma.dtype
    gamma = np.ones(channels, like) if case.gamma is None else case.gamma
    beta = np.zeros(channels, like) if case.beta is None else case.beta
    scalars: dict[str, Any] = {
        **_choose_constants(case),
        "gamma": gamma,
        "beta": beta,
        "eps": case.eps,
    }
    values = {
        name: lower(change)(Floats(), scalars)
        for name, change in list_scalar_changes(observation).items()
    }
    case = replace(case, eps=float(values.get("eps", case.eps)))
    for name, neutral in (("gamma", 1), ("beta", 0)):
        if name in values:
            value = (
                None
                if np.ndim(values[name]) == 0 and values[name] == neutral
                else np.asarray(values[name], like)
            )
            case = replace(case, gamma=value) if name == "gamma" else replace(case, beta=value)
    if observation.x is None:
        return case
    floats = Floats(case.dtype)
    constants = {name: floats.array(value) for name, value in _choose_constants(case).items()}
    moved = lower(observation.x(i), i)(floats, {**constants, "x": to_columns(case.x)})
    return replace(case, x=from_columns(np.asarray(moved), case.x.shape))


def _ask(output: str, answers: Answers, case: Case) -> Any:
    try:
        values = Answers(answers.target, case).observe(output)
    except (Failed, NotOffered) as missing:
        return missing
    if values is None:
        return NotOffered(f"no {output}")
    got = to_columns(values)
    if not np.all(np.isfinite(got)):
        method = QUANTITIES[output].method
        return Failed(Failure(FailureKind.RANGE, method, output, got="not finite"))
    radius = np.broadcast_to(_share_oracle(answers, case).bound(output).total, got.shape)
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
    at = find_worst_index(ratios)
    got, allowed = float(difference[at].mid()), float(difference[at].rad())
    return Measurement(
        item.name,
        item.quantities,
        ratio=float(ratios[at]),
        where=locate_in_batch(at, case.x.shape),
        got=got,
        allowed=allowed,
        error=abs(got),
        dtype=case.dtype.name,
        comparison="relation",
    )
