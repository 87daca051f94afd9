"""The a-priori bounds hold for honest arithmetic and are not so wide that they hide a wrong
formula."""

from dataclasses import replace

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnproof.certify.bounds import Bound, NoBound, Precision
from bnproof.contract import Case
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.implementations.numpy_arrays import widen
from bnproof.implementations.targets import load
from bnproof.laws.columns import to_columns
from bnproof.laws.oracle import Oracle
from bnproof.laws.supports import Supports
from tests.laws.draws import cases, semantic


@given(cases())
def test_two_pass_arithmetic_stays_inside(case):
    """A plain two-pass computation, also with a shuffled batch and in the collapsed form, obeys the
    bound."""
    oracle = Oracle(case)
    bound = oracle.bound("y").total
    xhat, mu, _, s = NumpyBatchNorm().normalise(case.x, case.eps)
    shape = (1, -1, *(1,) * (case.x.ndim - 2))
    gamma = np.ones(case.x.shape[1], case.dtype) if case.gamma is None else case.gamma
    beta = np.zeros(case.x.shape[1], case.dtype) if case.beta is None else case.beta
    direct = xhat * gamma.reshape(shape) + beta.reshape(shape)
    scale = gamma.reshape(shape) / s
    collapsed = case.x * scale + (beta.reshape(shape) - mu * scale)
    for y in (direct, collapsed):
        assert np.all(oracle.exact("y").distance(to_columns(y)) <= bound)


class Updating(NumpyBatchNorm):
    """Mean and variance by merging parts, the smaller into the larger: value by value (Welford), or
    any tree (Chan et al.)."""

    def __init__(self, tree):
        self.tree = tree

    def normalise(self, x, eps):
        """The batch by the variance of the root."""
        n, mean, squares = self.merge_moments(to_columns(widen(x)), self.tree)
        mu, v = (
            values.reshape(1, -1, *(1,) * (x.ndim - 2))
            for values in (mean, squares / mean.dtype.type(n))
        )
        s = self.std(v, eps)
        return (widen(x) - mu) / s, mu, v, s

    def merge_moments(self, values, tree):
        """``n``, the mean, and ``sum (x - mean)^2``: ``S_a + S_b + (M_b - M_a)^2 n_a n_b/n``."""
        n, like = len(values), values.dtype.type
        if n == 1:
            return 1, values[0], np.zeros_like(values[0])
        cut = n - 1 if tree is None else int(tree.integers(1, n))
        parts = [self.merge_moments(part, tree) for part in (values[:cut], values[cut:])]
        (n_a, mean_a, squares_a), (n_b, mean_b, squares_b) = sorted(
            parts, key=lambda part: -part[0]
        )
        step = mean_b - mean_a
        mean = mean_a + step * like(n_b) / like(n)
        return n, mean, squares_a + squares_b + step * step * like(n_a) * like(n_b) / like(n)


@given(
    cases(),
    st.none() | st.integers(0, 2**20),
    st.sampled_from(["as drawn", "largest first", "largest last"]),
)
def test_updating_formulas_stay_inside(case, seed, order):
    """Welford's updates and merges along random trees, whatever comes first: the tracked statistics
    and the output."""
    values = to_columns(case.x)[:300]
    values = (
        values
        if order == "as drawn"
        else np.sort(values, axis=0)[:: -1 if order == "largest first" else 1]
    )
    x = np.ascontiguousarray(values)
    case = replace(case, x=x, dy=np.zeros_like(x), ddx=None, parts=(), layer=None)
    oracle = Oracle(case)
    formula = Updating(None if seed is None else np.random.default_rng(seed))
    y, mean, var = formula.train(
        x,
        case.gamma,
        case.beta,
        case.running_mean,
        case.running_var,
        eps=case.eps,
        momentum=case.momentum,
    )
    assert np.all(oracle.exact("y").distance(y) <= oracle.bound("y").total)
    assert np.all(oracle.exact("running_mean").distance(mean) <= oracle.bound("running_mean").total)
    assert np.all(oracle.exact("running_var").distance(var) <= oracle.bound("running_var").total)


def test_updating_formulas_need_the_term():
    """Float32 values whose mean is a thousand spreads from 0: Welford's variance is off by more
    than ``m u`` of it explains."""
    x = np.random.default_rng(5).normal(1000, 1, size=(32, 4)).astype(np.float32)
    ones, zeros = np.ones(4, np.float32), np.zeros(4, np.float32)
    oracle = Oracle(Case(x, np.zeros_like(x), None, None, zeros, ones, eps=1e-3, momentum=1.0))
    _, _, var = Updating(None).train(x, None, None, zeros, ones, eps=1e-3, momentum=1.0)
    off = oracle.exact("running_var").distance(var)
    assert np.any(off > 40 * 2.0**-24 * var)
    assert np.all(off <= oracle.bound("running_var").total)


@given(st.integers(0, 2**20), st.sampled_from([0.01, 0.001, 0.3]))
def test_a_momentum_that_weighs_the_old_value_stays_inside(seed, alpha):
    """``1 - alpha`` is what gets rounded: of a batch whose mean is far above the running one that
    is most of the error."""
    random = np.random.default_rng(seed)
    x = (random.normal(size=(7, 3)) + 1e5 * random.random(3)).astype(np.float32)
    old = random.random(3).astype(np.float32)
    oracle = Oracle(Case(x, np.zeros_like(x), None, None, old, old + 1, eps=1e-3, momentum=alpha))
    kept = np.float32(1 - alpha)
    mean = kept * old + (1 - kept) * x.mean(axis=0)
    assert np.all(oracle.exact("running_mean").distance(mean) <= oracle.bound("running_mean").total)


@given(semantic(Supports(dtypes=("float64",))))
def test_a_forgotten_eps_lies_far_outside(case):
    """On semantic cases the effect of ignoring eps exceeds the bound tenfold."""
    x = to_columns(case.x)
    plain = (x - x.mean(axis=0)) / x.std(axis=0)
    oracle = Oracle(case)
    true = oracle.exact("y")
    gamma, beta = oracle.gamma, oracle.beta
    assert np.any(true.distance(plain * gamma + beta) > 10 * oracle.bound("y").total)


def test_too_many_values_have_no_bound():
    """m u >= 1 is refused, not judged."""
    with pytest.raises(NoBound):
        Precision.from_dtype(np.float16).gamma(2**24)


def test_terms_are_named_and_add_up():
    """A bound is the sum of its terms; sums of bounds join terms of one name."""
    one, two = (
        Bound({"sums": np.array([1.0])}),
        Bound({"sums": np.array([2.0]), "eps": np.array([4.0])}),
    )
    joined = one + two
    assert set(joined.terms) == {"sums", "eps"}
    assert joined.total >= 7


def test_where_the_spread_drowns_in_rounding_nothing_is_judged():
    """Values one ulp apart far from 0, eps = 0: the bound is infinite, never not-a-number, and
    raises no warning."""
    x = np.full((700, 1), 1000.0, dtype=np.float32)
    x[0], x[1] = (
        np.nextafter(np.float32(1000), np.float32(2000)),
        np.nextafter(np.float32(1000), np.float32(0)),
    )
    one = np.ones(1, dtype=np.float32)
    case = Case(x, x, one, one, one, one, eps=0.0, momentum=0.5)
    total = Oracle(case).bound("y").total
    assert not np.any(np.isnan(total))
    assert np.any(np.isinf(total))


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
@given(seed=st.integers(0, 2**32 - 1))
def test_half_precision_is_computed_in_float32_and_stored(dtype, seed):
    """PyTorch's half-precision output, gradient and inference lie inside; the same arithmetic kept
    in half does not."""
    case = half_case(dtype, seed)
    oracle, torch = Oracle(case), load("torch")
    found = {
        "y": torch.train(case.x, case.gamma, case.beta, None, None, eps=case.eps, momentum=0.1)[0],
        "dx": torch.train_vjp(case.dy, case.x, case.gamma, case.beta, eps=case.eps)[0],
        "infer_y": torch.infer(
            case.x, case.gamma, case.beta, case.running_mean, case.running_var, eps=case.eps
        ),
    }
    for name, got in found.items():
        assert np.all(oracle.exact(name).distance(to_columns(got)) <= oracle.bound(name).total), (
            name
        )
    x = case.x.reshape(-1, 3)
    d = x - (np.add.reduce(x, axis=0, dtype=dtype) / dtype(len(x)))
    s = np.sqrt(
        (np.add.reduce(d * d, axis=0, dtype=dtype) / dtype(len(x))).astype(np.float32)
        + np.float32(case.eps)
    )
    narrow = (d.astype(np.float32) / s * case.gamma + case.beta).astype(dtype)
    assert not np.all(oracle.exact("y").distance(narrow) <= oracle.bound("y").total)


def half_case(dtype, seed):
    """Sixty-four values per channel whose mean lies a few spreads from 0."""
    random = np.random.default_rng(seed)
    x, dy = ((random.normal(size=(64, 3)) + offset).astype(dtype) for offset in (3.3, 0.0))
    single = [random.normal(1, 1, size=3).astype(np.float32) for _ in range(3)]
    return Case(
        x, dy, *single, random.gamma(2.0, size=3).astype(np.float32), eps=1e-3, momentum=0.1
    )
