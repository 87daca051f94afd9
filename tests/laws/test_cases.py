"""Cases: what is drawn has the promised form, and what is no case is refused."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnproof.formats import dtype_of
from bnproof.laws.cases import _draw_scales
from bnproof.laws.columns import BadCase, locate_in_batch, to_columns, validate
from bnproof.laws.extreme_cases import draw_extreme_cases
from bnproof.laws.supports import Supports
from tests.laws.draws import cases, conditioned, drawn, long, semantic

EVERYTHING = Supports()
FIXED_EPS = (1e-8, 1e-5, 10.0)


@given(cases())
def test_drawn_cases_are_valid(case):
    """At least two values per channel, finite, and no constant channel where eps = 0."""
    assert validate(case) is case
    assert case.m >= 2
    if case.eps == 0:
        assert np.all(np.ptp(to_columns(case.x), axis=0) > 0)


@given(semantic())
def test_positions_lead_back(case):
    """The index into the columns and the index into x name the same entry."""
    flat = to_columns(case.x)
    at = (case.m - 1, 0)
    assert case.x[locate_in_batch(at, case.x.shape)] == flat[at]


# -- semantic cases: every term shows --------------------------------------------------------------


@cache
def some(strategy, eps=None):
    """Drawn once for all tests of a strategy."""
    return drawn(strategy(Supports(eps=eps)), 400 if eps is None else 150)


def moments(case):
    """Mean and variance per channel, in float64."""
    x = np.asarray(to_columns(case.x), dtype=float)
    return x.mean(axis=0), x.var(axis=0)


def kappa(case):
    """``sqrt(1 + mu^2/v)`` of the worst channel."""
    mu, v = moments(case)
    return float(np.sqrt(1 + mu**2 / v).max())


def test_semantic_cases_hold_few_values():
    """At most 32 per channel: rounding has no room to grow."""
    assert max(case.m for case in some(semantic)) <= 32


def test_semantic_cases_are_well_conditioned():
    """The mean is at most about four standard deviations away from 0."""
    assert max(kappa(case) for case in some(semantic)) <= 4


@pytest.mark.parametrize("eps", [None, *FIXED_EPS])
def test_eps_is_of_the_order_of_the_variance(eps):
    """Between a tenth of it and ten times it, also where the implementation fixes eps."""
    shares = np.concatenate(
        [moments(case)[1] / case.eps for case in some(semantic, *([] if eps is None else [eps]))]
    )
    assert shares.min() >= 0.1
    assert shares.max() <= 10


def test_parameters_are_neither_0_nor_1_and_differ():
    """gamma is not beta, and what is left out shows."""
    for case in some(semantic):
        for values in (case.gamma, case.beta):
            assert values is None or not np.isin(values, (0, 1)).any()
        if case.gamma is not None and case.beta is not None:
            assert not np.any(case.gamma == case.beta)


def test_some_parameters_are_negative_and_some_absent():
    """Over many cases: both signs, and every combination of present and absent."""
    for name in ("gamma", "beta"):
        values = np.concatenate(
            [v for case in some(semantic) if (v := getattr(case, name)) is not None]
        )
        assert values.min() < 0 < values.max()
    assert len({(case.gamma is None, case.beta is None) for case in some(semantic)}) == 4


def test_running_statistics_are_far_from_where_a_layer_starts():
    """The mean is not 0, and the variance neither 0 nor 1, on the scale of x: a share that no
    rounding explains."""
    for case in [*some(semantic), *some(semantic, 1.0)]:  # with eps = 1, x is of the order of 1 too
        largest = np.abs(to_columns(case.x).astype(float)).max(axis=0)
        assert np.all(np.abs(case.running_mean) >= largest / 4)
        for place in (0, 1):
            assert np.all(np.abs(case.running_var - place) >= largest**2 / 256)


def test_momentum_is_never_a_default_or_a_half():
    """0.1 and 0.9 may be built in, 0.5 hides an exchange of old and new; the ends occur."""
    momenta = {case.momentum for case in some(semantic)} | {
        case.momentum for case in some(conditioned)
    }
    assert not momenta & {0.1, 0.5}
    assert {0.0, 1.0} <= momenta


# -- cases that strain the arithmetic --------------------------------------------------------------


def test_conditioned_cases_hold_few_values_and_reach_far():
    """At most 32 values, and means up to a million standard deviations away in float64."""
    found = some(conditioned)
    assert max(case.m for case in found) <= 32
    varying = [case for case in found if case.dtype == np.float64 and np.all(moments(case)[1] > 0)]
    assert max(map(kappa, varying)) > 1e6


def test_long_cases_are_long_and_well_conditioned():
    """Hundreds of values, kappa at most 3."""
    found = some(long)
    assert 500 < max(case.m for case in found) <= 700
    assert max(map(kappa, found)) <= 3


@given(st.integers(0, 2**32 - 1), st.sampled_from(EVERYTHING.dtypes))
def test_scales_are_never_a_power_of_two(seed, dtype):
    """A scale whose scaling is exact, 1 among them, would hide errors."""
    fractions, _ = np.frexp(_draw_scales(np.random.default_rng(seed), dtype_of(dtype), (8,)))
    assert np.all((fractions >= 0.55) & (fractions <= 0.95))


# -- what is asked ---------------------------------------------------------------------------------

NARROW = {
    "float32": Supports(dtypes=("float32",)),
    "half": Supports(dtypes=("float16", "bfloat16")),
    "rank 4": Supports(ranks=(4,)),
    "ranks 2 and 5": Supports(ranks=(2, 5)),
    "channels": Supports(channels=11),
    "one channel": Supports(channels=1),
    "constants": Supports(eps=1e-3, momentum=0.1),
    "affine": Supports(affine=True),
    "not affine": Supports(affine=False),
    "all": Supports(("float64",), (3,), 4, 1e-5, 0.05, affine=True),
}


@pytest.mark.parametrize("asked", NARROW.values(), ids=NARROW)
def test_no_case_asks_for_more_than_is_offered(asked):
    """dtype, rank, channels, eps, momentum and parameters, at the edges too."""
    found = [*drawn(cases(asked), 40), *draw_extreme_cases(asked, 3)]
    for case in found:
        assert validate(case) is case
        assert case.dtype.name in asked.dtypes
        assert case.x.ndim in asked.ranks
        assert asked.channels in (None, case.x.shape[1])
        assert asked.eps in (None, case.eps)
        assert asked.momentum in (None, case.momentum)
        if asked.affine is not None:
            assert (case.gamma is not None, case.beta is not None) == (asked.affine,) * 2
        assert sum(case.parts) in (0, len(case.x))
        assert case.layer is None or outputs(case.layer) == case.x.shape[1]


def outputs(layer):
    """How many outputs a layer's weight has."""
    return (
        layer.weight.shape[1] * layer.groups
        if layer.kind == "conv_transpose"
        else layer.weight.shape[0]
    )


@given(st.integers(0, 10**6))
def test_cases_at_the_edges_depend_on_the_seed_alone(seed):
    """The same few every time, long batches among them."""
    asked = Supports(dtypes=("float32",), ranks=(3,))
    first, second = (list(draw_extreme_cases(asked, seed)) for _ in range(2))
    assert all(
        np.array_equal(a.x, b.x) and np.array_equal(a.dy, b.dy)
        for a, b in zip(first, second, strict=True)
    )
    assert max(case.m for case in first) > 65_535


BAD = {
    "rank": (lambda c: replace(c, x=c.x.reshape(-1)), "rank 2 to 5"),
    "integers": (lambda c: replace(c, x=np.ones(c.x.shape, int)), "astype"),
    "gradient's shape": (lambda c: replace(c, dy=c.dy[:1, :1]), "dy has shape"),
    "NaN": (lambda c: replace(c, x=np.full_like(c.x, np.nan)), "NaN"),
    "negative eps": (lambda c: replace(c, eps=-1.0), "number >= 0"),
    "m = 0": (lambda c: replace(c, x=c.x[:0], dy=c.dy[:0]), "no value per channel"),
    "negative variance": (lambda c: replace(c, running_var=-c.running_var), "variance >= 0"),
}


@pytest.mark.parametrize(("spoil", "mend"), BAD.values(), ids=BAD)
@given(case=semantic().filter(lambda case: case.x.shape[1] > 1))
def test_bad_cases_are_refused_in_one_line(spoil, mend, case):
    """The message names what is wrong and what to give."""
    with pytest.raises(BadCase, match=mend) as refused:
        validate(spoil(case))
    assert "\n" not in str(refused.value)
