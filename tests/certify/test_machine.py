"""certify refuses to run where the proofs' assumptions about arithmetic do not hold."""

import ctypes
import ctypes.util

import numpy as np
import pytest
import torch

from bnproof import certify


def test_flushed_subnormals_are_refused():
    """``torch.set_flush_denormal(True)`` in the same thread is noticed, and undone all is well."""
    x = np.ones((3, 1))
    if not torch.set_flush_denormal(True):
        pytest.skip("this machine cannot flush subnormals")
    try:
        with pytest.raises(certify.UnsoundArithmetic, match="set_flush_denormal"):
            certify.train(x, eps=1e-5)
    finally:
        torch.set_flush_denormal(False)
    certify.train(x, eps=1e-5)


@pytest.mark.parametrize("mode", [0x400, 0x800, 0xC00], ids=["down", "up", "towards zero"])
def test_directed_rounding_is_refused(mode):
    """Each of the three directed modes of the C library is noticed (x86 numbers)."""
    library = ctypes.CDLL(ctypes.util.find_library("m"))
    if library.fesetround(mode):
        pytest.skip("this machine numbers its rounding modes differently")
    try:
        with pytest.raises(certify.UnsoundArithmetic, match="nearest"):
            certify.train(np.ones((3, 1)), eps=1e-5)
    finally:
        library.fesetround(0)
