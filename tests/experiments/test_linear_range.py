"""Shares, moments and sigmoids of batches that are made by hand.

That real batches obey the theorems is tested with the other experiments.
"""

import math

import numpy as np
import pytest

from bnproof.experiments import linear_range
from bnproof.experiments.linear_range import (
    BATCH,
    EPS,
    Normalised,
    measure_moments,
    measure_shares,
    measure_sigmoid,
    measure_sigmoids,
    normalise_batches,
)

# One batch of two features: half of the first are 1 and half -1, the second is constant.
SIGNS = np.tile([1.0, -1.0], BATCH // 2)
CUT = Normalised(
    "beads",
    np.stack([3 + 2 * SIGNS, np.full(BATCH, 9.0)], axis=1)[None],
    np.stack([SIGNS, np.zeros(BATCH)], axis=1)[None],
    np.array([[1.0, 0.0]]),
)


def test_shares_by_hand():
    """A value at the threshold is outside; a constant feature has the bound 0 and is not divided
    by."""
    found = {
        row["t"]: [
            row[key]
            for key in ("share_below", "share_outside", "chebyshev", "largest_over_chebyshev")
        ]
        for row in measure_shares(CUT)
    }
    # Bounds for q = 1 are 4, 1 and 1/4, the first of which is capped at 1; those for q = 0 are 0.
    assert found[0.5] == [0.5, 0.5, 0.5, 0.25]
    assert found[1.0] == [0.5, 0.5, 0.5, 1.0]
    assert found[2.0] == [1.0, 0.0, 0.125, 0.0]


def test_moments_by_hand():
    """Over all values; ratios to Samuelson's bound sqrt(m - 1) leave the constant feature out."""
    row = measure_moments(CUT)
    assert (row["batches"], row["features"], row["constant_share"]) == (1, 2, 0.5)
    assert row["root_mean_square"] == row["root_of_mean_q"] == math.sqrt(0.5)
    assert (row["largest_root_mean_square_gap"], row["smallest_root_of_q_varied"]) == (0.0, 1.0)
    assert (row["largest"], row["samuelson"]) == (1.0, math.sqrt(BATCH - 1))
    assert row["largest_over_samuelson"] == row["median_over_samuelson"] == 1 / math.sqrt(BATCH - 1)


@pytest.mark.parametrize(
    ("z", "on_the_line", "promised", "identity"),
    [
        (0.0, 1.0, 1.0, 0.0), (-0.78, 1.0, 1.0, 0.0),
        # The remainder z^3/48 - z^5/480 + ... is within 1 % a little longer than z^3/48 is.
        (0.79, 1.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0), (-4.0, 0.0, 0.0, 0.0),
        # The sigmoid's fixed point is 0.659...
        (0.659, 1.0, 1.0, 1.0),
    ],
)  # fmt: skip
def test_where_the_sigmoid_is_straight(z, on_the_line, promised, identity):
    """To 1 % of its range: of the line 1/2 + z/4, of what is proved, and of the identity."""
    row = measure_sigmoid("beads", np.full((2, 4), z), 1.0, 0.0)
    found = (row["share"], row["proved_share"], row["identity_share"])
    assert found == (on_the_line, promised, identity)
    assert row["mean_size"] == abs(z)


def test_sigmoids_are_given_the_plain_values_first():
    """Without gamma and beta, then ``gamma xhat + beta`` of each pair."""
    first, *others = measure_sigmoids(CUT)
    assert (first["gamma"], first["beta"]) == (None, None)
    # Pixels of 5, 1 and 9.
    assert first["mean_size"] == (5 + 1 + 9 + 9) / 4
    assert [(row["gamma"], row["beta"]) for row in others] == list(linear_range.AFFINE)
    for row in others:
        gamma, beta = row["gamma"], row["beta"]
        sizes = (abs(beta + gamma), abs(beta - gamma), abs(beta), abs(beta))
        assert row["mean_size"] == sum(sizes) / 4


def test_whole_batches_are_normalised_and_the_rest_is_left():
    """Each row of the data is used at most once; q is v/(v + eps) and 0 for a constant feature."""
    data = np.stack([np.arange(2 * BATCH + 5.0), np.full(2 * BATCH + 5, 4.0)], axis=1)
    cut = normalise_batches("beads", data, 3)
    assert cut.x.shape == cut.xhat.shape == (2, BATCH, 2)
    assert len(set(cut.x[..., 0].ravel())) == 2 * BATCH
    assert np.array_equal(cut.q[:, 1], [0.0, 0.0])
    assert np.array_equal(cut.xhat[..., 1], np.zeros((2, BATCH)))
    # Of whole numbers v is a dyadic fraction, so it is known to the last bit.
    v = [sum((BATCH * value - batch.sum()) ** 2 for value in batch) / BATCH**3
         for batch in cut.x[..., 0]]  # fmt: skip
    assert cut.q[:, 0].tolist() == [value / (value + EPS) for value in v]
    # Larger values have larger normalised ones.
    assert np.array_equal(np.argsort(cut.x[..., 0]), np.argsort(cut.xhat[..., 0]))


def test_the_normal_sample_has_the_shape_of_the_activations(monkeypatch):
    """It is drawn from the seed and stands beside the real data."""
    real = {"digits, hidden activations": np.zeros((50, 4)), "others": np.zeros((3, 3))}
    monkeypatch.setattr(linear_range, "load_datasets", lambda: real)
    first, same, other = (linear_range.load_samples(seed) for seed in (1, 1, 2))
    assert list(first) == [*real, "standard normal"]
    assert first["standard normal"].shape == (50, 4)
    assert np.array_equal(first["standard normal"], same["standard normal"])
    assert not np.array_equal(first["standard normal"], other["standard normal"])
