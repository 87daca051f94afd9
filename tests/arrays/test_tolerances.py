"""Derived tolerances: they hold for correct arithmetic, and the pair for allclose is the tightest
that does."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import bnproof
from bnproof.arrays.tolerances import find_allclose
from bnproof.certify.bounds import NoBound
from bnproof.formats import dtype_of

points = st.lists(st.tuples(st.floats(0, 1e3), st.floats(1e-12, 1e3)), min_size=1, max_size=12).map(
    lambda pairs: [np.array(column) for column in zip(*pairs, strict=True)]
)


@given(points)
def test_the_pair_covers_every_bound(drawn):
    """As float64 evaluates it, which is what a comparison does."""
    size, bound = drawn
    slope, offset = find_allclose(size, bound)
    assert slope >= 0
    assert offset >= 0
    assert np.all(offset + slope * size >= bound)


@given(points)
def test_no_other_pair_is_lower_on_average(drawn):
    """Beside every line through two points, every level line, and every line through 0."""
    size, bound = drawn
    slope, offset = find_allclose(size, bound)
    lines = [(0.0, float(bound.max()))]
    if np.all(size > 1e-9):
        lines.append((float(np.max(bound / size)), 0.0))
    for one, other in itertools.combinations(range(len(size)), 2):
        if abs(size[one] - size[other]) > 1e-9:
            steep = (bound[one] - bound[other]) / (size[one] - size[other])
            lines.append((float(steep), float(bound[one] - steep * size[one])))
    for steep, level in lines:
        height = level + steep * size
        if steep >= 0 and level >= 0 and np.all(height >= bound * (1 + 1e-12)):
            assert offset + slope * size.mean() <= height.mean() * (1 + 1e-9)


def test_a_pair_worked_by_hand():
    """Through (1, 1) and (3, 3), with a mean size between them."""
    slope, offset = find_allclose(np.array([1.0, 2.0, 3.0]), np.array([1.0, 1.5, 3.0]))
    assert (round(slope, 9), round(offset, 9)) == (1, 0)


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32", "float64"])
def test_pytorch_is_within_its_tolerance(name):
    """Output, gradients and running statistics, entry by entry and by the pair for allclose."""
    rng = np.random.default_rng(3)
    dtype = getattr(torch, name)
    wide = np.float64 if name == "float64" else np.float32
    x = torch.tensor(rng.standard_normal((6, 3, 4)) * 2 + 5).to(dtype).requires_grad_()
    dy = torch.tensor(rng.standard_normal((6, 3, 4))).to(dtype)
    gamma, beta = (torch.tensor(a.astype(wide)).requires_grad_() for a in rng.random((2, 3)))
    old = torch.zeros(3, dtype=gamma.dtype), torch.ones(3, dtype=gamma.dtype)
    mean, var = old[0].clone(), old[1].clone()
    y = torch.nn.functional.batch_norm(x, mean, var, gamma, beta, True, 0.1, 1e-5)
    gradients = torch.autograd.grad(y, (x, gamma, beta), dy)
    allowed = bnproof.tolerance(x, gamma, beta, eps=1e-5, dy=dy, running=old, momentum=0.1)
    names = ("y", "dx", "dgamma", "dbeta", "running_mean", "running_var")
    for quantity, value in zip(names, (y, *gradients, mean, var), strict=True):
        got, exact = value.detach().double().numpy(), allowed.exact[quantity]
        assert np.all(np.abs(got - exact) <= getattr(allowed, quantity)), quantity
        slope, offset = allowed.as_allclose(quantity)
        assert np.all(np.abs(got - exact) <= offset + slope * np.abs(exact)), quantity


def test_shapes_are_those_of_what_is_bounded():
    """Also where channels are last; what was not asked about is None."""
    x = np.arange(24, dtype=np.float32).reshape(2, 4, 3)
    allowed = bnproof.tolerance(x, np.ones(3, np.float32), eps=1e-3, dy=x, channel_axis=-1)
    assert allowed.y.shape == allowed.dx.shape == x.shape
    assert allowed.dgamma.shape == (3,)
    assert allowed.running_mean is None
    assert np.array_equal(allowed.exact["dbeta"], x.sum(axis=(0, 1)))
    with pytest.raises(ValueError, match="no tolerance of 'running_var': it has y, dx"):
        allowed.as_allclose("running_var")


def test_inference_is_bounded_by_the_running_statistics():
    """The bound does not depend on the batch's own."""
    x = np.array([[1.0], [3.0]])
    running = np.array([1.0]), np.array([4.0])
    allowed = bnproof.tolerance(x, eps=0.0, training=False, running=running)
    assert allowed.exact["y"].tolist() == [[0.0], [1.0]]
    assert 0 < allowed.y.max() < 1e-14


def test_what_has_no_bound_is_refused():
    """A spread that drowns, a format whose sums are too short, a request without a momentum."""
    x = np.float32([[1000.0], [1000.5]])
    with pytest.raises(NoBound, match="one-pass variance has no bound in channel 0"):
        bnproof.tolerance(x, eps=0.0, formula="one-pass")
    with pytest.raises(NoBound, match="roundings"):
        bnproof.tolerance(np.zeros((300, 1), np.float32), eps=1.0, accumulate="bfloat16")
    with pytest.raises(ValueError, match="need a momentum"):
        bnproof.tolerance(x, eps=1.0, running=(np.zeros(1), np.ones(1)))
    with pytest.raises(ValueError, match="needs running statistics"):
        bnproof.tolerance(x, eps=1.0, training=False)
    with pytest.raises(ValueError, match="compute is 'float8': use one of float16"):
        bnproof.tolerance(x, eps=1.0, compute="float8")


def test_a_constant_batch_off_zero_has_a_bound():
    """There the output is beta exactly, and what rounding explains is finite."""
    x = np.full((50, 1), 1e4, dtype_of("float32"))
    allowed = bnproof.tolerance(x, eps=1e-5)
    assert np.all(np.isfinite(allowed.y))
    assert np.all(allowed.exact["y"] == 0)
