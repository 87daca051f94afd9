"""One violation for each broken law, on a small input that breaks it in the same way."""

from functools import cache

import pytest

from bnproof.contract import Failure, FailureKind
from bnproof.implementations.conventions import resolve_convention
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.laws.answers import Target
from bnproof.laws.behaviour import measure_failure
from bnproof.laws.law import load_laws
from bnproof.laws.layers import SAYS
from bnproof.laws.supports import EVERYTHING
from bnproof.verification import violations
from bnproof.verification.examining import Examination
from bnproof.verification.replay import from_json
from bnproof.verification.session import Session
from bnproof.verification.violations import list_violations
from bnproof.verification.walk_judge import LawBroken
from tests.laws.draws import by_hand


def examine(implementation, *names, cases=None, convention="torch", undeclared=False):
    """What these laws see of an implementation on a few cases."""
    session = Session(Target(implementation, resolve_convention(convention)), 0, EVERYTHING)
    plan = [load_laws()[name] for name in names]
    for case in cases or (by_hand("float64"), by_hand()):
        session.judge(plan, case)
    return Examination("tests.cli.specimens:Right", plan, session, {}, undeclared)


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
    return examination, list_violations(examination, {})


def test_each_broken_law_is_one_violation_in_the_order_of_the_plan():
    """A law that holds has none, and a law that is expected to fail has none either."""
    examination, found = scaled()
    assert [violation.law for violation in found] == ["gradient-x", "inference-output"]
    rest = list_violations(examination, {"gradient-x": "known"})
    assert [violation.law for violation in rest] == ["inference-output"]


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
            list_violations(examine(make(), "running-variance", cases=cases), {})[0].residual
            for make in (NoBessel, NoBesselInSingle)
        )
        assert "(m - 1)/m" in always
        assert sometimes == ""


def test_a_law_about_all_methods_has_a_violation_for_each_that_breaks_it():
    """Else a bug of one method would hide behind that of another."""
    found = list_violations(examine(Counts(), "repeats"), {})
    assert [violation.law for violation in found] == ["repeats"] * 2
    assert sorted(violation.message.split()[0] for violation in found) == ["infer", "train"]


def test_a_smaller_input_that_fails_in_another_way_is_not_taken():
    """The violation is of what was seen first, with its exception."""
    (found,) = list_violations(examine(Raises(), "answers"), {})
    assert "RuntimeError: on purpose" in found.message
    assert len(from_json(found.case).x) == 3


def test_what_ended_the_process_is_not_called_again(monkeypatch):
    """The case stays as large as it was, because making it smaller would call the method."""
    monkeypatch.setattr(violations, "shrink", lambda *arguments: pytest.fail("called again"))
    examination = examine(Raises(), "answers", cases=[by_hand()])
    failure = Failure(FailureKind.BLOCKED, "infer", got="did not end within 60 s")
    (kept, *_) = examination.session.broken["answers"]
    blocked = type(kept)(kept.case, measure_failure("answers", failure, ("infer_y",)))
    examination.session.broken["answers"] = [blocked]
    (violation,) = list_violations(examination, {})
    assert "did not end within 60 s" in violation.message
    assert from_json(violation.case).x.shape == by_hand().x.shape


class WeighsTheOld(NumpyBatchNorm):
    """Follows ONNX's convention, and may have a bug besides."""

    def train(self, x, gamma, beta, mean, var, *, eps, momentum):
        return super().train(x, gamma, beta, mean, var, eps=eps, momentum=1 - momentum)

    def bessel(self, v, m):
        return v


@pytest.mark.parametrize("undeclared", [True, False])
def test_another_convention_explains_statistics_where_none_was_declared(undeclared):
    """Then it is the one violation; a declared convention is what a user promised."""
    names = ("running-mean", "running-variance", "output")
    examination = examine(WeighsTheOld(), *names, undeclared=undeclared)
    found = [violation.law for violation in list_violations(examination, {})]
    assert found == (["convention"] if undeclared else list(names[:2]))


def test_a_convention_does_not_excuse_what_it_has_no_say_in():
    """With a wrong output beside the statistics, every broken law is told."""

    class AndABug(WeighsTheOld):
        def std(self, v, eps):
            return v + eps

    names = ("running-mean", "running-variance", "output")
    examination = examine(AndABug(), *names, undeclared=True)
    assert [violation.law for violation in list_violations(examination, {})] == list(names)


def test_a_walk_is_its_own_program():
    """It has no case; a layer that ended its process left no steps, so there is no program."""
    law = load_laws()["sequence-reload"]
    seen = measure_failure(law.id, Failure(FailureKind.LOST, "state", "gamma"))
    examination = examine(NumpyBatchNorm(), "output")
    examination.plan = [load_laws()[name] for name in SAYS]
    for steps, shown in ((["layer = make(2)", "print(layer.state)"], True), ([], False)):
        examination.walks = {law.id: LawBroken(law.id, seen, steps)}
        (violation,) = list_violations(examination, {})
        assert (violation.law, violation.quantity, violation.case) == (law.id, "state", None)
        assert all(step in violation.reproducer for step in steps)
        assert bool(violation.reproducer) == shown
