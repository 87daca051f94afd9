"""Points and implementations made by hand."""

from dataclasses import replace

import numpy as np

from bnproof.accuracy.measured import AccuracyPoint, Subject
from bnproof.implementations.conventions import resolve_convention

TORCH = resolve_convention("torch")


def subject(train=None, dtype="float32", **options):
    """A subject whose ``train`` is a function of x, gamma, beta and eps alone."""
    return Subject("fake", Formula(train), options.pop("convention", TORCH), dtype, **options)


class Formula:
    """An implementation that keeps no statistics."""

    def __init__(self, formula):
        self.formula = formula

    def train(self, x, gamma, beta, running_mean, running_var, *, eps, momentum):
        """The formula's output; running statistics as they were."""
        y = self.formula(x, gamma, beta, eps)
        return y, running_mean, running_var


def normalise(x, gamma, beta, eps):
    """The right answer in float64, rounded to x's dtype once."""
    axes = (0, *range(2, x.ndim))
    shape = (1, x.shape[1], *(1,) * (x.ndim - 2))
    wide = x.astype(np.float64)
    y = (wide - wide.mean(axis=axes, keepdims=True)) / np.sqrt(
        wide.var(axis=axes, keepdims=True) + eps
    )
    gamma, beta = (
        np.full(shape, absent) if given is None else given.astype(np.float64).reshape(shape)
        for given, absent in ((gamma, 1.0), (beta, 0.0))
    )
    return (y * gamma + beta).astype(x.dtype)


def point(sweep="kappa", *, kappa=1.0, m=32, dtype="float32", error=0.0, **changed):
    """A point whose largest and typical error are the same."""
    values = {"magnitude": 1.0, "ulp": (1.0, 1.0, 1.0), "largest": error, "typical": error}
    values |= {"shift": 1.0} | changed
    return AccuracyPoint(subject(dtype=dtype), sweep, kappa, m, **values)


LAST = replace(TORCH, channel_axis=-1)
