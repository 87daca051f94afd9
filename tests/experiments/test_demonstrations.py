"""Demonstrations of the claims: all there, repeatable, and the numbers obey the theorems they
show."""

import math

import numpy as np
import pytest

from bnproof.certify.bounds import Precision
from bnproof.claims import load_ledger
from bnproof.datasets import compute_activations, cut_batches, load_pixels
from bnproof.experiments import demonstrations
from bnproof.experiments.demonstrations import (
    Demonstration,
    Number,
    UnknownDemonstration,
    demonstration,
)
from bnproof.experiments.demonstrations.textbook import PATIENCE, count_steps, curvatures

SHOWN_BY = {claim.id: claim.demonstration for claim in load_ledger().values()}
CLAIMS = list(SHOWN_BY)
BATCH = 128


@pytest.fixture(scope="module")
def rows():
    """Every number, for seed 0."""
    return list(demonstrations.measure_rows(0, SHOWN_BY))


@pytest.fixture(scope="module")
def values(rows):
    """The numbers of each claim, in order."""
    return {claim: [row["value"] for row in rows if row["claim"] == claim] for claim in CLAIMS}


def rounding(x, evaluations=2):
    """What float64 explains for values made of ``evaluations`` two-pass batch norms of ``x``.

    ``xhat`` has an error of at most ``gamma_n (kappa + max|xhat|)`` with n roundings: m for the
    mean, m and a few for the variance, the root, the division and the affine step;
    ``kappa = sqrt(1 + mu^2/v)``.
    """
    mean, variance = x.mean(axis=0), x.var(axis=0)
    kappa = np.sqrt(1 + mean**2 / variance).max()
    return (
        evaluations
        * Precision.from_dtype(np.float64).gamma(2 * len(x) + 20)
        * (kappa + np.sqrt(len(x)))
    )


@pytest.fixture(scope="module")
def explained():
    """What float64 explains on the batch of hidden activations the demonstrations use."""
    return rounding(cut_batches(compute_activations(), BATCH, 0)[0])


def test_every_claim_has_two_to_five_numbers(rows):
    """Every claim of the ledger has a demonstration of its own, and every demonstration a claim."""
    assert sorted(demonstrations.list_demonstrations()) == sorted(SHOWN_BY.values())
    counts = {claim: sum(row["claim"] == claim for row in rows) for claim in CLAIMS}
    assert all(2 <= count <= 5 for count in counts.values())
    assert sum(counts.values()) == len(rows)


def test_rows_are_complete_and_finite(rows):
    """Every row names its data and what it is, differently within a claim, and holds a finite
    float."""
    assert all(
        row["kind"] == "demonstration" and row["data"] and type(row["value"]) is float
        for row in rows
    )
    assert all(math.isfinite(row["value"]) for row in rows)
    assert len({(row["claim"], row["what"]) for row in rows}) == len(rows)


def test_the_same_seed_gives_the_same_rows(rows):
    """Deterministic, also when a claim is asked for alone; the texts do not depend on the seed, the
    numbers do."""
    assert list(demonstrations.measure_rows(0, SHOWN_BY)) == rows
    assert list(demonstrations.measure_rows(0, {"C1": SHOWN_BY["C1"]})) == [
        row for row in rows if row["claim"] == "C1"
    ]
    other = list(demonstrations.measure_rows(1, SHOWN_BY))
    assert [row["what"] for row in other] == [row["what"] for row in rows]
    changed = {
        row["claim"] for row, old in zip(other, rows, strict=True) if row["value"] != old["value"]
    }
    assert changed == set(CLAIMS)


def test_unknown_demonstrations_and_doubles_are_refused():
    """The message names the demonstration and what to do."""
    with pytest.raises(UnknownDemonstration, match=r"no demonstration nonsense: known are "):
        list(demonstrations.measure_rows(0, {"A1": "nonsense"}))
    with pytest.raises(ValueError, match="two demonstrations collapse: give one another name"):

        @demonstration("digits")
        def collapse(data):
            yield Number("nothing", 0.0)


def test_a_number_that_is_not_finite_is_refused(monkeypatch):
    """A row never holds not-a-number."""
    broken = Demonstration("digits", lambda data: iter([Number("a ratio", np.nan)]))
    monkeypatch.setattr(demonstrations, "list_demonstrations", lambda: {"broken": broken})
    with pytest.raises(
        ArithmeticError, match="claim A1: a ratio is nan: choose data where it exists"
    ):
        list(demonstrations.measure_rows(0, {"A1": "broken"}))


def test_one_batch_collapses_and_several_do_not(values, explained):
    """Q1, Q2: rounding on one batch and at inference, far more over all batches."""
    assert max(values["Q1"][:2]) <= explained
    one_batch, everywhere, _, inference = values["Q2"]
    assert max(one_batch, inference) <= explained < everywhere


def test_conditioning_is_that_of_the_hessian(values):
    """Q4: the proved condition numbers are those of the measured second derivatives, up to their
    sensitivity."""
    pixels = cut_batches(load_pixels(), BATCH, 0)[0]
    low, high = curvatures(pixels[:, np.ptp(pixels, axis=0) > 0])
    measured = high / low
    found = [measured.min(), np.median(measured), measured.max()]
    explained = Precision.from_dtype(np.float64).gamma(2 * BATCH) * measured.max() * measured.max()
    assert np.abs(np.array(values["Q4"][2:]) - found).max() <= explained
    assert 1 <= values["Q4"][1] < values["Q4"][2]


def test_scale_invariance_needs_its_conditions(values, explained):
    """A1, A8: a > 0 and eps = 0 leave rounding; a < 0, a = 0 and eps > 0 do not; the exact law and
    the bound hold."""
    up, down, zero, small, law = values["A1"]
    assert max(up, law) <= explained < min(down, zero, small)
    up, down, mirrored, small, bound = values["A8"]
    assert max(up, mirrored) <= explained < down
    assert small <= bound


def test_the_weights_grow_as_proved(values):
    """A3: the growth law holds up to rounding; the outputs keep root mean square sqrt(q) < 1;
    without BN W explodes."""
    growth, law, size, plain, _ = values["A3"]
    assert law <= Precision.from_dtype(np.float64).gamma(100 * BATCH)
    assert size <= 1 + Precision.from_dtype(np.float64).gamma(2 * BATCH)
    assert 1 < growth < plain


def test_normalised_values_stay_within_the_proved_bounds(values):
    """A5a, A6: Chebyshev's and Samuelson's bounds, and the remainder of the sigmoid."""
    *_, chebyshev, samuelson = values["A5a"]
    assert max(chebyshev, samuelson) <= 1
    _, identity, tangent, remainder, _ = values["A6"]
    assert tangent <= remainder < identity


def test_a_jump_of_the_bias_decays_as_predicted(values, explained):
    """A9: training does not see it; at inference the measured change is the predicted one."""
    training, at_once, later, miss = values["A9"]
    assert max(training, miss) <= explained < later < at_once


def test_a_batch_is_no_set_of_separate_samples(values, explained):
    """B3: a line at fixed statistics is reached; in training mode the others' outputs move, as the
    witness predicts."""
    line, others, witness, miss = values["B3"]
    assert max(line, miss) <= 4 * explained < min(others, witness)


def test_only_beta_moves_the_mean(values, explained):
    """B4: a step of the layer below moves the mean before, and not after, in training mode
    alone."""
    _, before, training, inference = values["B4"]
    assert training < before
    assert training <= explained < min(before, inference)


def test_gradient_descent_is_faster_on_normalised_values(values):
    """B5a, B5b: other changes of the function, and fewer steps."""
    assert max(values["B5a"][:2]) < values["B5a"][2]
    _, normalised, _, plain, slowest = values["B5b"]
    assert normalised < plain <= slowest


def test_descent_that_does_not_arrive_is_an_error():
    """A feature with a huge offset is not waited for."""
    regressor, target = np.array([[1e6], [1e6 + 1]]), np.array([[0.0], [1.0]])
    with pytest.raises(
        ArithmeticError, match=f"not there after {PATIENCE} steps: choose features with less offset"
    ):
        count_steps(regressor, (np.zeros(1), np.full(1, 0.5)), target)


def test_ellipses_stay_ellipses(values, explained):
    """C1: the correlation changes by rounding only (a sum of m products of two outputs), and no
    circle appears."""
    correlation, change, _, after, _ = values["C1"]
    assert change <= 2 * explained + Precision.from_dtype(np.float64).gamma(3 * BATCH)
    assert abs(correlation) > change
    assert after > 1


def test_a_pair_a_feature_is_needed(values, explained):
    """C3: a shared pair misses, own pairs reach."""
    shared_means, _, missed_means, missed_deviations, own = values["C3"]
    assert max(shared_means, own) <= explained < min(missed_means, missed_deviations)
