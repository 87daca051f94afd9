"""The oracle's benchmarks: what they compute agrees, and their pages say what their rows say.
Nothing is timed."""

import numpy as np

from bnproof import certify
from bnproof.benchmarks.containment import try_inputs
from bnproof.benchmarks.oracle_cost import (
    compare_contestants,
    normalise_in_balls,
    normalise_in_mpmath,
    normalise_two_pass,
)
from bnproof.certify import bounds
from bnproof.records import Records, build_header
from bnproof.reports.containment import render_containment
from bnproof.reports.oracle_cost import list_lines, render_oracle_cost


def test_the_contestants_compute_the_same():
    """Plain NumPy to a few units, mpmath and balls to the last digit of a double."""
    x = np.random.default_rng(0).normal(size=(200, 1))
    exact = certify.train(x, np.array([1.5]), np.array([0.5]), eps=1e-5).y
    trained = certify.train(x, eps=1e-5)
    batch = bounds.ExactBatch(x, x - trained.mu.mid, trained.mu.mid, trained.v.mid, 1e-5)
    explained = bounds.output(
        bounds.Precision.from_dtype(x.dtype), batch, np.array([1.5]), np.array([0.5])
    ).total
    assert np.all(
        exact.distance(normalise_two_pass(x, np.array([1.5]), np.array([0.5]))) <= explained
    )
    for other in (normalise_in_mpmath, normalise_in_balls):
        values = np.array([float(value) for value in other(x[:, 0], 1.5, 0.5)])[:, None]
        assert np.all(certify.ulp_error(values, exact) <= 1)


def test_a_row_has_every_contestant_and_the_memory():
    """One configuration: seconds per round, and bytes that hold three float64 results."""
    row = compare_contestants({"shape": [4000, 5], "dtype": "float32"}, rounds=2)
    assert {name: len(times) for name, times in row["seconds"].items()} == {
        "numpy": 2,
        "forward": 2,
        "gradient": 2,
    }
    assert 24 <= row["bytes"] <= 40


def test_the_page_says_the_largest_ratios():
    """Medians over rounds; few and many channels apart."""
    rows = (
        {"kind": "oracle_cost_run", "rounds": 3, "dtypes": ["float32"]},
        {"kind": "oracle_cost_compile", "imports": 0.5, "first": 6.0, "second": 0.25},
        {
            "kind": "oracle_cost_slow",
            "values": 10,
            "many": 100,
            "digits": 34,
            "seconds": {"mpmath": [1.0], "balls": [0.5], "forward": [0.01], "forward_short": [0.1]},
        },
        {
            "kind": "oracle_cost_reference",
            "shape": [10, 1],
            "values": 10,
            "seconds": {
                "torch": [1.0],
                "numpy": [2.0],
                "compensated": [30.0],
                "compensated-torch": [40.0],
            },
        },
        *(
            {
                "kind": "oracle_cost",
                "shape": [10, channels],
                "dtype": "float32",
                "values": 10,
                "bytes": 24.0,
                "seconds": {
                    "numpy": [1.0, 9.0, 1.0],
                    "forward": [forward] * 3,
                    "gradient": [2 * forward] * 3,
                },
            }
            for channels, forward in ((1, 3.0), (16, 1.5))
        ),
    )
    records = Records(build_header(0), rows)
    assert [line["forward_to_numpy"] for line in list_lines(records)] == [3.0, 1.5]
    page = render_oracle_cost(records)
    assert "| certified forward to NumPy, fewer than 16 channels | 3 |" in page
    assert "| certified forward to NumPy, 16 channels and more | 1.5 |" in page
    assert "| mpmath (34 digits) to certified forward, per value of 100 | 1000 |" in page
    assert "| compensated | 3e+09 | 30 |" in page


def test_containment_counts_and_finds_nothing():
    """Forty inputs: no miss, every number counted; a miss would be on the page."""
    row = try_inputs(0, 40)
    assert row["missed"] == []
    assert row["entries"]["all"] > 1000
    page = render_containment(Records(build_header(0), (row,)))
    assert "**Outside its enclosure: 0.**" in page
    assert "seed 7: y[0]" in render_containment(
        Records(build_header(0), ({**row, "missed": ["seed 7: y[0]: 1 against 2"]},))
    )
