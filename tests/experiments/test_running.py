"""Experiments on the digits: the recurrence, Bessel's factor and the scatter agree with the
theorems."""

import numpy as np
import pytest

from bnproof.certify.bounds import Precision
from bnproof.datasets import compute_activations, cut_batches, load_pixels
from bnproof.experiments import running
from bnproof.lowering.numbers import BALLS, BITS, ball, midpoints, precision


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


# -- by hand, on a few numbers ---------------------------------------------------------------------


def test_the_recurrence_of_the_book_by_hand():
    """For x = (2, 6), alpha = 1/4 and statistics of 8: 3/4 of the old and 1/4 of 4, and of 8, which
    is the variance 4 with Bessel's factor."""
    with precision(BITS):
        inputs = {"x": BALLS.array(np.array([[2.0], [6.0]])), "alpha": ball(0.25)}
        old = BALLS.array(np.array([8.0]))
        mean = midpoints(running.compute_exact("running_mean", mu_r=old, **inputs))
        var = midpoints(running.compute_exact("running_var_unbiased", v_r=old, **inputs))
    assert (mean.tolist(), var.tolist()) == ([7.0], [8.0])


def test_the_recurrence_is_told_after_every_batch(monkeypatch):
    """On two batches of one feature: values by hand, exact ones as the reference, and each step
    going on from the last."""
    monkeypatch.setattr(running, "TARGETS", ("numpy",))
    monkeypatch.setattr(running, "BATCH", 2)
    monkeypatch.setattr(running, "ALPHA", 0.5)
    monkeypatch.setattr(running, "cut_batches", lambda data, size, seed: [data[:2], data[2:]])
    data = np.array([[2.0], [6.0], [0.0], [8.0]])
    rows = list(running.measure_recurrence(data, 0))
    # Means 4 and 4, unbiased variances 8 and 32, from 0 and 1 on.
    values = {
        "running_mean": [2.0, 3.0],
        "running_var": [4.5, 18.25],
    }
    for quantity, expected in values.items():
        own = [row for row in rows if row["quantity"] == quantity]
        assert [row["value_of_first_feature"] for row in own] == expected
        assert [(row["step"], row["largest_error"], row["largest_ulp"]) for row in own] == [
            (1, 0.0, 0.0),
            (2, 0.0, 0.0),
        ]


def test_a_single_value_is_refused_or_answered(monkeypatch):
    """What the implementation does becomes the row, with its words where it refuses."""

    class Answers:
        def train(self, x, *rest, **options):
            assert x.shape == (1, 3)
            return x, x[0], x[0]

    class Refuses:
        def train(self, x, *rest, **options):
            raise ValueError("no bead to spare")

    made = {"one": Answers(), "other": Refuses()}
    monkeypatch.setattr(running, "TARGETS", tuple(made))
    monkeypatch.setattr(running, "load", made.__getitem__)
    outcomes = [row["outcome"] for row in running.measure_single_value(np.ones((5, 3)))]
    assert outcomes == ["answers", "ValueError: no bead to spare"]


def test_the_pair_of_each_batch_by_hand(monkeypatch):
    """With eps = 0, gamma = 1 and beta = 0 it is (1/s, -mu/s), of the chosen feature alone; all
    values come last, as batch 0."""
    monkeypatch.setattr(running, "EPS", 0.0)
    # 1 and 5 in turn: mu = 3 and s = 2 of every batch that has as many of both.
    monkeypatch.setattr(
        running,
        "cut_batches",
        lambda data, size, seed: [data[n : n + size] for n in range(0, len(data), size)],
    )
    data = np.stack([np.full(128, 77.0), np.tile([1.0, 5.0], 64)], axis=1)
    rows = list(running.measure_scatter(data, 0, feature=1))
    assert [(row["m"], row["batch"]) for row in rows] == [
        *((8, n) for n in range(1, 17)),
        *((32, n) for n in range(1, 5)),
        (128, 1),
        (128, 0),
    ]
    assert {(row["gamma_prime"], row["beta_prime"]) for row in rows} == {(0.5, -1.5)}
