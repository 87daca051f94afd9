"""Inference with given statistics: every entry by itself, and gradients without cross terms."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnproof import certify
from bnproof.certify.channels import build_map
from bnproof.certify.inference import remove_shift
from bnproof.certify.moments import wrap_statistics
from tests.certify.exactly import exact, holds, holds_root

VALUES = st.builds(
    lambda value, scale: value * scale,
    st.integers(-9, 9) | st.floats(-1, 1),
    st.sampled_from([1.0, 0.1, 1e8, 1e-8, 2.0**450]),
)
PAIRS = st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=6)
PARAMETERS = st.tuples(VALUES, VALUES, VALUES, st.floats(1e-6, 1e6) | st.just(0.0))


@given(PAIRS, PARAMETERS, st.sampled_from([1e-5, 3.0, 2.0**-70]))
def test_outputs_and_gradients_hold_the_exact_values(pairs, parameters, eps):
    """The affine map of each entry, ``dx = gamma/s g``, and ``dgamma`` about the mean handed in,
    which is not that of the batch."""
    x, dy = (np.array(column)[:, None] for column in zip(*pairs, strict=True))
    gamma, beta, mean, var = (np.array([value]) for value in parameters)
    found = certify.infer(x, gamma, beta, mean, var, eps=eps, dy=dy)
    values, g = exact(x[:, 0]), exact(dy[:, 0])
    scale, shift, centre, spread = exact(parameters)
    w = spread + Fraction(eps)
    for n, (value, up) in enumerate(zip(values, g, strict=True)):
        assert holds_root(found.y, (n, 0), scale * (value - centre), w, shift)
        assert holds_root(found.dx, (n, 0), scale * up, w)
    joint = sum(up * (value - centre) for value, up in zip(values, g, strict=True))
    assert holds_root(found.dgamma, 0, joint, w)
    assert holds(found.dbeta, 0, sum(g))
    assert holds_root(found.s, 0, w, w)


def test_a_spoiled_entry_spoils_nothing_else():
    """NaN and infinity have no output; every other entry of their channel has the one it had."""
    x = np.array([[1.0], [np.nan], [-np.inf], [5.0]])
    one = np.ones(1)
    found = certify.infer(x, None, one, one, one, eps=3.0).y
    assert list(found.mid[[0, 3], 0]) == [1, 3]
    assert np.isnan(found.mid[1:3]).all()


def test_a_negative_variance_leaves_its_channel_without_values():
    """Even where eps would lift it above 0: a variance is none if it is negative."""
    x, mean = np.ones((2, 2)), np.zeros(2)
    found = certify.infer(x, None, None, mean, np.array([-0.5, 3.0]), eps=1.0, dy=x)
    for quantity in (found.y, found.dx, found.dgamma, found.s):
        assert np.isnan(quantity.mid[..., 0]).all()
        assert np.isfinite(quantity.mid[..., 1]).all()


def test_an_empty_batch_has_outputs_and_no_gradients():
    """N = 0 is allowed without dy, and refused with one."""
    x, one = np.ones((0, 1, 4)), np.ones(1)
    assert certify.infer(x, None, None, one, one, eps=1.0).y.shape == (0, 1, 4)
    with pytest.raises(ValueError, match="no value per channel"):
        certify.infer(x, None, None, one, one, eps=1.0, dy=x)


def test_without_dy_there_is_no_gradient():
    """The sentence says what to hand over."""
    one = np.ones(1)
    found = certify.infer(np.ones((2, 1)), None, None, one, one, eps=1.0)
    for name in ("dx", "dgamma", "dbeta"):
        with pytest.raises(AttributeError, match="hand dy over"):
            getattr(found, name)


def test_a_map_without_its_shift_keeps_its_scale():
    """Mean and beta are 0; gamma, variance, eps and the channels without a scale stay."""
    place = wrap_statistics(4, np.array([2.0, 3.0]), np.array([9.0, -1.0]))
    still = remove_shift(build_map(place, np.array([5.0, 7.0]), np.array([1.0, 1.0]), 7.0))
    assert not still.place.c.any()
    assert not still.beta.any()
    assert (list(still.gamma), list(still.place.v.mid), still.eps) == ([5, 7], [9, -1], 7)
    assert list(still.scaleless) == [False, True]
