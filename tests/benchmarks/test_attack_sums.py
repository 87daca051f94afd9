"""Statements at the edges of sums: their marks agree with the points."""

import pytest

from bnproof.benchmarks import attack_sums
from tests.benchmarks.rows import find_contradictions, find_survivors, list_rows

FAMILIES = (
    attack_sums.deltas,
    attack_sums.dummies,
    attack_sums.conditions,
    attack_sums.trees,
    attack_sums.bounds,
    attack_sums.pairs,
)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_no_row_that_is_marked_true_is_contradicted(family):
    """At points that satisfy its conditions, a row marked true is neither false nor undefined."""
    assert find_contradictions(family) == []


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_every_near_miss_fails_somewhere(family):
    """A row that nobody vouches for is false or undefined at a point, or it would be no trap."""
    assert find_survivors(family) == []


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_a_table_has_truths_and_traps(family):
    """A prover that always gives the same answer is wrong on some row of every table."""
    assert {row[2] for row in list_rows(family)} == {True, False}
