"""The compensated reference: within 2 ulp up to kappa = 1e6 in float32, in NumPy and in PyTorch,
without float64."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bnproof
from bnproof import certify
from bnproof.implementations.compensated import (
    SPLITTER,
    CompensatedBatchNorm,
    CompensatedTorch,
    two_sum,
)


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


# far from the ends of the range, where no product or error term underflows
SINGLE = st.integers(-(2**24), 2**24).flatmap(
    lambda digits: st.integers(-40, 10).map(lambda power: np.float32(digits * 2.0**power))
)


def total(pair):
    """What a pair stands for, as a fraction."""
    return sum(Fraction(float(word)) for word in pair)


@settings(max_examples=50)
@given(SINGLE, SINGLE)
def test_sums_and_products_lose_nothing(a, b):
    """Both words together are exactly a + b and a b, and the first one is the rounded result."""
    one, other = Fraction(float(a)), Fraction(float(b))
    for pair, exact, rounded in (
        (two_sum(a, b), one + other, a + b),
        (CompensatedBatchNorm().product(a, b, np.float32(SPLITTER["float32"])), one * other, a * b),
    ):
        assert {word.dtype for word in pair} == {np.dtype(np.float32)}
        assert pair[0] == rounded
        assert total(pair) == exact


@pytest.mark.parametrize("dtype", SPLITTER)
def test_halves_are_short_enough_to_be_multiplied(dtype):
    """A number with every bit set is split into halves whose squares are exact."""
    digits = np.finfo(dtype).nmant + 1
    a = np.dtype(dtype).type(2**digits - 1)
    halves = CompensatedBatchNorm().split(a, a.dtype.type(SPLITTER[dtype]))
    assert sum(map(int, halves)) == 2**digits - 1
    assert [int(half * half) for half in halves] == [int(half) ** 2 for half in halves]


def test_a_sum_keeps_what_each_addition_rounds_off():
    """Of an odd number of terms float32 alone loses all but the first: 2^24 + 1 + 2^-20 + 1."""
    terms = np.array([[2.0**24], [1], [0], [2.0**-20], [1]], np.float32)
    pair = CompensatedBatchNorm().total((terms, 0 * terms))
    assert total(words[0] for words in pair) == 2**24 + 2 + Fraction(1, 2**20)


@pytest.mark.parametrize("made", [CompensatedBatchNorm, CompensatedTorch])
def test_inference_and_running_statistics_by_hand(made):
    """``mu_r = (1, -2)``, ``s_r = (2, 4)``; batch (0, 2) has mean 1 and unbiased variance 2."""
    statistics = np.array([1.0, -2.0]), np.array([3.0, 15.0])
    gamma, beta = np.array([3.0, -2.0]), np.array([0.5, 1.0])
    y = made().infer(np.array([[5.0, 6.0]]), gamma, beta, *statistics, eps=1.0)
    assert y.tolist() == [[6.5, -3.0]]
    x = np.array([[[0.0, 2.0]]], np.float32)
    y, mean, var = made().train(
        x, None, None, np.array([9.0]), np.array([6.0]), eps=3.0, momentum=0.25
    )
    assert (y.tolist(), y.dtype) == ([[[-0.5, 0.5]]], np.float32)
    assert (mean.tolist(), var.tolist()) == ([7.0], [5.0])
    assert mean.dtype == var.dtype == np.float64


@pytest.mark.parametrize(
    ("x", "error"),
    [
        (np.ones((2, 1), np.float16), NotImplementedError),
        (np.ones((0, 1)), NotImplementedError),
        (np.broadcast_to(np.float32(1), (2**24 + 1, 1)), NotImplementedError),
        (np.ones((1, 1)), ValueError),
    ],
    ids=["half", "no value", "uncountable", "one value"],
)
def test_what_cannot_be_computed_is_refused_in_one_line(x, error):
    """Another dtype, no value, more values than float32 counts, and a single one."""
    with pytest.raises(error) as refused:
        CompensatedBatchNorm().train(x, None, None, None, None, eps=1.0, momentum=0.1)
    assert "\n" not in str(refused.value)
