"""Relations: the changes they make to a case are exact, what they ask is asked once, and where a
relation cannot be asked nothing is said."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from sympy import Integer

from bnproof.contract import Convention, FailureKind
from bnproof.formats import dtype_of
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.laws.answers import Answers, Failed, NotOffered, Target
from bnproof.laws.columns import has_constant_channel, to_columns
from bnproof.laws.law import load_laws
from bnproof.laws.oracle import Oracle
from bnproof.laws.relations import change_case, list_observations, snap
from bnproof.theorems.book import Observed
from tests.laws.draws import by_hand, cases, target

CASE = by_hand()
SHIFTED = list_observations("shift")["y_shifted"]
RESCALED = list_observations("scale-eps")["y_rescaled"]


def measure(law, of, case=CASE):
    """What a relation law sees of a target on a case."""
    return load_laws()[law].measure(Answers(of, case), Oracle(case))


def fractions(values):
    """Every entry of an array as the fraction that it stores."""
    return [Fraction(float(value)) for value in np.ravel(values)]


# -- the case that is asked about ------------------------------------------------------------------


def test_the_grid_has_twelve_bits_below_the_largest_entry():
    """Beside a largest entry of 1 the grid is 2^-12: 0.3 becomes 1229/4096, as 0.3 * 4096 is
    1228.8."""
    x = np.array([[1.0], [0.3], [-0.3], [2.0**-14]])
    snapped = snap(by_hand("float64", x=x)).x
    assert fractions(snapped) == [1, Fraction(1229, 4096), Fraction(-1229, 4096), 0]


@settings(max_examples=25)
@given(cases())
def test_shifting_and_scaling_a_snapped_case_is_exact(case):
    """In fractions every shifted entry differs from its own by the same number, which is not 0, and
    every scaled entry is four times its own."""
    snapped = snap(case)
    before = fractions(snapped.x)
    shifts = {
        after - own
        for after, own in zip(fractions(change_case(snapped, SHIFTED).x), before, strict=True)
    }
    assert len(shifts) == 1
    assert shifts != {0}
    assert fractions(change_case(snapped, RESCALED).x) == [4 * own for own in before]


def test_zeros_are_left_as_they_are():
    """A batch of zeros has no largest entry to measure a grid by, and can still be shifted."""
    zeros = by_hand(x=np.zeros_like(CASE.x))
    assert snap(zeros) is zeros
    assert np.all(change_case(zeros, SHIFTED).x == 1.5)


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_changed_parameters_are_handed_over_in_their_dtype(dtype):
    """-gamma is the negative of gamma, also of an absent one, which counts as 1; beta stays."""
    case, mirrored = by_hand(dtype), list_observations("negative-gamma")["y_mirrored"]
    changed = change_case(case, mirrored)
    assert changed.gamma.dtype == case.gamma.dtype
    assert np.array_equal(changed.gamma, -case.gamma)
    assert changed.beta is case.beta
    absent = change_case(replace(case, gamma=None), mirrored)
    assert np.array_equal(absent.gamma, [-1, -1])


def test_a_neutral_parameter_is_handed_over_as_none():
    """A gamma of 1 and a beta of 0 are absent, and a gamma of 0 is not."""
    plain = change_case(CASE, list_observations("affine")["y_plain"])
    assert plain.gamma is None
    assert plain.beta is None
    swapped = change_case(CASE, Observed("y", gamma=Integer(0), beta=Integer(1)))
    assert np.all(swapped.gamma == 0)
    assert np.all(swapped.beta == 1)


def test_eps_is_scaled_by_the_square():
    """x by four and eps by sixteen, so that the output stays; what is not named stays too."""
    changed = change_case(snap(CASE), RESCALED)
    assert changed.eps == 16 * CASE.eps
    assert changed.gamma is CASE.gamma
    assert change_case(CASE, Observed("dx")).eps == CASE.eps


def test_a_channel_without_spread_is_seen_wherever_it_is():
    """Equal values of one channel count, equal values of two channels do not; one value per channel
    has no spread."""
    flat = CASE.x.copy()
    flat[:, 1] = 0.25
    assert has_constant_channel(by_hand(x=flat).x)
    assert not has_constant_channel(np.array([[1.0, 1.0], [2.0, 2.0]]))
    assert has_constant_channel(CASE.x[:1, :, :1])


def test_a_law_that_is_no_relation_observes_nothing():
    """The shift speaks of y and of y for another x; the law of an output speaks of no relation."""
    assert list_observations("shift")["y"] == Observed("y")
    assert SHIFTED.output == "y"
    assert list_observations("output") == {}


# -- what is measured ------------------------------------------------------------------------------

RELATIONS = [name for name in load_laws() if list_observations(name)]


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_the_reference_satisfies_every_relation(dtype):
    """The two sides meet in every entry, in every dtype."""
    answers = Answers(target(NumpyBatchNorm()), by_hand(dtype))
    seen = [load_laws()[name].measure(answers, Oracle(answers.case)) for name in RELATIONS]
    assert len(seen) > 10
    assert all(measurement.holds for measurement in seen)


class SpoilsLarge(NumpyBatchNorm):
    """One entry is wrong where the mean of the batch is large, as it is after a shift."""

    at = (2, 1, 1)

    def train(self, x, *arguments, **options):
        y, mean, var = super().train(x, *arguments, **options)
        if np.mean(x.astype(float)) > float(np.abs(snap(CASE).x).max()):
            y[self.at] += 1
        return y, mean, var


def test_a_broken_relation_names_the_entry():
    """The index in the array as it was returned; a relation that asks for no shift still holds."""
    seen = measure("shift", target(SpoilsLarge()))
    assert not seen.holds
    assert seen.where == SpoilsLarge.at
    assert (seen.comparison, seen.dtype) == ("relation", "float32")
    assert seen.error == abs(seen.got) > seen.allowed
    assert measure("negative-gamma", target(SpoilsLarge())).holds


class Counts(NumpyBatchNorm):
    def __init__(self):
        self.asked = []

    def train(self, x, gamma, beta, *arguments, **options):
        self.asked.append((x.tobytes(), gamma is None, options["eps"]))
        return super().train(x, gamma, beta, *arguments, **options)


def test_a_variant_is_asked_for_once_for_all_laws():
    """The snapped case and the shifted one; then the scaled one alone."""
    implementation = Counts()
    answers = Answers(target(implementation), CASE)
    for law, calls in (("shift", 2), ("output-mean", 2), ("scale-defect", 3), ("shift", 3)):
        load_laws()[law].measure(answers, Oracle(CASE))
        assert len(implementation.asked) == calls
    assert len(set(implementation.asked)) == 3


def test_a_fixed_or_a_least_eps_leaves_out_what_changes_it():
    """The laws that need another eps say nothing; the shift, which needs none, is judged."""
    fixed = Target(NumpyBatchNorm(), Convention("any"), constants=frozenset({"eps"}))
    clamped = Target(NumpyBatchNorm(), Convention("clamped", eps_min=2.0**-10))
    assert measure("scale-exact", fixed) is None
    assert measure("scale-eps", fixed) is None
    assert measure("scale-exact", clamped) is None
    assert measure("shift", fixed).holds
    assert measure("shift", clamped).holds
    assert measure("scale-eps", clamped).holds


def test_without_eps_a_constant_channel_is_not_judged():
    """Its output is undefined there; with eps it is beta, and judged."""
    flat = CASE.x.copy()
    flat[:, 0] = 0.5
    case = by_hand(x=flat)
    assert measure("scale-exact", target(NumpyBatchNorm()), case) is None
    assert measure("output-mean", target(NumpyBatchNorm()), case).holds


class Answer(NumpyBatchNorm):
    def infer(self, x, *arguments, **options):
        y = super().infer(x, *arguments, **options)
        y[0, 0] = np.nan
        return y


def test_an_answer_that_is_not_finite_fails():
    """It is not put into a ball, which would hold everything."""
    with pytest.raises(Failed) as failed:
        measure("inference-shift", target(Answer()))
    assert (failed.value.failure.kind, failed.value.failure.method) == (FailureKind.RANGE, "infer")


def test_an_output_that_is_not_offered_is_not_judged():
    """Without gradients there is no sum of them."""

    class OnlyTrains:
        def train(self, *arguments, **options):
            return NumpyBatchNorm().train(*arguments, **options)

    with pytest.raises(NotOffered):
        measure("gradient-sum", target(OnlyTrains()))


@settings(max_examples=25)
@given(cases())
def test_snapping_moves_no_entry_by_more_than_half_a_step(case):
    """A step is twelve bits below the least power of two that is no smaller than any entry, or as
    many as half precision leaves room for; snapped again, nothing moves."""
    snapped = snap(case)
    room = {"float16": 8, "bfloat16": 5}.get(case.dtype.name, 12)
    before, after = fractions(to_columns(case.x)), fractions(to_columns(snapped.x))
    top = Fraction(1)
    while top < max(map(abs, before)):
        top *= 2
    while top / 2 >= max(map(abs, before)):
        top /= 2
    assert all(abs(a - b) <= top / 2**room / 2 for a, b in zip(after, before, strict=True))
    assert snapped.dtype == dtype_of(case.dtype.name)
    assert np.array_equal(snap(snapped).x, snapped.x)
