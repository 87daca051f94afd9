"""What a correct implementation returns on one case: certified enclosures, and the a-priori bounds around them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, cached_property
from typing import Any

import numpy as np

from bnproof import certify
from bnproof.certify import bounds
from bnproof.certify.bounds import Bound, Precision
from bnproof.certify.double_bounds import double_backward
from bnproof.certify.enclosure import Enclosure
from bnproof.certify.folding import Folded, by_output
from bnproof.certify.inference import Inference
from bnproof.certify.training import Training
from bnproof.contract import Array, Case, Weights
from bnproof.laws.layout import columns, validated
from bnproof.lowering.numbers import BALLS, BITS, ball, precision
from bnproof.lowering.program import Program, lower
from bnproof.theorems.formulas import index_of, predictions


class Oracle:
    """Enclosures and error bounds of every quantity, each computed when first asked for.

    What has an entry per value is handed out as columns, ``(m, C)``; the rest is ``(C,)``, folded weights as they are.  Quantities of
    workers, ``shards_y`` and so on, have the exact values of the whole batch, and bounds that admit merged statistics.
    """

    def __init__(self, case: Case) -> None:
        self.case = validated(case)
        self.precision = Precision.of(case.dtype)
        self._known: dict[str, Enclosure] = {}
        self._bounds: dict[str, Bound] = {}

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

    @cached_property
    def folded(self) -> Folded:
        """The certified fold."""
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

    def true(self, quantity: str) -> Enclosure:
        """The enclosure of an output."""
        name = quantity.removeprefix("shards_")
        if name not in self._known:
            self._known[name] = self._enclosure(name)
        return self._known[name]

    def _enclosure(self, quantity: str) -> Enclosure:
        match quantity:
            case "running_var_biased":
                return self._train(unbiased=False).running_var
            case "running_var_unbiased":
                return self.trained.running_var
            case "folded_weight":
                return self.folded.weight
            case "folded_bias":
                return self.folded.bias
            case "d_dy" | "d_x" | "d_gamma":
                return Enclosure.of(lowered(quantity, self.case))
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
    def merged(self) -> bounds.Batch:
        """The batch with statistics merged from the workers' parts."""
        return replace(self.batch, workers=len(self.case.parts))

    @cached_property
    def fixed(self) -> bounds.Batch:
        """The running statistics in the place of batch statistics."""
        return self.by_running(np.asarray(columns(self.case.x), dtype=float))

    def by_running(self, values: Array) -> bounds.Batch:
        """Values per channel that the running statistics normalise."""
        c = self.case
        return bounds.fixed(values, np.asarray(c.running_mean, float), np.asarray(c.running_var, float), c.eps)

    def bound(self, quantity: str) -> Bound:
        """The a-priori bound of an output's error in the case's working precision (infinite where there is none)."""
        if quantity not in self._bounds:
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                self._bounds[quantity] = self._bound_of(quantity)
        return self._bounds[quantity]

    def _bound_of(self, quantity: str) -> Bound:
        if quantity.startswith("folded_"):
            return self._bound_of_fold(quantity)
        if quantity in ("d_dy", "d_x", "d_gamma"):
            return self._second[("d_dy", "d_x", "d_gamma").index(quantity)]
        of_shards = quantity.startswith("shards_")
        return self._bound(self.merged if of_shards else self.batch, quantity.removeprefix("shards_"))

    @cached_property
    def _second(self) -> tuple[Bound, Bound, Bound]:
        c = self.case
        dy, ddx = (np.asarray(columns(values), dtype=float) for values in (c.dy, c.x if c.ddx is None else c.ddx))
        return double_backward(self.precision, self.batch, dy, ddx, self._affine[0])

    def _bound_of_fold(self, quantity: str) -> Bound:
        gamma, beta = self._affine
        weight = self.layer.weight
        p = Precision.of(weight.dtype)
        if quantity == "folded_bias":
            bias = np.zeros(len(gamma)) if self.layer.bias is None else np.asarray(self.layer.bias, dtype=float)
            of_bias = bounds.inference(p, self.by_running(bias[None]), gamma, beta)
            return Bound({name: term.reshape(-1) for name, term in of_bias.terms.items()})
        laid, back = by_output(np.asarray(weight, dtype=float), self.layer.kind, self.layer.groups)
        values = np.moveaxis(laid, 1, -1)
        scaled = bounds.inference_gradients(p, self.by_running(values), values, gamma)[0]
        return Bound({name: back(np.moveaxis(term, -1, 1)) for name, term in scaled.terms.items()})

    def _bound(self, b: bounds.Batch, quantity: str) -> Bound:
        p, c = self.precision, self.case
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
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return self._magnitude(quantity)

    def _magnitude(self, quantity: str) -> Array:
        b, f, c = self.batch, self.fixed, self.case
        gamma, beta = map(np.abs, self._affine)
        dy = np.abs(np.asarray(columns(c.dy), dtype=float))
        kept = abs(1 - c.momentum)
        quantity = quantity.removeprefix("shards_")
        match quantity:
            case "folded_weight" | "folded_bias" | "d_dy" | "d_x" | "d_gamma":
                return np.abs(self.true(quantity).mid)
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


def lowered(quantity: str, case: Case) -> Any:
    """A proved formula on the case, in balls: microseconds an entry."""
    with precision(BITS):
        return _program(quantity)(BALLS, exact_inputs(case))


@cache
def _program(quantity: str) -> Program:
    index = index_of(quantity)
    return lower(predictions()[quantity][1].statement.rhs, *(() if index is None else (index,)))


def exact_inputs(case: Case) -> dict[str, Any]:
    """The case as balls, under the names of the formulas; every value exact."""
    channels = case.x.shape[1]
    values = {
        "x": columns(case.x),
        "g": columns(case.dy),
        "h": columns(case.x if case.ddx is None else case.ddx),
        "gamma": np.ones(channels) if case.gamma is None else case.gamma,
        "beta": np.zeros(channels) if case.beta is None else case.beta,
        "mu_r": case.running_mean,
        "v_r": case.running_var,
    }
    arrays = {name: BALLS.array(np.asarray(value, dtype=float)) for name, value in values.items()}
    return arrays | {"eps": ball(case.eps), "alpha": ball(case.momentum)}
