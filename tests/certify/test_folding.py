"""Folding: the layer with the batch norm inside answers like the two after each other, and every
weight meets the scale of the output it feeds."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnproof import certify
from bnproof.certify.folding import arrange_by_output
from tests.certify.exactly import exact, holds

# Squares minus eps: the roots are whole numbers, so that folded weights are rational.
EPS, ROOTS = 1.0, st.integers(1, 9)
WEIGHTS = st.integers(-99, 99).map(lambda n: n / 8)


@given(st.data())
def test_a_folded_layer_answers_like_the_two_after_each_other(data):
    """``W' u + b' = gamma (W u + b - mu_r)/s_r + beta`` for one output and any input u, in
    fractions."""
    draw = lambda n: [data.draw(WEIGHTS) for _ in range(n)]  # noqa: E731
    weight, (bias, gamma, beta, mean), u = draw(3), draw(4), draw(3)
    root = data.draw(ROOTS)
    given_ = [np.array([value]) for value in (bias, gamma, beta, mean, root**2 - EPS)]
    folded = certify.fold(np.array([weight]), *given_, eps=EPS)
    scale = Fraction(gamma) / root
    before = sum(a * b for a, b in zip(exact(weight), exact(u), strict=True)) + Fraction(bias)
    after = scale * (before - Fraction(mean)) + Fraction(beta)
    own = [scale * value for value in exact(weight)]
    rest = after - sum(a * b for a, b in zip(own, exact(u), strict=True))
    assert all(holds(folded.weight, (0, n), value) for n, value in enumerate(own))
    assert holds(folded.bias, 0, rest)


ARRANGED = {
    "linear": ("linear", (4, 3), 1, lambda at: at[0]),
    "conv in groups": ("conv", (4, 3, 2, 2), 2, lambda at: at[0]),
    "one group": ("conv_transpose", (6, 4, 3), 1, lambda at: at[1]),
    "two groups": ("conv_transpose", (6, 2, 3), 2, lambda at: at[0] // 3 * 2 + at[1]),
    "three groups": ("conv_transpose", (6, 2, 1), 3, lambda at: at[0] // 2 * 2 + at[1]),
}


@pytest.mark.parametrize(("kind", "shape", "groups", "output"), ARRANGED.values(), ids=ARRANGED)
def test_weights_are_arranged_by_the_output_they_feed(kind, shape, groups, output):
    """Written on each weight is the output it feeds; a channel then holds its own number alone, and
    the way back restores every place."""
    weight = np.empty(shape)
    for at in np.ndindex(shape):
        weight[at] = output(at)
    arranged, back = arrange_by_output(weight, kind, groups)
    outputs = int(weight.max()) + 1
    assert arranged.shape[1] == outputs
    assert all(np.all(arranged[:, o] == o) for o in range(outputs))
    places = np.arange(weight.size).reshape(shape)
    assert np.array_equal(back(arrange_by_output(places, kind, groups)[0]), places)


def test_a_layer_without_a_bias_gets_one():
    """``beta - gamma' mu_r``, where nothing is handed over for the bias."""
    three = np.array([3.0])
    folded = certify.fold(three[None], None, None, 2 * three, three, three, eps=6.0)
    assert holds(folded.weight, (0, 0), 1)
    assert holds(folded.bias, 0, 5)


BAD = {
    "flat": ((4,), "linear", 1, "weight has shape"),
    "empty": ((0, 3), "conv", 1, "weight has shape"),
    "kind": ((4, 3), "dense", 1, "give 'linear'"),
    "groups": ((4, 3), "conv_transpose", 3, "3 groups do not divide the 4"),
    "no groups": ((4, 3), "conv_transpose", 0, "0 groups"),
}


@pytest.mark.parametrize(("shape", "kind", "groups", "message"), BAD.values(), ids=BAD)
def test_weights_that_no_layer_has_are_refused(shape, kind, groups, message):
    """One sentence that says what to give."""
    with pytest.raises(ValueError, match=message) as refused:
        arrange_by_output(np.ones(shape), kind, groups)
    assert "\n" not in str(refused.value)


def test_a_parameter_for_another_number_of_outputs_is_refused():
    """For a transposed convolution the outputs are the second axis times the groups."""
    weight, six, four = np.ones((6, 2, 3)), np.ones(6), np.ones(4)
    options = {"eps": 1.0, "kind": "conv_transpose", "groups": 2}
    assert certify.fold(weight, four, None, None, four, four, **options).bias.shape == (4,)
    with pytest.raises(ValueError, match=r"running_mean has shape \(6,\): give \(4,\)"):
        certify.fold(weight, None, None, None, six, four, **options)
