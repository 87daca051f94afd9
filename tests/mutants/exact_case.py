"""A case on which every step of a batch norm is exact in float64, and models computing it."""

import numpy as np

from bnproof.mutants.catalogue import list_mutants

# mu = (2, 6), v = (1, 4), and eps = 3 gives s = 2 in the first channel; two values each
X = np.array([[1.0, 4.0], [3.0, 8.0]])
MU, V, EPS = np.array([2.0, 6.0]), np.array([1.0, 4.0]), 3.0


def train(name, x=X, gamma=None, beta=None, mean=None, var=None, eps=EPS, momentum=0.25):
    """A training step of a mutant."""
    return list_mutants()[name].make().train(x, gamma, beta, mean, var, eps=eps, momentum=momentum)


def infer(name, x=X, gamma=None, beta=None, mean=MU, var=V, eps=0.0):
    """Inference of a mutant."""
    return list_mutants()[name].make().infer(x, gamma, beta, mean, var, eps=eps)
