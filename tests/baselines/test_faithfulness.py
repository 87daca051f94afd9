"""The baselines decide as the tools they are modelled on: PyTorch's gradcheck and assert_close, run
side by side."""

import numpy as np
import pytest
import torch

from bnproof.baselines.baseline import Differs, run_checks
from bnproof.baselines.closeness import ASSERT_CLOSE, assert_close
from bnproof.baselines.finite_differences import gradcheck
from bnproof.implementations.numpy import NumpyBatchNorm
from tests.baselines.specimens import EpsOutsideRoot, InPlace, NoMeanPath, OnePass, SampleVariance


def by_torch(implementation, x, gamma, beta):
    """The verdict of ``torch.autograd.gradcheck`` itself on the training mode."""

    class Function(torch.autograd.Function):
        @staticmethod
        def forward(context, *leaves):
            context.save_for_backward(*leaves)
            values = [leaf.detach().numpy() for leaf in leaves]
            return torch.from_numpy(
                implementation.train(*values, None, None, eps=1e-5, momentum=0.1)[0]
            )

        @staticmethod
        def backward(context, dy):
            values = [leaf.detach().numpy() for leaf in context.saved_tensors]
            return tuple(
                map(torch.from_numpy, implementation.train_vjp(dy.numpy(), *values, eps=1e-5))
            )

    leaves = [torch.from_numpy(a.copy()).requires_grad_() for a in (x, gamma, beta)]
    return torch.autograd.gradcheck(Function.apply, leaves, raise_exception=False)


def off_by(scale):
    """dx wrong by a factor."""

    class Off(NumpyBatchNorm):
        def train_vjp(self, dy, *state, **options):
            dx, dgamma, dbeta = super().train_vjp(dy, *state, **options)
            return dx * (1 + scale), dgamma, dbeta

    return Off()


OFF = {str(scale): off_by(scale) for scale in (0.0, 1e-6, 1e-4, 3e-3, 0.1, np.nan)}
BUGS = {
    make.__name__: make() for make in (NoMeanPath, EpsOutsideRoot, SampleVariance, OnePass, InPlace)
}


@pytest.mark.parametrize("wrong", [*OFF.values(), *BUGS.values()], ids=[*OFF, *BUGS])
def test_gradcheck_decides_as_pytorchs_does(wrong):
    """Errors in dx from far below the tolerances to far above, and bugs, get the verdict of
    torch.autograd.gradcheck."""
    random = np.random.default_rng(3)
    inputs = {
        "x": random.normal(size=(4, 3)),
        "gamma": random.normal(size=3),
        "beta": random.normal(size=3),
    }
    theirs = by_torch(wrong, *inputs.values())
    values = tuple(inputs.values())

    def forward():
        return wrong.train(*values, None, None, eps=1e-5, momentum=0.1)[0]

    outcome = run_checks(
        [
            (
                "",
                lambda: gradcheck(
                    forward, lambda dy: wrong.train_vjp(dy, *values, eps=1e-5), inputs
                ),
            )
        ]
    )
    assert outcome.flagged != theirs


@pytest.mark.parametrize(
    ("gradient", "reason"),
    [
        (lambda dy: dy + 1e-9, "not zero for a zero upstream"),
        (lambda dy: dy * (1 + 1e-9 * np.random.default_rng().random()), "when backward runs again"),
        (lambda dy: dy[:1], "not float64"),
        (lambda dy: dy.astype(np.float32), "is float32"),
        (lambda dy: None, "numerically 1"),
    ],
)
def test_gradcheck_also_sees_what_is_no_jacobian(gradient, reason):
    """Not linear in dy, not the same twice, of another shape or dtype, missing."""
    x = np.array([0.5, -1.0])
    with pytest.raises(Differs, match=reason):
        gradcheck(lambda: x, lambda dy: (gradient(dy),), {"x": x})


@pytest.mark.parametrize("dtype", ASSERT_CLOSE)
def test_closeness_is_pytorchs(dtype):
    """Errors around the tolerance are accepted and refused as by torch.testing.assert_close."""
    rtol, atol = ASSERT_CLOSE[dtype]
    for factor in (0.0, 0.3, 0.8, 1.3, 3.0):
        for value in (0.0, 1.0, -50.0):
            expected = np.array([value], dtype)
            got = (expected.astype(float) + factor * (atol + rtol * abs(value))).astype(dtype)
            theirs = accepted(
                torch.testing.assert_close, torch.from_numpy(got), torch.from_numpy(expected)
            )
            assert accepted(assert_close, "y", got, expected) == theirs


def accepted(check, *arguments):
    """Whether an assertion holds."""
    try:
        check(*arguments)
    except AssertionError:
        return False
    return True
