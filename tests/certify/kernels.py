"""Batch normalisation in a declared arithmetic, step by step, as a kernel might do it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bnproof.formats import dtype_of


@dataclass(frozen=True)
class Arithmetic:
    """Single operations in ``compute``, sums in ``accumulate``, in an order drawn from ``rng``.

    Attributes
    ----------
    compute, accumulate
        As in :meth:`bnproof.certify.bounds.Precision.declare`.
    rng
        Draws orders of summation, and whether a result of a sum is rounded at once.
    """

    compute: str
    accumulate: str
    rng: np.random.Generator

    @property
    def single(self) -> np.dtype[Any]:
        """The dtype of single operations."""
        return dtype_of("float32" if self.compute == "tf32" else self.compute)

    @property
    def sums(self) -> np.dtype[Any]:
        """The dtype of sums."""
        return dtype_of(self.accumulate)

    def read(self, value):
        """An argument in the format of single operations."""
        return np.asarray(value).astype(self.single)

    def keep(self, value):
        """A result of a sum, rounded at once or kept as it is."""
        return self.read(value) if self.rng.random() < 0.5 else value

    def add(self, a, b):
        """``a + b``, both in the format of single operations."""
        return self.read(a) + self.read(b)

    def sub(self, a, b):
        """``a - b``."""
        return self.read(a) - self.read(b)

    def mul(self, a, b):
        """``a b``; in tf32 both factors are rounded to 11 bits."""
        a, b = self.read(a), self.read(b)
        if self.compute == "tf32":
            a, b = round_to_11_bits(a), round_to_11_bits(b)
        return a * b

    def div(self, a, b):
        """``a / b``."""
        return self.read(a) / self.read(b)

    def sqrt(self, a):
        """The square root."""
        return np.sqrt(self.read(a))

    def total(self, terms):
        """The sum over the batch, in the format of sums: one by one, or pairwise, in any order."""
        terms = np.asarray(terms).astype(self.sums)[self.rng.permutation(len(terms))]
        if self.rng.random() < 0.5:
            value = terms[0]
            for term in terms[1:]:
                value = (value + term).astype(self.sums)
            return value
        while len(terms) > 1:
            even = len(terms) // 2 * 2
            pairs = (terms[0:even:2] + terms[1:even:2]).astype(self.sums)
            terms = np.concatenate([pairs, terms[even:]])
        return terms[0]

    def mean(self, terms):
        """The sum divided by m, in either format."""
        total, m = self.total(terms), len(terms)
        if self.rng.random() < 0.5:
            return self.keep((total / self.sums.type(m)).astype(self.sums))
        return self.div(total, float(m))


def round_to_11_bits(a):
    """The nearest float32 with 11 significant bits."""
    fraction, exponent = np.frexp(a.astype(np.float64))
    return np.ldexp(np.round(fraction * 2**11) / 2**11, exponent).astype(np.float32)


def train(on, x, gamma, beta, dy, eps, *, one_pass=False, collapsed=False):
    """``y``, ``dx``, ``dgamma``, ``dbeta``, ``mu`` and ``v`` of columns ``(m, C)``."""
    mu = on.mean(on.read(x))
    if one_pass:
        v = on.sub(on.mean(on.mul(x, x)), on.mul(mu, mu))
    else:
        t = on.sub(x, mu)
        v = on.mean(on.mul(t, t))
    s = on.sqrt(on.add(v, eps))
    inverse = on.div(1.0, s)
    xhat = on.mul(on.sub(x, mu), inverse) if on.rng.random() < 0.5 else on.div(on.sub(x, mu), s)
    if collapsed:
        scale = on.mul(gamma, inverse)
        y = on.add(on.mul(scale, x), on.sub(beta, on.mul(scale, mu)))
    else:
        y = on.add(on.mul(gamma, xhat), beta)
    dbeta, dgamma = on.keep(on.total(on.read(dy))), on.keep(on.total(on.mul(dy, xhat)))
    a, c = on.div(dbeta, float(len(x))), on.div(dgamma, float(len(x)))
    inner = on.sub(on.sub(dy, a), on.mul(xhat, c))
    dx = on.mul(on.mul(gamma, inverse), inner)
    return {"y": y, "dx": dx, "dgamma": dgamma, "dbeta": dbeta, "mu": mu, "v": v}
