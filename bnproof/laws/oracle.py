"""What a correct implementation returns on one case: certified enclosures, and the a-priori bounds around them."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from bnproof import certify
from bnproof.certify import bounds
from bnproof.certify.bounds import Bound, Precision
from bnproof.certify.enclosure import Enclosure
from bnproof.certify.inference import Inference
from bnproof.certify.training import Training
from bnproof.contract import Array, Case
from bnproof.laws.layout import columns, validated


class Oracle:
    """Enclosures and error bounds of every quantity, each computed when first asked for.

    What has an entry per value is handed out as columns, ``(m, C)``; the rest is ``(C,)``.
    """

    def __init__(self, case: Case) -> None:
        self.case = validated(case)
        self.precision = Precision.of(case.dtype)
        self._known: dict[str, Enclosure] = {}

    @cached_property
    def trained(self) -> Training:
        """The certified training step; its running variance tracks the unbiased variance."""
        return self._train(unbiased=True)

    def _train(self, *, unbiased: bool) -> Training:
        c = self.case
        running = (c.running_mean, c.running_var)
        return certify.train(
            c.x, c.gamma, c.beta, eps=c.eps, dy=c.dy, running=running, momentum=c.momentum, unbiased=unbiased
        )

    @cached_property
    def inferred(self) -> Inference:
        """The certified inference."""
        c = self.case
        return certify.infer(c.x, c.gamma, c.beta, c.running_mean, c.running_var, eps=c.eps, dy=c.dy)

    def true(self, quantity: str) -> Enclosure:
        """The enclosure of an output."""
        if quantity not in self._known:
            self._known[quantity] = self._enclosure(quantity)
        return self._known[quantity]

    def _enclosure(self, quantity: str) -> Enclosure:
        if quantity == "running_var_biased":
            return self._train(unbiased=False).running_var
        if quantity == "running_var_unbiased":
            return self.trained.running_var
        of, name = (self.inferred, quantity[6:]) if quantity.startswith("infer_") else (self.trained, quantity)
        found: Enclosure = getattr(of, name)
        return found.reshaped(columns) if found.mid.ndim > 1 else found

    @cached_property
    def batch(self) -> bounds.Batch:
        """The batch and its exact statistics rounded to float64, for the bounds."""
        x = np.asarray(columns(self.case.x), dtype=float)
        mu, v = self.trained.mu, self.trained.v
        return bounds.Batch(x, (x - mu.mid) - mu.low, mu.mid, v.mid, self.case.eps)

    @cached_property
    def fixed(self) -> bounds.Batch:
        """The running statistics in the place of batch statistics."""
        c = self.case
        x64 = np.asarray(columns(c.x), dtype=float)
        return bounds.fixed(x64, np.asarray(c.running_mean, float), np.asarray(c.running_var, float), c.eps)

    def bound(self, quantity: str) -> Bound:
        """The a-priori bound of an output's error in the case's working precision (infinite where there is none)."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return self._bound(quantity)

    def _bound(self, quantity: str) -> Bound:
        p, b, c = self.precision, self.batch, self.case
        gamma, beta = self._affine
        dy = np.asarray(columns(c.dy), dtype=float)
        match quantity:
            case "y":
                return bounds.output(p, b, gamma, beta)
            case "dx":
                return bounds.input_gradient(p, b, dy, gamma)
            case "dgamma":
                return bounds.parameter_gradients(p, b, dy)[0]
            case "dbeta":
                return bounds.parameter_gradients(p, b, dy)[1]
            case "running_mean":
                return bounds.running(p, self.fixed.mu, b.mu, c.momentum, bounds.mean(p, b))
            case "running_var_biased":
                return bounds.running(p, self.fixed.v, b.v, c.momentum, bounds.variance(p, b))
            case "running_var_unbiased":
                tracked = b.v * c.m / (c.m - 1)
                return bounds.running(p, self.fixed.v, tracked, c.momentum, bounds.bessel(p, b))
            case "infer_y":
                return bounds.inference(p, self.fixed, gamma, beta)
            case "infer_dx" | "infer_dgamma" | "infer_dbeta":
                of = dict(zip(("infer_dx", "infer_dgamma", "infer_dbeta"), range(3), strict=True))
                return bounds.inference_gradients(p, self.fixed, dy, gamma)[of[quantity]]
        raise KeyError(quantity)

    def magnitude(self, quantity: str) -> Array:
        """The sum of magnitudes an output is made of (``|gamma xhat| + |beta|`` for y): what one ulp is measured on."""
        b, f, c = self.batch, self.fixed, self.case
        gamma, beta = map(np.abs, self._affine)
        dy = np.abs(np.asarray(columns(c.dy), dtype=float))
        kept = abs(1 - c.momentum)
        match quantity:
            case "y":
                return gamma * np.abs(b.xhat) + beta
            case "infer_y":
                return gamma * np.abs(f.xhat) + beta
            case "dx":
                paths = dy.mean(axis=0) + np.abs(b.xhat) * (dy * np.abs(b.xhat)).mean(axis=0)
                return gamma / b.s * (dy + paths)
            case "infer_dx":
                return gamma / f.s * dy
            case "dgamma" | "infer_dgamma":
                return (dy * np.abs((b if quantity == "dgamma" else f).xhat)).sum(axis=0)
            case "dbeta" | "infer_dbeta":
                return dy.sum(axis=0)
            case "running_mean":
                return kept * np.abs(f.mu) + abs(c.momentum) * np.abs(b.x).mean(axis=0)
        factor = c.m / (c.m - 1) if quantity == "running_var_unbiased" else 1.0
        return kept * f.v + abs(c.momentum) * factor * b.v

    @property
    def _affine(self) -> tuple[Array, Array]:
        c, channels = self.case, self.case.x.shape[1]
        gamma = np.ones(channels) if c.gamma is None else np.asarray(c.gamma, dtype=float)
        beta = np.zeros(channels) if c.beta is None else np.asarray(c.beta, dtype=float)
        return gamma, beta
