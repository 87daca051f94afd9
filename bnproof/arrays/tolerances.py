"""Tolerances that are derived, entry by entry, instead of typed in.

``bnproof.tolerance`` says how far a correct batch norm may be from the exact values, for these very
inputs and a declared arithmetic.  :meth:`Tolerance.as_allclose` turns that into the pair
``(rtol, atol)`` that test suites of other languages take.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bnproof.arrays.array_oracle import ArrayOracle, Inputs, read_pair
from bnproof.arrays.libraries import read_array
from bnproof.contract import Array, Convention
from bnproof.formats import Format

# By what is asked for: the quantities of the contract, under the names that a tolerance has.
TRAINING = {
    "y": "y",
    "dx": "dx",
    "dgamma": "dgamma",
    "dbeta": "dbeta",
    "running_mean": "running_mean",
    "running_var": "running_var",
}
INFERENCE = {
    "y": "infer_y",
    "dx": "infer_dx",
    "dgamma": "infer_dgamma",
    "dbeta": "infer_dbeta",
}
GRADIENTS = ("dx", "dgamma", "dbeta")
RUNNING = ("running_mean", "running_var")


@dataclass(frozen=True)
class Tolerance:
    """How far every value of a correct batch norm may be from the exact one.

    Attributes
    ----------
    y, dx, dgamma, dbeta, running_mean, running_var
        Float64 arrays in the shapes of what they bound; ``None`` for what was not asked about.
    exact
        By the same names, the exact values as float64.  What rounding them costs is part of the
        tolerance.
    arithmetic
        The declared arithmetic in words.
    """

    y: Array | None = None
    dx: Array | None = None
    dgamma: Array | None = None
    dbeta: Array | None = None
    running_mean: Array | None = None
    running_var: Array | None = None
    exact: Mapping[str, Array] = field(default_factory=dict)
    arithmetic: str = ""

    def as_allclose(self, name: str) -> tuple[float, float]:
        """Find the tightest pair for ``allclose`` that no correct implementation can fail.

        Parameters
        ----------
        name
            "y", "dx", "dgamma", "dbeta", "running_mean" or "running_var".

        Returns
        -------
        rtol, atol : float
            Of all pairs with ``atol + rtol |exact_i| >= tolerance_i`` for every i, the one with the
            smallest mean of ``atol + rtol |exact|``, rounded up.

        Raises
        ------
        ValueError
            For a quantity that was not asked about.

        Notes
        -----
        The pair is for a comparison with the **exact values in float64**, which stand in
        ``exact``, never with another framework's output, which has an error of its own.
        """
        if name not in self.exact:
            raise ValueError(f"there is no tolerance of {name!r}: it has {', '.join(self.exact)}")
        return find_allclose(np.abs(self.exact[name]).ravel(), getattr(self, name).ravel())


def find_allclose(size: Array, bound: Array) -> tuple[float, float]:
    """Find the smallest line ``atol + rtol size`` that lies above all bounds.

    Parameters
    ----------
    size, bound
        Non-negative float64 arrays ``(n,)``: magnitudes, and what has to lie below the line.

    Returns
    -------
    rtol, atol : float
        Both at least 0.  In float64, ``atol + rtol * size >= bound`` holds entry by entry.

    Notes
    -----
    The mean height of a line over the sizes is its height at their mean.  So the line wanted
    touches the upper convex hull of the points ``(size_i, bound_i)`` at the mean size.  It is found
    by Newton's method on ``f(r) = max_i (bound_i - r size_i) + r mean(size)``, which is convex and
    piecewise linear: from a slope that is too small and one that is too large, the crossing of
    their two lines is tried, until no point lies above it.

    Examples
    --------
    >>> import numpy as np
    >>> from bnproof.arrays.tolerances import find_allclose
    >>> slope, offset = find_allclose(np.array([0.0, 1.0, 2.0]), np.array([1.0, 1.0, 2.0]))
    >>> float(round(slope, 9)), float(round(offset, 9))
    (0.5, 1.0)
    """
    if not len(size):
        return 0.0, 0.0
    middle = float(size.mean())

    def find_highest(slope: float) -> int:
        return int(np.argmax(bound - slope * size))

    # Without a slope the highest point decides. Where it lies beyond the mean, a line that rises is
    # lower on average.
    right = find_highest(0.0)
    if size[right] <= middle or size[right] == size.min():  # the mean of equal sizes is rounded
        return _round_up(0.0, size, bound)
    # At the far end stands the highest of the points with the smallest size.
    left = int(np.lexsort((-bound, size))[0])
    rounding = float(bound.max()) * 2.0**-50
    while True:
        slope = float((bound[right] - bound[left]) / (size[right] - size[left]))
        above = find_highest(slope)
        offset = float(bound[right] - slope * size[right])
        if bound[above] - slope * size[above] <= offset + rounding:
            break
        if size[above] > middle:
            right = above
        else:
            left = above
    if offset < 0:
        # A negative atol makes no sense: the line through 0 that lies above all points is lowest.
        slope = float(np.max(bound / size))
    return _round_up(slope, size, bound)


def _round_up(slope: float, size: Array, bound: Array) -> tuple[float, float]:
    """A slope with the least offset that float64 arithmetic accepts too, both a little larger."""
    # More than the roundings of a product and a sum, which are what a comparison does.
    steep = slope * (1 + 2.0**-40)
    offset = max(float(np.max(bound - steep * size)), 0.0)
    raised = offset * (1 + 2.0**-40) + float(np.max(steep * size)) * 2.0**-50
    return steep, raised


def tolerance(
    x: Any,
    gamma: Any = None,
    beta: Any = None,
    *,
    eps: float,
    training: bool = True,
    dy: Any = None,
    running: tuple[Any, Any] | None = None,
    momentum: float | None = None,
    convention: str | Convention = "torch",
    channel_axis: int = 1,
    compute: str | None = None,
    accumulate: str | None = None,
    formula: str = "two-pass",
) -> Tolerance:
    """Derive how far a correct batch norm may be from the exact values, for these inputs.

    See :func:`bnproof.tolerance`.
    """
    if not training and running is None:
        raise ValueError("inference needs running statistics: give running=(mean, variance)")
    if training and running is not None and momentum is None:
        raise ValueError("running statistics need a momentum: give momentum=...")
    running = None if running is None else read_pair(running, "running")
    if running is not None and any(statistic is None for statistic in running):
        raise ValueError("running holds None: give both the mean and the variance")
    weight = 0.0 if momentum is None else momentum
    inputs = Inputs(x, eps, gamma, beta, dy, running, weight, convention, channel_axis)
    oracle = ArrayOracle(inputs, compute, accumulate, formula)
    names = ["y", *(GRADIENTS if dy is not None else ())]
    names += RUNNING if training and running is not None else ()
    quantities = TRAINING if training else INFERENCE
    bounds, exact = {}, {}
    for name in names:
        bounds[name], exact[name] = _derive(oracle, name, quantities[name])
    return Tolerance(**bounds, exact=exact, arithmetic=str(oracle.arithmetic))


def _derive(oracle: ArrayOracle, name: str, quantity: str) -> tuple[Array, Array]:
    """The tolerance of one quantity, and its exact values as float64."""
    enclosure = oracle.exact(quantity)
    bound = oracle.bound(quantity, _find_stored(oracle, name))
    # What is between the exact value and the float64 that stands for it.
    off = enclosure.rad + np.abs(enclosure.low) + Format.from_dtype(np.float64).eta
    return (
        oracle.restore(quantity, bound + off),
        oracle.restore(quantity, enclosure.mid),
    )


def _find_stored(oracle: ArrayOracle, name: str) -> np.dtype[Any]:
    """The dtype a quantity is returned in, where nothing else is known: that of what it is like."""
    given = {"y": "x", "dx": "x", "dgamma": "gamma", "dbeta": "beta"}.get(name, "")
    value = getattr(oracle.inputs, given, None)
    if value is None and name in RUNNING:
        value = (oracle.inputs.running or (None, None))[RUNNING.index(name)]
    return oracle.case.dtype if value is None else read_array(value, name).dtype
