"""What a correct implementation returns on one case: the proved formulas in balls, and their a-priori bounds."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from bnproof.certify import bounds
from bnproof.certify.bounds import Bound, Precision
from bnproof.contract import Array, Case
from bnproof.laws.layout import columns, validated
from bnproof.lowering.numbers import Balls, ball, precision
from bnproof.lowering.program import lower
from bnproof.symbolic.setting import i, mu, v, x
from bnproof.theorems.formulas import index_of, predictions

BITS = 320  # float64 inputs span 2^-1074..2^1024 in theory; the cases stay far inside, and widths are checked
BALLS = Balls()


class Oracle:
    """True values (balls) and error bounds of every quantity, each computed when first asked for."""

    def __init__(self, case: Case) -> None:
        self.case = validated(case)
        self.precision = Precision.of(case.dtype)
        self._true: dict[str, Any] = {}

    @cached_property
    def inputs(self) -> dict[str, Any]:
        """The case as balls, under the names of the formulas; every value exact."""
        case, channels = self.case, self.case.x.shape[1]
        ones, zeros = np.ones(channels), np.zeros(channels)
        values: dict[str, Any] = {
            "x": columns(case.x),
            "g": columns(case.dy),
            "gamma": ones if case.gamma is None else case.gamma,
            "beta": zeros if case.beta is None else case.beta,
            "mu_r": case.running_mean,
            "v_r": case.running_var,
        }
        arrays = {name: BALLS.array(value) for name, value in values.items()}
        return arrays | {"eps": ball(case.eps), "alpha": ball(case.momentum)}

    def evaluate(self, expression: Any, *free: Any) -> Any:
        """A formula on this case, in balls; arrays of shape ``(m, C)`` or ``(C,)``."""
        with precision(BITS):
            return lower(expression, *free)(BALLS, self.inputs)

    def true(self, quantity: str) -> Any:
        """The exact value of an output as balls."""
        if quantity not in self._true:
            formula = predictions()[quantity][1].statement.rhs
            index = index_of(quantity)
            value = self.evaluate(formula, *(() if index is None else (index,)))
            self._true[quantity] = np.broadcast_to(value, self.shape(quantity))
        return self._true[quantity]

    def shape(self, quantity: str) -> tuple[int, ...]:
        """``(m, C)`` for what has an entry per value, ``(C,)`` for the rest."""
        channels = self.case.x.shape[1]
        return (self.case.m, channels) if index_of(quantity) is not None else (channels,)

    @cached_property
    def batch(self) -> bounds.Batch:
        """The batch statistics rounded to float64, for the bounds."""
        deviation = floats(self.evaluate(x[i] - mu, i))
        mean, variance = floats(self.evaluate(mu)), np.maximum(floats(self.evaluate(v)), 0)
        return bounds.Batch(np.asarray(columns(self.case.x), dtype=float), deviation, mean, variance, self.case.eps)

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


def floats(balls: Any) -> Array:
    """Midpoints as float64; not-a-number where a ball is no number."""
    return np.vectorize(lambda value: float(value.mid()), otypes=[float])(balls)
