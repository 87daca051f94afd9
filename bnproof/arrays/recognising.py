"""The mechanism that gives these very values, where one is known.

Two kinds are looked for.  The models of known bugs (:mod:`bnproof.mutants`) are asked for the same
quantity on the same inputs: one that returns these values, and not the exact ones, is the likely
cause.  Then the same formula in a coarser arithmetic is tried: where its bounds explain every
value, the arithmetic is named.  No verdict depends on either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from bnproof.arrays.array_oracle import Arithmetic, ArrayOracle
from bnproof.certify.bounds import NoBound
from bnproof.contract import QUANTITIES, Array, Case, Cause
from bnproof.formats import HALF, Format, dtype_of, parameter_dtype
from bnproof.implementations.conventions import resolve_convention
from bnproof.implementations.targets import as_implementation
from bnproof.implementations.through_state import FIELDS, ThroughState
from bnproof.laws.answers import Answers, Target
from bnproof.laws.comparing import as_columns
from bnproof.mutants.catalogue import Mutant, list_mutants

# Models are asked about so many values at most; beyond that, about the channel that is worst.
MOST = 1 << 18
# The bits of float32.
SINGLE = 24


def recognise(oracle: ArrayOracle, quantity: str, got: Array) -> Cause | None:
    """Find a mechanism that gives these values.

    Parameters
    ----------
    oracle
        The inputs and the declared arithmetic, under which the values are wrong.
    quantity
        Which quantity of the contract they are.
    got
        The values, as columns where x has an entry for each.

    Returns
    -------
    Cause or None
        The model of a known bug whose values are nearest ("same values"), else the first coarser
        arithmetic that explains all of them ("same pattern").
    """
    nearest = min(_list_models(oracle, quantity, got), key=lambda pair: pair[0], default=None)
    if nearest is not None:
        model = nearest[1]
        says = f"{model.mechanism}: {' '.join(model.says.split())}"
        return Cause(model.mechanism, says, "same values", model.bug.sources)
    for arithmetic in _list_coarser(oracle.arithmetic, oracle.case.dtype.name):
        with np.errstate(all="ignore"):
            try:
                other = oracle.declare_instead(arithmetic)
                bound = other.bound(quantity, got.dtype)
            except NoBound:
                continue
        if np.all(oracle.exact(quantity).distance(got) <= bound):
            return Cause("arithmetic", f"within what {arithmetic} explains", "same pattern")
    return None


def _list_coarser(declared: Arithmetic, dtype: str) -> Iterator[Arithmetic]:
    """What people compute in without meaning to, the least harmful first; for a batch in half
    precision its own first of all."""
    if declared.formula == "two-pass":
        yield replace(declared, formula="one-pass")
    coarsest = min(
        Format.from_dtype(dtype_of("float32" if name == "tf32" else name)).p
        for name in (declared.compute, declared.accumulate)
    )
    for compute, accumulate in (
        *([(dtype, "float32")] if dtype in HALF else []),
        ("float32", "float32"),
        ("tf32", "float32"),
        ("float16", "float32"),
        ("bfloat16", "float32"),
        ("float16", "float16"),
        ("bfloat16", "bfloat16"),
    ):
        # what computes in half precision already is no finer than these
        if coarsest >= SINGLE and (compute, accumulate) != (declared.compute, declared.accumulate):
            yield replace(declared, compute=compute, accumulate=accumulate)


def _list_models(oracle: ArrayOracle, quantity: str, got: Array) -> Iterator[tuple[float, Mutant]]:
    """The models of known bugs that return these values, each with how far off it is in units of
    what rounding explains."""
    exact = oracle.exact(quantity)
    try:
        bound = oracle.bound(quantity, got.dtype)
    except NoBound:
        return
    case, kept = _shorten(oracle.case, quantity, exact.distance(got), bound)
    seen, right = got[..., kept].astype(np.float64), exact.mid[..., kept]
    bound = bound[..., kept]
    method = QUANTITIES[quantity].method
    for model in list_mutants().values():
        if model.kind == "correct":
            continue
        implementation = as_implementation(model.make, model.id)
        if isinstance(implementation, ThroughState):
            continue
        convention = resolve_convention(getattr(implementation, "convention", "torch"))
        with np.errstate(all="ignore"):
            answer = Answers(Target(implementation, convention), case).answer(method)
        if isinstance(answer, Exception):
            continue
        values = np.asarray(as_columns(quantity, answer[quantity])).astype(np.float64)
        if values.shape != seen.shape:
            continue
        with np.errstate(invalid="ignore"):  # of two infinities
            apart, wrong = np.abs(values - seen), np.abs(values - right)
        # The model rounds in its own way, and has to be as wrong as what was seen.
        worst = np.unravel_index(int(np.argmax(np.abs(seen - right) / bound)), seen.shape)
        if np.all(apart <= bound) and wrong[worst] > bound[worst]:
            yield float(np.max(apart / bound)), model


def _shorten(case: Case, quantity: str, error: Array, bound: Array) -> tuple[Case, slice]:
    """The case as the models take it; of a large one, the channel that is worst."""
    parameters = parameter_dtype(case.dtype)
    case = replace(
        case,
        dy=case.dy.astype(case.dtype),
        **_change_fields(case, lambda value: value.astype(parameters)),
    )
    if case.x.size <= MOST or case.layer is not None:
        return case, slice(None)
    worst = int(np.unravel_index(int(np.argmax(error / bound)), error.shape)[-1])
    kept = slice(worst, worst + 1)
    return (
        replace(
            case,
            x=case.x[:, kept],
            dy=case.dy[:, kept],
            **_change_fields(case, lambda value: value[kept]),
        ),
        kept,
    )


def _change_fields(case: Case, change: Callable[[Array], Array]) -> dict[str, Any]:
    """The parameters and statistics of a case, changed; what is absent stays absent."""
    values = {name: getattr(case, name) for name in FIELDS}
    return {name: None if value is None else change(value) for name, value in values.items()}
