"""How runs become rates, curves and a summary, with runs that are made by hand.

That real trainings repeat and are compared fairly is tested with the other experiments.
"""

import math

import pytest

from bnproof.experiments.parametrisations import (
    EVERY,
    RATES,
    Run,
    find_best_runs,
    group_by_rate,
    record_curve,
    record_rate,
    record_run,
    summarise,
)


def run(*losses, rate=0.1, seed=0, accuracy=0.75):
    """A training with these losses."""
    return Run("little", "beads", rate, seed, losses, accuracy)


@pytest.mark.parametrize(
    ("losses", "diverged"),
    [
        ((2.0, 5.0, 1.0), False), ((2.0, 2.0), False), ((2.0, 1.0, 2.5), True),
        ((2.0, math.inf), True), ((2.0, math.nan), True),
    ],
)  # fmt: skip
def test_a_run_has_diverged_if_it_does_not_end_below_its_start(losses, diverged):
    """What lies between does not count, and a final loss that is no number has diverged."""
    assert run(*losses).diverged is diverged
    assert record_run(run(*losses))["diverged"] is diverged


def test_the_first_step_with_at_most_a_loss_is_found():
    """In steps of training, not in records; a loss that is reached exactly counts."""
    assert run(4.0, 2.0, 3.0, 1.0).find_step(2.0) == EVERY
    assert run(4.0, 2.0, 3.0, 1.0).find_step(1.5) == 3 * EVERY
    assert run(4.0, 2.0).find_step(9.0) == 0
    with pytest.raises(StopIteration):
        run(4.0, 2.0).find_step(1.0)


def test_runs_are_grouped_by_rate_in_the_order_of_the_grid():
    """Whatever order they come in, and all seeds of a rate together."""
    runs = [run(1.0, rate=rate, seed=seed) for seed in (0, 1) for rate in reversed(RATES)]
    grouped = group_by_rate(runs)
    assert [{one.rate for one in group} for group in grouped] == [{rate} for rate in RATES]
    assert all([one.seed for one in group] == [0, 1] for group in grouped)


def test_the_best_rate_has_the_lowest_mean_of_final_losses():
    """One lucky seed is not enough, and a rate at which any seed ends without a number is never the
    best."""
    finals = dict.fromkeys(RATES, (5.0, 5.0))
    lost = (0.1, math.nan)
    # The first of all is NaN too, with which nothing compares as smaller.
    finals |= {0.01: lost, 0.03: (1.0, 6.0), 0.3: (3.0, 3.0), 1.0: lost, 3.0: (0.1, math.inf)}
    runs = [
        run(9.0, final, rate=rate, seed=seed)
        for rate, own in finals.items() for seed, final in enumerate(own)
    ]  # fmt: skip
    # The means are NaN, 3.5, 5, 3, NaN, infinity and 5.
    assert {one.rate for one in find_best_runs(runs)} == {0.3}


def test_what_is_no_number_is_none_in_a_row():
    """JSON cannot hold it; what is finite stays as it is."""
    row = record_run(run(2.0, math.nan))
    assert row["final_loss"] is None
    rate = record_rate([run(2.0, 1.0), run(2.0, math.inf, seed=1)])
    assert (rate["final_loss_mean"], rate["final_loss_largest"]) == (None, None)
    assert (rate["final_loss_smallest"], rate["seeds"], rate["diverged"]) == (1.0, 2, 1)
    assert record_rate([run(2.0, 1.0), run(2.0, 4.0)])["final_loss_mean"] == 2.5
    assert [row["loss"] for row in record_curve([run(math.inf, 1.0, 3.0)])] == [None, 3.0]


def test_a_curve_has_every_second_point_of_each_run():
    """From the start on, with steps of training and the seed."""
    rows = list(record_curve([run(5.0, 4.0, 3.0, 2.0), run(1.0, 0.5, seed=9)]))
    found = [(row["seed"], row["step"], row["loss"]) for row in rows]
    assert found == [(0, 0, 5.0), (0, 2 * EVERY, 3.0), (9, 0, 1.0)]
    assert {row["kind"] for row in rows} == {"parametrisation"}


def test_the_summary_is_over_seeds():
    """Means and extremes of final losses, accuracies and steps to the common loss."""
    runs = [run(8.0, 4.0, 3.0, accuracy=0.5), run(8.0, 1.0, 2.0, seed=1, accuracy=1.0)]
    row = summarise(runs, 3.0)
    assert (row["trained"], row["parametrisation"]) == ("little", "beads")
    assert row["learning_rate"] == 0.1
    assert (row["seeds"], row["steps"], row["target_loss"]) == (2, 2 * EVERY, 3.0)
    assert (row["final_loss_mean"], row["final_loss_smallest"], row["final_loss_largest"]) == (
        2.5, 2.0, 3.0,
    )  # fmt: skip
    assert row["final_accuracy_mean"] == 0.75
    # The first gets there at its last record, the second at its first.
    steps = [row[f"steps_to_target_{which}"] for which in ("mean", "smallest", "largest")]
    assert steps == [1.5 * EVERY, EVERY, 2 * EVERY]
