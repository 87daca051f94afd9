"""The growth of an error with mean/std tells one pass from two, whatever the order of the sums."""

import numpy as np
import pytest

from bnproof.implementations.conventions import resolve_convention
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.laws.answers import Target
from bnproof.laws.supports import EVERYTHING, Supports
from bnproof.mutants.catalogue import list_mutants
from bnproof.verification.growth import grows_like_one_pass


class BlockedOnePass(NumpyBatchNorm):
    """One pass over blocks of five values, an order that no model of a bug has."""

    def variance(self, x, mu):
        columns = np.moveaxis(x, 1, -1).reshape(-1, x.shape[1])
        blocks = [(columns[n : n + 5] ** 2).sum(0) for n in range(0, len(columns), 5)]
        mean = (sum(blocks) / x.dtype.type(len(columns))).reshape(mu.shape)
        return np.maximum(mean - mu * mu, 0)


def tell(implementation, supports=EVERYTHING):
    """What the growth of its error says of an implementation."""
    target = Target(implementation, resolve_convention("torch"))
    return grows_like_one_pass(target, supports)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_one_pass_is_told_in_any_order(dtype):
    """Also in an order that nobody has modelled."""
    narrow = Supports(dtypes=(dtype,))
    for made in (BlockedOnePass(), list_mutants()["V01"].make(), list_mutants()["V02"].make()):
        assert tell(made, narrow)


@pytest.mark.parametrize("name", ["V04", "V06", "F01", "I01"])
def test_another_defect_is_no_one_pass_variance(name):
    """Neither a coarse sum nor a wrong formula grows with the square."""
    assert not tell(list_mutants()[name].make())


def test_two_passes_are_not_flagged_and_half_precision_says_nothing():
    """Sums of half precision are float32, so that nothing grows within its digits."""
    assert not tell(NumpyBatchNorm())
    assert not tell(BlockedOnePass(), Supports(dtypes=("float16", "bfloat16")))
