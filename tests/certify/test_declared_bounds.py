"""Bounds of a declared arithmetic: what is simulated step by step in it stays inside."""

import ml_dtypes
import numpy as np
import pytest

from bnproof import certify
from bnproof.certify import bounds
from bnproof.certify.bounds import ExactBatch, NoBound, Precision
from bnproof.formats import Format, dtype_of
from tests.certify.kernels import Arithmetic, round_to_11_bits, train

COMPUTE = ("float16", "bfloat16", "tf32", "float32", "float64")


def draw_inputs(rng):
    """A batch, an upstream gradient and parameters of random dtypes, sizes and conditions."""
    name = rng.choice(["float16", "bfloat16", "float32", "float64"])
    m, kappa, scale = int(rng.choice([1, 2, 3, 17, 64])), 10 ** rng.uniform(-1, 4), 10.0
    x = scale ** rng.uniform(-3, 2) * (rng.standard_normal((m, 2)) + kappa * rng.integers(-1, 2))
    x = np.clip(x, -60000, 60000)
    dy = rng.standard_normal((m, 2)) * 10 ** rng.uniform(-2, 2) + 3 * rng.integers(0, 2)
    gamma, beta = rng.standard_normal((2, 2)) * 10 ** rng.uniform(-1, 1)
    return [a.astype(dtype_of(name)) for a in (x, dy, gamma, beta)]


def bound_all(p, b, dy, gamma, beta):
    """The bounds of everything that the simulation returns."""
    dgamma, dbeta = bounds.parameter_gradients(p, b, dy)
    found = {
        "mu": bounds.mean(p, b),
        "v": bounds.variance(p, b),
        "y": bounds.output(p, b, gamma, beta),
        "dx": bounds.input_gradient(p, b, dy, gamma),
        "dgamma": dgamma,
        "dbeta": dbeta,
    }
    return {name: bound.total for name, bound in found.items()}


@pytest.mark.parametrize("formula", ["two-pass", "one-pass"])
@pytest.mark.parametrize("compute", COMPUTE)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_kernel_in_the_declared_arithmetic_stays_inside(compute, formula):
    """Whatever the order of its sums and the form of its affine step, on batches far off zero too;
    and most of the bounds are finite."""
    rng, bounded = np.random.default_rng(7), 0
    for trial in range(60):
        accumulate = str(rng.choice(["float16", "bfloat16", "float32", "float64"]))
        x, dy, gamma, beta = draw_inputs(rng)
        eps, one_pass = float(rng.choice([1e-8, 1e-5, 1e-3, 1.0])), formula == "one-pass"
        p = Precision.declare(compute, accumulate, x.dtype, one_pass=one_pass)
        wide = [a.astype(float) for a in (x, dy, gamma, beta)]
        exact = certify.train(wide[0], wide[2], wide[3], eps=eps, dy=wide[1])
        deviation = (wide[0] - exact.mu.mid) - exact.mu.low
        batch = ExactBatch(wide[0], deviation, exact.mu.mid, exact.v.mid, eps)
        on = Arithmetic(compute, accumulate, rng)
        got = train(on, x, gamma, beta, dy, eps, one_pass=one_pass, collapsed=trial % 2 == 0)
        for name, bound in bound_all(p, batch, *wide[1:]).items():
            errors = getattr(exact, name).distance(np.asarray(got[name], float))
            finite = np.isfinite(np.broadcast_to(bound, errors.shape))
            assert np.all((errors <= bound) | ~finite), (name, trial)
            bounded += np.mean(finite)
    assert bounded > 60


def test_the_declared_arithmetic_of_a_dtype_is_its_own():
    """Float32 with sums in float32 has the bound of float32, and so has half precision before it is
    stored."""
    for name in ("float16", "bfloat16", "float32"):
        declared = Precision.declare("float32", "float32", dtype_of(name))
        usual = Precision.from_dtype(dtype_of(name))
        assert (declared.gamma(9), declared.sums(9, 3)) == (usual.gamma(9), usual.gamma(12))
        assert declared.conversions == 0


def test_coarser_arithmetic_has_wider_bounds():
    """Each step down in precision widens the bound of the output; a product in tf32 has two factors
    that are rounded like float16."""
    x = np.linspace(-1, 2, 12).reshape(-1, 1)
    exact = certify.train(x, eps=1e-5)
    batch = ExactBatch(x, x - exact.mu.mid, exact.mu.mid, exact.v.mid, 1e-5)
    ones = np.ones(1)
    widths = [
        bounds.output(
            Precision.declare(compute, "float32", np.float32), batch, ones, 0 * ones
        ).total.max()
        for compute in ("float32", "float16", "tf32", "bfloat16")
    ]
    assert widths == sorted(widths)
    assert widths[1] > 100 * widths[0]


def test_the_one_pass_bound_grows_with_the_square_of_the_condition():
    """Ten times the mean, a hundred times the bound."""
    p = Precision.declare("float64", "float64", np.float64, one_pass=True)
    spread = np.array([[-1.0], [1.0]])

    def bound_at(mean):
        batch = ExactBatch(spread + mean, spread, np.array([mean]), np.ones(1), 0.0)
        return float(bounds.variance(p, batch).total[0])

    assert 95 < bound_at(1e4) / bound_at(1e3) < 105


def test_nothing_bounds_what_leaves_the_range():
    """In float16 the square of 300 overflows, and a sum of 100 values of 1000."""
    p = Precision.declare("float16", "float32", np.float16)
    for x in (np.array([[-300.0], [300.0]]), np.full((100, 1), 1000.0)):
        mean = x.mean(axis=0)
        batch = ExactBatch(x, x - mean, mean, x.var(axis=0), 1.0)
        assert np.isinf(bounds.variance(p, batch).total).all()
    with pytest.raises(NoBound):
        Precision.declare("float32", "float16", np.float16).sums(2**11)


def test_rounding_to_11_bits_is_that_of_float16_in_its_range():
    """Float16 has 11 bits."""
    values = np.linspace(1, 100, 1001, dtype=np.float32)
    assert np.array_equal(round_to_11_bits(values), values.astype(np.float16).astype(np.float32))
    assert Format.from_dtype(ml_dtypes.bfloat16).p == 8
