"""What a correct implementation returns on one case.

For each quantity there is an exact value, known as an enclosure, and a bound of how far rounding
alone may lead away from it.  Both come from the table in :mod:`bnproof.laws.quantities` and are
worked out when a law first asks for them.
"""

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
    """The exact value, the error bound and the magnitude of every quantity, by its name.

    Its parameters are those of :class:`bnproof.laws.reference.Reference`.

    Examples
    --------
    >>> import numpy as np
    >>> from bnproof.contract import Case
    >>> from bnproof.laws.oracle import Oracle
    >>> x, one = np.array([[-1.0], [1.0]]), np.array([1.0])
    >>> oracle = Oracle(Case(x, x, one, one, one, one, eps=3.0, momentum=0.5))
    >>> oracle.exact("y").mid.ravel()
    array([0.5, 1.5])
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._known: dict[tuple[str, str], Any] = {}

    @classmethod
    def from_convention(cls, convention: Convention, case: Case) -> Oracle:
        """Return what a convention asks for: its running variance, and no eps below its least.

        Parameters
        ----------
        convention
            The convention of the implementation.
        case
            The input.
        """
        raised = replace(case, eps=max(case.eps, convention.eps_min))
        return cls(raised, convention.running_var)

    def exact(self, quantity: str) -> Enclosure:
        """Return the enclosure of the exact value.

        It has columns, ``(m, C)``, for quantities with an entry for every entry of x, and the
        quantity's own shape else.
        """
        name = quantity.removeprefix("shards_")  # workers are held to the whole batch
        enclosure: Enclosure = self._evaluate_once("exact", name)
        return enclosure

    def bound(self, quantity: str) -> Bound:
        """Return the a-priori bound of the error in the case's working precision.

        It is infinite where nothing can be said.

        Raises
        ------
        NoBound
            If the batch is too long for the precision, ``m u >= 1``.
        """
        error_bound: Bound = self._evaluate_once("bound", quantity)
        return error_bound

    def magnitude(self, quantity: str) -> Array:
        """Return the sum of magnitudes that a quantity is made of.

        For y it is ``|gamma xhat| + |beta|``.  One ulp is measured on it, since the terms are
        rounded on their own scale and not on that of their sum.
        """
        name = quantity.removeprefix("shards_")
        # A quantity of one term is its own magnitude.
        if FORMULAS[name].magnitude is None:
            return np.abs(self.exact(name).mid)
        magnitudes: Array = self._evaluate_once("magnitude", name)
        return magnitudes

    def _evaluate_once(self, what: str, quantity: str) -> Any:
        """An entry of the table on this case, kept by its name."""
        key = (what, quantity)
        if key not in self._known:
            # An undefined channel (v + eps = 0, or m = 1 with Bessel's factor) is NaN or infinite,
            # which comparing looks at.
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                self._known[key] = getattr(FORMULAS[quantity], what)(self)
        return self._known[key]
