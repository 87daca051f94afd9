"""The proved formulas by the name of the output they predict: the bridge from the book to arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sympy import Expr

from bnproof.symbolic.setting import Batch, eps, i, k, x
from bnproof.theorems import quantities
from bnproof.theorems.book import Claim, book

FUNCTIONS: dict[str, Callable[[Expr], Expr]] = {
    "y": Batch(x.__getitem__).y,
    "y_plain": Batch(x.__getitem__).xhat,
    "y_shifted": Batch(lambda r: x[r] + quantities.shift_by).y,
    "y_scaled": Batch(lambda r: quantities.scale_by * x[r]).y,
    "y_rescaled": Batch(lambda r: quantities.scale_by * x[r], eps=quantities.scale_by**2 * eps).y,
    "dx": quantities.dx,
    "infer_y": quantities.infer_y,
}


def of(names: tuple[str, ...]) -> list[Callable[[Expr], Expr]]:
    """The formulas a law's parameters name, as functions of an index."""
    return [FUNCTIONS[name] for name in names]


def predictions() -> dict[str, tuple[str, Claim]]:
    """Output name -> (theorem id, the claim whose right-hand side is its formula)."""
    found: dict[str, tuple[str, Claim]] = {}
    for entry in book().values():
        for claim in entry.of(Claim):
            if claim.predicts:
                found[claim.predicts] = (entry.id, claim)
    return found


def index_of(name: str) -> Any:
    """The free index of a predicted formula: ``k`` for gradients of the input, ``i`` for outputs, else none."""
    return {"dx": k, "infer_dx": k, "y": i, "infer_y": i}.get(name)
