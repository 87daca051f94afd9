"""Batch normalisation for arrays with channels on the last axis."""

import numpy as np


class BatchNorm:
    """Normalises by the batch in training, by running statistics otherwise; the biased variance is
    tracked."""

    def __init__(
        self, num_features, *, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True
    ):
        self.eps, self.momentum = eps, momentum
        self.state = {
            "gamma": np.ones(num_features) if affine else None,
            "beta": np.zeros(num_features) if affine else None,
            "running_mean": np.zeros(num_features) if track_running_stats else None,
            "running_var": np.ones(num_features) if track_running_stats else None,
        }

    @property
    def state(self):
        return {
            name: None if value is None else value.copy() for name, value in self._state.items()
        }

    @state.setter
    def state(self, values):
        self._state = {
            name: None if value is None else np.array(value) for name, value in values.items()
        }

    def forward(self, x, *, training):
        state = self._state
        flat = x.reshape(-1, x.shape[-1])
        if training:
            if len(flat) < 2:
                raise ValueError("a batch needs at least two values per channel")
            mean, var = flat.mean(axis=0), flat.var(axis=0)
        else:
            mean, var = state["running_mean"], state["running_var"]
        inverse = 1 / np.sqrt(var + x.dtype.type(self.eps))
        normalised = (x - mean) * inverse
        gamma = 1 if state["gamma"] is None else state["gamma"]
        y = normalised * gamma + (0 if state["beta"] is None else state["beta"])
        self._latest = (normalised, gamma * inverse, training)
        if training and state["running_mean"] is not None:
            self._track(mean, var)
        return y

    def _track(self, mean, var):
        a = mean.dtype.type(self.momentum)
        for name, new in (("running_mean", mean), ("running_var", var)):
            self._state[name] = (1 - a) * self._state[name] + a * new

    def backward(self, dy):
        normalised, scale, training = self._latest
        axes = tuple(range(dy.ndim - 1))
        dgamma, dbeta = (dy * normalised).sum(axis=axes), dy.sum(axis=axes)
        m = dy.dtype.type(dy.size // dy.shape[-1])
        dx = scale * (dy - dbeta / m - normalised * (dgamma / m)) if training else scale * dy
        affine = self._state["gamma"] is not None
        return dx, dgamma if affine else None, dbeta if affine else None


class FrozenBiasBatchNorm(BatchNorm):
    """Wrong on purpose: the gradient of beta is a mean."""

    def backward(self, dy):
        dx, dgamma, dbeta = super().backward(dy)
        return dx, dgamma, None if dbeta is None else dbeta / dy.shape[0]
