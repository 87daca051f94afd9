"""What the oracle's benchmark measures: shapes of the right size, rounds that are counted."""

from math import prod

import numpy as np
import pytest

from bnproof.benchmarks import oracle_cost
from bnproof.benchmarks.oracle_cost import (
    DTYPES,
    PLANES,
    SIZES,
    choose_shape,
    list_configurations,
    measure_compilation,
    measure_memory,
    measure_reference,
    measure_slow,
    normalise_in_balls,
    normalise_in_mpmath,
    normalise_two_pass,
)


@pytest.mark.parametrize("channels", PLANES)
@pytest.mark.parametrize("planes", [False, True])
def test_shapes_have_about_the_size_that_is_asked(channels, planes):
    """Never more than the size, and less by fewer than one further row of samples."""
    for size in SIZES:
        shape = choose_shape(size, channels, planes=planes)
        assert shape[1] == channels
        assert len(shape) == (4 if planes else 2)
        assert prod(shape) <= size < prod(shape) + prod(shape[1:])


def test_a_batch_has_at_least_one_sample():
    """Also where a single one is larger than the size that is asked."""
    assert choose_shape(10, 1, planes=True) == (1, 1, 100, 100)


def test_every_configuration_comes_once():
    """Sizes, channels, forms and dtypes in all combinations."""
    listed = [(tuple(row["shape"]), row["dtype"]) for row in list_configurations()]
    assert len(listed) == len(set(listed)) == len(SIZES) * len(PLANES) * 2 * len(DTYPES)


def test_the_contestants_normalise(monkeypatch):
    """(1, 3) has mu = 2 and v = 1, so that eps = 3 makes s = 2, and every step is exact."""
    monkeypatch.setattr(oracle_cost, "EPS", 3.0)
    x = np.array([1.0, 3.0])
    for y in (
        normalise_two_pass(x[:, None], np.array([6.0]), np.array([1.0]))[:, 0],
        normalise_in_mpmath(x, 6.0, 1.0),
        normalise_in_balls(x, 6.0, 1.0),
    ):
        assert [float(value) for value in y] == [-2.0, 4.0]  # 6 (x - 2)/2 + 1


def test_counted_rounds_leave_out_the_first(monkeypatch):
    """A first round warms memory and caches, so two rounds take three runs of each contestant."""
    monkeypatch.setattr(oracle_cost, "SLOW", 5)
    monkeypatch.setattr(oracle_cost, "SIZES", (40, 80))
    runs = []
    monkeypatch.setattr(oracle_cost, "time_work", lambda work: runs.append(work) or len(runs))
    row = measure_slow(2)
    assert len(runs) == 3 * len(row["seconds"])
    assert all(len(times) == 2 for times in row["seconds"].values())
    # the first run of every contestant is number 1, 4, 7, 10: none of them is counted
    assert not {1, 4, 7, 10} & {time for times in row["seconds"].values() for time in times}


class Named:
    """An implementation whose training step says its name."""

    def __init__(self, name):
        self.name = name

    def train(self, *arrays, eps, momentum):
        return self.name


def test_contestants_of_a_training_step_take_turns(monkeypatch):
    """All four run in every round, so that what else the machine does meets all of them."""
    monkeypatch.setattr(oracle_cost, "choose_shape", lambda size, channels, planes: (4, 16))
    order = []
    monkeypatch.setattr(oracle_cost, "load", Named)
    monkeypatch.setattr(oracle_cost, "time_work", lambda work: order.append(work()) or 1.0)
    row = measure_reference(2)
    assert order == list(row["seconds"]) * 3
    assert all(times == [1.0, 1.0] for times in row["seconds"].values())


def test_compilation_is_timed_twice_with_one_cache(monkeypatch):
    """The second process finds what the first one compiled; imports are those of the first."""
    caches = []

    class Done:
        def __init__(self, environment):
            caches.append(environment["NUMBA_CACHE_DIR"])
            self.stdout = f"0.5 {10 - 5 * len(caches)}\n"

    monkeypatch.setattr(oracle_cost.subprocess, "run", lambda command, *, env, **options: Done(env))
    row = measure_compilation()
    assert (row["imports"], row["first"], row["second"]) == (0.5, 5.0, 0.0)
    assert len(set(caches)) == 1


def test_memory_is_counted_for_each_value():
    """The results alone are three float64 words for every value of x: 24 bytes."""
    x = np.ones((4000, 3))
    assert 24 <= measure_memory(x, np.ones(3), np.zeros(3)) <= 48
