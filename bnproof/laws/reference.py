"""What exact values and error bounds of one case are made of.

There are two kinds of parts: certified steps, which give enclosures of exact values, and batches
with their statistics rounded to float64, which the error theory takes.  A bound may be computed
from rounded values, because it carries a safety factor that covers their rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from bnproof import certify
from bnproof.certify import bounds
from bnproof.certify.bounds import Bound, Precision
from bnproof.certify.double_bounds import double_backward
from bnproof.certify.folding import Folded
from bnproof.certify.inference import Inference
from bnproof.certify.training import Training
from bnproof.contract import Array, Case, Weights
from bnproof.laws.columns import to_columns, validate


class Reference:
    """A correct batch norm on one case.

    Parameters
    ----------
    case
        The input.
    running_var
        Whether the running variance tracks the "unbiased" or the "biased" variance of the batch.
    arithmetic
        Gives the precision that goes with the dtype of what is computed on: x, or a layer's weight.

    Raises
    ------
    BadCase
        If the shapes, dtypes or values of the case make no sense.

    Notes
    -----
    Arrays with an entry for every entry of x are columns, ``(m, C)``, in float64; the rest is
    ``(C,)``. Everything is computed when it is first asked for.
    """

    def __init__(
        self,
        case: Case,
        running_var: Literal["unbiased", "biased"] = "unbiased",
        # Half precision is held to arithmetic in float32 and one rounding at the end.
        arithmetic: Callable[[Any], Precision] = Precision.from_dtype,
    ) -> None:
        self.case = validate(case)
        self.running_var = running_var
        self.precision = arithmetic(case.dtype)
        self.arithmetic = arithmetic

    # -- certified steps ---------------------------------------------------------------------------

    @cached_property
    def trained(self) -> Training:
        """The certified training step, with its gradients and running statistics."""
        c = self.case
        return certify.train(
            c.x,
            c.gamma,
            c.beta,
            eps=c.eps,
            dy=c.dy,
            running=(c.running_mean, c.running_var),
            momentum=c.momentum,
            unbiased=self.running_var == "unbiased",
        )

    @cached_property
    def inferred(self) -> Inference:
        """The certified inference, with its gradients."""
        c = self.case
        return certify.infer(
            c.x, c.gamma, c.beta, c.running_mean, c.running_var, eps=c.eps, dy=c.dy
        )

    @cached_property
    def folded(self) -> Folded:
        """The certified fold into the layer in front."""
        c, layer = self.case, self.layer
        return certify.fold(
            layer.weight,
            layer.bias,
            c.gamma,
            c.beta,
            c.running_mean,
            c.running_var,
            eps=c.eps,
            kind=layer.kind,
            groups=layer.groups,
        )

    @property
    def layer(self) -> Weights:
        """The layer in front; raises ``ValueError`` where the case has none."""
        if self.case.layer is None:
            raise ValueError("the case has no layer to fold into")
        return self.case.layer

    # -- batches for the error theory --------------------------------------------------------------

    @cached_property
    def x(self) -> Array:
        """x as columns."""
        return np.asarray(to_columns(self.case.x), dtype=float)

    @cached_property
    def dy(self) -> Array:
        """The upstream gradient as columns."""
        return np.asarray(to_columns(self.case.dy), dtype=float)

    @cached_property
    def gamma(self) -> Array:
        """gamma, 1 where there is none."""
        c = self.case
        return np.ones(c.x.shape[1]) if c.gamma is None else np.asarray(c.gamma, dtype=float)

    @cached_property
    def beta(self) -> Array:
        """beta, 0 where there is none."""
        c = self.case
        return np.zeros(c.x.shape[1]) if c.beta is None else np.asarray(c.beta, dtype=float)

    @cached_property
    def batch(self) -> bounds.ExactBatch:
        """The batch with its own exact statistics, rounded to float64."""
        mu, v = self.trained.mu, self.trained.v
        # The mean is a double word. Taking its two parts away one after the other keeps the
        # deviations right to about a rounding, also where the mean is large.
        return bounds.ExactBatch(self.x, (self.x - mu.mid) - mu.low, mu.mid, v.mid, self.case.eps)

    @cached_property
    def merged(self) -> bounds.ExactBatch:
        """The batch with statistics merged from the workers' parts."""
        return replace(self.batch, workers=len(self.case.parts))

    @cached_property
    def fixed(self) -> bounds.ExactBatch:
        """The batch normalised by the running statistics."""
        return self.build_fixed_batch(self.x)

    def build_fixed_batch(self, values: Array) -> bounds.ExactBatch:
        """Return values that the running statistics normalise, as a batch for the error theory.

        Parameters
        ----------
        values
            ``(n, C)`` float64: x itself, or weights or a bias with one column per output.
        """
        c = self.case
        mean, var = (np.asarray(statistic, float) for statistic in (c.running_mean, c.running_var))
        return bounds.build_fixed_batch(values, mean, var, c.eps)

    @property
    def bessel(self) -> float:
        """The factor between the biased variance and the one that is tracked.

        It is ``m/(m - 1)`` or 1; for one value the former is infinite.
        """
        m = self.case.m
        if self.running_var == "biased":
            return 1.0
        # For one value the unbiased variance is undefined; its bound is infinite then.
        return m / (m - 1) if m > 1 else float("inf")

    @cached_property
    def double_bounds(self) -> tuple[Bound, Bound, Bound]:
        """The bounds of the double backward: of the gradients by dy, by x and by gamma."""
        # As in the balls that give the exact value.
        ddx = self.case.x if self.case.ddx is None else self.case.ddx
        columns_of_ddx = np.asarray(to_columns(ddx), dtype=float)
        return double_backward(self.precision, self.batch, self.dy, columns_of_ddx, self.gamma)
