"""Experiments on the digits: the recurrence, Bessel's factor and the scatter agree with the
theorems."""

import numpy as np
import pytest

from bnproof.certify.bounds import Precision
from bnproof.datasets import compute_activations, cut_batches, load_pixels
from bnproof.experiments import running


def test_digits_have_constant_pixels():
    """The bundled set has its 1797 images and some degenerate channels."""
    assert load_pixels().shape == (1797, 64)
    assert np.any(np.ptp(load_pixels(), axis=0) == 0)


def test_batches_are_whole_and_repeat_for_a_seed():
    """Each row is used at most once; the same seed gives the same batches."""
    cut = cut_batches(load_pixels(), 50, 3)
    assert all(len(batch) == 50 for batch in cut)
    assert np.array_equal(cut[0], cut_batches(load_pixels(), 50, 3)[0])


@pytest.fixture(scope="module")
def rows():
    """Everything the experiment yields."""
    return list(running.measure_rows(0))


def test_the_recurrence_is_followed_to_a_few_ulp(rows):
    """NumPy and PyTorch stay within as many ulp of the exact recurrence as there were steps."""
    assert all(row["largest_ulp"] <= 2 + row["step"] for row in rows if row["kind"] == "recurrence")


def test_bessel_holds_for_every_m(rows):
    """The tracked variance is m/(m - 1) times the biased one, to the rounding of a two-pass
    variance."""
    for row in rows:
        if row["kind"] == "bessel":
            explained = Precision.from_dtype(np.float64).gamma(row["m"] + 12) * row["predicted"]
            assert abs(row["largest"] - row["predicted"]) <= explained
            assert abs(row["smallest"] - row["predicted"]) <= explained


def test_the_pair_scatters_less_in_larger_batches(rows):
    """The spread of gamma' falls with the batch size."""
    spread = {
        m: np.ptp([r["gamma_prime"] for r in rows if r["kind"] == "scatter" and r["m"] == m])
        for m in (8, 32, 128)
    }
    assert spread[8] > spread[32] > spread[128] > 0


def test_hidden_activations_repeat():
    """Training is deterministic."""
    assert np.array_equal(compute_activations(), compute_activations.__wrapped__())
