"""One violation for each broken law, on a small input that breaks it in the same way."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from bnproof.contract import Cause, Failure, FailureKind
from bnproof.implementations.conventions import resolve_convention
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.laws.answers import Target
from bnproof.laws.behaviour import measure_failure
from bnproof.laws.extreme_cases import draw_extreme_cases
from bnproof.laws.law import load_laws
from bnproof.laws.layers import SAYS
from bnproof.laws.supports import EVERYTHING
from bnproof.verification import session, violations
from bnproof.verification.examining import Examination
from bnproof.verification.replay import from_json
from bnproof.verification.session import Session, Spot
from bnproof.verification.violations import find_other_convention, list_shown
from bnproof.verification.walk_judge import LawBroken
from tests.laws.draws import by_hand


def examine(implementation, *names, cases=None, convention="torch", undeclared=False):
    """What these laws see of an implementation on a few cases."""
    seen = Session(Target(implementation, resolve_convention(convention)), 0, EVERYTHING)
    plan = [load_laws()[name] for name in names]
    for case in cases or (by_hand("float64"), by_hand()):
        seen.judge(plan, case)
    return Examination("tests.cli.specimens:Right", plan, seen, {}, undeclared)


CAUSE = Cause("a bug", "because of a bug", "unknown")


def show(examination, *spots):
    """What is shown of these spots, of all where none is given."""
    walks = [Spot(name, "behaviour") for name in examination.walks]
    spots = spots or [*examination.session.group_broken(examination.plan), *walks]
    return list_shown(spots, examination, CAUSE)


def list_violations(examination, *spots):
    """The violations of these spots, of all where none is given."""
    return [one.violation for one in show(examination, *spots)]


class Scaled(NumpyBatchNorm):
    """Inference and the gradients of training are 1.75 times what they should be."""

    def infer(self, x, *arguments, **options):
        return x.dtype.type(1.75) * super().infer(x, *arguments, **options)

    def train_vjp(self, dy, *arguments, **options):
        return tuple(
            dy.dtype.type(1.75) * one for one in super().train_vjp(dy, *arguments, **options)
        )


class Raises(NumpyBatchNorm):
    """Inference fails, and on small batches it fails in another way."""

    def infer(self, x, *arguments, **options):
        raise RuntimeError("on purpose") if len(x) > 2 else KeyError("too small")


class Counts(NumpyBatchNorm):
    """Inference in float64 and training in float32 give another answer at every call."""

    calls = 0

    def infer(self, x, *arguments, **options):
        self.calls += x.dtype == "float64"
        return super().infer(x, *arguments, **options) + x.dtype.type(self.calls)

    def train(self, x, *arguments, **options):
        self.calls += x.dtype == "float32"
        y, *statistics = super().train(x, *arguments, **options)
        return y + x.dtype.type(self.calls), *statistics


@cache
def scaled():
    """Violations of right and wrong methods, shared."""
    examination = examine(Scaled(), "gradient-x", "output", "inference-output")
    return examination, list_violations(examination)


def test_each_broken_law_is_one_violation_in_the_order_of_the_spots():
    """A law that holds has none, and every one gets the cause of the group."""
    examination, found = scaled()
    assert [violation.law for violation in found] == ["gradient-x", "inference-output"]
    spots = [Spot("inference-output", "ordinary"), Spot("gradient-x", "ordinary")]
    again = list_violations(examination, *spots)
    assert [violation.law for violation in again] == ["inference-output", "gradient-x"]
    assert [violation.law for violation in list_violations(examination, spots[0])] == [
        "inference-output"
    ]
    assert {violation.cause for violation in (*found, *again)} == {CAUSE}


def test_a_violation_is_shown_on_a_smaller_input_that_breaks_the_law():
    """Its case comes back from JSON, is smaller than what was judged, and is still broken."""
    examination, found = scaled()
    for violation in found:
        case = from_json(violation.case)
        assert case.x.size < by_hand().x.size
        seen = examination.session.recheck(load_laws()[violation.law], case)
        assert seen.ratio > 1
        assert violation.got == seen.got.hex()
        assert violation.ulp == seen.ulp


def test_what_was_seen_and_the_call_belong_to_the_violation():
    """The answer that is shown is the one of the smallest case, and the call is made on it."""
    examination, _ = scaled()
    for one in show(examination):
        case = from_json(one.violation.case)
        assert one.seen.law == one.violation.law
        assert one.violation.got == one.seen.got.hex()
        assert one.call.method == ("train_vjp" if one.seen.law == "gradient-x" else "infer")
        assert np.array_equal(one.call.arguments["x"], case.x)
        answer = getattr(examination.session.target.implementation, one.call.method)(
            **one.call.arguments
        )
        first = answer[0] if isinstance(answer, tuple) else answer
        assert float(first[one.seen.where]) == one.seen.got


def test_plain_numbers_in_double_precision_are_shown_where_they_show_it():
    """Nothing about this bug needs single precision, many channels or odd numbers."""
    (violation,) = list_violations(examine(Scaled(), "inference-output", cases=[by_hand()]))
    case = from_json(violation.case)
    assert (case.dtype, case.x.shape[1], case.m) == ("float64", 1, 2)
    assert case.x.ravel().tolist() in ([0.0, 1.0], [1.0, 0.0], [0.0, 0.0])
    assert (case.gamma, case.running_mean, case.running_var) == ([1.0], [0.0], [1.0])


class ByPlace(NumpyBatchNorm):
    """Inference is 3 times what it should be in half precision, twice far from zero, and one and a
    half times elsewhere."""

    def infer(self, x, *arguments, **options):
        y = super().infer(x, *arguments, **options)
        columns = np.moveaxis(x.astype(float), 1, -1).reshape(-1, x.shape[1])
        # As a violation's place is told: 10 times the spread.
        far = np.any(np.abs(columns.mean(axis=0)) > 10 * columns.std(axis=0))
        return y * x.dtype.type(3 if x.dtype.itemsize == 2 else 2 if far else 1.5)


def test_a_violation_stays_where_its_spot_is():
    """The same law fails elsewhere for another reason, which a simpler input must not slip to."""
    far = by_hand("float64", x=by_hand("float64").x + 1e4)
    cases = [by_hand("float16"), far, by_hand("float64")]
    examination = examine(ByPlace(), "inference-output", cases=cases)
    places = (("half", 3, "float16"), ("accuracy", 2, "float64"), ("ordinary", 1.5, "float64"))
    for place, factor, dtype in places:
        (shown,) = show(examination, Spot("inference-output", place))
        assert shown.seen.got / shown.seen.exact[0] == pytest.approx(factor, rel=2.0**-9)
        case = from_json(shown.violation.case)
        assert case.dtype == dtype
        assert case.x.size < by_hand().x.size


def test_a_law_that_fails_in_several_places_is_shown_once():
    """And on a plain input, where one of the places is plain."""
    cases = [by_hand("float16"), by_hand(), by_hand("float64", x=by_hand("float64").x + 1e4)]
    examination = examine(Scaled(), "inference-output", "gradient-x", cases=cases)
    assert len(examination.session.group_broken(examination.plan)) == 6
    found = list_violations(examination)
    assert [violation.law for violation in found] == ["inference-output", "gradient-x"]
    assert all(from_json(violation.case).dtype == "float64" for violation in found)


class HalfOrMany(NumpyBatchNorm):
    """Inference is wrong in half precision, and in single on four rows or more."""

    def infer(self, x, *arguments, **options):
        y = super().infer(x, *arguments, **options)
        wrong = x.dtype.itemsize == 2 or (x.dtype == "float32" and len(x) > 3)
        return y * x.dtype.type(2 if wrong else 1)


def test_a_violation_needs_no_half_precision_where_there_is_another_one():
    """Half precision is the smaller case here, and yet it is not begun with."""
    whole = by_hand("float16", ddx=None, parts=(), layer=None)
    cases = [replace(whole, x=whole.x[:2], dy=whole.dy[:2]), by_hand()]
    (violation,) = list_violations(examine(HalfOrMany(), "inference-output", cases=cases))
    case = from_json(violation.case)
    assert (case.dtype, len(case.x)) == ("float32", 4)
    (only,) = list_violations(examine(HalfOrMany(), "inference-output", cases=cases[:1]))
    assert from_json(only.case).dtype == "float16"


def test_a_factor_is_named_only_where_it_fits_every_case():
    """1.75 is no factor of the formula, so nothing is claimed of it; Bessel's factor is one."""
    assert all(violation.residual == "" for violation in scaled()[1])

    class NoBessel(NumpyBatchNorm):
        def bessel(self, v, m):
            return v

    class NoBesselInSingle(NumpyBatchNorm):
        def bessel(self, v, m):
            return v if v.dtype == "float32" else 3 * v

    either_order = ([by_hand(), by_hand("float64")], [by_hand("float64"), by_hand()])
    for cases in either_order:
        always, sometimes = (
            list_violations(examine(make(), "running-variance", cases=cases))[0].residual
            for make in (NoBessel, NoBesselInSingle)
        )
        assert "(m - 1)/m" in always
        assert sometimes == ""


def test_a_law_about_all_methods_has_a_violation_for_each_that_breaks_it():
    """Else a bug of one method would hide behind that of another."""
    found = list_violations(examine(Counts(), "repeats"))
    assert [violation.law for violation in found] == ["repeats"] * 2
    assert sorted(violation.message.split()[0] for violation in found) == ["infer", "train"]


def test_a_smaller_input_that_fails_in_another_way_is_not_taken():
    """The violation is of what was seen first, with its exception."""
    (found,) = list_violations(examine(Raises(), "answers"))
    assert "RuntimeError: on purpose" in found.message
    assert len(from_json(found.case).x) == 3


def test_what_ended_the_process_is_not_called_again(monkeypatch):
    """The case stays as large as it was, because making it smaller would call the method."""
    monkeypatch.setattr(violations, "shrink", lambda *arguments: pytest.fail("called again"))
    examination = examine(Raises(), "answers", cases=[by_hand()])
    failure = Failure(FailureKind.BLOCKED, "infer", got="did not end within 60 s")
    (kept, *_) = examination.session.broken["answers"]
    seen = measure_failure("answers", failure, ("infer_y",), kept.seen.calls)
    examination.session.broken["answers"] = [replace(kept, seen=seen)]
    (violation,) = list_violations(examination)
    assert "did not end within 60 s" in violation.message
    assert from_json(violation.case).x.shape == by_hand().x.shape


class WeighsTheOld(NumpyBatchNorm):
    """Follows ONNX's convention, and may have a bug besides."""

    def train(self, x, gamma, beta, mean, var, *, eps, momentum):
        return super().train(x, gamma, beta, mean, var, eps=eps, momentum=1 - momentum)

    def bessel(self, v, m):
        return v


class Biased(NumpyBatchNorm):
    """Tracks the variance as it is."""

    def bessel(self, v, m):
        return v


STATISTICS = ("running-mean", "running-variance", "output")


@pytest.fixture
def small(monkeypatch):
    """Without the long batches among the extreme cases, which take most of the time."""
    extremes = [case for case in draw_extreme_cases(EVERYTHING, 0) if case.x.size < 200]
    monkeypatch.setattr(session, "draw_extreme_cases", lambda supports, seed: extremes)
    assert len(extremes) > 5


def name_convention(implementation, *names, **options):
    """The name of the convention that these laws show it to follow without saying so."""
    found = find_other_convention(examine(implementation, *names, **options))
    return found and found.name


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("undeclared", [True, False])
def test_another_convention_explains_statistics_where_none_was_declared(undeclared):
    """A declared convention is what a user promised."""
    assert name_convention(WeighsTheOld(), *STATISTICS, undeclared=undeclared) == (
        "keras" if undeclared else None
    )
    assert name_convention(Biased(), *STATISTICS, undeclared=undeclared) == (
        "biased" if undeclared else None
    )


@pytest.mark.usefixtures("small")
def test_a_convention_that_fits_a_single_value_as_well_is_preferred():
    """The statistics are those of Keras, which answers a single value where this one refuses it;
    ONNX leaves that open."""
    names = (*STATISTICS, "one-value")
    assert name_convention(WeighsTheOld(), *names, undeclared=True) == "onnx"


@pytest.mark.usefixtures("small")
def test_a_wrong_output_does_not_hide_the_convention():
    """It has no say in the output, which is told besides."""

    class AndABug(WeighsTheOld):
        def std(self, v, eps):
            return v + eps

    assert name_convention(AndABug(), *STATISTICS, undeclared=True) == "keras"


@pytest.mark.usefixtures("small")
def test_no_convention_is_sought_where_the_statistics_are_right():
    """A wrong output or a wrong answer to a single value points to none."""
    assert name_convention(Scaled(), "inference-output", *STATISTICS, undeclared=True) is None
    single = ("one-value", *STATISTICS)
    assert name_convention(NumpyBatchNorm(), *single, convention="keras", undeclared=True) == (
        "torch"
    ), "the statistics are those of torch"
    assert name_convention(WeighsTheOld(), *single, convention="keras", undeclared=True) is None


@pytest.mark.usefixtures("small")
def test_statistics_that_no_convention_allows_are_no_convention():
    """They may be right for each convention in some of the inputs."""

    class Sometimes(NumpyBatchNorm):
        def bessel(self, v, m):
            return v if m % 2 else super().bessel(v, m)

    assert name_convention(Sometimes(), *STATISTICS, undeclared=True) is None


@pytest.mark.usefixtures("small")
def test_a_convention_may_be_followed_in_all_but_half_precision():
    """What is wrong there is told besides."""

    class AndHalf(Biased):
        def train(self, x, *arguments, **options):
            y, mean, var = super().train(x, *arguments, **options)
            return y, mean, var * var.dtype.type(2 if x.dtype.itemsize == 2 else 1)

    assert name_convention(AndHalf(), *STATISTICS, undeclared=True) == "biased"


@pytest.mark.usefixtures("small")
def test_half_precision_that_is_wrong_points_to_no_convention():
    """It has defects of its own, whatever the convention."""

    class HalfBiased(Biased):
        def train(self, x, *arguments, **options):
            formulas = self if x.dtype.itemsize == 2 else NumpyBatchNorm()
            return NumpyBatchNorm.train(formulas, x, *arguments, **options)

    cases = [by_hand(), by_hand("float16")]
    examination = examine(HalfBiased(), *STATISTICS, cases=cases, undeclared=True)
    assert set(examination.session.group_broken(examination.plan)) == {
        Spot("running-variance", "half")
    }
    assert find_other_convention(examination) is None


def test_a_walk_is_its_own_program():
    """It has no case; a layer that ended its process left no steps, so there is no program."""
    law = load_laws()["sequence-reload"]
    seen = measure_failure(law.id, Failure(FailureKind.LOST, "state", "gamma"))
    examination = examine(NumpyBatchNorm(), "output")
    examination.plan = [load_laws()[name] for name in SAYS]
    for steps, shown in ((["layer = make(2)", "print(layer.state)"], True), ([], False)):
        examination.walks = {law.id: LawBroken(law.id, seen, steps)}
        (violation,) = list_violations(examination)
        assert (violation.law, violation.quantity, violation.case) == (law.id, "state", None)
        assert all(step in violation.reproducer for step in steps)
        assert bool(violation.reproducer) == shown
