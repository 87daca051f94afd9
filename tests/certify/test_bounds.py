"""The a-priori bounds hold for honest arithmetic and are not so wide that they hide a wrong
formula."""

from dataclasses import replace
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnproof.certify import bounds
from bnproof.certify.bounds import SAFETY, Bound, ExactBatch, NoBound, Precision
from bnproof.certify.enclosure import Enclosure
from bnproof.contract import Case
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.implementations.numpy_arrays import widen
from bnproof.implementations.targets import load
from bnproof.laws.columns import to_columns
from bnproof.laws.oracle import Oracle
from bnproof.laws.supports import Supports
from tests.certify.exactly import exact, holds_root, moments
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


def test_one_value_has_no_unbiased_variance():
    """Nothing bounds what is returned for ``0/0``."""
    one = ExactBatch(np.ones((1, 2)), np.zeros((1, 2)), np.ones(2), np.zeros(2), 1.0)
    assert np.all(np.isinf(bounds.bessel(Precision.from_dtype(np.float64), one).total))


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


# -- each bound by itself: float32 arithmetic, worked out here, against exact fractions ------------

SINGLE = Precision.from_dtype(np.float32)
ROOTS = st.integers(1, 9)


@st.composite
def columns(draw):
    """Two to nine float32 values, up to a thousand spreads from 0."""
    offset = draw(st.sampled_from([0.0, 3.0, 1000.0]))
    values = draw(st.lists(st.floats(-4, 4, width=32), min_size=2, max_size=9))
    return (np.array(values, np.float32) + np.float32(offset)).astype(np.float32)


def build_batch(x, eps):
    """The exact batch of one column, its statistics from fractions."""
    mu, v = moments(exact(x))
    deviation = np.array([[float(value - mu)] for value in exact(x)])
    statistics = (np.array([float(value)]) for value in (mu, v))
    return ExactBatch(x[:, None].astype(float), deviation, *statistics, eps)


def add_up(values):
    """A serial sum in the values' own precision."""
    return np.add.accumulate(values)[-1]


@given(columns(), st.sampled_from([0.0, 1e-3, 1.0]))
def test_statistics_in_any_order_of_summation(x, eps):
    """Mean, variance and Bessel's variance in two passes, first to last and last to first."""
    mu, v = moments(exact(x))
    b, m = build_batch(x, eps), np.float32(len(x))
    for values in (x, x[::-1], np.sort(x)):
        mean = add_up(values) / m
        variance = add_up((values - mean) ** 2) / m
        unbiased = variance * (m / (m - np.float32(1)))
        true = (mu, v, v * Fraction(len(x), len(x) - 1))
        found = (bounds.mean(SINGLE, b), bounds.variance(SINGLE, b), bounds.bessel(SINGLE, b))
        for got, value, bound in zip((mean, variance, unbiased), true, found, strict=True):
            assert abs(Fraction(float(got)) - value) <= Fraction(float(bound.total[0]))


@given(columns(), st.data())
def test_inference_in_every_form(x, data):
    """Direct and collapsed outputs, ``dx``, ``dgamma`` about the mean and expanded, and ``dbeta``;
    the root is rational, so that all is exact in fractions."""
    eps, root = 0.25, data.draw(ROOTS)
    gamma, beta, mean = (np.float32(data.draw(st.floats(-3, 3, width=32))) for _ in range(3))
    if data.draw(st.booleans()):
        # near the values, so that the expanded sum of dgamma cancels
        mean = x.mean(dtype=np.float32)
    g = np.array(data.draw(st.lists(st.floats(-2, 2, width=32), min_size=len(x), max_size=len(x))))
    g, var, single = g.astype(np.float32), np.float32(root**2 - eps), np.float32(eps)
    s = np.sqrt(var + single)
    b = bounds.build_fixed_batch(
        x[:, None].astype(float), *(np.array([float(value)]) for value in (mean, var)), eps
    )
    wide = [np.array([float(value)]) for value in (gamma, beta)]
    scale, shift, centre = exact((gamma, beta, mean))
    scaled = gamma / s
    of_y = bounds.inference_output(SINGLE, b, *wide).total[:, 0]
    for y in ((x - mean) / s * gamma + beta, x * scaled + (beta - mean * scaled)):
        for got, value, bound in zip(y, exact(x), of_y, strict=True):
            true = scale * (value - centre) / root + shift
            assert abs(Fraction(float(got)) - true) <= Fraction(float(bound))
    of_dx, of_dgamma, of_dbeta = bounds.inference_gradients(
        SINGLE, b, g[:, None].astype(float), wide[0]
    )
    for got, up, bound in zip(scaled * g, exact(g), of_dx.total[:, 0], strict=True):
        assert abs(Fraction(float(got)) - scale * up / root) <= Fraction(float(bound))
    pairs = list(zip(exact(x), exact(g), strict=True))
    joint = sum(up * (value - centre) for value, up in pairs) / root
    for got in (add_up(g * ((x - mean) / s)), (add_up(g * x) - mean * add_up(g)) / s):
        assert abs(Fraction(float(got)) - joint) <= Fraction(float(of_dgamma.total[0]))
    assert abs(Fraction(float(add_up(g))) - sum(exact(g))) <= Fraction(float(of_dbeta.total[0]))


@given(columns(), st.floats(0.125, 3, width=32), st.integers(0, 2**32 - 1))
def test_training_gradients_in_both_forms(x, gamma, seed):
    """``dx`` through xhat and through ``(x - mu) c/s``, ``dgamma`` and ``dbeta``, by squares of
    fractions; not exact zeros, of which nothing is known but their bound."""
    eps, m = 2.0**-10, np.float32(len(x))
    g = np.random.default_rng(seed).normal(size=len(x)).astype(np.float32)
    gamma = np.float32(gamma)
    d = x - add_up(x) / m
    s = np.sqrt(add_up(d * d) / m + np.float32(eps))
    xhat, b = d / s, build_batch(x, eps)
    dgamma, dbeta = add_up(g * xhat), add_up(g)
    through_xhat = gamma / s * (g - dbeta / m - xhat * (dgamma / m))
    through_c = gamma / s * (g - dbeta / m - d * (add_up(g * d) / (s * s * m)))
    columns_ = g[:, None].astype(float), np.array([float(gamma)])
    (mu, v), up = moments(exact(x)), exact(g)
    w = v + Fraction(eps)
    joint = sum(own * (value - mu) for value, own in zip(exact(x), up, strict=True))
    of_dx = bounds.input_gradient(SINGLE, b, *columns_).total[:, 0]
    of_dgamma, of_dbeta = bounds.parameter_gradients(SINGLE, b, columns_[0])
    for dx in (through_xhat, through_c):
        for got, value, own, bound in zip(dx, exact(x), up, of_dx, strict=True):
            z = own - sum(up) / len(up) - joint / (len(up) * w) * (value - mu)
            assert reaches(got, bound, Fraction(float(gamma)) * z, w)
    assert reaches(dgamma, of_dgamma.total[0], joint, w)
    assert abs(Fraction(float(dbeta)) - sum(up)) <= Fraction(float(of_dbeta.total[0]))


def reaches(got, bound, z, w):
    """Whether a result is within its bound of ``z/sqrt(w)``."""
    one = Enclosure(*(np.array([float(word)]) for word in (got, 0.0, bound)))
    return holds_root(one, 0, z, w)


def test_a_wrong_gradient_lies_outside():
    """Without the mean of g, without the last term, and with ``m - 1`` for m."""
    x, g = (np.random.default_rng(n).normal(size=16).astype(np.float32) for n in range(2))
    b, wide, one = build_batch(x, 1e-5), g[:, None].astype(float), np.ones(1)
    xhat, mean_g = b.xhat[:, 0], wide.mean()
    c = (wide[:, 0] * xhat).mean()
    right = (wide[:, 0] - mean_g - xhat * c) / b.s
    allowed = bounds.input_gradient(SINGLE, b, wide, one).total[:, 0]
    assert np.all(np.abs(right - right.astype(np.float32)) <= allowed)
    for wrong in (
        (wide[:, 0] - xhat * c) / b.s,
        (wide[:, 0] - mean_g) / b.s,
        (wide[:, 0] - mean_g - xhat * c * 16 / 15) / b.s,
    ):
        assert np.any(np.abs(wrong - right) > 100 * allowed)


def test_errors_carried_over_are_covered_at_their_ends():
    """A variance at the upper end of its bound, times Bessel's rounded factor; a normalised value
    at the end of its own, where xhat is 0 and only ``e c`` is left of the error of dx; and 1/s."""
    b = build_batch(np.float32([1000, 1001, 1002, 1003, 1004]), 0.0)
    u = Fraction(SINGLE.u)
    factor, v = Fraction(5, 4), Fraction(float(b.v[0]))
    high = v + Fraction(float(bounds.variance(SINGLE, b).total[0]))
    reached = factor * high * (1 + u) ** 2 - factor * v
    assert reached <= Fraction(float(bounds.bessel(SINGLE, b).total[0]))
    # dy = xhat, so that c = mean(g xhat) is 1
    e = bounds.normalised_value(SINGLE, b).total[2, 0]
    allowed = bounds.input_gradient(SINGLE, b, b.xhat, np.ones(1)).total[2, 0]
    assert b.xhat[2, 0] == 0
    assert e > 100 * SINGLE.u
    assert e / b.s[0] <= allowed
    # dy at right angles to 1 and to xhat, so that dx = dy/s and only the error of 1/s is left
    dy = np.array([[2.0], [-1.0], [-2.0], [-1.0], [2.0]])
    r = bounds.inverse_std(SINGLE, b).total[0]
    allowed = bounds.input_gradient(SINGLE, b, dy, np.ones(1)).total[2, 0]
    assert 2 / b.s[0] * r <= allowed


def test_a_term_without_a_bound_leaves_none():
    """NaN, of 0 times infinity, counts as infinite; a factor reaches every term."""
    bound = Bound({"sums": np.array([np.nan, 1.0]), "eps": np.array([1.0, 2.0])})
    assert bound.total[0] == np.inf
    assert 6 <= bound.scale_by(np.array(2.0)).total[1] <= 6 * SAFETY**2


def test_the_precision_of_half_is_that_of_float32_until_it_is_stored():
    """Unit roundoffs and smallest subnormals, as the formats have them."""
    half, single = (Precision.from_dtype(dtype) for dtype in (np.float16, np.float32))
    assert (half.u, half.eta, half.stored_u, half.stored_eta) == (
        2.0**-24,
        2.0**-149,
        2.0**-11,
        2.0**-24,
    )
    assert (single.stored_u, single.stored_eta) == (single.u, single.eta)
    # n u/(1 - n u) of n = 2^22 is 1/3
    assert single.gamma(2**22) == 1 / 3
