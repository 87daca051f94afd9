"""The guided search: what it draws, how it moves, and that what it finds is there."""

import numpy as np
import pytest

from bnproof.accuracy.worst_input import (
    M,
    Population,
    Worst,
    draw_population,
    find_worst,
    measure_ulps,
    write_reproducer,
)
from tests.accuracy.made import normalise, subject


def population(channels=6, dtype="float32", seed=0):
    """A population as it is drawn."""
    return draw_population(np.random.default_rng(seed), dtype, channels)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_drawn_is_ordinary(dtype):
    """In the dtype, with parameters of either sign from a half to 2."""
    drawn = population(200, dtype)
    assert drawn.x.shape == (1, 200, M)
    assert {values.dtype.name for values in (drawn.x, drawn.gamma, drawn.beta)} == {dtype}
    for values in (drawn.gamma, drawn.beta):
        assert np.all((np.abs(values) >= 0.5) & (np.abs(values) <= 2))
        assert set(np.sign(values)) == {-1, 1}


def test_a_change_moves_about_half_by_a_unit_to_their_own_size():
    """Never to the other sign or beyond twice the size, and sometimes by a single unit."""
    before = population(500)
    after = before.change(np.random.default_rng(1))
    assert after.x.dtype == np.float32
    moved = after.x != before.x
    assert 0.3 < moved.mean() < 0.6
    ratio = after.x[moved].astype(float) / before.x[moved]
    assert np.all((ratio >= 0) & (ratio <= 2))
    units = np.abs(after.x - before.x)[moved] / np.spacing(np.abs(before.x))[moved]
    assert units.min() == 1


def test_better_channels_are_taken_with_their_parameters():
    """The others stay; a selection may name a batch several times."""
    ours, theirs = population(3), population(3, seed=1)
    better = np.array([False, True, False])
    found = ours.replace_where(better, theirs)
    for name in ("x", "gamma", "beta"):
        values, own, other = (getattr(p, name) for p in (found, ours, theirs))
        if name == "x":
            values, own, other = values[0], own[0], other[0]
        assert np.array_equal(values[[0, 2]], own[[0, 2]])
        assert np.array_equal(values[1], other[1])
    twice = ours.select(np.array([2, 2]))
    assert np.array_equal(twice.x[0], ours.x[0, [2, 2]])
    assert twice.x.flags.c_contiguous
    assert list(twice.beta) == [ours.beta[2]] * 2


def test_an_error_is_found_at_its_place():
    """Sixteen units of ``|gamma xhat| + |beta|`` added to one value of one batch."""

    def train(x, gamma, beta, eps):
        y = normalise(x, gamma, beta, eps)
        size = abs(y[0, 3, 5] - beta[3]) + abs(beta[3])
        y[0, 3, 5] += 16 * np.spacing(size)
        return y

    errors, places = measure_ulps(subject(train), population())
    assert (int(errors.argmax()), int(places[3])) == (3, 5)
    # the ulp of the sum may be that of the binade below
    assert 15 <= errors[3] <= 33
    assert np.all(np.delete(errors, 3) <= 1)


def test_batches_out_of_proportion_do_not_count():
    """A mean beyond three deviations, a tiny or huge variance, and a parameter out of range."""
    x = np.tile(np.linspace(-1, 1, M), (1, 6, 1))
    x[0, 1] += 9
    x[0, 2] *= 0.01
    x[0, 3] *= 100
    gamma, beta = np.ones(6), np.ones(6)
    gamma[4], beta[5] = 3, 0.1
    given = Population(x, gamma, beta)
    errors, _ = measure_ulps(
        subject(lambda *a: normalise(*a) + 1, dtype="float64"),
        given,
    )
    assert list(errors > 0) == [True, False, False, False, False, False]


def test_more_generations_find_no_less():
    """The best batch is kept from one to the next; equal seeds give equal searches."""
    one = subject(lambda x, *rest: normalise(x.astype(np.float16).astype(np.float32), *rest))
    found = [find_worst(one, count, 0, 2) for count in range(8)]
    errors = [worst.ulp for worst in found]
    assert errors == sorted(errors)
    assert find_worst(one, 7, 0, 2) == found[7]
    assert (found[7].generations, found[7].dtype) == (7, "float32")


def test_what_is_not_offered_has_no_worst_input():
    """An implementation that does not take rank 3."""

    def refuse(x, gamma, beta, eps):
        raise NotImplementedError

    assert find_worst(subject(refuse), 5, 0) == Worst(None, "", "float32", 0)


def test_a_failure_is_told_in_the_program():
    """An exception in place of an answer is an infinite error, and its words are written down."""

    def fail(x, gamma, beta, eps):
        raise RuntimeError("out of cheese")

    errors, _ = measure_ulps(subject(fail), population())
    assert np.all(np.isinf(errors[errors > 0]))
    assert np.any(errors > 0)
    assert "out of cheese" in write_reproducer(subject(fail), population(), (0, 0, 0), np.inf)
