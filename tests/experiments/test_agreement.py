"""A real mini-batch becomes a case, and what is returned for constant channels is measured."""

from types import SimpleNamespace

import numpy as np
import pytest

from bnproof.experiments import agreement
from bnproof.experiments.agreement import draw_case, measure_degenerate

VALUES = np.array([[1.0, 0.1, 7.0], [2.0, 0.3, 7.0], [4.0, 0.7, 7.0], [8.0, 0.2, 7.0]])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_case_has_the_values_in_its_dtype(dtype):
    """The values themselves, rounded once, and everything else in the same dtype and of the right
    shape."""
    case = draw_case(VALUES, dtype, 7)
    assert np.array_equal(case.x, VALUES.astype(dtype))
    for name in ("x", "dy", "gamma", "beta", "running_mean", "running_var"):
        array = getattr(case, name)
        assert array.dtype == dtype
        assert array.shape == (VALUES.shape if name in ("x", "dy") else (3,))
    assert case.m == 4


def test_what_is_drawn_follows_the_seed_and_hides_nothing():
    """Same seed, same case; gradients are not constant, some gammas are negative, and running
    variances are positive."""
    wide = np.zeros((4, 100))
    first, same, other = (draw_case(wide, "float64", seed) for seed in (1, 1, 2))
    for name in ("dy", "gamma", "beta", "running_mean", "running_var"):
        assert np.array_equal(getattr(first, name), getattr(same, name))
        assert not np.array_equal(getattr(first, name), getattr(other, name))
    assert np.all(np.ptp(first.dy, axis=0) > 0)
    assert np.any(first.gamma < 0)
    assert np.any(first.gamma > 0)
    assert np.all(first.running_var > 0)


def answered(x, beta, y):
    """Answers of an implementation that returns y."""
    case = SimpleNamespace(x=x, beta=beta, dtype=x.dtype)
    return SimpleNamespace(case=case, observe=lambda quantity: {"y": y}[quantity])


def test_only_constant_channels_count():
    """The largest distance from beta is over them alone; the others may be far from it."""
    x = np.array([[1.0, 5.0, 7.0], [2.0, 5.0, 7.0]])
    y = np.array([[100.0, 0.5, 2.25], [-100.0, 0.5, 2.0]])
    row = measure_degenerate("beads", "abacus", answered(x, np.array([0.0, 0.5, 2.0]), y))
    assert row == {
        "kind": "degenerate", "data": "beads", "dtype": "float64", "target": "abacus",
        "constant_channels": 2, "largest_distance_from_beta": 0.25,
    }  # fmt: skip
    missing = measure_degenerate("beads", "abacus", answered(x, None, y))
    assert missing["largest_distance_from_beta"] == 2.25


def test_nothing_constant_or_no_output_is_no_distance():
    """A tiny spread is none of 0, and an implementation without an output has no gap."""
    x = np.array([[1.0], [1.0 + 2.0**-52]])
    row = measure_degenerate("beads", "abacus", answered(x, None, np.ones((2, 1))))
    assert (row["constant_channels"], row["largest_distance_from_beta"]) == (0, 0.0)
    row = measure_degenerate("beads", "abacus", answered(np.ones((2, 1)), None, None))
    assert (row["constant_channels"], row["largest_distance_from_beta"]) == (1, 0.0)


def test_the_reference_stays_within_its_bounds(monkeypatch):
    """On a small data set: every quantity of training and inference once in each dtype, an error of
    at most the bound, and the constant channel told at the end."""
    monkeypatch.setattr(agreement, "load_datasets", lambda: {"beads": VALUES})
    monkeypatch.setattr(agreement, "BATCH", 4)
    monkeypatch.setattr(agreement, "TARGETS", ("numpy",))
    rows = list(agreement.measure_rows(0))
    quantities = [
        *("y", "running_mean", "running_var", "infer_y"),
        *("dx", "dgamma", "dbeta", "infer_dx", "infer_dgamma", "infer_dbeta"),
    ]
    seen = [(row["dtype"], row["quantity"]) for row in rows if row["kind"] == "agreement"]
    assert set(seen) == {(d, q) for d in ("float32", "float64") for q in quantities}
    assert len(seen) == len(set(seen))
    assert all(row["ratio"] <= 1 for row in rows if row["kind"] == "agreement")
    assert [row["kind"] for row in rows].index("degenerate") == len(quantities)
    assert {row["constant_channels"] for row in rows if row["kind"] == "degenerate"} == {1}
