"""The oracle: enclosures against exact or high-precision values, and bounds that hold for the
reference."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bnproof.contract import QUANTITIES, Case, Convention, Weights
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.laws.answers import Answers
from bnproof.laws.comparing import compare
from bnproof.laws.oracle import Oracle
from bnproof.laws.quantities import FORMULAS
from tests.laws.draws import by_hand, conditioned, semantic, target

DIGITS = 60
STEP = mpmath.mpf(10) ** -20  # of a central difference, whose error is about its square


def contains(enclosure, at, value):
    """Whether an exact value (a fraction) or one to forty digits lies in an entry of an
    enclosure."""
    mid, low, rad = (getattr(enclosure, name)[at] for name in ("mid", "low", "rad"))
    if isinstance(value, Fraction):
        return abs(Fraction(float(mid)) + Fraction(float(low)) - value) <= Fraction(float(rad))
    with mpmath.workdps(DIGITS):
        return (
            abs(mpmath.mpf(float(mid)) + mpmath.mpf(float(low)) - value)
            <= mpmath.mpf(float(rad)) + STEP
        )


def one_channel(values, dy, ddx, gamma, eps):
    """A case of one channel in float64."""
    column = [np.array(v, dtype=float).reshape(-1, 1) for v in (values, dy, ddx)]
    one = np.array([1.0])
    return Case(column[0], column[1], np.array([gamma]), one, one, one, eps, 0.25, ddx=column[2])


def phi(x, g, h, gamma, eps):
    """``sum h dx`` for Ioffe and Szegedy's chain of derivatives, in mpmath."""
    m = len(x)
    mu = sum(x) / m
    v = sum((a - mu) ** 2 for a in x) / m
    root = mpmath.sqrt(v + eps)
    dxhat = [gamma * a for a in g]
    dv = -sum(d * (a - mu) for d, a in zip(dxhat, x, strict=True)) / (2 * root**3)
    dmu = -sum(dxhat) / root - 2 * dv * sum(a - mu for a in x) / m
    dx = [d / root + 2 * dv * (a - mu) / m + dmu / m for d, a in zip(dxhat, x, strict=True)]
    return sum(a * b for a, b in zip(h, dx, strict=True))


def derivative(function, values, at):
    """A central difference in one argument."""
    up, down = ([v + sign * STEP * (n == at) for n, v in enumerate(values)] for sign in (1, -1))
    return (function(up) - function(down)) / (2 * STEP)


numbers = st.integers(-40, 40).map(lambda n: n / 8)
triples = st.lists(st.tuples(numbers, numbers, numbers), min_size=2, max_size=5)


@settings(max_examples=20)
@given(triples, numbers, st.sampled_from([0.0625, 0.3, 1.0]))
def test_the_double_backward_is_the_derivative_of_the_gradient(rows, gamma, eps):
    """Enclosures hold central differences in 60 digits, entry by entry."""
    case = one_channel(*zip(*rows, strict=True), gamma, eps)
    oracle = Oracle(case)
    with mpmath.workdps(DIGITS):
        x, g, h = ([mpmath.mpf(v) for v in column] for column in zip(*rows, strict=True))
        scale, e = mpmath.mpf(gamma), mpmath.mpf(eps)
        for n in range(len(rows)):
            by_x = derivative(lambda values: phi(values, g, h, scale, e), x, n)
            by_g = derivative(lambda values: phi(x, values, h, scale, e), g, n)
            assert contains(oracle.exact("d_x"), (n, 0), by_x)
            assert contains(oracle.exact("d_dy"), (n, 0), by_g)
        assert contains(oracle.exact("d_gamma"), (0,), phi(x, g, h, mpmath.mpf(1), e))


def test_the_double_backward_in_exact_numbers():
    """x = -3, 3 with eps = 7: s = 4, and everything is rational."""
    oracle = Oracle(one_channel((-3, 3), (1, 2), (5, -1), 2.0, 7.0))
    xhat, g, h, s = (Fraction(-3, 4), Fraction(3, 4)), (1, 2), (5, -1), 4
    c, d = (sum(a * b for a, b in zip(v, xhat, strict=True)) / 2 for v in (g, h))
    g_hat, h_hat = (
        [a - Fraction(sum(v), 2) - b * w for a, b in zip(v, xhat, strict=True)]
        for v, w in ((g, c), (h, d))
    )
    both = sum(a * b for a, b in zip(g_hat, h, strict=True)) / 2
    for n in range(2):
        assert contains(oracle.exact("d_dy"), (n, 0), 2 * h_hat[n] / s)
        assert contains(
            oracle.exact("d_x"),
            (n, 0),
            -Fraction(2, s**2) * (d * g_hat[n] + c * h_hat[n] + xhat[n] * both),
        )
    assert contains(oracle.exact("d_gamma"), (0,), 2 * both / s)


ARITHMETIC = semantic() | conditioned()


@settings(max_examples=25)
@given(case=ARITHMETIC)
def test_bounds_of_merged_statistics_hold_for_the_reference(case):
    """Workers that exchange counts, means and variances stay within the bounds, however large the
    mean."""
    answers, oracle = Answers(target(NumpyBatchNorm()), case), Oracle(case)
    for method in ("train_shards", "train_shards_vjp"):
        for name, value in answers.require(method).items():
            if value is not None:
                assert compare("the law", name, value, oracle).holds, name


@settings(max_examples=25)
@given(case=ARITHMETIC)
def test_all_other_bounds_hold_for_the_reference(case):
    """Outputs, gradients, running statistics, folds and the double backward."""
    answers, oracle = Answers(target(NumpyBatchNorm()), case), Oracle(case)
    for method in ("train", "train_vjp", "infer", "infer_vjp", "fold", "train_double_vjp"):
        for name, value in answers.require(method).items():
            if value is not None:
                assert compare("the law", name, value, oracle).holds, name


@given(case=semantic())
def test_workers_are_held_to_the_whole_batch(case):
    """The same exact values, and bounds that are no smaller."""
    for oracle in (Oracle(case), Oracle(case, "biased")):
        for name in ("y", "running_mean", "running_var", "dx", "dgamma", "dbeta"):
            assert oracle.exact(f"shards_{name}") is oracle.exact(name)
            assert np.all(oracle.bound(f"shards_{name}").total >= oracle.bound(name).total)


# -- folding ---------------------------------------------------------------------------------------

SHAPES = {
    "linear": ("linear", 1, (4, 3)),
    "conv 1d": ("conv", 1, (4, 3, 2)),
    "conv grouped": ("conv", 2, (4, 3, 2, 2)),
    "conv depthwise": ("conv", 4, (4, 1, 3)),
    "conv_transpose 1d": ("conv_transpose", 1, (3, 4, 2)),
    "conv_transpose grouped": ("conv_transpose", 2, (6, 2, 2, 3)),
    "conv_transpose 3d": ("conv_transpose", 1, (2, 4, 2, 1, 2)),
    "conv_transpose depthwise": ("conv_transpose", 4, (4, 1, 2)),
}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize(("kind", "groups", "shape"), SHAPES.values(), ids=SHAPES)
def test_folds_are_exact_for_every_kind_of_layer(kind, groups, shape, affine, bias):
    """Entry by entry against fractions: running variances with eps are squares."""
    random = np.random.default_rng(5)
    weight = random.normal(size=shape)
    s = (2, 3, 1, 4)
    case = by_hand("float64")
    own = {
        "x": np.concatenate([case.x, case.x], axis=1),
        "dy": np.concatenate([case.dy, case.dy], axis=1),
        "gamma": np.array([1.5, -0.625, 0.0, 3.0]) if affine else None,
        "beta": np.array([-0.75, 2.25, 1.0, 0.5]) if affine else None,
        "running_mean": np.array([2.5, -3.5, 0.25, 1.0]),
        "running_var": np.array([n**2 - 0.25 for n in s]),
    }
    offset = random.normal(size=4) if bias else None
    case = by_hand("float64", **own, ddx=None, layer=Weights(weight, offset, kind, groups))
    oracle = Oracle(case)
    gamma, beta = (
        own[name] if affine else np.full(4, absent)
        for name, absent in (("gamma", 1.0), ("beta", 0.0))
    )
    for at in np.ndindex(shape):
        out = output_of(at, kind, groups, shape)
        exact = Fraction(float(gamma[out])) / s[out] * Fraction(float(weight[at]))
        assert contains(oracle.exact("folded_weight"), at, exact)
    for out in range(4):
        shift = (Fraction(float(offset[out])) if bias else 0) - Fraction(
            float(own["running_mean"][out])
        )
        exact = Fraction(float(gamma[out])) / s[out] * shift + Fraction(float(beta[out]))
        assert contains(oracle.exact("folded_bias"), (out,), exact)
    answers = Answers(target(NumpyBatchNorm()), case).require("fold")
    assert all(compare("the law", name, value, oracle).holds for name, value in answers.items())


def output_of(at, kind, groups, shape):
    """The output that a weight feeds: a transposed one lists the outputs of its input's group on
    axis 1."""
    if kind != "conv_transpose":
        return at[0]
    return at[0] // (shape[0] // groups) * shape[1] + at[1]


def test_a_case_without_a_layer_cannot_be_folded():
    """One line."""
    with pytest.raises(ValueError, match="no layer to fold into"):
        Oracle(by_hand(layer=None)).bound("folded_bias")


def test_quantities_are_those_of_the_methods():
    """Every answer of every method has an exact value and a finite bound on a benign case."""
    assert FORMULAS.keys() == QUANTITIES.keys()
    for oracle in (Oracle(by_hand()), Oracle(by_hand(), "biased")):
        for name in QUANTITIES:
            assert np.isfinite(oracle.exact(name).mid).all()
            assert np.isfinite(oracle.bound(name).total).all()
            assert np.all(oracle.magnitude(name) >= 0)


def test_a_convention_decides_what_is_tracked_and_the_least_eps():
    """An eps below the least one is raised to it, and one above stays; the running variance follows
    the convention."""
    clamped = Convention("clamped", running_var="biased", eps_min=0.5)
    low, high = (Oracle.from_convention(clamped, by_hand(eps=eps)) for eps in (0.25, 2.0))
    assert (low.case.eps, high.case.eps) == (0.5, 2.0)
    raised = Oracle(by_hand(eps=0.5), "biased")
    for name in ("y", "running_var"):
        assert np.array_equal(low.exact(name).mid, raised.exact(name).mid)
    assert not np.array_equal(
        low.exact("running_var").mid, Oracle(by_hand(eps=0.5)).exact("running_var").mid
    )
