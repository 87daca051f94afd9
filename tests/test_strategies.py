"""The public strategies: what they promise of shapes, dtypes and values, and that failures
shrink."""

import numpy as np
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from bnproof.formats import NAMES, parameter_dtype
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.laws.answers import Answers
from bnproof.laws.comparing import compare
from bnproof.laws.oracle import Oracle
from bnproof.strategies import batches, cases, parameters, statistics
from tests.laws.draws import target


@given(batches(dtypes=("float16", "float32"), ranks=(2, 4), channels=3, least=5))
def test_a_batch_keeps_to_what_was_asked(x):
    """Dtype, rank, channels, values per channel; every entry is finite."""
    assert x.dtype.name in ("float16", "float32")
    assert x.ndim in (2, 4)
    assert x.shape[1] == 3
    assert x.size // 3 >= 5
    assert np.isfinite(x).all()


@given(st.data())
def test_parameters_and_statistics_have_one_value_per_channel(data):
    """In the dtype that was asked for; variances are positive."""
    gamma, beta = data.draw(parameters(3, "float64", absent=False))
    mean, var = data.draw(statistics(3, "float64"))
    assert {a.shape for a in (gamma, beta, mean, var)} == {(3,)}
    assert {a.dtype.name for a in (gamma, beta, mean, var)} == {"float64"}
    assert (var > 0).all()


@given(cases())
def test_a_case_is_one_of_the_contract(case):
    """One shape for x and its gradients; parameters in float32 for half precision."""
    assert case.x.shape == case.dy.shape == case.ddx.shape
    assert case.dtype.name in NAMES
    assert case.running_var.dtype == parameter_dtype(case.dtype)
    assert case.m >= 2


@settings(max_examples=25)
@given(cases())
def test_the_reference_is_right_on_them(case):
    """Every output within its bound, on inputs that no seed of ours chose."""
    answers, oracle = Answers(target(NumpyBatchNorm()), case), Oracle(case)
    for method in ("train", "train_vjp", "infer", "infer_vjp"):
        for name, value in answers.require(method).items():
            if value is not None:
                assert compare("the law", name, value, oracle).holds, name


def test_absent_parameters_are_drawn_too():
    """``None`` for gamma alone, and for beta alone."""
    assert find(parameters(2), lambda pair: pair[0] is None and pair[1] is not None)
    assert find(parameters(2), lambda pair: pair[0] is not None and pair[1] is None)


@pytest.mark.parametrize(
    ("fails", "shape"), [(lambda x: x.max() > 2, (1, 1)), (lambda x: len(x) > 3, (4, 1))]
)
def test_a_failure_shrinks(fails, shape):
    """To the smallest batch that fails."""
    found = find(batches(dtypes=("float64",)), fails)
    assert found.shape == shape
