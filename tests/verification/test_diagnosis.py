"""Diagnosis: a known bug is named by its model, an unknown one at most by its family, and two at
once each by its own."""

from functools import cache

import numpy as np
import pytest

from bnproof.contract import Measurement
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.implementations.numpy_layer import NumpyLayer
from bnproof.laws import behaviour, degenerate, memory, values
from bnproof.laws.extreme_cases import draw_extreme_cases
from bnproof.laws.law import load_laws
from bnproof.laws.layers import SAYS
from bnproof.laws.supports import EVERYTHING, Supports
from bnproof.mutants.catalogue import list_mutants
from bnproof.verification.diagnosis import choose_cases, find_causes
from bnproof.verification.examining import Examination, examine
from bnproof.verification.families import ORDER, find_family
from bnproof.verification.planning import CheckOptions, plan_laws
from bnproof.verification.session import Session
from tests.laws.draws import by_hand, drawn, semantic, target

PLAN = [
    law for of in (behaviour, degenerate, memory, values) for law in of.list_laws()
]  # relations and sensitivities take long


@cache
def some():
    """Six cases, shared."""
    return drawn(semantic(), 6)


def seen(implementation, cases):
    """What a session saw on these cases."""
    session = Session(target(implementation), 0, EVERYTHING)
    for case in cases:
        session.judge(PLAN, case)
    return Examination("mine", PLAN, session, {}, undeclared=False)


def quickly_examined(implementation, *select):
    """What a quick check sees of it."""
    options = CheckOptions("quick", select=select)
    return examine(implementation, plan_laws(options), options)


NAMED = ("F01", "G03", "R06", "O01", "S01", "L05", "I02")


@pytest.mark.parametrize("name", NAMED)
def test_a_known_bug_is_named(name):
    """By the mechanism of its model, for every law it breaks, with where it was seen."""
    examined = seen(list_mutants()[name].make, some())
    found = find_causes(examined)
    assert found.keys() == examined.broken
    assert found
    for cause in found.values():
        assert (cause.mechanism, cause.confidence) == (
            list_mutants()[name].mechanism,
            "same values",
        )
    assert {source for cause in found.values() for source in cause.sources} >= set(
        list_mutants()[name].bug.sources[:1]
    )


def assert_not_misled(name, examined):
    """What claims to return the same values is of the same class; a pattern is of the bug's family
    or says what is known."""
    mutant = list_mutants()[name]
    for law, cause in find_causes(examined, without=name).items():
        if cause.confidence == "same values":
            assert cause.mechanism == mutant.mechanism, law
        elif cause.confidence == "unknown":
            assert cause.mechanism == "unknown"


@pytest.mark.parametrize("name", ["F01", "G01", "R13", "O17", "S09"])
def test_without_its_model_a_bug_gets_no_wrong_name(name):
    """The family at most."""
    assert_not_misled(name, seen(list_mutants()[name].make, some()))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["F01", "G01", "R06", "O01", "V01", "L04", "S01", "I01"])
def test_no_bug_is_named_wrongly_with_confidence(name):
    """Its own class with its model, no other class without; on the cases of a quick check."""
    examined = quickly_examined(list_mutants()[name].make())
    if examined.broken:
        assert_not_misled(name, examined)
        found = find_causes(examined).values()
        assert list_mutants()[name].mechanism in {cause.mechanism for cause in found}
        assert {c.mechanism for c in found if c.confidence == "same values"} <= {
            list_mutants()[name].mechanism
        }


def test_one_input_that_agrees_does_not_outweigh_another_that_does_not():
    """With eps = 1e-8 and a large variance eps outside the root is as good as none at all; with eps
    = 0.1 it is not."""
    half = next(
        case for case in draw_extreme_cases(Supports(dtypes=("float16",)), 0) if case.eps == 1e-8
    )
    examined = seen(list_mutants()["F01"].make, [by_hand(), half])
    # "output" was kept for the second case alone: both are looked at
    broken = examined.session.broken
    broken["output"] = broken["output"][-1:]
    assert [case.eps for case in choose_cases(broken)] == [0.25, 1e-8]
    assert_not_misled("F01", examined)


# -- two bugs in one class -------------------------------------------------------------------------

PAIRS = [
    {"R06": "running-mean", "O01": "fold-bias"},
    {"G03": "gradient-x", "S04": "shards-gradient-gamma"},
    {"F07": "output", "R13": "running-mean"},
]


@pytest.mark.parametrize("pair", PAIRS, ids="+".join)
def test_two_bugs_are_each_named(pair):
    """Both mechanisms appear, each for a law that the other bug keeps."""
    both = type("Both", tuple(list_mutants()[name].make for name in pair), {})
    found = find_causes(seen(both, some()))
    for name, law in pair.items():
        assert (found[law].mechanism, found[law].confidence) == (
            list_mutants()[name].mechanism,
            "same values",
        )


# -- what no model explains ------------------------------------------------------------------------


class Halves(NumpyBatchNorm):
    """A bug nobody has had."""

    def apply_affine(self, xhat, gamma, beta):
        return super().apply_affine(xhat * xhat.dtype.type(0.5), gamma, beta)


class Forgets(NumpyBatchNorm):
    """Another value at every call."""

    calls = 0

    def infer(self, *arguments, **options):
        self.calls += 1
        y = super().infer(*arguments, **options)
        return y + y.dtype.type(self.calls)


class Adds(NumpyBatchNorm):
    """Writes into what it is handed."""

    def fold(self, weight, *arguments, **options):
        answer = super().fold(weight, *arguments, **options)
        weight += 1
        return answer


def test_what_is_not_known_is_said_to_be_unknown_or_a_pattern():
    """A factor nobody has had is of the forward pass; what a law itself tells is told."""
    found = find_causes(seen(Halves, some())).values()
    assert {(cause.mechanism, cause.confidence) for cause in found} == {("forward", "same pattern")}
    for fake, mechanism in ((Forgets, "state carried between calls"), (Adds, "argument modified")):
        named = {cause.mechanism for cause in find_causes(seen(fake, some())).values()}
        assert mechanism in named <= {mechanism, "unknown"}


class BackwardOfLatestTraining(NumpyLayer):
    """The gradients are those of the latest training step, though an inference came in between."""

    def forward(self, x, *, training):
        before = self.latest
        y = super().forward(x, training=training)
        if not training and before is not None and before.x.shape == x.shape:
            self.latest = before
        return y


@pytest.mark.slow
def test_a_sequence_is_explained_by_equal_answers_alone():
    """Not by another model's that breaks the same law: a missing gradient (G21) has other
    values."""
    examined = quickly_examined(BackwardOfLatestTraining, *SAYS)
    assert examined.walks.keys() == {"sequence-backward"}
    (cause,) = find_causes(examined).values()
    assert cause.confidence != "same values"


def test_nothing_broken_has_no_cause():
    """A correct implementation."""
    assert find_causes(seen(NumpyBatchNorm, some()[:3])) == {}


def test_evidence_is_shown_on_few_small_cases():
    """At most four, which between them break every broken law."""
    broken = seen(list_mutants()["F03"].make, some()).session.broken
    chosen = choose_cases(broken)
    shown = {
        law for law, kept in broken.items() if any(one.case is of for one in kept for of in chosen)
    }
    assert 1 <= len(chosen) <= 4
    assert shown == broken.keys()


@pytest.mark.parametrize(
    ("violated", "name"),
    [
        ({"layout", "broadcast-gradient"}, "layout"),
        ({"fold-bias"}, "fold"),
        ({"inference-output", "layout-inference"}, "inference"),
        ({"shards-output", "empty-shard"}, "distributed"),
        ({"gradient-x", "double-backward-x"}, "gradient"),
        ({"running-mean", "momentum-matters"}, "running-stats"),
        ({"one-value"}, "edge-case"),
        ({"output", "fold-bias"}, ""),
    ],
)
def test_a_family_is_told_by_the_pattern_of_laws(violated, name):
    """Where every broken law belongs to it."""
    assert told_of(violated, by_hand(), "y") == name


def told_of(violated, case, quantity, shares=None):
    """The family told of broken laws, where one of them saw this quantity on this case."""
    seen = Measurement("some law", (quantity,), 2.0)
    return find_family([load_laws()[law] for law in violated], [(case, seen)], shares or {})


def test_families_by_what_the_cases_have_in_common():
    """Half precision alone, large means alone, or nearly everywhere in the output."""
    far = by_hand(x=by_hand().x + np.float32(1000))
    mixed = {"output", "fold-bias"}
    assert told_of(mixed, by_hand("float16"), "y") == "dtype"
    assert told_of(mixed, far, "y") == "variance-numerics"
    assert told_of(mixed, by_hand(), "y", {"output": 0.9}) == "forward"
    assert told_of({"output"}, by_hand(), "running_mean") == "running-stats"


def test_families_are_those_of_the_catalogue():
    """Names that mean something there, each declared by some law."""
    declared = frozenset().union(*(law.families for law in load_laws().values()))
    assert declared == set(ORDER)
    assert declared <= {mutant.bug.family for mutant in list_mutants().values()}
