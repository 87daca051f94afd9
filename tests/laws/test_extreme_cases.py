"""Extreme cases: each extreme is there, and is as extreme as it has to be."""

from itertools import product
from math import prod

import numpy as np
import pytest

from bnproof.laws import extreme_cases
from bnproof.laws.columns import to_columns
from bnproof.laws.extreme_cases import MOST, draw_extreme_cases
from bnproof.laws.supports import EVERYTHING, Supports

ALL = list(draw_extreme_cases(EVERYTHING, 0))


def standardised(case):
    """xhat without eps, in float64 columns."""
    x = np.asarray(to_columns(case.x), dtype=float)
    return (x - x.mean(axis=0)) / x.std(axis=0)


def test_squares_have_one_size_in_every_rank():
    """N, C and all spatial axes agree, so that no confusion of axes changes a shape."""
    squares = {case.x.ndim for case in ALL if len(set(case.x.shape)) == 1 and len(case.x) > 1}
    assert squares == {2, 3, 4, 5}


def test_blocks_and_tiles_do_not_divide_the_sizes():
    """There are more than 1,024 channels and more than 65,535 samples, and positions of an image
    that no power of two from 4 to 32 divides."""
    wide = [case.x.shape[1] for case in ALL if case.x.shape[1] > 1024]
    assert wide
    assert max(len(case.x) for case in ALL) > 65_535
    images = {case.x.shape[2:] for case in ALL if np.prod(case.x.shape[2:]) > 1000}
    assert images
    for size, tile in product([*wide, *(n for shape in images for n in shape)], (4, 8, 16, 32)):
        assert size % tile


def test_an_outlier_is_nearly_as_far_as_a_value_can_be():
    """No ``xhat^2`` exceeds m - 1 (Samuelson), and one of them reaches half of that, in a batch
    that is not short."""
    reached = [np.max(standardised(c) ** 2) / (c.m - 1) for c in ALL if 1000 < c.m < 10_000]
    assert max(reached) > 0.5
    assert max(reached) <= 1 + 2.0**-40


def test_a_fresh_layer_and_a_gamma_of_zero_are_among_them():
    """gamma 1, beta 0, statistics 0 and 1, with one channel that gets no gradient; and gamma 0."""
    fresh = [c for c in ALL if c.gamma is not None and np.all(c.gamma == 1) and not c.beta.any()]
    assert fresh
    for case in fresh:
        assert not case.running_mean.any()
        assert np.all(case.running_var == 1)
        assert [bool(case.dy[:, channel].any()) for channel in (0, 1)] == [False, True]
    assert any(c.gamma is not None and not c.gamma.any() for c in ALL)


def test_parameters_are_absent_one_by_one():
    """gamma alone, beta alone, and neither, with layers whose groups have several outputs."""
    found = {(case.gamma is not None, case.beta is not None): case for case in ALL if case.layer}
    assert found.keys() == {(True, False), (False, True), (False, False)}
    layers = [case.layer for case in found.values()]
    assert {(layer.kind, layer.groups) for layer in layers} == {
        ("conv", 2),
        ("conv_transpose", 2),
        ("conv_transpose", 1),
    }
    assert any(layer.bias is None for layer in layers)


def test_statistics_leave_the_range_of_half_precision():
    """Rounded to float16, one running variance is infinite, the other moves by a tenth or more, and
    eps is 0; x is finite."""
    far = [case for case in ALL if case.dtype == np.float16 and case.eps == 1e-8]
    assert far
    with np.errstate(over="ignore"):
        for case in far:
            large, small = case.running_var.astype(np.float16).astype(float)
            assert large == np.inf
            assert abs(small / case.running_var[1] - 1) > 0.1
            assert np.float16(case.eps) == 0
            assert np.isfinite(case.x).all()
            assert np.all(case.running_var > 0)


def test_sums_of_squares_leave_the_range_of_float16():
    """In one case each square is inside of it, and the sum over a channel is not."""
    largest = np.finfo(np.float16).max
    squares = [to_columns(c.x).astype(float) ** 2 for c in ALL if c.dtype == np.float16]
    sums = [np.sum(square, axis=0) for square in squares if len(square) < 65_535]
    inside = [square.max() < largest for square in squares if len(square) < 65_535]
    assert any(np.all(total > largest) for total, fits in zip(sums, inside, strict=True) if fits)


@pytest.mark.parametrize("eps", [None, 0.0])
def test_a_running_variance_is_zero_only_beside_an_eps(eps):
    """With eps = 0 there would be no output."""
    found = list(draw_extreme_cases(Supports(eps=eps), 0))
    assert all(np.all(case.running_var + case.eps > 0) for case in found)
    assert any(np.any(case.running_var == 0) for case in found) == (eps is None)


def test_many_fixed_channels_do_not_make_a_case_endless():
    """What would be too large is left out, and something stays."""
    sizes = [case.x.size for case in draw_extreme_cases(Supports(channels=16), 0)]
    assert 70_001 * 16 > MOST >= max(sizes)
    assert len(sizes) < len(ALL)


def test_what_is_left_out_is_not_drawn(monkeypatch):
    """The shape is looked at first: thousands of channels would take half a minute to draw."""
    drawn = []
    draw = extreme_cases._draw_case
    monkeypatch.setattr(
        extreme_cases,
        "_draw_case",
        lambda random, supports, dtype, shape, **options: (
            drawn.append(shape) or draw(random, supports, dtype, shape, **options)
        ),
    )
    cases = list(draw_extreme_cases(Supports(channels=2048), 0))
    assert len(cases) >= len(drawn) > 0
    assert max(map(prod, drawn)) <= MOST
