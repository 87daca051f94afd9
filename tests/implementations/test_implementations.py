"""The implementations answer in the contract's form and refuse bad input in one line."""

import numpy as np
import pytest

from bnproof.implementations.conventions import NAMED, resolve_convention
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.implementations.targets import UnusableTarget, list_builtin, load

COMPILES = {"torch-compiled"}  # seconds for every new kind of input
NAMES = [
    pytest.param(n, marks=pytest.mark.slow) if n in COMPILES else n for n in sorted(list_builtin())
]
SHAPES = [(4, 3), (4, 3, 2), (2, 3, 2, 2), (2, 3, 2, 1, 2)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_shapes_and_dtypes(name, shape, dtype):
    """Outputs have the input's shape and dtype, parameters and statistics one value per channel."""
    random = np.random.default_rng(1)
    x, dy = random.normal(size=(2, *shape)).astype(dtype)
    parameters = [np.ones(3, dtype), np.zeros(3, dtype), np.zeros(3, dtype), np.ones(3, dtype)]
    implementation = load(name)
    y, mean, var = implementation.train(x, *parameters, eps=1e-3, momentum=0.3)
    assert (y.shape, y.dtype) == (x.shape, x.dtype)
    assert mean.shape == var.shape == (3,)
    assert implementation.infer(x, *parameters, eps=1e-3).dtype == x.dtype
    if hasattr(implementation, "train_vjp"):
        dx, dgamma, dbeta = implementation.train_vjp(dy, x, *parameters[:2], eps=1e-3)
        assert (dx.shape, dgamma.shape, dbeta.shape) == (x.shape, (3,), (3,))


@pytest.mark.parametrize("name", NAMES)
def test_untracked_statistics_stay_none(name):
    """Without running statistics, None comes back."""
    x = np.arange(6.0).reshape(3, 2)
    _, mean, var = load(name).train(x, None, None, None, None, eps=1e-3, momentum=0.1)
    assert mean is None
    assert var is None


BAD = {
    "integers": (np.arange(6).reshape(3, 2), 1e-5, TypeError, "astype"),
    "rank 1": (np.arange(6.0), 1e-5, ValueError, "give .N, C."),
    "negative eps": (np.ones((3, 2)), -1.0, ValueError, "give a number >= 0"),
    "NaN eps": (np.ones((3, 2)), float("nan"), ValueError, "give a number >= 0"),
    "no values": (np.ones((0, 2)), 1e-5, ValueError, "no value per channel"),
    "one value": (np.ones((1, 2)), 1e-5, ValueError, "more than one value"),
}


@pytest.mark.parametrize(("x", "eps", "error", "mend"), BAD.values(), ids=BAD)
def test_bad_input_is_refused_in_one_line(x, eps, error, mend):
    """The message is one line and names the mend."""
    with pytest.raises(error, match=mend) as refused:
        NumpyBatchNorm().train(x, None, None, None, None, eps=eps, momentum=0.1)
    assert "\n" not in str(refused.value)


def test_a_parameter_of_the_wrong_length_is_refused():
    """One gamma per channel, or a clear error."""
    with pytest.raises(ValueError, match="one value per channel"):
        NumpyBatchNorm().train(np.ones((3, 2)), np.ones(3), None, None, None, eps=1.0, momentum=0.1)


def test_nan_stays_in_its_channel():
    """A NaN in one channel does not reach the others."""
    x = np.random.default_rng(0).normal(size=(4, 2))
    x[1, 0] = np.nan
    y, mean, _ = NumpyBatchNorm().train(
        x, None, None, np.zeros(2), np.ones(2), eps=1e-3, momentum=0.5
    )
    assert np.isnan(y[:, 0]).all()
    assert np.isfinite(y[:, 1]).all()
    assert np.isfinite(mean[1])


@pytest.mark.parametrize(
    ("target", "mend"),
    [
        ("nump", "try numpy"),
        ("no_such_package:Name", "no module 'no_such_package'"),
        ("nowhere.py:Name", "there is no file"),
        ("json:Nothing", "nothing in it has a method of the contract"),
        ("json:dumps", "dumps is a function, and"),
    ],
)
def test_unusable_targets_name_the_mend(target, mend):
    """One line says why a target cannot be used."""
    with pytest.raises(UnusableTarget, match=mend) as refused:
        load(target)
    assert "\n" not in str(refused.value)


def test_a_file_or_a_class_that_needs_more_names_the_mend(tmp_path):
    """What to check in a file has to be said; a class whose constructor raises is told apart from a
    missing name."""
    path = tmp_path / "mine.py"
    path.write_text(
        "class Boom:\n    def __init__(self):\n        raise RuntimeError('no licence')\n"
    )
    with pytest.raises(
        UnusableTarget, match=r"is a file: say what to check in it, as in .*mine\.py:Name"
    ):
        load(str(path))
    with pytest.raises(
        UnusableTarget, match=r"Boom\(\) raises RuntimeError: no licence: name an instance"
    ):
        load(f"{path}:Boom")


def test_conventions_by_name():
    """The named conventions are found, others refused with the list."""
    assert resolve_convention("keras").momentum == "old"
    assert resolve_convention(NAMED["torch"]) is NAMED["torch"]
    with pytest.raises(LookupError, match="use one of biased, flax, keras"):
        resolve_convention("teras")
