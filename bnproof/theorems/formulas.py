"""The proved formulas by the name of the output they predict: the bridge from the book to
arrays.

Two things cross this bridge.  A prediction is an ``Assertion`` whose right-hand side is the closed
form of an output, such as ``dx``; :func:`list_predictions` collects them, and the laws lower them
to arrays.  A ``Relation`` speaks of several outputs at once, some of them with changed arguments,
such as the output of a shifted batch.  In its proof each of them is a formula, which
:func:`formula` makes from the closed form by exact substitution.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sympy import Expr, Indexed

from bnproof.symbolic import setting
from bnproof.symbolic.setting import i, k, x
from bnproof.theorems import closed_forms
from bnproof.theorems.book import Assertion, Observed, Relation, book

# What a relation may speak of, as a function of the entry's index.  These are the closed forms that
# the theorems collapse, gradient-x and inference-collapse prove.
OUTPUTS: dict[str, Callable[[Expr], Expr]] = {
    "y": setting.y,
    "dx": closed_forms.dx,
    "infer_y": closed_forms.infer_y,
}


def list_formulas(law: Relation) -> list[Callable[[Expr], Expr]]:
    """The formulas a law's parameters stand for, as functions of an index."""
    return [formula(law.find_observed(name)) for name in law.quantities]


def formula(observed: Observed) -> Callable[[Expr], Expr]:
    """The formula of an output with its arguments changed.

    Parameters
    ----------
    observed
        The output and the changes.

    Returns
    -------
    callable
        The formula as a function of an index.
    """
    scalars = {
        getattr(setting, name): change for name, change in list_scalar_changes(observed).items()
    }

    def evaluate_at(index: Expr) -> Expr:
        """The changed formula at one index."""
        # All at once, so that a change such as eps -> a^2 eps is not applied to its own result.
        # The scalars come first: those in the change of x are the old ones.
        changed = OUTPUTS[observed.output](index).xreplace(scalars)
        if observed.x is not None:
            # Entry by entry, also below the sums of the statistics: x[r] becomes entry(r) for
            # whatever index r stands there.
            entry = observed.x
            changed = changed.replace(
                lambda e: isinstance(e, Indexed) and e.base == x, lambda e: entry(e.indices[0])
            )
        return changed

    return evaluate_at


def list_scalar_changes(observed: Observed) -> dict[str, Expr]:
    """The changed ones among gamma, beta and eps, by name; the change of x is none of them."""
    changes = {name: getattr(observed, name) for name in ("gamma", "beta", "eps")}
    return {name: change for name, change in changes.items() if change is not None}


def list_predictions() -> dict[str, tuple[str, Assertion]]:
    """Output name -> (theorem id, the claim whose right-hand side is its formula).

    Only what a theorem proves can be predicted: an output without a proved formula has no entry
    here.  The whole book is built for it.
    """
    by_output: dict[str, tuple[str, Assertion]] = {}
    for entry in book().values():
        for claim in entry.select_items(Assertion):
            if claim.predicts:
                by_output[claim.predicts] = (entry.id, claim)
    return by_output


def find_free_index(name: str) -> Any:
    """The free index of a predicted formula: ``k`` for gradients of the input, ``i`` for outputs,
    else none.

    Parameters
    ----------
    name
        A key of :func:`list_predictions`.

    Returns
    -------
    Symbol or None
        ``None`` for a quantity with one value per channel, such as ``dgamma``.
    """
    return {"dx": k, "infer_dx": k, "d_dy": k, "d_x": k, "y": i, "infer_y": i}.get(name)
