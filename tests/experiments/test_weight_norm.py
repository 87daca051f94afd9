"""How the steps of a run become a curve and a summary, with steps that are made by hand.

That real runs obey the theorem is tested with the other experiments.
"""

import math

import numpy as np
import pytest

from bnproof.experiments.norm_growth import Growth
from bnproof.experiments.weight_norm import (
    ALL,
    FIRST,
    OTHER_RATE,
    Setup,
    compare_to_theorem,
    record_curve,
    summarise,
)

ENDING = {"finite": True, "final_loss": 0.5, "final_accuracy": 0.75}


def step(norm, measured, expanded, squared=(0.0, 0.0), *, loss=1.0, predicted=None, cosine=0.0):
    """A step of two rows, of whose growth rounding explains 1 and 4."""
    rounding = np.array([1.0, 4.0])
    return Growth(
        loss, np.array(norm), np.array(measured), np.array(expanded), np.array(squared), rounding,
        np.array([0.0, cosine]), None if predicted is None else np.array(predicted),
        None if predicted is None else 2 * rounding,
    )  # fmt: skip


STEPS = [
    step((1.0, 3.0), (8.0, -7.0), (7.0, -7.0), (0.0, -7.0), predicted=(8.0, -3.0), cosine=-0.5),
    step((3.0, 5.0), (-0.5, 0.0), (-0.5, 0.0), (-16.5, 0.0), predicted=(0.5, 8.0), cosine=0.25),
]


@pytest.mark.parametrize(("raised", "other"), [(FIRST, OTHER_RATE), (ALL, 100.0)])
def test_only_the_first_layer_is_raised_or_everything(raised, other):
    """What is not raised learns at the usual rate."""
    assert Setup(raised, 1e-5, 100.0).other_rate == other


def test_the_summary_by_hand():
    """Norms before the first and the last step, medians over rows, and shares of steps and rows in
    which a norm fell."""
    row = summarise(Setup(FIRST, 1e-5, 8.0), STEPS, ENDING)
    assert (row["steps"], row["normalised"], row["other_rate"]) == (2, True, OTHER_RATE)
    norms = [row[f"norm_{name}"] for name in ("at_start", "smallest", "median", "largest")]
    assert norms == [2.0, 3.0, 4.0, 5.0]
    # 8/1 and 8/9, and 8/9 and 8/25.
    assert row["effective_step_at_start"] == np.mean([8 / 1, 8 / 9])
    assert row["effective_step"] == np.mean([8 / 9, 8 / 25])
    # Two of four fell, of which one by 7 where rounding explains 4.
    assert (row["fell"], row["fell_beyond_rounding"]) == (0.5, 0.25)
    # 1 off in units of 1, relative to |W'|^2 = 1 + 8.
    assert (row["deviation_over_rounding"], row["largest_relative_deviation"]) == (1.0, 1 / 9)
    assert row["largest_cosine"] == 0.5
    assert {key: row[key] for key in ENDING} == ENDING


def test_the_theorem_is_compared_with_and_without_its_eps_term():
    """The worst row of the worst step, each in units of 2 and 8; nothing without normalisation."""
    found = compare_to_theorem(STEPS)
    # 0/2, 4/8, then 1/2, 8/8; without the term 8/2, 0/8, then 16/2, 0/8.
    assert found == {"theorem_over_rounding": 1.0, "without_eps_term_over_rounding": 8.0}
    plain = [step((1.0, 1.0), (0.0, 0.0), (0.0, 0.0))]
    assert set(compare_to_theorem(plain).values()) == {None}
    assert set(compare_to_theorem([])) == set(found)


def test_a_curve_is_even_in_the_logarithm():
    """From the first to the last step, each once, and the early ones all."""
    steps = [step((k, 3.0 * k), (0.0, 0.0), (0.0, 0.0)) for k in range(1, 281)]
    rows = list(record_curve(Setup(FIRST, None, 2.0), steps))
    shown = [row["step"] for row in rows]
    assert shown == sorted(set(shown))
    assert shown[:5] == [1, 2, 3, 4, 5]
    assert shown[-1] == 280
    assert 40 <= len(shown) <= 60
    for row in rows:
        k = row["step"]
        assert (row["norm_smallest"], row["norm_median"], row["norm_largest"]) == (k, 2 * k, 3 * k)
        assert row["effective_step"] == np.mean([2 / k**2, 2 / (3.0 * k) ** 2])
        assert not row["normalised"]


def test_a_curve_of_few_steps_has_them_all():
    """A run that ended after its first step has one point; a loss that is no number is None."""
    lost = step((1.0, 1.0), (0.0, 0.0), (0.0, 0.0), loss=math.inf)
    rows = list(record_curve(Setup(FIRST, None, 2.0), [lost]))
    assert [(row["step"], row["loss"]) for row in rows] == [(1, None)]
    rows = list(record_curve(Setup(FIRST, 1e-5, 2.0), [*STEPS, lost]))
    assert [row["step"] for row in rows] == [1, 2, 3]
    assert all(row["normalised"] for row in rows)
