"""The proved formulas by the name of the output they predict: the bridge from the book to
arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sympy import Expr, Indexed

from bnproof.symbolic import setting
from bnproof.symbolic.setting import i, k, x
from bnproof.theorems import quantities
from bnproof.theorems.book import Assertion, Observed, Relation, book

OUTPUTS: dict[str, Callable[[Expr], Expr]] = {
    "y": setting.y,
    "dx": quantities.dx,
    "infer_y": quantities.infer_y,
}


def list_formulas(law: Relation) -> list[Callable[[Expr], Expr]]:
    """The formulas a law's parameters stand for, as functions of an index."""
    return [formula(law.find_observed(name)) for name in law.quantities]


def formula(observed: Observed) -> Callable[[Expr], Expr]:
    """The formula of an output with its arguments changed."""
    scalars = {
        getattr(setting, name): change for name, change in list_scalar_changes(observed).items()
    }

    def evaluate_at(index: Expr) -> Expr:
        changed = OUTPUTS[observed.output](index)
        if observed.x is not None:
            entry = observed.x
            changed = changed.replace(
                lambda e: isinstance(e, Indexed) and e.base == x, lambda e: entry(e.indices[0])
            )
        return changed.xreplace(scalars) if scalars else changed

    return evaluate_at


def list_scalar_changes(observed: Observed) -> dict[str, Expr]:
    """The changed ones among gamma, beta and eps."""
    changes = {name: getattr(observed, name) for name in ("gamma", "beta", "eps")}
    return {name: change for name, change in changes.items() if change is not None}


def list_predictions() -> dict[str, tuple[str, Assertion]]:
    """Output name -> (theorem id, the claim whose right-hand side is its formula)."""
    by_output: dict[str, tuple[str, Assertion]] = {}
    for entry in book().values():
        for claim in entry.select_items(Assertion):
            if claim.predicts:
                by_output[claim.predicts] = (entry.id, claim)
    return by_output


def find_free_index(name: str) -> Any:
    """The free index of a predicted formula: ``k`` for gradients of the input, ``i`` for outputs,
    else none."""
    return {"dx": k, "infer_dx": k, "d_dy": k, "d_x": k, "y": i, "infer_y": i}.get(name)
