"""What an implementation declares is kept to: supports, momentum, eps, layout, running variance."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bnproof.baselines.declared import Declared
from bnproof.contract import Convention

TORCH = Convention("torch")
KERAS = Convention("keras", momentum="old", running_var="biased", channel_axis=-1, eps_min=1e-3)


def declare(convention=TORCH, **supports):
    """A declaration."""
    return Declared(convention, supports)


def test_both_declarations_are_read():
    """Without any, the convention is PyTorch's and nothing is ruled out."""

    class Silent:
        pass

    class Speaking:
        convention = "keras"
        supports = {"ranks": [4]}

    silent, speaking = map(Declared.from_implementation, (Silent(), Speaking()))
    assert silent.convention.momentum == "new"
    assert not silent.supports
    assert speaking.convention.momentum == "old"
    assert speaking.supports == {"ranks": [4]}


CASE = {"dtype": "float32", "shape": (2, 3, 4), "eps": 1e-5, "momentum": 0.1}
NARROW = {
    "dtypes": ([np.float32], ["float64"]),
    "ranks": ([3], [2, 4]),
    "num_features": (3, 2),
    "eps": (1e-5, 1e-3),
    "momentum": (0.1, 0.9),
}


@pytest.mark.parametrize("name", NARROW)
def test_a_case_outside_of_what_is_supported_is_not_taken(name):
    """Each restriction by itself, fitting and not; momentum counts only where the case has one."""
    fitting, other = NARROW[name]
    assert declare(**{name: fitting}).takes(**CASE)
    assert not declare(**{name: other}).takes(**CASE)
    assert declare(momentum=0.9).takes(**{**CASE, "momentum": None})


def test_a_smaller_eps_than_the_least_is_not_taken():
    """And the least itself is; where it has to be used, it replaces a smaller one."""
    assert not declare(KERAS).takes(**{**CASE, "eps": 1e-5})
    assert declare(KERAS).takes(**{**CASE, "eps": 1e-3})
    assert declare(KERAS).convert_eps(1e-5) == 1e-3
    assert declare(KERAS).convert_eps(0.5) == 0.5


def test_usual_shapes_come_before_others_and_have_the_supported_channels():
    """Others are used only where no usual rank is supported, and none where no rank is."""
    usual, others = ((4, 3), (2, 3, 2, 2)), ((3, 3, 2), (2, 3, 1, 2, 2))
    assert declare().choose_shapes(usual, others) == list(usual)
    assert declare(ranks=[4, 5]).choose_shapes(usual, others) == [(2, 3, 2, 2)]
    assert declare(ranks=[5], num_features=7).choose_shapes(usual, others) == [(2, 7, 1, 2, 2)]
    assert declare(ranks=[6]).choose_shapes(usual, others) == []


def test_the_first_supported_dtype_is_chosen():
    """In the order of preference, by name or by type, or none."""
    assert declare().choose_dtype("float32", "float64") == "float32"
    assert declare(dtypes=[np.float64, "float16"]).choose_dtype("float32", "float64") == "float64"
    assert declare(dtypes=["float16"]).choose_dtype("float32") is None


@given(st.integers(0, 1000))
@settings(max_examples=25)
def test_momentum_goes_to_the_other_side_and_back(thousandths):
    """``1 - momentum`` for who weighs the old value, the same number for who weighs the new one."""
    new = thousandths / 1000
    assert declare(KERAS).convert_momentum(new) == (1000 - thousandths) / 1000
    assert declare(KERAS).convert_momentum(declare(KERAS).convert_momentum(new)) == new
    assert declare().convert_momentum(new) == new


def test_fixed_options_are_chosen_in_the_common_sense():
    """A fixed momentum of 0.75 for the old value weighs the new one by 0.25."""
    assert declare(KERAS, momentum=0.75).choose_momentum(0.1) == 0.25
    assert declare(momentum=0.75).choose_momentum(0.1) == 0.75
    assert declare(KERAS).choose_momentum(0.1) == 0.1
    assert declare(eps=0.5).choose_eps(1e-5) == 0.5
    assert declare().choose_eps(1e-5) == 1e-5


def test_channels_are_moved_where_they_are_declared():
    """(N, C, H, W) becomes (N, H, W, C), contiguous, and stays for who has them on axis 1."""
    x = np.arange(24).reshape(2, 3, 2, 2)
    moved = declare(KERAS).convert_layout(x)
    assert moved.shape == (2, 2, 2, 3)
    assert moved.flags.c_contiguous
    assert moved[1, 0, 1, 2] == x[1, 2, 0, 1]
    np.testing.assert_array_equal(declare().convert_layout(x), x)


@given(st.integers(0, 64), st.integers(0, 9), st.sampled_from([2, 4, 8]), st.integers(1, 8))
@settings(max_examples=25)
def test_an_unbiased_update_is_turned_into_the_biased_one(old, share, m, eighths):
    """``(1 - alpha) old + alpha v`` for ``v = (m - 1) share``, whose steps are exact in floats."""
    alpha, variance = Fraction(eighths, 8), (m - 1) * share
    unbiased = (1 - alpha) * old + alpha * m * share
    arguments = np.array([float(unbiased)]), np.array([float(old)]), float(alpha), m
    biased = declare(KERAS).convert_running_var(*arguments)[0]
    assert biased == (1 - alpha) * old + alpha * variance
    assert declare().convert_running_var(*arguments) is arguments[0]
