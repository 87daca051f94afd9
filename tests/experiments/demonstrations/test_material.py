"""The measures that demonstrations share, against sums that are worked by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bnproof.datasets import load_pixels
from bnproof.experiments.demonstrations.material import (
    ALPHA,
    BATCH,
    Material,
    best_pair_residual,
    evaluate,
    fit,
    indicators,
    max_magnitude,
    moment,
    root_mean_square,
    track,
)
from bnproof.experiments.networks import load_labelled_digits
from bnproof.symbolic.setting import i, mu, x


def test_classes_as_indicators():
    """One 1 in each row, in the column of the class."""
    assert indicators(np.array([3, 0])).tolist() == [
        [0, 0, 0, 1, 0, 0, 0, 0, 0, 0],
        [1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ]


@settings(max_examples=25)
@given(st.integers(-9, 9), st.integers(-9, 9))
def test_a_line_is_found_through_its_points(slope, intercept):
    """Of whole numbers exactly; each feature has its own."""
    values = np.array([[1.0, -1.0], [3.0, 5.0], [5.0, -1.0], [7.0, 5.0]])
    target = np.stack([slope * values[:, 0] + intercept, np.full(4, 2.0)], axis=1)
    slopes, intercepts = fit(values, target)
    assert slopes.tolist() == [slope, 0]
    assert intercepts.tolist() == [intercept, 2]


def test_a_line_does_not_cancel_far_from_zero():
    """With a mean of 2^26 sums of squares would lose what the line rises by."""
    values = np.array([[2.0**26], [2.0**26 + 2]])
    slope, intercept = fit(values, np.array([[1.0], [5.0]]))
    assert (slope.item(), intercept.item()) == (2.0, 3 - 2 * (2.0**26 + 1))


def test_one_pair_has_to_serve_all_batches():
    """A batch that a line fits exactly is missed where another batch needs another line."""
    first, second = np.array([[-1.0], [1.0]]), np.array([[-1.0], [1.0]])
    alone = best_pair_residual([first], [4 * first])
    assert alone.tolist() == [[0.0], [0.0]]
    # The best slope for 4 and 2 is 3.
    both = best_pair_residual([first, second], [4 * first, 2 * second])
    assert both.ravel().tolist() == [-1.0, 1.0, 1.0, -1.0]


@pytest.mark.parametrize(("order", "value"), [(1, 0), (2, 1), (3, 0), (4, 1)])
def test_moments_are_standardised(order, value):
    """For values that are -1 or 1 away from their mean with equal weight."""
    assert moment(np.array([[6.0], [8.0], [8.0], [6.0]]), order).tolist() == [value]


def test_a_skewed_feature_has_a_third_moment():
    """Deviations -1, -1, -1, 3: v = 3, so that the moment is 6/3^(3/2) = 2/3^(1/2), up to a few
    roundings."""
    found = moment(np.array([[1.0], [1.0], [1.0], [5.0]]), 3).item()
    assert abs(found - 2 / math.sqrt(3)) <= 8 * math.ulp(1.0)
    assert moment(np.array([[-1.0], [-1.0], [-1.0], [-5.0]]), 3).item() == -found


def test_a_formula_of_the_book_is_evaluated_with_its_index_as_an_axis():
    """x_i - mu of each feature, of shape (m, features)."""
    values = np.array([[1.0, 0.0], [3.0, 8.0]])
    assert evaluate(x[i] - mu, i, x=values).tolist() == [[-1.0, -4.0], [1.0, 4.0]]
    assert evaluate(mu, x=values).tolist() == [2.0, 4.0]


def test_statistics_are_tracked_batch_by_batch():
    """The new value weighs alpha, and the variance has Bessel's factor."""
    batch = np.array([[2.0], [6.0]])
    mean, variance = track([batch], (np.array([0.0]), np.array([0.0])))
    # The mean is 4 and the unbiased variance 8.
    assert (mean.item(), variance.item()) == (ALPHA * 4, ALPHA * 8)
    twice = track([batch, batch], (np.array([0.0]), np.array([0.0])))
    again = track([batch], (mean, variance))
    assert [part.item() for part in twice] == [part.item() for part in again]
    assert [part.item() for part in track([], (mean, variance))] == [mean.item(), variance.item()]


def test_sizes_by_hand():
    """The largest magnitude, the root mean square, and the largest minus the smallest."""
    values = np.array([[-7.0, 1.0], [5.0, -5.0]])
    assert (max_magnitude(values), root_mean_square(values)) == (7.0, 5.0)


def test_labels_belong_to_their_images():
    """What a feature is fitted to is whether the digit of that image is its number modulo 10."""
    data = Material(3)
    inputs, shown = data.layer_batches[0]
    images = {
        tuple(row): label
        for row, label in zip(load_pixels(), load_labelled_digits()[1], strict=True)
    }
    labels = [images[tuple(row)] for row in inputs * 16]
    assert shown.argmax(axis=1).tolist() == labels
    target = data.target(12)
    assert target.shape == (BATCH, 12)
    assert [row.tolist() for row in target] == [
        [float(label == n % 10) for n in range(12)] for label in labels
    ]


def test_randomness_does_not_depend_on_what_was_asked_before():
    """Every use starts from the seed anew, apart from the weights' stream."""
    data = Material(5)
    first = data.random.normal(size=3)
    weight = data.weight
    assert np.array_equal(data.random.normal(size=3), first)
    assert np.array_equal(Material(5).weight, weight)
    assert not np.array_equal(Material(6).weight, weight)
