"""Laws as somebody else's tests: what fails, what is skipped, what is expected, and that one check
serves all of them."""

import pytest

from bnproof import testing
from bnproof.contract import Violation
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.implementations.targets import UnusableTarget
from bnproof.testing import parametrize_with_laws
from bnproof.verification.planning import UnknownLaw
from bnproof.verification.verdict import Verdict


@pytest.fixture
def checked(monkeypatch):
    """Puts a verdict in the place of every check, and lists the options it was asked with."""
    asked = []

    def answer(verdict):
        def check(implementation, options):
            asked.append(options)
            if isinstance(verdict, Exception):
                raise verdict
            return verdict

        monkeypatch.setattr(testing, "check", check)
        return asked

    return answer


def build_verdict(*violations, **changed):
    """A verdict with violations of these laws, each with a message and a program of its own."""
    broken = [Violation(law, "y", f"{law} is wrong", f"show({n})") for n, law in violations]
    return Verdict("mine", "torch", "quick", 0, violations=broken, **changed)


def list_tests(**options):
    """The laws of a decorator by their ids, as pytest would call them."""
    decorator = parametrize_with_laws(NumpyBatchNorm(), effort="quick", **options)
    assert decorator.mark.args[0] == "law"
    return {case.id: case.values[0] for case in decorator.mark.args[1]}


def test_a_violation_fails_its_own_law_alone(checked):
    """With every violation of that law in full, and none of another."""
    checked(build_verdict((1, "output"), (2, "gradient-x"), (3, "output")))
    laws = list_tests(select=["output", "gradient-x", "running-mean"])
    with pytest.raises(AssertionError) as failed:
        laws["output"]()
    assert "show(1)" in str(failed.value)
    assert "show(3)" in str(failed.value)
    assert "show(2)" not in str(failed.value)
    laws["running-mean"]()


def test_a_wrong_convention_fails_every_law(checked):
    """It is one violation that stands for all the laws that it breaks."""
    checked(build_verdict((1, "convention")))
    for law in list_tests(select=["output", "running-mean"]).values():
        with pytest.raises(AssertionError, match="convention is wrong"):
            law()


def test_what_is_not_offered_is_skipped(checked):
    """With the name of the implementation and of the law; another law passes."""
    checked(build_verdict(not_offered=["fold-bias"]))
    laws = list_tests(select=["output", "fold-bias"])
    with pytest.raises(pytest.skip.Exception, match="mine does not offer what fold-bias"):
        laws["fold-bias"]()
    laws["output"]()


def test_one_check_serves_all_laws_of_a_decorator(checked):
    """It runs when the first law is called, and another decorator has a check of its own."""
    asked = checked(build_verdict())
    first, second = list_tests(select=["output"]), list_tests(seed=3)
    assert asked == []
    for law in (*first.values(), *second.values()):
        law()
    assert [(options.seed, options.select) for options in asked] == [(0, ("output",)), (3, ())]


def test_an_unusable_target_fails_every_law_after_one_check(checked):
    """The reason is told each time, and found out once; it is no skip and no error of bnproof."""
    asked = checked(UnusableTarget("it never answers"))
    for law in list_tests(select=["output", "running-mean"]).values():
        with pytest.raises(pytest.fail.Exception, match="it never answers"):
            law()
    assert len(asked) == 1


def test_expected_failures_are_strict_and_of_one_kind(checked):
    """The mark has the reason and expects a violation alone; the check knows nothing of it, so that
    a law that fails is reported as such."""
    asked = checked(build_verdict())
    decorator = parametrize_with_laws(
        NumpyBatchNorm(),
        select=["output", "running-mean"],
        expected_failures={"output": "bug 7"},
    )
    cases = {case.id: case for case in decorator.mark.args[1]}
    (mark,) = cases["output"].marks
    assert mark.name == "xfail"
    assert mark.kwargs == {"reason": "bug 7", "strict": True, "raises": AssertionError}
    assert list(cases["running-mean"].marks) == []
    cases["output"].values[0]()
    assert asked[0].expect == {}


@pytest.mark.parametrize(
    ("expected", "error", "message"),
    [
        (["output"], TypeError, "give a dictionary of laws and reasons"),
        ({"no-law": "old"}, UnknownLaw, "no law or area 'no-law'"),
        ({"gradient-x": "old"}, UnknownLaw, "not judged"),
    ],
)
def test_a_slip_in_the_expectations_is_named_at_once(expected, error, message):
    """No dictionary, no law of that name, or a law that is not among those selected."""
    with pytest.raises(error, match=message):
        parametrize_with_laws(NumpyBatchNorm(), select=["output"], expected_failures=expected)
