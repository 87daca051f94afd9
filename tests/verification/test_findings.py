"""Findings: what is broken for one reason is told as one thing, in the area where it shows."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from bnproof.contract import AREAS, Cause, Failure, FailureKind, Finding, Measurement
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.laws.behaviour import measure_failure
from bnproof.laws.law import load_laws
from bnproof.laws.supports import EVERYTHING
from bnproof.mutants.catalogue import list_mutants
from bnproof.verification import findings
from bnproof.verification.diagnosis import Group
from bnproof.verification.examining import Examination
from bnproof.verification.extents import Extent
from bnproof.verification.findings import (
    VALUE_LAWS,
    find_group_area,
    find_group_extent,
    list_findings,
    locate,
)
from bnproof.verification.session import Broken, Session, Spot
from bnproof.verification.walk_judge import LawBroken
from tests.laws.draws import by_hand, target


def far(dtype, mean):
    """The case made by hand with another mean, whose spread stays as it is."""
    x = by_hand(dtype).x
    return by_hand(dtype, x=x + x.dtype.type(mean))


@cache
def cases():
    """Inputs with little in common: every dtype, an absent parameter, and means far from 0."""
    return (
        by_hand(),
        by_hand("float64"),
        by_hand("float16"),
        by_hand("bfloat16"),
        by_hand(gamma=None),
        far("float32", 300),
        far("float32", 1000),
        far("float32", 3000),
        far("float64", 1e7),
    )


def examine(implementation, *names, inputs=None, walks=()):
    """What these laws see of an implementation."""
    session = Session(target(implementation), 0, EVERYTHING)
    plan = [load_laws()[name] for name in names]
    for case in inputs or cases():
        session.judge(plan, case)
    broken = {seen.law: LawBroken(seen.law, seen, ["print(1)"]) for seen in walks}
    return Examination("mine", plan, session, broken, undeclared=False)


def combine(*names):
    """A class with all of these bugs."""
    return type("Both", tuple(list_mutants()[name].make for name in names), {})


HOMES = {
    "formula": ("F01", ("output", "gradient-x"), "all inputs"),
    "statistics": ("R01", ("running-variance",), "all inputs"),
    "inference": ("I02", ("inference-output",), "all inputs"),
    "folding": ("O01", ("fold-bias",), "all inputs"),
    "workers": ("S01", ("shards-output",), "all inputs"),
    "accuracy": ("V01", ("output", "gradient-x"), "from mean/std = 2e+02 on in float32"),
    "half": ("D01", ("output", "gradient-x", "running-variance"), "only float16"),
    "layout": ("L04", ("layout-gradient",), "only arrays that are not contiguous in memory"),
    "edges": ("R23", ("empty-batch",), "only a batch without samples"),
    "behaviour": ("F12", ("untouched",), "all inputs"),
}


@pytest.mark.parametrize(("area", "name", "laws", "extent"), [(a, *h) for a, h in HOMES.items()])
def test_a_bug_is_told_in_its_area(area, name, laws, extent):
    """By the area, the known bug, the inputs on which it shows and the laws that it breaks.

    A law that holds is judged besides, and is no part of it.
    """
    holding = "fold-weight" if area != "folding" else "output"
    examined = examine(list_mutants()[name].make, *laws, holding)
    (found,) = list_findings(examined)
    finding = found.finding
    assert (finding.id, finding.area) == (f"{area}/{name}", area)
    assert finding.extent == extent
    assert finding.laws == laws
    assert (finding.cause.bug, finding.cause.confidence) == (name, "same values")
    assert finding.mend
    assert finding.title
    assert finding.reproducer == found.violations[0].reproducer
    assert {violation.finding for violation in found.violations} == {finding.id}
    assert {violation.law for violation in found.violations} == set(laws)


def test_every_area_has_a_bug_here():
    """The bugs above are one of each area, in the order in which areas are told."""
    assert tuple(HOMES) == AREAS


def test_a_finding_is_located_without_being_shown():
    """What is measured at length needs no smallest inputs."""
    examined = examine(list_mutants()["D01"].make, *HOMES["half"][1])
    (one,) = locate(examined)
    assert (one.area, one.extent) == ("half", Extent("only float16", "half"))
    assert one.group.cause.bug == "D01"
    (other,) = locate(examined, without="D01")
    assert other.group.cause.bug != "D01"
    assert (other.area, other.group.spots) == (one.area, one.group.spots)


PAIRS = {
    "R06+O01": (("running-mean", "fold-bias"), ("statistics/R06", "folding/O01")),
    "G03+V01": (("gradient-gamma", "gradient-x", "output"), ("formula/G03", "accuracy/V01")),
    "D01+O01": (("output", "fold-bias"), ("folding/O01", "half/D01")),
    # Both in the training step.
    "D01+R01": (("output", "running-variance"), ("statistics/R01", "half/D01")),
    "L04+R01": (("running-variance", "layout-gradient"), ("statistics/R01", "layout/L04")),
}


@pytest.mark.parametrize(("pair", "laws", "ids"), [(p, *told) for p, told in PAIRS.items()])
def test_two_bugs_are_two_findings(pair, laws, ids):
    """Each with its own cause, in its own area, and the more harmful one first."""
    found = list_findings(examine(combine(*pair.split("+")), *laws))
    assert tuple(one.finding.id for one in found) == ids
    assert tuple(one.finding.cause.bug for one in found) == tuple(
        finding.partition("/")[2] for finding in ids
    )
    told = [violation.law for one in found for violation in one.violations]
    assert set(told) == set(laws)


# -- what no model explains ------------------------------------------------------------------------


class Halves(NumpyBatchNorm):
    """A bug nobody has had."""

    def train(self, x, *arguments, **options):
        y, *statistics = super().train(x, *arguments, **options)
        return y * x.dtype.type(0.5), *statistics


def test_a_wrong_formula_and_its_sequence_of_calls_are_one_finding():
    """It is told as the formula, on the input that shows it, and the sequence is a violation."""
    walk = Measurement("sequence-output", ("y",), 2.0, got=1.0, exact=(2.0, 0.0))
    laws = ("sequence-output", "output")
    (found,) = list_findings(
        examine(Halves, *laws, inputs=[by_hand(), by_hand("float64")], walks=[walk])
    )
    assert (found.finding.id, found.finding.area) == ("formula/output", "formula")
    assert set(found.finding.laws) == set(laws)
    assert [violation.law for violation in found.violations] == ["output", "sequence-output"]
    assert found.finding.extent == "all inputs"
    assert found.finding.example.call.method == "train"


def test_a_sequence_of_calls_alone_is_told_as_one():
    """It has no single call as an example."""
    seen = measure_failure("sequence-reload", Failure(FailureKind.LOST, "state", "gamma"))
    laws = ("sequence-reload", "output")
    (found,) = list_findings(examine(NumpyBatchNorm, *laws, inputs=[by_hand()], walks=[seen]))
    finding = found.finding
    assert (finding.id, finding.laws) == ("behaviour/sequence-reload", ("sequence-reload",))
    assert finding.extent == "only a sequence of calls"
    assert (finding.example.call, finding.example.seen) == (None, seen)
    assert finding.mend == load_laws()["sequence-reload"].mend


class Refuses(NumpyBatchNorm):
    """Inference says what it cannot do; the gradients run beyond an end."""

    def infer(self, x, *arguments, **options):
        raise ValueError("only on Sundays")

    def train_vjp(self, dy, *arguments, **options):
        return np.zeros(2)[len(dy) + 2]


def test_a_refusal_is_told_from_a_crash():
    """A ``raise`` with a message is a refusal, and an operation that fails is none."""
    found = list_findings(examine(Refuses, "answers", inputs=[by_hand(), by_hand("float64")]))
    told = {one.finding.id: one.finding for one in found}
    assert told.keys() == {"behaviour/refuses", "behaviour/answers-train_vjp"}
    refused, crashed = told["behaviour/refuses"], told["behaviour/answers-train_vjp"]
    assert "ValueError: only on Sundays" in refused.title
    assert "IndexError" in crashed.title
    assert {one.laws for one in told.values()} == {("answers",)}


class RefusesTwice(Refuses):
    """Two methods are refused, each for a reason of its own."""

    def train_vjp(self, *arguments, **options):
        raise RuntimeError("no gradients")


def test_findings_of_one_name_are_numbered():
    """The first one has no number, and every violation has the id of its finding."""
    found = list_findings(examine(RefusesTwice, "answers", inputs=[by_hand()]))
    assert [one.finding.id for one in found] == ["behaviour/refuses", "behaviour/refuses-2"]
    titles = [one.finding.title for one in found]
    assert {title.split()[0] for title in titles} == {"infer", "train_vjp"}
    for one in found:
        (violation,) = one.violations
        assert violation.finding == one.finding.id
        assert violation.message == one.finding.title


def test_a_finding_is_shown_by_a_value_where_it_has_one():
    """A number beside the right one reads better than a relation, whatever broke first."""
    laws = ("scale-eps", "output")
    assert VALUE_LAWS & set(laws) == {"output"}
    (found,) = list_findings(
        examine(list_mutants()["F01"].make, *laws, inputs=[by_hand(), by_hand("float64")])
    )
    assert found.finding.laws == laws
    assert [violation.law for violation in found.violations] == ["output", "scale-eps"]
    seen = found.finding.example.seen
    assert (seen.law, seen.quantities) == ("output", ("y",))
    assert found.finding.title == "y is wrong"
    assert found.finding.residual == found.violations[0].residual != ""


class Forgets(NumpyBatchNorm):
    """Inference is right the first time alone."""

    calls = 0

    def infer(self, *arguments, **options):
        y = super().infer(*arguments, **options)
        self.calls += 1
        return y + y.dtype.type(self.calls > 1)


def test_a_state_is_told_by_the_law_that_shows_it():
    """A single call of a method that does not repeat itself may well be right."""
    inputs = [by_hand(), by_hand("float64")]
    (found,) = list_findings(examine(Forgets, "inference-output", "repeats", inputs=inputs))
    assert found.finding.cause.mechanism == "state carried between calls"
    assert set(found.finding.laws) == {"repeats", "inference-output"}
    assert found.violations[0].law == "repeats"
    assert "answers differently when asked again" in found.finding.title
    assert "compute every answer from the arguments of its call" in found.finding.mend
    assert found.finding.reproducer == found.violations[0].reproducer


def test_half_precision_asked_alone_is_told_as_that():
    """There is no other dtype from which its failing inputs could be told."""
    examined = examine(Halves, "output", inputs=[by_hand("float16"), by_hand("bfloat16")])
    for alone, area in ((True, "half"), (False, "formula")):
        examined.half_alone = alone
        (found,) = list_findings(examined)
        assert (found.finding.id, found.finding.area) == (f"{area}/output", area)
        assert found.finding.extent == "all inputs (half precision was asked alone)"


def test_a_finding_touches_the_areas_of_the_laws_it_breaks():
    """Its own one alone where it is told by the inputs it shows on."""
    laws = ("output", "inference-output", "shards-output")
    (formula,) = list_findings(examine(list_mutants()["F01"].make, *laws, inputs=[by_hand()]))
    assert formula.finding.touches == ("formula", "inference", "workers")
    (half,) = list_findings(examine(list_mutants()["D01"].make, "output", "running-variance"))
    assert half.finding.touches == ("half",)
    (edges,) = list_findings(examine(list_mutants()["R23"].make, "empty-batch", inputs=[by_hand()]))
    assert edges.finding.touches == ("edges",)


def test_what_to_do_is_told_by_the_area_or_the_law():
    """Half precision and accuracy have one mend each, a law may have its own, and else the
    derivation is named."""
    mends = {
        name: list_findings(examine(list_mutants()[name].make, law))[0].finding.mend
        for name, law in (("D01", "output"), ("V01", "output"), ("R23", "empty-batch"))
    }
    assert "in float32" in mends["D01"]
    assert "second pass" in mends["V01"]
    assert mends["R23"] == load_laws()["empty-batch"].mend
    (wrong,) = list_findings(examine(Halves, "output", inputs=[by_hand()]))
    assert wrong.finding.mend.endswith(f"bnproof show {load_laws()['output'].theorem}")


def test_a_correct_implementation_has_no_finding():
    """Nothing is broken, so nothing is told."""
    assert list_findings(examine(NumpyBatchNorm, "output", "answers")) == []


# -- another convention ----------------------------------------------------------------------------


class Biased(list_mutants()["O01"].make):
    """Tracks the variance as it is, and has a bug besides."""

    convention = "biased"

    def bessel(self, v, m):
        return v


def test_a_convention_that_is_not_declared_is_a_finding_beside_the_others():
    """It says what to declare, and a bug that has nothing to do with it stays."""
    examined = examine(Biased, "running-variance", "fold-bias", inputs=[by_hand()])
    examined.settled = "torch"
    convention, other = list_findings(examined)
    assert (convention.finding.id, convention.finding.area) == (
        "statistics/convention",
        "statistics",
    )
    assert "declare convention = 'biased'" in convention.finding.mend
    assert "'torch'" in convention.finding.title
    (violation,) = convention.violations
    assert (violation.law, violation.finding) == ("convention", "statistics/convention")
    assert (other.finding.id, other.finding.cause.bug) == ("folding/O01", "O01")


def test_a_convention_that_was_declared_is_no_finding():
    """It is what the target promises."""
    found = list_findings(examine(Biased, "running-variance", "fold-bias", inputs=[by_hand()]))
    assert [one.finding.id for one in found] == ["folding/O01"]


# -- extent and area of a group --------------------------------------------------------------------


def build_group(*spots, mechanism="unknown"):
    """A group of these spots."""
    return Group(Cause(mechanism, "", "unknown"), tuple(spots))


def find_extent_of(examined, *spots):
    """The extent of these spots."""
    return find_group_extent(spots, examined, {law.id: law for law in examined.plan})


class ByPlace(NumpyBatchNorm):
    """Inference is wrong in half precision, and for a mean far from 0."""

    def infer(self, x, *arguments, **options):
        y = super().infer(x, *arguments, **options)
        wrong = x.dtype.itemsize == 2 or abs(x.astype(float).mean()) > 100
        return y * x.dtype.type(2 if wrong else 1)


def test_an_extent_is_that_of_the_spots_of_the_group():
    """Where the law fails in another place as well, those inputs neither fail nor hold."""
    examined = examine(ByPlace, "inference-output")
    half = find_extent_of(examined, Spot("inference-output", "half"))
    strained = find_extent_of(examined, Spot("inference-output", "accuracy"))
    assert half == Extent("only bfloat16 and float16", "half")
    assert strained.area == "accuracy"
    assert strained.says.startswith("from mean/std = 2e+02 on")
    both = find_extent_of(
        examined, Spot("inference-output", "half"), Spot("inference-output", "accuracy")
    )
    assert both == Extent("some inputs (6 of 9)")


class WithoutGamma(NumpyBatchNorm):
    """Without gamma training is wrong in float32, and inference in float64."""

    def train(self, x, gamma, *arguments, **options):
        y, *statistics = super().train(x, gamma, *arguments, **options)
        wrong = gamma is None and x.dtype == "float32"
        return y * x.dtype.type(2 if wrong else 1), *statistics

    def infer(self, x, gamma, *arguments, **options):
        wrong = gamma is None and x.dtype == "float64"
        return super().infer(x, gamma, *arguments, **options) * x.dtype.type(2 if wrong else 1)


def test_an_input_fails_if_one_law_of_the_group_does():
    """Another law that holds on it does not make it a holding one."""
    inputs = [by_hand(dtype, gamma=None) for dtype in ("float32", "float64")]
    laws = ("output", "inference-output")
    examined = examine(WithoutGamma, *laws, inputs=[*inputs, by_hand(), by_hand("float64")])
    failing = [
        {number for number, holds in examined.session.outcomes[law].items() if not holds}
        for law in laws
    ]
    assert failing == [{0}, {1}]
    both = find_extent_of(examined, *(Spot(law, "ordinary") for law in laws))
    assert both == Extent("only without gamma")


def test_laws_about_special_inputs_say_so():
    """Both are named where there are two, and a law about all inputs decides where it fails."""
    examined = examine(
        ByPlace,
        "empty-batch",
        "one-value",
        "inference-output",
        inputs=[by_hand(), by_hand("float16")],
    )
    empty, single = Spot("empty-batch", "edges"), Spot("one-value", "edges")
    assert find_extent_of(examined, empty).says == "only a batch without samples"
    assert find_extent_of(examined, empty, single).says == (
        "only a batch without samples or a batch with one value per channel"
    )
    with_numbers = find_extent_of(examined, empty, Spot("inference-output", "half"))
    assert with_numbers == Extent("only float16", "half")


def break_laws(names):
    """An examination in which each of these laws was broken once, and the spots."""
    examined = examine(NumpyBatchNorm, *names, inputs=[by_hand()])
    for name in names:
        law = load_laws()[name]
        seen = Measurement(name, law.quantities[:1], 2.0)
        examined.session.broken[name] = [Broken(by_hand(), seen, law.area or "ordinary")]
    return examined, list(examined.session.group_broken(examined.plan))


def find_area_of(names, extent, mechanism="unknown"):
    """The area of a group in which these laws are broken, on inputs of an area."""
    examined, spots = break_laws(names)
    group, laws = build_group(*spots, mechanism=mechanism), {law.id: law for law in examined.plan}
    return find_group_area(group, Extent("", extent), examined, laws)


@pytest.mark.parametrize(
    ("spots", "extent", "area"),
    [
        (["output"], "", "formula"),
        (["output"], "accuracy", "accuracy"),
        (["output"], "half", "half"),
        (["output"], "layout", "layout"),
        # The first one of the areas of its laws.
        (["shards-output", "running-mean"], "", "statistics"),
        (["fold-bias", "inference-output", "shards-output"], "", "inference"),
        # A law about numbers comes before one of a special input.
        (["empty-batch", "fold-bias"], "", "folding"),
        (["empty-batch", "answers"], "", "edges"),
        (["layout", "answers"], "", "layout"),
        (["answers"], "", "behaviour"),
        (["answers", "output"], "", "formula"),
        # On special inputs alone a law of its own area stays where it is, memory aside.
        (["empty-batch"], "half", "edges"),
        (["layout-gradient"], "accuracy", "accuracy"),
        (["layout-gradient"], "half", "layout"),
    ],
)
def test_the_area_of_a_group(spots, extent, area):
    """That of the inputs where it shows on special ones alone, else the first of its laws."""
    assert find_area_of(spots, extent) == area


@pytest.mark.parametrize("mechanism", ["state carried between calls", "argument modified"])
def test_a_bug_of_behaviour_is_told_as_that_whatever_it_breaks(mechanism):
    """A state that is carried along may make any output wrong."""
    assert find_area_of(["output"], "half", mechanism) == "behaviour"


def test_a_relation_is_in_the_area_of_the_quantity_that_is_wrong():
    """A law about the output and about inference goes where it was seen to fail."""
    laws = {"running-var-matters": load_laws()["running-var-matters"]}
    assert laws["running-var-matters"].areas == {"statistics", "inference"}

    class Ignores(NumpyBatchNorm):
        def infer(self, x, gamma, beta, mean, var, **options):
            return super().infer(x, gamma, beta, mean, np.ones_like(var), **options)

    examined = examine(Ignores, *laws, inputs=[by_hand("float64")])
    (spot,) = examined.session.group_broken(examined.plan)
    assert find_group_area(build_group(spot), Extent(""), examined, laws) == "inference"


def test_the_order_of_findings_is_that_of_the_areas(monkeypatch):
    """Whatever the order in which causes are found."""
    examined, spots = break_laws(["empty-batch", "fold-bias", "output"])
    groups = [build_group(spot) for spot in spots]
    monkeypatch.setattr(findings, "diagnose", lambda examination, *, without="": groups)
    assert [one.area for one in locate(examined)] == ["formula", "folding", "edges"]
    known = replace(groups[1], cause=replace(groups[1].cause, confidence="same values"))
    monkeypatch.setattr(
        findings, "diagnose", lambda examination, *, without="": [groups[1], groups[0], known]
    )
    assert [one.group for one in locate(examined)] == [known, groups[1], groups[0]]


def test_a_finding_is_plain_data():
    """It is compared and kept without the target it is about."""
    (found,) = list_findings(examine(Halves, "output", inputs=[by_hand()]))
    assert isinstance(found.finding, Finding)
    assert found.finding.example.seen.law == "output"
    assert set(found.finding.example.call.arguments) >= {"x", "gamma", "eps", "momentum"}
