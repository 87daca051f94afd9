"""Enclosures hold the exact value, are as narrow as promised, and have a defined answer for every
input."""

from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bnproof import certify
from bnproof.benchmarks.adversarial import (
    draw_input,
    enclose_quantities,
    evaluate_formulas,
    find_misses,
    to_balls,
)
from bnproof.certify.channels import choose_width
from bnproof.certify.moments import Changed
from bnproof.laws.columns import to_columns
from bnproof.lowering.numbers import midpoints, precision
from tests.certify.exactly import holds, holds_root

SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=300)
@given(SEEDS)
def test_adversarial_inputs_lie_inside(seed):
    """Every quantity of a random or adversarial input, against the proved formula in balls of 2,000
    bits."""
    given_ = draw_input(np.random.default_rng(seed))
    assert find_misses(given_, enclose_quantities(given_)) == []


@settings(max_examples=100)
@given(SEEDS, st.integers(0, 32))
def test_enclosures_are_narrow(seed, tighten):
    """The radius of y, of its gradients and of the statistics is at most what was promised."""
    given_ = draw_input(np.random.default_rng(seed))
    found, width = enclose_quantities(given_, tighten), choose_width(given_.x, tighten)
    assert find_misses(given_, found) == []
    magnitudes = sums_of_magnitudes(given_)
    for name, magnitude in magnitudes.items():
        mid, rad = (to_columns(w) if w.ndim > 1 else w for w in (found[name].mid, found[name].rad))
        allowed = np.vectorize(width.radius, otypes=[float])(
            np.broadcast_to(magnitude, rad.shape) * (1 + 2**-40)
        )
        assert np.all((rad <= allowed) | np.isnan(mid) | np.isinf(mid)), name


def sums_of_magnitudes(given_):
    """What each quantity is made of, from exact values; balls, because a product may leave
    float64's range."""
    ones = np.ones(given_.x.shape[1])
    with precision(2000):
        true = evaluate_formulas(given_, ["v", "s", "xhat"], 2000)
        gamma = abs(to_balls(ones if given_.gamma is None else given_.gamma))
        beta = abs(to_balls(0 * ones if given_.beta is None else given_.beta))
        g, xhat, m = (
            abs(to_balls(to_columns(given_.dy))),
            abs(true["xhat"]),
            len(to_columns(given_.x)),
        )
        joint = (g * xhat).sum(axis=0)
        made_of = {
            "v": true["v"],
            "s": true["s"],
            "xhat": xhat,
            "y": gamma * xhat + beta,
            "dx": gamma / true["s"] * (g + g.sum(axis=0) / m + xhat * joint / m),
            "dgamma": joint,
            "dbeta": g.sum(axis=0),
        }
        return {name: midpoints(balls) for name, balls in made_of.items()}


LAYOUTS = {
    "rows": (4000, 3),
    "wide rows": (150, 70),
    "planes": (2, 3, 40, 50),
    "small planes": (300, 5, 2, 2),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", LAYOUTS.values(), ids=LAYOUTS)
def test_long_batches_lie_inside(shape, dtype):
    """Thousands of values through every path of the kernels, at condition 1e4, against exact
    rational statistics."""
    random = np.random.default_rng(1)
    x = (random.normal(size=shape) + 1e4).astype(dtype)
    dy = random.normal(size=shape).astype(dtype)
    found = certify.train(x, eps=0.5, dy=dy)
    flat, g = to_columns(x), to_columns(dy)
    for channel in range(0, shape[1], 2):
        values = [Fraction(float(value)) for value in flat[:, channel]]
        mean = sum(values) / len(values)
        variance = sum((value - mean) ** 2 for value in values) / len(values)
        assert holds(found.mu, channel, mean)
        assert holds(found.v, channel, variance)
        joint = sum(
            Fraction(float(up)) * (value - mean)
            for up, value in zip(g[:, channel], values, strict=True)
        )
        y, dx = (e.reshape(to_columns) for e in (found.y, found.dx))
        mean_g = sum(map(Fraction, map(float, g[:, channel]))) / len(values)
        for row in range(0, len(values), len(values) // 7):
            assert holds_root(y, (row, channel), values[row] - mean, variance + Fraction(1, 2))
            k = joint / (len(values) * (variance + Fraction(1, 2)))
            z = Fraction(float(g[row, channel])) - mean_g - k * (values[row] - mean)
            assert holds_root(dx, (row, channel), z, variance + Fraction(1, 2))


def test_a_constant_channel_gives_beta_exactly():
    """v = 0: xhat is 0 and y beta, without any radius, for any value and any length."""
    x = np.tile(np.array([0.1, 1e10, -3e-30]), (1000, 1))
    found = certify.train(x, None, np.array([0.5, -2.0, 0.0]), eps=1e-5)
    assert np.all(found.v.mid == 0)
    assert np.all(found.y.mid == [0.5, -2.0, 0.0])
    assert np.all(found.y.rad == 0)


def test_zeros_are_decided():
    """y = 0 where gamma xhat = -beta exactly; dx = 0 for a constant dy, and for m = 2 with eps =
    0."""
    x, one = np.array([[-1.0], [1.0]]), np.ones(1)
    found = certify.train(x, one, one, eps=0.0, dy=np.array([[0.3], [0.7]]))
    assert found.y.mid[0, 0] == found.y.rad[0, 0] == 0
    assert np.all(found.dx.mid == 0)
    assert np.all(found.dx.rad == 0)
    vacuous = certify.train(
        np.random.default_rng(0).normal(size=(999, 2)), eps=1e-5, dy=np.full((999, 2), 0.1)
    )
    assert np.all(vacuous.dx.mid == 0)
    assert np.all(vacuous.dx.rad == 0)
    assert np.all(vacuous.dgamma.rad == 0)


def test_nothing_finite_is_lost_to_a_spoiled_neighbour():
    """NaN and infinity leave their own channel without exact values, and only that."""
    x = np.random.default_rng(0).normal(size=(9, 3))
    clean = certify.train(x, eps=1e-5, dy=x)
    x[3, 1], dy = np.inf, x.copy()
    spoiled = certify.train(x, eps=1e-5, dy=np.where(np.isfinite(dy), dy, 0))
    for name in ("mu", "v", "s", "y", "dx", "dgamma"):
        one, other = getattr(clean, name).mid, getattr(spoiled, name).mid
        assert np.all(np.isnan(other[..., 1]))
        assert np.array_equal(one[..., [0, 2]], other[..., [0, 2]])
    assert np.all(np.isfinite(spoiled.dbeta.mid))


def test_squares_do_not_overflow():
    """Up to the largest float64: v lies beyond it, y is as certain as ever; m = 1 has no unbiased
    variance."""
    x = np.array([[1.7e308], [-1.7e308], [1e308]])
    found = certify.train(x, eps=1e-5, running=(np.ones(1), np.ones(1)), momentum=0.1)
    scaled = certify.train(x * 2.0**-1000, eps=0.0)
    assert np.isinf(found.v.mid[0])
    assert found.v.lower[0] == np.finfo(float).max
    pairs = zip(found.y.to_balls().reshape(-1), scaled.y.to_balls().reshape(-1), strict=True)
    # eps = 1e-5 is nothing beside v = 1e616
    assert all(one.overlaps(other) for one, other in pairs)
    single = certify.train(x[:1], eps=1e-5, running=(np.ones(1), np.ones(1)), momentum=0.1)
    assert single.y.mid[0, 0] == 0
    assert np.isnan(single.running_var.mid[0])


def test_tighten_narrows():
    """Thirty more bits: the radius shrinks below 2^-50 ulp."""
    x = np.random.default_rng(0).normal(size=(20, 2))
    found = certify.train(x, eps=1e-5, tighten=30)
    assert np.all(found.y.rad <= np.spacing(np.abs(found.y.mid)) * 2.0**-50)


@pytest.mark.parametrize("kind", ["linear", "conv", "conv_transpose"])
def test_folding_agrees_with_the_formula(kind):
    """W' and b' of each kind, in groups, against exact fractions squared."""
    random = np.random.default_rng(2)
    groups = 1 if kind == "linear" else 2
    shape = {"linear": (4, 3), "conv": (4, 3, 2), "conv_transpose": (6, 2, 2)}[kind]
    weight, bias = random.normal(size=shape), random.normal(size=4)
    gamma, beta, mean = (random.normal(size=4) for _ in range(3))
    var = random.gamma(2.0, size=4)
    folded = certify.fold(weight, bias, gamma, beta, mean, var, eps=0.25, kind=kind, groups=groups)
    for at in np.ndindex(shape):
        out = at[0] // 3 * 2 + at[1] if kind == "conv_transpose" else at[0]
        z = Fraction(gamma[out]) * Fraction(weight[at])
        assert holds_root(folded.weight, at, z, Fraction(var[out]) + Fraction(1, 4))
    for out in range(4):
        z = Fraction(gamma[out]) * (Fraction(bias[out]) - Fraction(mean[out]))
        assert holds_root(
            folded.bias, out, z, Fraction(var[out]) + Fraction(1, 4), Fraction(beta[out])
        )


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float32])
def test_narrow_formats_are_taken_exactly(dtype):
    """Enclosures of a narrow dtype are those of the same numbers in float64."""
    x = np.random.default_rng(3).normal(size=(5, 2, 3)).astype(dtype)
    narrow, wide = certify.train(x, eps=1e-3), certify.train(x.astype(np.float64), eps=1e-3)
    assert np.array_equal(narrow.y.mid, wide.y.mid)


def test_an_array_that_changed_is_refused():
    """What is worked out when asked for is never worked out from other numbers than were
    certified."""
    x = np.random.default_rng(0).normal(size=(6, 2))
    found = certify.train(x, eps=1e-5)
    assert np.all(found.xhat.rad >= 0)
    again = certify.train(x, eps=1e-5)
    x[0, 0] += 1
    with pytest.raises(Changed, match="certify it again"):
        _ = again.xhat
    y = np.array([[1.0], [-1.0], [2.0], [-2.0]])  # mean 0: decided by exact sums, when asked for
    exact = certify.train(y, eps=1e-5)
    y[:2] *= 3
    with pytest.raises(Changed):
        _ = exact.mu


@pytest.mark.parametrize("dtype", [">f8", ">f4", ">f2"])
def test_the_order_of_bytes_does_not_matter(dtype):
    """Arrays of the other byte order are the same numbers, for x, dy and a weight."""
    x, dy = np.random.default_rng(0).normal(size=(2, 7, 3)).astype(dtype)
    own = np.dtype(dtype).newbyteorder("=")
    one, other = (
        certify.train(x, eps=1e-5, dy=dy),
        certify.train(x.astype(own), eps=1e-5, dy=dy.astype(own)),
    )
    for name in ("y", "dx", "dgamma", "mu"):
        assert np.array_equal(getattr(one, name).mid, getattr(other, name).mid)
    ones = np.ones(7)
    folds = [
        certify.fold(w, None, None, None, ones, 2 * ones, eps=1e-5).weight.mid
        for w in (x, x.astype(own))
    ]
    assert np.array_equal(*folds)


def test_missing_parameters_do_not_hide_extreme_channels():
    """With NaN for gamma or beta, s and dgamma of a tiny channel stay right, and dx does not need
    beta."""
    x = np.array([[1.0], [-1.0], [3.25]]) * 2.0**-531
    dy = np.array([[1.0], [2.0], [5.0]])
    nan, plain = (
        certify.train(x, gamma, None, eps=5e-324, dy=dy)
        for gamma in (np.array([np.nan]), np.ones(1))
    )
    assert nan.s.mid == plain.s.mid
    assert nan.dgamma.mid == plain.dgamma.mid
    spoiled = certify.train(dy, None, np.array([np.nan]), eps=1e-5, dy=dy)
    assert np.all(np.isfinite(spoiled.dx.mid))


UNDERFLOWS = {
    "slope": ([1.0, -1.0, 1.0, -1.0], 2.0**395, [2.0, -2.0, 1.0, -1.0], 2.0**-785, 2.0**300, 1.0),
    "product": (
        [1.0, -1.0, 2.0**-650 * 1.23, -(2.0**-650) * 1.23],
        1.0,
        [2.0**-390, -(2.0**-390), 2.0**-1045, -(2.0**-1045)],
        1.0,
        2.0**399,
        1e-5,
    ),
}


@pytest.mark.parametrize(
    ("x", "by", "dy", "dy_by", "gamma", "eps"), UNDERFLOWS.values(), ids=UNDERFLOWS
)
def test_what_underflows_inside_a_gradient_is_not_lost(x, by, dy, dy_by, gamma, eps):
    """A slope that underflows to 0, and products that do before a large scale multiplies them, from
    merged statistics too."""
    x, dy = (np.array(values)[:, None] * scale for values, scale in ((x, by), (dy, dy_by)))
    for statistics in (None, certify.statistics(x, dy)):
        found = certify.train(x, np.array([gamma]), eps=eps, dy=dy, statistics=statistics).dx
        values, g = ([Fraction(float(v)) for v in column[:, 0]] for column in (x, dy))
        mean, mean_g = sum(values) / 4, sum(g) / 4
        w = sum((v - mean) ** 2 for v in values) / 4 + Fraction(eps)
        k = sum(u * (v - mean) for u, v in zip(g, values, strict=True)) / (4 * w)
        for n in range(4):
            assert holds_root(
                found, (n, 0), Fraction(gamma) * (g[n] - mean_g - k * (values[n] - mean)), w
            )


BAD = {
    "rank": (lambda x: certify.train(x[0], eps=1e-5), ValueError, "rank 2 to 5"),
    "no values": (lambda x: certify.train(x[:0], eps=1e-5), ValueError, "no value per channel"),
    "integers": (lambda x: certify.train(x.astype(int), eps=1e-5), TypeError, "convert to one of"),
    "gamma": (
        lambda x: certify.train(x, np.ones(9), eps=1e-5),
        ValueError,
        r"gamma has shape \(9,\): give \(2,\)",
    ),
    "list": (
        lambda x: certify.train(x.tolist(), eps=1e-5),
        TypeError,
        "x is a list: give a NumPy array",
    ),
    "masked": (lambda x: certify.train(np.ma.array(x), eps=1e-5), TypeError, "x is a MaskedArray"),
    "last": (
        lambda x: certify.train(np.ones((2, 4, 3)), np.ones(3), eps=1e-5),
        ValueError,
        "moveaxis",
    ),
    "eps text": (lambda x: certify.train(x, eps="1"), TypeError, "eps is '1': give a float"),
    "eps long": (lambda x: certify.train(x, eps=10**400), ValueError, "that a float64 holds"),
    "half a bit": (lambda x: certify.train(x, eps=1.0, tighten=1.5), ValueError, "from 0 to 32"),
    "one statistic": (
        lambda x: certify.train(x, eps=1.0, running=x, momentum=0.1),
        TypeError,
        "running_mean, running_var",
    ),
    "statistics": (
        lambda x: certify.train(x, eps=1.0, statistics=(1,)),
        TypeError,
        r"certify\.statistics",
    ),
    "too few": (
        lambda x: certify.train(x, eps=1.0, statistics=certify.statistics(x[:2])),
        ValueError,
        "no part",
    ),
    "channels": (
        lambda x: certify.train(x, eps=1.0, statistics=certify.statistics(x[:, :1])),
        ValueError,
        "no part",
    ),
    "no mean": (
        lambda x: certify.infer(x, None, None, None, None, eps=1.0),
        TypeError,
        "running_mean is a NoneType",
    ),
    "ulp": (lambda x: certify.ulp_error(x, x), TypeError, "give an Enclosure"),
    "flat weight": (
        lambda x: certify.fold(x[0], None, *[np.ones(2)] * 4, eps=1.0),
        ValueError,
        "weight has shape",
    ),
    "eps": (lambda x: certify.train(x, eps=-1.0), ValueError, "number >= 0"),
    "tighten": (lambda x: certify.train(x, eps=1e-5, tighten=99), ValueError, "from 0 to 32"),
    "momentum": (
        lambda x: certify.train(x, eps=1e-5, running=(np.ones(2), np.ones(2))),
        ValueError,
        "weight of the new value",
    ),
    "dy": (lambda x: certify.train(x, eps=1e-5).dgamma, AttributeError, "hand dy over"),
    "running": (
        lambda x: certify.train(x, eps=1e-5).running_mean,
        AttributeError,
        "hand over running",
    ),
    "kind": (
        lambda x: certify.fold(x, None, *[np.ones(6)] * 4, eps=1e-5, kind="dense"),
        ValueError,
        "'linear'",
    ),
}


@pytest.mark.parametrize(("ask", "error", "mend"), BAD.values(), ids=BAD)
def test_bad_arguments_are_refused_in_one_line(ask, error, mend):
    """The message names what is wrong and what to give."""
    with pytest.raises(error, match=mend) as refused:
        ask(np.arange(12.0).reshape(6, 2))
    assert "\n" not in str(refused.value)
