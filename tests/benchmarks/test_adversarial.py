"""Adversarial inputs for certify: they are what they promise, and a wrong enclosure is noticed."""

import ml_dtypes
import numpy as np
import pytest
from flint import arb

from bnproof.benchmarks.adversarial import (
    CHANNELS,
    DTYPES,
    AdversarialInput,
    draw_input,
    enclose_quantities,
    evaluate_formulas,
    find_misses,
    to_balls,
)
from bnproof.certify import Enclosure


def simple(x=((1.0, 4.0), (3.0, 8.0)), **further):
    """A small batch with channels (1, 3) and (4, 8): mu = (2, 6), v = (1, 4)."""
    given = {
        "x": np.array(x),
        "dy": np.array([[1.0, 0.0], [0.0, 0.0]]),
        "gamma": None,
        "beta": None,
        "running_mean": np.zeros(2),
        "running_var": np.ones(2),
        "eps": 0.0,
        "momentum": 0.5,
        "unbiased": True,
    }
    return AdversarialInput(**{**given, **further})


def test_inputs_are_functions_of_the_seed_and_within_the_contract():
    """Ranks 2 to 5, one value per channel for parameters, ``eps >= 0``, parameters finite."""
    dtypes, ranks, contiguous = set(), set(), set()
    for seed in range(60):
        given, again = (draw_input(np.random.default_rng(seed)) for _ in range(2))
        np.testing.assert_array_equal(given.x.astype(float), again.x.astype(float))
        assert given.x.shape == given.dy.shape
        for values in (given.gamma, given.beta, given.running_mean, given.running_var):
            assert values is None or values.shape == (given.x.shape[1],)
            assert values is None or np.all(np.isfinite(values))
        assert given.eps >= 0
        assert np.all(given.running_var >= 0)
        dtypes.add(given.x.dtype.newbyteorder("=").name)
        ranks.add(given.x.ndim)
        contiguous.add(given.x.flags.c_contiguous)
    assert dtypes == {np.dtype(dtype).name for dtype in DTYPES}
    assert ranks == {2, 3, 4, 5}
    assert contiguous == {True, False}


@pytest.mark.parametrize("number", range(len(CHANNELS)))
def test_every_kind_of_channel_has_its_number_of_values(number):
    """Each kind gives a vector of floats of the length asked for, also of length 1."""
    with np.errstate(all="ignore"):
        for count in (1, 6):
            values = np.asarray(CHANNELS[number](np.random.default_rng(0), count))
            assert values.shape == (count,)
            assert values.dtype == np.float64


def test_formulas_give_the_values_worked_by_hand():
    """mu, v, s, xhat, dgamma and the running statistics of two channels, ``dy`` at one output."""
    names = ["mu", "v", "s", "xhat", "dgamma", "running_mean", "running_var_unbiased", "infer_y"]
    exact = evaluate_formulas(simple(), names, 200)
    wanted = {
        "mu": [2, 6],
        "v": [1, 4],
        "s": [1, 2],
        "xhat": [[-1, -1], [1, 1]],
        "dgamma": [-1, 0],
        # half of the old value and half of 2 v, since m/(m - 1) = 2
        "running_mean": [1, 3],
        "running_var_unbiased": [1.5, 4.5],
        "infer_y": [[1, 4], [3, 8]],
    }
    for name, values in wanted.items():
        balls = np.broadcast_to(exact[name], np.shape(values))
        assert all(
            ball.contains(value)
            for ball, value in zip(balls.reshape(-1), np.ravel(values).tolist(), strict=True)
        )


def test_one_value_has_no_unbiased_variance():
    """For m = 1, Bessel's factor is no number, and certify says so too."""
    given = simple(x=((1.0, 4.0),), dy=np.ones((1, 2)), eps=1.0)
    assert not any(
        ball.is_finite()
        for ball in evaluate_formulas(given, ["running_var_unbiased"], 200)["running_var_unbiased"]
    )
    assert find_misses(given, enclose_quantities(given)) == []


def wrong_by(enclosure, **changed):
    """The enclosure with words of another value."""
    return Enclosure(*(changed.get(n, getattr(enclosure, n)) for n in ("mid", "low", "rad")))


def test_an_enclosure_that_is_wrong_anywhere_is_a_miss():
    """One entry off by an ulp, a radius too small, NaN for a number, infinity for a number."""
    given = simple(gamma=np.array([1 / 3, 0.1]), eps=1e-5)
    right = enclose_quantities(given)
    assert find_misses(given, right) == []
    y = right["y"]
    off = y.mid.copy()
    off[1, 0] = np.nextafter(off[1, 0], np.inf)
    for wrong in (
        wrong_by(y, mid=off),
        wrong_by(y, mid=np.where(off == off[1, 0], np.nan, off)),
        wrong_by(y, mid=np.where(off == off[1, 0], np.inf, off)),
    ):
        (problem,) = find_misses(given, {"y": wrong})
        assert problem.startswith("y[1, 0]: ")
    # the exact value is no double word, so a radius of 0 claims too much
    exact = wrong_by(y, rad=np.zeros_like(y.rad))
    assert len(find_misses(given, {"y": exact})) == y.mid.size


def test_a_number_where_there_is_none_is_a_miss():
    """A NaN in a channel leaves its statistics without a value, and the other channel alone."""
    given = simple(x=((np.nan, 4.0), (3.0, 8.0)))
    right = enclose_quantities(given)
    assert find_misses(given, right) == []
    invented = replace_mid(right["mu"], np.array([2.0, 6.0]))
    (problem,) = find_misses(given, {"mu": invented})
    assert problem.startswith("mu[0]: ")


def replace_mid(enclosure, mid):
    """An exact enclosure of other values."""
    return wrong_by(enclosure, mid=mid, low=np.zeros_like(mid), rad=np.zeros_like(mid))


def test_balls_of_floats_are_exact_and_have_their_shape():
    """Every format is converted without rounding; NaN and infinity are no numbers."""
    values = np.array([[1 / 3, 2.0**-133], [np.nan, np.inf]], dtype=ml_dtypes.bfloat16)
    balls = to_balls(values)
    assert balls.shape == (2, 2)
    assert all(ball.is_exact() for ball in balls[0])
    assert balls[0, 0] == arb(float(values[0, 0]))
    assert not any(ball.is_finite() for ball in balls[1])
