"""What a correct implementation returns on one case: exact values, and how far rounding may lead
away from them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from bnproof.certify.bounds import Bound
from bnproof.certify.enclosure import Enclosure
from bnproof.contract import Array, Case, Convention
from bnproof.laws.quantities import FORMULAS
from bnproof.laws.reference import Reference


class Oracle(Reference):
    """The exact value, the error bound and the magnitude of every quantity of the contract, by its
    name."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._known: dict[tuple[str, str], Any] = {}

    @classmethod
    def from_convention(cls, convention: Convention, case: Case) -> Oracle:
        """What a convention asks for: its running variance, and no eps below its least."""
        raised = replace(case, eps=max(case.eps, convention.eps_min))
        return cls(raised, convention.running_var)

    def exact(self, quantity: str) -> Enclosure:
        """The enclosure of the exact value."""
        name = quantity.removeprefix("shards_")  # the whole batch decides
        enclosure: Enclosure = self._evaluate_once("exact", name)
        return enclosure

    def bound(self, quantity: str) -> Bound:
        """The a-priori bound of the error in the case's working precision; infinite where there is
        none."""
        error_bound: Bound = self._evaluate_once("bound", quantity)
        return error_bound

    def magnitude(self, quantity: str) -> Array:
        """The sum of magnitudes a quantity is made of (``|gamma xhat| + |beta|`` for y): one ulp is
        measured on it."""
        name = quantity.removeprefix("shards_")
        if FORMULAS[name].magnitude is None:
            return np.abs(self.exact(name).mid)
        magnitudes: Array = self._evaluate_once("magnitude", name)
        return magnitudes

    def _evaluate_once(self, what: str, quantity: str) -> Any:
        key = (what, quantity)
        if key not in self._known:
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                self._known[key] = getattr(FORMULAS[quantity], what)(self)
        return self._known[key]
