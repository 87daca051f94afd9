"""Batch normalisation in NumPy: the reference, every formula a method of its own."""

from __future__ import annotations

from bnproof.implementations.numpy_double import DoubleBackward
from bnproof.implementations.numpy_folding import Folding
from bnproof.implementations.numpy_shards import Shards


class NumpyBatchNorm(Shards, DoubleBackward, Folding):
    """Everything the contract knows: training, inference, gradients, double backward, folding,
    synchronised workers."""

    convention = "torch"


IMPLEMENTATIONS = {"numpy": NumpyBatchNorm}
