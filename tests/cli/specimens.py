"""Small implementations that the goldens of the command line are made with.

They do plain arithmetic on matrices in float32, entry by entry and row by row.  Every machine
gets the same numbers for that, so that what is printed of them can be compared as text.
"""

import numpy as np


class Right:
    """Training and inference, and no gradients: what is not offered is shown as that."""

    convention = "torch"
    supports = {"dtypes": ["float32"], "ranks": [2, 3]}

    def train(self, x, gamma, beta, running_mean, running_var, *, eps, momentum):
        axes, m = (0, *range(2, x.ndim)), x.size // x.shape[1]
        mean, var = x.mean(axis=axes), x.var(axis=axes)
        y = self.infer(x, gamma, beta, mean, var, eps=eps)
        if running_mean is None:
            return y, None, None
        alpha = np.float32(momentum)
        return (
            y,
            (1 - alpha) * running_mean + alpha * mean,
            (1 - alpha) * running_var + alpha * self.tracked(var, m),
        )

    def tracked(self, var, m):
        return var * np.float32(m / max(m - 1, 1))

    def infer(self, x, gamma, beta, running_mean, running_var, *, eps):
        along = (-1, *(1,) * (x.ndim - 2))
        gamma = np.ones_like(running_mean) if gamma is None else gamma
        beta = np.zeros_like(running_mean) if beta is None else beta
        scale = gamma / np.sqrt(running_var + np.float32(eps))
        return (x - running_mean.reshape(along)) * scale.reshape(along) + beta.reshape(along)


class WithoutBessel(Right):
    """Tracks the biased variance and says that it tracks the unbiased one."""

    def tracked(self, var, m):
        return var


class NoTrain:
    """Cannot be used: there is no ``train``."""
