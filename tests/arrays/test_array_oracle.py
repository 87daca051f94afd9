"""What arrays are held to: the inputs as a case, and the bounds of a declared arithmetic."""

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnproof import certify
from bnproof.arrays.array_oracle import Arithmetic, ArrayOracle, Inputs
from bnproof.arrays.libraries import UnreadableArray
from bnproof.certify.bounds import NoBound
from bnproof.contract import Convention
from bnproof.implementations.conventions import UnknownConvention
from bnproof.laws.columns import to_columns

F32, F64 = np.dtype(np.float32), np.dtype(np.float64)
rng = np.random.default_rng(0)
X = rng.standard_normal((6, 2, 3)).astype(np.float32)


@pytest.mark.parametrize(
    ("dtype", "given", "expected"),
    [
        (np.float16, (None, None), ("float32", "float32")),
        (ml_dtypes.bfloat16, (None, None), ("float32", "float32")),
        (np.float32, (None, None), ("float32", "float32")),
        (np.float64, (None, None), ("float64", "float64")),
        (np.float64, ("float32", None), ("float32", "float32")),
        (np.float32, ("float64", None), ("float64", "float64")),
        (np.float32, ("tf32", None), ("tf32", "float32")),
        (np.float16, ("float16", None), ("float16", "float32")),
        (np.float32, (None, "float64"), ("float32", "float64")),
        (ml_dtypes.bfloat16, ("bfloat16", "bfloat16"), ("bfloat16", "bfloat16")),
    ],
)
def test_what_is_not_declared_is_as_usual(dtype, given, expected):
    """Half precision computes in float32; sums are in float32 unless float64 is computed in."""
    declared = Arithmetic.declare(np.dtype(dtype), *given, "two-pass")
    assert (declared.compute, declared.accumulate, declared.formula) == (*expected, "two-pass")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("float8", None, "two-pass"), "compute is 'float8': use one of float16, .*tf32"),
        (("float32", "tf32", "two-pass"), "accumulate is 'tf32': use one of float16"),
        (("float32", None, "welford"), "formula is 'welford': use one of two-pass, one-pass"),
    ],
)
def test_an_unknown_arithmetic_is_refused_by_name(given, words):
    """There are no sums in tf32, which is a format of products alone."""
    with pytest.raises(ValueError, match=words):
        Arithmetic.declare(F32, *given)


def test_an_arithmetic_is_told_in_words():
    """Sums are told where they differ, and the variance where it is in one pass."""
    assert str(Arithmetic("float32", "float32")) == "float32 arithmetic"
    assert str(Arithmetic("float16", "float32", "one-pass")) == (
        "float16 arithmetic with sums in float32 and the one-pass variance"
    )


@pytest.mark.parametrize(
    ("convention", "momentum", "variance"),
    [
        ("torch", 0.25, 12.5),
        ("paper", 0.25, 12.5),
        ("keras", 0.75, 12.25),
        ("flax", 0.75, 12.25),
        (Convention("own", momentum="old", running_var="unbiased"), 0.75, 12.5),
        (Convention("own", momentum="new", running_var="biased"), 0.25, 12.25),
    ],
)
def test_momentum_is_meant_as_the_convention_means_it(convention, momentum, variance):
    """By hand: the batch 0, 2 has mean 1 and variance 1, or 2 with Bessel's factor; it weighs a
    quarter against 8 and 16."""
    old = np.array([8.0]), np.array([16.0])
    x = np.array([[0.0], [2.0]])
    inputs = Inputs(x, 0.0, running=old, momentum=momentum, convention=convention)
    assert inputs.to_case().momentum == 0.25
    oracle = ArrayOracle(inputs)
    assert oracle.exact("running_mean").mid.tolist() == [6.25]
    assert oracle.exact("running_var").mid.tolist() == [variance]


@given(st.integers(2, 5), st.integers(-5, 4))
def test_channels_move_to_axis_1_and_back(rank, axis):
    """Of x and dy alike, for every rank and axis; what is one per channel stays as it is."""
    axis %= rank
    x = np.random.default_rng(rank).standard_normal((2, 3, 4, 2, 3)[:rank])
    inputs = Inputs(x, 1e-3, dy=-x, channel_axis=axis - rank)
    oracle = ArrayOracle(inputs)
    assert oracle.case.x.shape[1] == x.shape[axis]
    channel = np.take(x, 1, axis)
    assert np.array_equal(oracle.case.x[:, 1], channel)
    assert np.array_equal(oracle.case.dy, -oracle.case.x)
    assert np.array_equal(oracle.restore("dx", to_columns(oracle.case.x)), x)
    per_channel = np.arange(x.shape[axis])
    assert np.array_equal(oracle.restore("dgamma", per_channel), per_channel)


def test_parameters_have_one_entry_per_channel_in_any_shape():
    """What is absent is absent in the case too, apart from statistics and dy, which are neutral."""
    wide = np.array([2.0, 3.0]).reshape(1, 2, 1)
    case = Inputs(X, 1e-3, wide, wide + 2, running=(wide + 4, wide + 6)).to_case()
    values = (case.gamma, case.beta, case.running_mean, case.running_var)
    assert [value.tolist() for value in values] == [[2, 3], [4, 5], [6, 7], [8, 9]]
    bare = Inputs(X, 1e-3).to_case()
    assert bare.gamma is bare.beta is bare.layer is None
    assert (bare.running_mean.tolist(), bare.running_var.tolist()) == ([0, 0], [1, 1])
    assert not bare.dy.any()


@pytest.mark.parametrize(
    ("changed", "error", "words"),
    [
        ({"gamma": np.ones(3)}, ValueError, "gamma has shape"),
        ({"running": (np.ones(2), np.ones(3))}, ValueError, "running_var has shape"),
        ({"beta": [1.0, 2.0]}, UnreadableArray, "beta is a list"),
        ({"channel_axis": 3}, ValueError, "channel_axis is 3"),
        ({"dy": X[:1]}, ValueError, "dy has shape"),
        ({"running": (np.zeros(2), -np.ones(2))}, ValueError, "running_var is negative"),
        ({"convention": "caffe"}, UnknownConvention, "no convention 'caffe'"),
    ],
)
def test_inputs_that_make_no_sense_are_refused(changed, error, words):
    """In words that name the argument."""
    with pytest.raises(error, match=words):
        ArrayOracle(Inputs(**({"x": X, "eps": 1e-3} | changed)))


@pytest.mark.parametrize(
    ("stored", "unit", "smallest"),
    [(np.float16, 2.0**-11, 2.0**-24), (ml_dtypes.bfloat16, 2.0**-8, 2.0**-133)],
)
@pytest.mark.parametrize("quantity", ["y", "dgamma"])
def test_a_coarser_dtype_costs_one_rounding(quantity, stored, unit, smallest):
    """A value at the end of its bound, rounded, is within the bound; and no more is allowed."""
    oracle = ArrayOracle(Inputs(X, 1e-3, dy=X[::-1] + 1))
    exact = oracle.exact(quantity).mid
    fine, coarse = oracle.bound(quantity, F32), oracle.bound(quantity, np.dtype(stored))
    assert fine.shape == exact.shape
    for end in (exact - fine, exact + fine):
        assert np.all(np.abs(end.astype(stored).astype(float) - exact) <= coarse)
    size = np.abs(exact)
    assert np.all(coarse <= fine + unit * (size + fine) + smallest)


def test_a_finer_dtype_costs_nothing():
    """Float32 arithmetic that is handed over as float64 was rounded already."""
    oracle = ArrayOracle(Inputs(X, 1e-3))
    assert np.array_equal(oracle.bound("y", F64), oracle.bound("y", F32))
    double = ArrayOracle(Inputs(X, 1e-3), "float64")
    assert np.all(double.bound("y", F64) < double.bound("y", F32))


def test_another_arithmetic_shares_what_is_certified(monkeypatch):
    """The batch is enclosed once, and the bounds are those of a fresh oracle."""
    inputs = Inputs(X, 1e-3)
    declared = Arithmetic("float16", "float32", "one-pass")
    fresh = ArrayOracle(inputs, "float16", "float32", "one-pass").bound("y", F32)
    oracle = ArrayOracle(inputs)
    exact, before = oracle.exact("y"), oracle.bound("y", F32)
    monkeypatch.setattr(certify, "train", lambda *given, **options: pytest.fail("enclosed twice"))
    other = oracle.declare_instead(declared)
    assert np.array_equal(other.exact("y").mid, exact.mid)
    assert other.arithmetic == declared
    assert np.array_equal(other.bound("y", F32), fresh)
    assert np.all(fresh > before)
    assert np.array_equal(oracle.bound("y", F32), before)


def test_channels_without_a_bound_are_named():
    """The spread drowns in the square of the mean; the first five channels are enough."""
    x = np.repeat(X[:, :1], 8, axis=1)
    x[:, 1:] += np.float32(1e5)
    for count, told in ((1, None), (2, "channel 1 of"), (4, "channels 1, 2, 3 of")):
        oracle = ArrayOracle(Inputs(x[:, :count], 1e-12, dy=x[:, :count]), formula="one-pass")
        if told is None:
            assert np.all(np.isfinite(oracle.bound("y", F32)))
            continue
        for quantity in ("y", "dgamma"):
            with pytest.raises(NoBound, match=f"{quantity}: .*one-pass variance.* in {told}"):
                oracle.bound(quantity, F32)
    with pytest.raises(NoBound, match=r"in channels 1, 2, 3, 4, 5, \.\.\. of these inputs"):
        ArrayOracle(Inputs(x, 1e-12), formula="one-pass").bound("y", F32)
