"""A small package as somebody might write it: batch normalisation in NumPy, and bnproof to check
it."""

from tinynorm.layer import BatchNorm, FrozenBiasBatchNorm

__all__ = ["BatchNorm", "FrozenBiasBatchNorm"]
