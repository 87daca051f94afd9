"""Relation laws: a theorem's relation among outputs, evaluated on what was observed.

Each observed number stands for a ball around it with its a-priori bound as radius.  A correct
implementation's ball contains the exact value, and the exact values satisfy the theorem.  So the
law is broken exactly if the two sides of the relation, computed in balls, are disjoint somewhere.

What a relation asks for may have changed arguments, such as y of a shifted batch.  The changes are
chosen so that they are exact in floating point; otherwise the changed input would not be the one
that the theorem speaks of.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from flint import arb
from sympy import Basic, Eq, IndexedBase, Symbol

from bnproof.contract import QUANTITIES, Array, Case, Failure, FailureKind, Measurement
from bnproof.formats import Format
from bnproof.laws import balls
from bnproof.laws.answers import Answers, Failed, NotOffered
from bnproof.laws.columns import (
    from_columns,
    has_constant_channel,
    locate_in_batch,
    to_columns,
)
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
    """Yield one law per ``Relation`` of the book."""
    for theorem in book.book().values():
        for item in theorem.select_items(book.Relation):
            yield _build_law(theorem, item)


def _build_law(theorem: Theorem, item: book.Relation) -> Law:
    """The law of a relation; it points to the families of the outputs it speaks of."""

    def measure(answers: Answers, oracle: Oracle) -> Measurement | None:
        return measure_relation(item, answers)

    families = frozenset[str]().union(
        *(FORMULAS[item.find_observed(name).output].families for name in item.quantities)
    )
    return Law(item.name, theorem.id, item.says, item.quantities, measure, families=families)


@cache
def list_observations(law: str) -> dict[str, Observed]:
    """Return what a relation law asks for, by the names it uses.

    Parameters
    ----------
    law
        The id of any law; one that is no relation gives an empty dictionary.
    """
    items = [
        item
        for theorem in book.book().values()
        for item in theorem.select_items(book.Relation)
        if item.name == law
    ]
    return {name: item.find_observed(name) for item in items for name in item.quantities}


def measure_relation(item: book.Relation, answers: Answers) -> Measurement | None:
    """Evaluate both sides in balls, and compare them entry by entry.

    Parameters
    ----------
    item
        The relation.
    answers
        The target on a case.

    Returns
    -------
    Measurement or None
        ``None`` where the relation cannot be asked: eps would have to change and is fixed, lies
        below the convention's least, or is 0 beside a constant channel.

    Raises
    ------
    NotOffered, Failed
        If an output that the relation speaks of is not given.
    """
    if "eps" in answers.target.constants and _changes_eps(item):
        return None
    # The implementation is asked about the snapped case throughout, also for outputs whose
    # arguments do not change.
    case = snap(answers.case)
    if Eq(eps, 0) in item.given:
        case = replace(case, eps=0.0)
    if case.eps < answers.convention.eps_min or (case.eps == 0 and has_constant_channel(case.x)):
        return None
    # Entries of the batch are numbered by ``i`` in values and by ``k`` in gradients.
    relation, free = _build_relation(item)
    observed = {name: _observe(item.find_observed(name), answers, case) for name in item.quantities}
    inputs = (
        # The same for all the laws that look at this case.
        answers.share(("inputs", *_build_key(case)), lambda: balls.convert_case(case))
        | observed
        | {name: ball(value) for name, value in _choose_constants(case).items()}
    )
    with precision(BITS):
        # Both sides are disjoint exactly where their difference does not hold 0.
        left, right = (lower(side, *free)(BALLS, inputs) for side in (relation.lhs, relation.rhs))
        return _compare_sides(item, np.asarray(left - right), case)


def _changes_eps(item: book.Relation) -> bool:
    """Whether the relation is about another eps than the case's own."""
    return Eq(eps, 0) in item.given or any(
        item.find_observed(name).eps is not None for name in item.quantities
    )


@cache
def _build_relation(item: book.Relation) -> tuple[Basic, tuple[Symbol, ...]]:
    """The relation over arrays of observed values, and the index it is stated for, if any."""
    relation = item.relation(
        *(IndexedBase(name, real=True).__getitem__ for name in item.quantities)
    )
    return relation, tuple(n for n in (i, k) if n in relation.free_symbols)[:1]


def _build_key(case: Case) -> tuple[Any, ...]:
    """What tells the variants of one case apart: all else is the same in them."""
    return case.eps, *(None if a is None else a.tobytes() for a in (case.x, case.gamma, case.beta))


def snap(case: Case) -> Case:
    """Return the case with x rounded to a grid.

    The grid has 12 bits below the largest entry (less in half precision), so that the shifts and
    scalings of a relation are exact.  A case of zeros stays as it is.
    """
    x = np.asarray(case.x, dtype=float)
    largest = float(np.max(np.abs(x)))
    if largest == 0:
        return case
    # Three bits are left for ``x + c`` and its carry. float32 and float64 have room to spare.
    bits = min(12, Format.from_dtype(case.dtype).p - 3)
    grid = 2.0 ** (np.ceil(np.log2(largest)) - bits)
    return replace(case, x=(np.round(x / grid) * grid).astype(case.dtype))


def _choose_constants(case: Case) -> dict[str, float]:
    """The shift ``c`` and the factor ``a`` of the relations.

    ``c`` is 1.5 times a power of two that is no smaller than the largest entry, so ``x + c`` is
    exact on the snapped grid and c is not confused with 0.
    """
    # Of zeros any shift is exact, so 1 does.
    largest = float(np.max(np.abs(np.asarray(case.x, dtype=float)))) or 1.0
    return {"c": 1.5 * 2.0 ** float(np.ceil(np.log2(largest))), "a": SCALE}


def _observe(observation: Observed, answers: Answers, case: Case) -> Any:
    """The observed array as balls, each with its own a-priori bound as radius; asked for once."""
    variant = change_case(case, observation)
    # The implementation is asked once for each variant, however many laws look at it.
    observed = answers.share(
        ("observed", observation.output, _build_key(variant)),
        lambda: _ask(observation.output, answers, variant),
    )
    if isinstance(observed, Exception):
        raise observed
    return observed


def change_case(case: Case, observation: Observed) -> Case:
    """Return the case with the arguments of an observation.

    Parameters
    ----------
    case
        A snapped case.
    observation
        An output and formulas for x, gamma, beta or eps, where they change.

    Returns
    -------
    Case
        A gamma that becomes 1, and a beta that becomes 0, are handed over as ``None``.
    """
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
    changed: dict[str, Any] = {"eps": float(values.get("eps", case.eps))}
    # The usual way to say "without the affine step", and another path in most implementations.
    for name, neutral in (("gamma", 1), ("beta", 0)):
        if name in values:
            absent = np.ndim(values[name]) == 0 and values[name] == neutral
            changed[name] = None if absent else np.asarray(values[name], like)
    case = replace(case, **changed)
    if observation.x is None:
        return case
    # In the dtype of x, where the change is exact by the choice of the constants.
    floats = Floats(case.dtype)
    constants = {name: floats.array(value) for name, value in _choose_constants(case).items()}
    moved = lower(observation.x(i), i)(floats, {**constants, "x": to_columns(case.x)})
    return replace(case, x=from_columns(np.asarray(moved), case.x.shape))


def _ask(output: str, answers: Answers, case: Case) -> Any:
    """One output as balls, or the exception that stands for it.

    A value that is not finite fails here: a ball around it would hold everything.
    """
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
    # The bound of the variant, which may be worse conditioned than the case.
    oracle = answers.share(("oracle", *_build_key(case)), lambda: Oracle(case))
    radius = np.broadcast_to(oracle.bound(output).total, got.shape)
    return np.vectorize(lambda value, rad: arb(float(value), float(rad)), otypes=[object])(
        got, radius
    )


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
