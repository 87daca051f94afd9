"""One point: errors that were put in are the errors that are measured."""

from contextlib import contextmanager
from functools import partial

import numpy as np
import pytest

from bnproof.accuracy import measured
from bnproof.accuracy.inputs import Input
from bnproof.accuracy.measured import bound_rounding, measure_point
from bnproof.laws.answers import Failed, NotOffered
from tests.accuracy.made import LAST, normalise, point, subject

X = np.random.default_rng(0).normal(3, 2, size=(64, 5)).astype(np.float32)
ON = Input("kappa", X, 1.0)


def measure(change, on=ON, **options):
    """The point of the right output with something changed in it."""

    def train(x, gamma, beta, eps):
        return change(normalise(x, gamma, beta, eps))

    return measure_point(subject(train, **options), on)


def test_a_right_answer_is_off_by_half_a_unit():
    """Rounded once: at most half an ulp and what float64 adds, nothing beyond, nothing wrong."""
    found = measure(lambda y: y)
    assert found.ulp[2] <= 0.5 + 2.0**-20
    assert (found.wrong, found.beyond, found.reason) == (False, False, "")
    assert found.largest >= found.typical > 0


def test_a_single_error_is_the_largest_and_not_the_typical_one():
    """A quarter of the root mean square in one channel of five."""

    def change(y):
        y[7, 2] += np.float32(0.25)
        return y

    found = measure(change)
    assert 0.25 - 2.0**-20 < found.largest < 0.25 + 2.0**-20
    assert found.typical < 2.0**-20
    assert found.beyond
    assert not found.wrong


def test_a_mean_that_is_off_is_the_shift():
    """By 1000 units of float32's roundoff, with either sign in different channels; roundings of
    single entries average out below two of them."""
    off = np.float32(1000 * 2.0**-24) * np.array([1, -1, 1, -1, 1], np.float32)
    assert 998 < measure(lambda y: y + off).shift < 1002
    assert measure(lambda y: y).shift < 2


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_output_that_is_not_finite_is_an_infinite_error(value):
    """Never NaN; the typical channel stays right."""

    def change(y):
        y[0, 0] = value
        return y

    found = measure(change)
    assert (found.largest, found.shift, found.wrong) == (np.inf, np.inf, True)
    assert found.typical < 1e-6


def test_what_raises_or_has_another_form_leaves_a_reason():
    """A point with infinite errors; what is not offered is passed on."""

    def fail(error):
        raise error

    for change in (lambda y: fail(RuntimeError("out of cheese")), lambda y: y[1:], lambda y: None):
        found = measure(change)
        assert found.reason
        assert found.typical == found.largest == np.inf
    with pytest.raises(NotOffered):
        measure(lambda y: fail(NotImplementedError("never")))


def test_channels_go_where_the_convention_has_them():
    """An implementation with channels last sees them last and is measured all the same."""
    seen = []

    def train(x, gamma, beta, eps):
        seen.append(x.shape)
        return np.moveaxis(normalise(np.moveaxis(x, -1, 1), gamma, beta, eps), 1, -1)

    found = measure_point(subject(train, convention=LAST, layout="4-d"), ON)
    assert seen == [(1, 8, 8, 5)]
    assert found.ulp[2] <= 0.5 + 2.0**-20


def test_threads_and_parameters_are_handed_on(monkeypatch, capsys):
    """As many threads as are asked for during the call, eps and the affine parameters; what is
    printed does not reach standard output."""
    allowed, seen = [], []

    @contextmanager
    def limit(threads):
        allowed.append(threads)
        yield
        allowed.pop()

    def train(x, gamma, beta, eps):
        print("hello")  # noqa: T201
        seen.append((list(allowed), eps, gamma.tolist()))
        return normalise(x, gamma, beta, eps)

    monkeypatch.setattr(measured, "threadpool_limits", limit)
    one = subject(train, threads=3, eps=0.25)
    y = one.compute_output(X, np.full(5, 2, np.float32), np.full(5, 7, np.float32))
    assert np.array_equal(y, normalise(X, np.full(5, 2.0), np.full(5, 7.0), 0.25))
    assert seen == [([3], 0.25, [2] * 5)]
    assert capsys.readouterr().out == ""


def test_a_failure_has_its_reason():
    """``compute_output`` raises it; ``measure_point`` keeps it."""
    broken = subject(lambda x, gamma, beta, eps: normalise(x, gamma, beta, eps)[:, :1])
    with pytest.raises(Failed, match="shape"):
        broken.compute_output(X)


def test_rounding_explains_rounding_and_not_another_formula():
    """Entry by entry: float32 arithmetic stays within, Bessel's factor does not."""
    allowed = bound_rounding(ON)
    right = X - X.mean(axis=0)
    y = right / np.sqrt((right * right).mean(axis=0) + np.float32(1e-5))
    assert np.all(ON.exact.distance(y) <= allowed)
    assert np.any(ON.exact.distance(y * np.float32(np.sqrt(63 / 64))) > allowed)
    # only looked at where the condition is 1
    bessel = partial(measure, lambda z: z * np.float32(np.sqrt(63 / 64)))
    assert bessel().beyond
    assert not bessel(Input("kappa", X, 10.0)).beyond
    assert not bessel(Input("values", X, 1.0)).beyond


def test_wrong_begins_at_half():
    """And NaN is wrong."""
    assert [point(error=e).wrong for e in (0.49, 0.5, np.inf, np.nan)] == [False, True, True, True]
