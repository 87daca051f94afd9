"""PyTorch's double backward and its fold, on powers of two, where both are exact."""

from fractions import Fraction

import numpy as np
import pytest

from bnproof.implementations.numpy_folding import Folding
from bnproof.implementations.torch_further import Further
from tests.implementations import hyperdual
from tests.implementations.hyperdual import column, perturb, unit

FURTHER = Further()
# v = 4, so that eps = 12 makes s = 4
X, DY, DDX, GAMMA, EPS = [1, 5, 1, 5], [3, 1, -2, 4], [0, 2, 5, -1], 1.5, 12.0


def double(gamma):
    """``(d_dy, d_x, d_gamma)`` of the batch above."""
    return FURTHER.train_double_vjp(column(DDX), column(DY), column(X), gamma, eps=EPS)


def test_double_backward_is_the_second_derivative():
    """In fractions: by dy, by x and by gamma, in this order."""
    d_dy, d_x, d_gamma = double(np.array([GAMMA]))
    here, eps = Fraction(GAMMA), Fraction(EPS)

    def bend(x, gamma):
        y = hyperdual.train(x, gamma, 0, eps)
        return float(sum(g * one.ab for g, one in zip(DY, y, strict=True)))

    by_dy = [float(one.a) for one in hyperdual.train(perturb(X, DDX), here, 0, eps)]
    assert d_dy.ravel().tolist() == by_dy
    assert d_x.ravel().tolist() == [bend(perturb(X, DDX, unit(k)), here) for k in range(4)]
    assert d_gamma.tolist() == [bend(perturb(X, DDX), hyperdual.Dual(here, b=Fraction(1)))]


def test_without_gamma_it_counts_as_one():
    """There is no d_gamma, and the others are those of gamma = 1."""
    absent, one = double(None), double(np.ones(1))
    assert absent[2] is None
    for values, others in zip(absent[:2], one[:2], strict=True):
        assert np.array_equal(values, others)


def test_what_pytorch_refuses_or_computes_in_half_is_not_offered():
    """eps = 0, and a half-precision batch."""
    batch = [column(values) for values in (DDX, DY, X)]
    with pytest.raises(NotImplementedError, match="refuse eps = 0"):
        FURTHER.train_double_vjp(*batch, None, eps=0.0)
    with pytest.raises(NotImplementedError, match="twice in half precision"):
        FURTHER.train_double_vjp(*(part.astype("float16") for part in batch), None, eps=1.0)


FOLDS = {
    "linear": ((2, 3), "linear", 1),
    "conv": ((2, 3, 2), "conv", 1),
    "grouped": ((4, 1, 3), "conv", 2),
    "transposed": ((3, 2, 2), "conv_transpose", 1),
}


@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize(("shape", "kind", "groups"), FOLDS.values(), ids=FOLDS)
def test_a_fold_is_the_reference_fold(shape, kind, groups, bare):
    """Weight and bias; absent parameters count as 1 and 0, and the arguments stay as they are."""
    random = np.random.default_rng(1)
    outputs = shape[1] if kind == "conv_transpose" else shape[0]
    weight = random.integers(-4, 5, size=shape).astype(float)
    bias, gamma, beta, mean = random.integers(-4, 5, size=(4, outputs)).astype(float)
    var = np.array([3.0, 15.0, 63.0, 255.0])[:outputs]
    absent = (None, None, None) if bare else (bias, gamma, beta)
    arguments = (weight, *absent, mean, var)
    before = [None if values is None else values.copy() for values in arguments]
    options = {"eps": 1.0, "kind": kind, "groups": groups}
    found = FURTHER.fold(*arguments, **options)
    for one, other in zip(found, Folding().fold(*before, **options), strict=True):
        assert np.array_equal(one, other)
    for values, copy in zip(arguments, before, strict=True):
        assert np.array_equal(values, copy)


def test_a_grouped_transposed_convolution_is_not_offered():
    """PyTorch's fold would scale the wrong rows."""
    one = np.ones(2)
    with pytest.raises(NotImplementedError, match="grouped transposed convolution"):
        FURTHER.fold(
            np.ones((2, 1, 3)), None, None, None, one, one, eps=1.0, kind="conv_transpose", groups=2
        )
