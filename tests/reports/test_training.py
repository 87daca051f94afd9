"""The page on what had to be measured shows the rows of its four experiments."""

import pytest
from jinja2 import UndefinedError

from bnproof.reports.training import render_training
from tests.reports.synthetic import change, lines, stream

NORMAL, PLAIN = "beads on rods", "beads alone"


def run(raised, rate, normalised, accuracy, **changed):
    """How one network ended."""
    row = {
        "kind": "weight_norm_run", "raised": raised, "normalised": normalised,
        "eps": 7e-7 if normalised else None, "learning_rate": rate, "other_rate": 0.0707,
        "norm_at_start": 1.01, "norm_median": 2.02, "norm_largest": 3.03,
        "effective_step_at_start": 4.04, "effective_step": 5.05, "fell": 0.06,
        "theorem_over_rounding": 0.707 if normalised else None, "finite": True,
        "final_accuracy": accuracy,
    }  # fmt: skip
    return row | changed


RUNS = [
    run("first layer", 11.0, True, 0.912),
    run("first layer", 11.0, False, 0.234),
    run("all layers", 22.0, True, 0.345, finite=False, other_rate=22.0),
]
SIZES = [
    {"kind": "linear_range_share", "data": "pebbles", "m": 55, "t": 0.5, "share_below": 0.111,
     "share_outside": 0.2222, "chebyshev": 4.0},
    {"kind": "linear_range_share", "data": "pebbles", "m": 55, "t": 2.0, "share_below": 0.9,
     "share_outside": 0.1, "chebyshev": 0.125},
    {"kind": "linear_range_moments", "data": "pebbles", "m": 55, "constant_share": 0.31,
     "root_mean_square": 0.777, "root_of_mean_q": 0.778, "largest": 6.66, "samuelson": 7.34},
    {"kind": "sigmoid_linear", "data": "pebbles", "gamma": None, "beta": None, "share": 0.123,
     "proved_share": 0.122, "identity_share": 0.011},
    {"kind": "sigmoid_linear", "data": "pebbles", "gamma": 2.5, "beta": -1.0, "share": 0.543,
     "proved_share": 0.432, "identity_share": 0.0},
]  # fmt: skip
TRAINED = [
    {"kind": "parametrisation_summary", "trained": "everything", "parametrisation": name,
     "learning_rate": 0.7, "seeds": 17, "final_loss_mean": loss, "final_loss_smallest": 0.01,
     "final_loss_largest": 0.99, "final_accuracy_mean": 0.876, "steps_to_target_mean": 100 * loss}
    for name, loss in ((NORMAL, 0.37), (PLAIN, 0.59))
] + [
    {"kind": "parametrisation_rate", "trained": trained, "parametrisation": name,
     "learning_rate": rate, "final_loss_mean": loss, "diverged": diverged}
    for trained, name, rate, loss, diverged in (
        ("everything", NORMAL, 0.07, 1.23, 0), ("everything", NORMAL, 70.0, 0.456, 1),
        ("everything", PLAIN, 0.07, 1.11, 2), ("everything", PLAIN, 70.0, None, 5),
        ("little", NORMAL, 700.0, 9.99, 9), ("little", PLAIN, 700.0, 9.99, 9),
    )
]  # fmt: skip
ROUNDING = [
    {"kind": "variance_error", "algorithm": "by hand", "m": 66},
    {"kind": "variance_slope", "algorithm": "by hand", "quantity": "variance", "slope": 1.987,
     "cited_slope": 2, "kappa_from": 7.0, "kappa_to": 777.0, "points": 7},
]  # fmt: skip
ROWS = [*RUNS, *SIZES, *TRAINED, *ROUNDING]


def test_the_fair_set_up_stands_apart_from_the_other():
    """The layer alone at the raised rate in the first table, every layer in the second."""
    page = render_training(stream(*ROWS))
    first, second = page.split("With **every** layer at the raised rate")
    assert lines(first, "| 11 | yes") == [
        "| 11 | yes | 7e-07 | 1.01 | 2.02 | 3.03 | 4.04 | 5.05 | 6% | 0.707 | 91.2% |"
    ]
    assert lines(first, "| 11 | no")[0].endswith("| - | 23.4% |")
    assert not lines(first, "| 22 |")
    assert lines(second, "| 22 |") == ["| 22 | yes | 3.03 | no | 34.5% |"]
    assert "(the others stay at\n0.0707)" in page


def test_shares_stand_beside_their_bounds():
    """As percentages; a bound above 1 says no more than 100 %."""
    page = render_training(stream(*ROWS))
    assert lines(page, "| pebbles | 0.5 |") == ["| pebbles | 0.5 | 11.1% | 22.22% | 100.0% |"]
    assert lines(page, "| pebbles | 2 |") == ["| pebbles | 2 | 90.0% | 10.00% | 12.5% |"]
    assert lines(page, "| pebbles | 31%") == ["| pebbles | 31% | 0.777 | 0.778 | 6.66 | 7.34 |"]
    assert "Batches of 55." in page


def test_the_sigmoid_is_shown_with_and_without_normalising():
    """What was not normalised has no gamma and no beta."""
    page = render_training(stream(*ROWS))
    assert lines(page, "| pebbles | not normalised") == [
        "| pebbles | not normalised | 12.3% | 12.2% | 1.1% |"
    ]
    assert lines(page, "| pebbles | gamma") == [
        "| pebbles | gamma = 2.5, beta = -1 | 54.3% | 43.2% | 0.0% |"
    ]


def test_rates_are_those_at_which_everything_was_trained():
    """Both parametrisations side by side, a loss that is no number as a dash, and the other set-up
    left out."""
    page = render_training(stream(*ROWS))
    assert lines(page, "| rate |") == [f"| rate | {NORMAL} | diverged | {PLAIN} | diverged |"]
    assert lines(page, "| 0.07 |") == ["| 0.07 | 1.23 | 0 | 1.11 | 2 |"]
    assert lines(page, "| 70 |") == ["| 70 | 0.456 | 1 | - | 5 |"]
    assert not lines(page, "| 700 |")
    assert lines(page, f"| everything | {PLAIN} |") == [
        f"| everything | {PLAIN} | 0.7 | 0.59 | 0.01 | 0.99 | 87.6% | 59 |"
    ]
    assert "tried on 17 seeds" in page


def test_slopes_stand_beside_the_cited_ones():
    """With the range that they were fitted over."""
    page = render_training(stream(*ROWS))
    assert lines(page, "| by hand |") == ["| by hand | variance | 1.99 | 2 | 7 | 777 |"]
    assert "(m = 66, float32)" in page


def test_a_number_that_changes_in_the_records_changes_on_the_page():
    """A page with other records is another page, in that number alone."""
    before = render_training(stream(*ROWS)).splitlines()
    rows = change(ROWS, {"kind": "linear_range_moments"}, largest=5.43)
    after = render_training(stream(*rows)).splitlines()
    differing = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert [(a.count("6.66"), b.count("5.43")) for a, b in differing] == [(1, 1)]


def test_a_rate_that_one_parametrisation_lacks_is_no_empty_cell():
    """A table with a hole is refused."""
    lacking = [row for row in ROWS if row.get("final_loss_mean") != 0.456]
    with pytest.raises(UndefinedError, match=NORMAL):
        render_training(stream(*lacking))
