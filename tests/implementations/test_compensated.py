"""The compensated reference: within 2 ulp up to kappa = 1e6 in float32, in NumPy and in PyTorch,
without float64."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bnproof
from bnproof import certify
from bnproof.implementations.compensated import CompensatedBatchNorm, CompensatedTorch


@pytest.mark.parametrize("made", [CompensatedBatchNorm, CompensatedTorch])
@given(st.integers(0, 2**32 - 1))
def test_within_two_ulp(made, seed):
    """Any condition up to 1e6, any length up to 5000, scales, gamma and beta of any sign or
    none."""
    random = np.random.default_rng(seed)
    m, channels = int(random.choice([2, 3, 7, 32, 500, 5000])), 8
    kappa, scale = 10.0 ** random.uniform(0, 6, channels), 10.0 ** random.uniform(-3, 3, channels)
    dtype = random.choice(["float32", "float64"])
    x = ((random.normal(size=(m, channels)) + np.sqrt(kappa**2 - 1)) * scale).astype(dtype)
    gamma, beta = (
        None if random.random() < 0.3 else random.normal(size=channels).astype(dtype)
        for _ in range(2)
    )
    y, _, _ = made().train(x, gamma, beta, None, None, eps=1e-5, momentum=0.1)
    exact = certify.train(x, gamma, beta, eps=1e-5)
    size = np.abs((1 if gamma is None else gamma) * exact.xhat.mid) + np.abs(
        0 if beta is None else beta
    )
    assert np.all(certify.ulp_error(y, exact.y, size) <= 2)


def test_no_wider_float_is_used():
    """Every array of the computation has x's dtype."""
    seen = set()

    class Watched(np.ndarray):
        def __array_ufunc__(self, ufunc, method, *inputs, **options):
            plain = [np.asarray(i) if isinstance(i, Watched) else i for i in inputs]
            options = {
                k: tuple(np.asarray(o) for o in v) if k == "out" else v for k, v in options.items()
            }
            result = getattr(ufunc, method)(*plain, **options)
            seen.add(result.dtype)
            return result.view(Watched) if isinstance(result, np.ndarray) else result

    class Watching(CompensatedBatchNorm):
        def to_native(self, array):
            return array.view(Watched)

    x = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    Watching().train(x, None, None, None, None, eps=1e-5, momentum=0.1)
    assert seen == {np.dtype(np.float32)}


def test_it_obeys_the_laws():
    """No violation, gradients not offered."""
    verdict = bnproof.check(CompensatedBatchNorm(), effort="quick")
    assert verdict.ok, verdict.violations
    assert "gradient-x" in verdict.not_offered
