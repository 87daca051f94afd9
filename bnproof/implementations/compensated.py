"""Batch normalisation right to the last place without a wider precision, in NumPy or PyTorch.

Notes
----- Corrected two-pass (theorem mean-error of the book).  A mean that is off by d shifts every
``xhat`` by ``-d/s`` and raises the variance by ``d^2``.  The mean of ``x - mu~`` is ``-d``, so
subtracting it repairs both.  Here that residue, and every later result until the output is rounded
once, is carried as the unevaluated sum of two floats (Dekker 1971; Ogita, Rump and Oishi 2005).  So
y is off by less than 2 ulp (of ``|gamma xhat| + |beta|`` where the two cancel) for ``kappa = sqrt(1
+ mu^2/v)`` up to 1e6 in float32.  Everything is made of ``+ - * /`` and square roots of whole
arrays, so that the same lines run on arrays and tensors.

Squares of deviations, and their rounding errors, have to stay inside the dtype's normal numbers
(float32: deviations from 1e-12 to 1e15), and m below ``2^24`` (float32).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bnproof.contract import Array
from bnproof.implementations.signatures import Arguments, Trained, pack_arguments

Pair = tuple[Any, Any]  # high and low word
# 2^ceil(p/2) + 1 for a significand of p bits, which splits it into halves
SPLITTER = {"float32": 2.0**12 + 1, "float64": 2.0**27 + 1}
# up to here every whole number is a float, so m is exact
LONGEST = {"float32": 2**24, "float64": 2**53}


def two_sum(a: Any, b: Any) -> Pair:
    """The sum of two floats and what rounding it leaves out.

    ``s + e = a + b`` exactly (Knuth, The Art of Computer Programming 2, 4.2.2), whichever of the
    two is larger.

    Examples
    --------
    >>> from bnproof.implementations.compensated import two_sum
    >>> two_sum(1.0, 2.0**-60) == (1.0, 2.0**-60)
    True
    """
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


class CompensatedBatchNorm:
    """Corrected two-pass on pairs of floats, in NumPy."""

    convention = "torch"
    supports = {"dtypes": ["float32", "float64"]}

    def to_native(self, array: Array) -> Any:
        """The array as what the arithmetic runs on."""
        return array

    def to_array(self, values: Any) -> Array:
        """Back to NumPy."""
        return np.asarray(values)

    # -- pairs -------------------------------------------------------------------------------------

    def product(self, a: Any, b: Any, splitter: float) -> Pair:
        """``p + e = a b`` exactly (Dekker 1971).

        Each factor is split into two halves whose four products are exact.
        """
        p = a * b
        (ah, al), (bh, bl) = (self.split(factor, splitter) for factor in (a, b))
        return p, ((ah * bh - p) + ah * bl + al * bh) + al * bl

    def split(self, a: Any, splitter: float) -> Pair:
        """``a`` as a sum of two numbers of half its length (Dekker 1971)."""
        c = a * splitter
        high = c - (c - a)
        return high, a - high

    def total(self, terms: Pair) -> Pair:
        """The sum over the first axis, halving it again and again.

        What each addition rounds off is added up beside it.
        """
        high, low = terms
        while len(high) > 1:
            half, odd = len(high) // 2, len(high) % 2
            s, e = two_sum(high[:half], high[half : 2 * half])
            t = low[:half] + low[half : 2 * half] + e
            if odd:
                s[0], e = two_sum(s[0], high[-1])
                t[0] += low[-1] + e
            high, low = s, t
        return two_sum(high[0], low[0])

    def ratio(self, a: Pair, b: Pair, splitter: float) -> Pair:
        """``a/b``: a quotient of the high words, and the remainder divided by b."""
        q = a[0] / b[0]
        p, e = self.product(q, b[0], splitter)
        return two_sum(q, ((a[0] - p) - e + a[1] - q * b[1]) / b[0])

    def root(self, a: Pair, splitter: float) -> Pair:
        """``sqrt(a)``: the root of the high word, and one step of Newton's method."""
        h = a[0] ** 0.5
        p, e = self.product(h, h, splitter)
        return two_sum(h, ((a[0] - p) - e + a[1]) / (2 * h))

    # -- batch normalisation -----------------------------------------------------------------------

    def mean(self, x: Any, m: Any, splitter: float) -> tuple[Any, Pair]:
        """``mu = c + r``: the rounded mean, and its residue ``mean(x - c)``."""
        c = self.ratio(self.total((x, 0 * x)), (m, 0 * m), splitter)[0]
        return c, self.ratio(self.total(two_sum(x, -c)), (m, 0 * m), splitter)

    def deviation(self, x: Any, c: Any, r: Pair) -> Pair:
        """``x - c - r``."""
        d, e = two_sum(x, -c)
        t, f = two_sum(d, -r[0])
        return two_sum(t, f + (e - r[1]))

    def variance(self, d: Pair, m: Any, splitter: float) -> Pair:
        """``(1/m) sum d^2``."""
        p, e = self.product(d[0], d[0], splitter)
        return self.ratio(self.total((p, e + 2 * d[0] * d[1])), (m, 0 * m), splitter)

    def scale(self, gamma: Any, v: Pair, eps: Pair, splitter: float) -> Pair:
        """``gamma/sqrt(v + eps)``."""
        w, e = two_sum(v[0], eps[0])
        s = self.root(two_sum(w, e + (v[1] + eps[1])), splitter)
        return self.ratio((gamma, 0 * gamma), s, splitter)

    def apply_affine(self, d: Pair, a: Pair, beta: Any, splitter: float) -> Any:
        """``a d + beta``, rounded once."""
        p, e = self.product(d[0], a[0], splitter)
        s, f = two_sum(p, beta)
        return s + (f + (e + (d[0] * a[1] + d[1] * a[0])))

    @pack_arguments
    def train(self, a: Arguments) -> Trained:
        """One training step, rounded once at the end.

        Parameters, returned values and the convention are those of
        :meth:`bnproof.implementations.numpy_formulas.Formulas.train`.

        Raises
        ------
        ValueError
            For a single value per channel.
        NotImplementedError
            For another dtype than float32 and float64, and for a batch so long that its number of
            values is no number of that dtype.
        """
        x, name = a.x, _name_dtype(a.x)
        columns, splitter = self._to_columns(x), SPLITTER[name]
        m = len(columns)
        if m == 1:
            raise ValueError(f"training needs more than one value per channel, got shape {x.shape}")
        if m > LONGEST[name]:
            raise NotImplementedError(f"{m} values per channel cannot be counted in {name}")
        count = self.to_native(np.full(x.shape[1], m, dtype=x.dtype))
        c, r = self.mean(columns, count, splitter)
        d = self.deviation(columns, c, r)
        v = self.variance(d, count, splitter)
        y = self._finish(a, d, v, splitter)
        mean = self._track(a.running_mean, c + r[0], a.momentum)
        var = self._track(a.running_var, v[0] * (m / (m - 1)), a.momentum)
        return y, mean, var

    @pack_arguments
    def infer(self, a: Arguments) -> Array:
        """``gamma (x - mu_r)/sqrt(v_r + eps) + beta``."""
        splitter = SPLITTER[_name_dtype(a.x)]
        mean = self._cast_parameter(a.running_mean, a.x, 0)
        var = self._cast_parameter(a.running_var, a.x, 1)
        return self._finish(a, two_sum(self._to_columns(a.x), -mean), (var, 0 * var), splitter)

    def _finish(self, a: Arguments, d: Pair, v: Pair, splitter: float) -> Array:
        """``gamma d/sqrt(v + eps) + beta`` in the shape of x."""
        gamma, beta = self._cast_parameter(a.gamma, a.x, 1), self._cast_parameter(a.beta, a.x, 0)
        factor = self.scale(gamma, v, self._split_eps(a.eps, a.x), splitter)
        return self._restore_shape(self.apply_affine(d, factor, beta, splitter), a.x)

    # -- arrays ------------------------------------------------------------------------------------

    def _to_columns(self, x: Array) -> Any:
        """``(N, C, *spatial)`` as ``(m, C)``."""
        return self.to_native(np.moveaxis(x, 1, -1).reshape(-1, x.shape[1]))

    def _restore_shape(self, y: Any, x: Array) -> Array:
        """``(m, C)`` in the shape of x."""
        rows = self.to_array(y).reshape(x.shape[0], *x.shape[2:], x.shape[1])
        return np.ascontiguousarray(np.moveaxis(rows, -1, 1))

    def _cast_parameter(self, values: Array | None, x: Array, absent: int) -> Any:
        """A parameter in x's dtype; ``absent`` stands for ``None``."""
        given = np.full(x.shape[1], absent) if values is None else values
        return self.to_native(given.astype(x.dtype))

    def _split_eps(self, eps: float, x: Array) -> Pair:
        """``eps`` in two words of x's dtype."""
        high = np.full(x.shape[1], eps).astype(x.dtype)
        low = (eps - high.astype(float)).astype(x.dtype)
        return self.to_native(high), self.to_native(low)

    def _track(self, old: Array | None, new: Any, momentum: float) -> Array | None:
        """``(1 - alpha) old + alpha new`` in the dtype of the running statistic, if it is kept."""
        if old is None:
            return None
        alpha = old.dtype.type(momentum)
        moved: Array = (1 - alpha) * old + alpha * self.to_array(new).astype(old.dtype)
        return moved


class CompensatedTorch(CompensatedBatchNorm):
    """The same formulas on PyTorch tensors."""

    def to_native(self, array: Array) -> Any:
        import torch

        return torch.from_numpy(np.array(array))

    def to_array(self, values: Any) -> Array:
        result: Array = values.numpy()
        return result


def _name_dtype(x: Array) -> str:
    """The name of x's dtype.

    Raises
    ------
    NotImplementedError
        For a dtype there is no splitter for, and for an x without values.
    """
    if x.dtype.name not in SPLITTER or math.prod(x.shape) == 0:
        raise NotImplementedError(
            f"{x.dtype} of shape {x.shape}: give float32 or float64, at least one value"
        )
    return str(x.dtype.name)


IMPLEMENTATIONS = {"compensated": CompensatedBatchNorm, "compensated-torch": CompensatedTorch}
