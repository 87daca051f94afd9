"""Diagnosis: a known bug is named by its model, an unknown one at most by its family, and two at
once each by its own."""

from functools import cache

import numpy as np
import pytest

from bnproof.contract import Measurement
from bnproof.formats import is_half
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.implementations.numpy_layer import NumpyLayer
from bnproof.laws import behaviour, degenerate, memory, values
from bnproof.laws.extreme_cases import draw_extreme_cases
from bnproof.laws.law import load_laws
from bnproof.laws.layers import SAYS
from bnproof.laws.supports import EVERYTHING, Supports
from bnproof.mutants.catalogue import list_mutants
from bnproof.verification.diagnosis import CASES, choose_cases, diagnose
from bnproof.verification.examining import Examination, examine
from bnproof.verification.families import ORDER, find_family
from bnproof.verification.planning import CheckOptions, plan_laws
from bnproof.verification.session import Broken, Session, Spot
from bnproof.verification.walk_judge import LawBroken
from tests.laws.draws import by_hand, drawn, semantic, target

PLAN = [
    law for of in (behaviour, degenerate, memory, values) for law in of.list_laws()
]  # relations and sensitivities take long
VALUES, BEHAVIOUR = ([*of.list_laws()] for of in (values, behaviour))
REPEATS = [law for law in BEHAVIOUR if law.id == "repeats"]


@cache
def some():
    """Six cases, shared."""
    return drawn(semantic(), 6)


def seen(implementation, cases, plan=PLAN):
    """What a session saw on these cases."""
    session = Session(target(implementation), 0, EVERYTHING)
    for case in cases:
        session.judge(plan, case)
    return Examination("mine", plan, session, {}, undeclared=False)


def quickly_examined(implementation, *select):
    """What a quick check sees of it."""
    options = CheckOptions("quick", select=select)
    return examine(implementation, plan_laws(options), options)


NAMED = ("F01", "G03", "R06", "O01", "S01", "L05", "I02")


def list_mechanisms(groups):
    """The mechanism of every group, and how it was found."""
    return [(group.cause.mechanism, group.cause.confidence) for group in groups]


def list_laws(group):
    """The laws of a group."""
    return {spot.law for spot in group.spots}


def name_known(name):
    """How a group is told whose cause is this known bug."""
    return list_mutants()[name].mechanism, "same values"


@pytest.mark.parametrize("name", NAMED)
def test_a_known_bug_is_named(name):
    """By the mechanism of its model, for everything it breaks, with where it was seen."""
    examined = seen(list_mutants()[name].make, some())
    (found,) = diagnose(examined)
    assert list_laws(found) == examined.broken
    assert list_mechanisms([found]) == [name_known(name)]
    assert found.cause.bug == name
    assert found.cause.sources == list_mutants()[name].bug.sources
    assert found.cause.sources


def assert_not_misled(name, examined):
    """What claims to return the same values is of the same class; a pattern is of the bug's family
    or says what is known."""
    mutant = list_mutants()[name]
    for group in diagnose(examined, without=name):
        if group.cause.confidence == "same values":
            assert group.cause.mechanism == mutant.mechanism, list_laws(group)
        elif group.cause.confidence == "unknown":
            assert group.cause.mechanism == "unknown"


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
        found = list_mechanisms(diagnose(examined))
        assert name_known(name) in found
        assert {mechanism for mechanism, confidence in found if confidence == "same values"} == {
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
    chosen = choose_cases(examined.session.group_broken(PLAN))
    assert [case.eps for case in chosen] == [0.25, 1e-8]
    assert_not_misled("F01", examined)


class ByDtype(NumpyBatchNorm):
    """eps is misplaced in float32, and Bessel's factor in float64."""

    def train(self, x, *arguments, **options):
        made = list_mutants()["F01" if x.dtype == "float32" else "F07"].make()
        return made.train(x, *arguments, **options)


def test_a_model_has_to_agree_on_every_input():
    """One that gives the same answers on one of two says nothing of the cause."""
    plan = [load_laws()["output"]]
    groups = diagnose(seen(ByDtype, [by_hand(), by_hand("float64")], plan))
    assert all(group.cause.confidence != "same values" for group in groups)
    for dtype, name in (("float32", "F01"), ("float64", "F07")):
        (found,) = diagnose(seen(ByDtype, [by_hand(dtype)], plan))
        assert list_mechanisms([found]) == [name_known(name)]


class Keras:
    """The convention of Keras around a class that follows the one of torch."""

    convention = "keras"

    def bessel(self, v, m):
        return v

    def train(self, *arguments, momentum, **options):
        return super().train(*arguments, momentum=1 - momentum, **options)

    def train_shards(self, *arguments, momentum, **options):
        return super().train_shards(*arguments, momentum=1 - momentum, **options)


def test_models_answer_in_the_convention_of_the_target():
    """A target of Keras's convention has the bug of a model that follows the one of torch, and is
    named all the same; a right one breaks nothing."""
    right = type("Right", (Keras, NumpyBatchNorm), {})
    assert diagnose(seen(right, some()[:3], VALUES)) == []
    for name in ("F01", "I02", "G03", "R13"):
        made = type("Made", (Keras, list_mutants()[name].make), {})
        examined = seen(made, some()[:3], VALUES)
        assert examined.session.target.convention.name == "keras"
        (found,) = diagnose(examined)
        assert list_mechanisms([found]) == [name_known(name)]
        assert list_laws(found) == examined.broken


def test_models_track_the_variance_of_the_convention():
    """A bug that shows in the running variance alone has the value of the biased one."""
    plan = [load_laws()[name] for name in ("running-variance", "output")]
    examined = seen(type("Made", (Keras, list_mutants()["R13"].make), {}), some()[:3], plan)
    (found,) = diagnose(examined)
    assert list_mechanisms([found]) == [name_known("R13")]
    assert list_laws(found) == {"running-variance"}


def test_another_convention_alone_is_no_known_bug():
    """A target that says torch and tracks the biased variance is the one that forgot Bessel's
    factor; one that says so is right."""
    (found,) = diagnose(seen(list_mutants()["R01"].make, some()[:3], VALUES))
    assert found.cause.bug == "R01"
    declared = type("Declared", (list_mutants()["R01"].make,), {"convention": "biased"})
    assert diagnose(seen(declared, some()[:3], VALUES)) == []


class AlsoDoubled(list_mutants()["F01"].make):
    """eps is misplaced, and what comes back from inference is doubled besides."""

    def infer(self, x, *arguments, **options):
        return x.dtype.type(2) * super().infer(x, *arguments, **options)


def test_what_a_model_breaks_with_another_answer_is_put_down_to_it():
    """Two roundings or two defects meet there, and one finding is enough."""
    examined = seen(AlsoDoubled, some()[:3], VALUES)
    (found,) = diagnose(examined)
    assert list_mechanisms([found]) == [name_known("F01")]
    assert "inference-output" in list_laws(found) == examined.broken


class GradientDoubled(list_mutants()["O01"].make):
    """The bias is not scaled in a fold, and the gradient of x is doubled."""

    def train_vjp(self, dy, *arguments, **options):
        dx, *rest = super().train_vjp(dy, *arguments, **options)
        return dy.dtype.type(2) * dx, *rest


def test_what_a_model_does_not_break_is_no_matter_of_it():
    """It gets a group of its own, without the name of the bug."""
    folded, doubled = diagnose(seen(GradientDoubled, some()[:3], VALUES))
    assert list_mechanisms([folded, doubled]) == [
        name_known("O01"),
        ("gradient", "same pattern"),
    ]
    assert list_laws(folded) == {"fold-bias"}
    assert "gradient-x" in list_laws(doubled)


def test_a_model_that_breaks_what_the_target_keeps_explains_nothing():
    """Bessel's factor is missing on workers alone, which R01 breaks on one machine too."""

    class OnWorkers(NumpyBatchNorm):
        def train_shards(self, *arguments, **options):
            biased = list_mutants()["R01"].make()
            return biased.train_shards(*arguments, **options)

    examined = seen(OnWorkers, some()[:3], VALUES)
    (found,) = diagnose(examined)
    assert found.cause.confidence != "same values"
    assert {"shards-running-variance"} <= list_laws(found) == examined.broken


# -- two bugs in one class -------------------------------------------------------------------------

PAIRS = [
    {"R06": "running-mean", "O01": "fold-bias"},
    {"G03": "gradient-x", "S04": "shards-gradient-gamma"},
    {"F07": "output", "R13": "running-mean"},
]


def combine(*names):
    """A class with all of these bugs."""
    return type("Both", tuple(list_mutants()[name].make for name in names), {})


@pytest.mark.parametrize("pair", PAIRS, ids="+".join)
def test_two_bugs_are_each_named(pair):
    """Both mechanisms appear, each for a law that the other bug keeps."""
    found = diagnose(seen(combine(*pair), some()[:4], VALUES))
    for name, law in pair.items():
        (group,) = (group for group in found if law in list_laws(group))
        assert list_mechanisms([group]) == [name_known(name)]
    assert len(found) == 2


class ByPlace(NumpyBatchNorm):
    """eps is misplaced in half precision, and gamma ignored in the gradients of all else."""

    def train(self, x, *arguments, **options):
        formulas = list_mutants()["F01"].make() if is_half(x.dtype) else super()
        return formulas.train(x, *arguments, **options)

    def train_vjp(self, dy, x, *arguments, **options):
        formulas = super() if is_half(x.dtype) else list_mutants()["G03"].make()
        return formulas.train_vjp(dy, x, *arguments, **options)


def test_two_bugs_are_told_apart_by_the_place_where_they_show():
    """What no model explains in half precision is another group than what fails elsewhere."""
    plan = [load_laws()[name] for name in ("output", "gradient-x")]
    examined = seen(ByPlace, [by_hand(), by_hand("float16"), by_hand("float64")], plan)
    groups = {group.spots for group in diagnose(examined)}
    assert groups == {(Spot("output", "half"),), (Spot("gradient-x", "ordinary"),)}


@pytest.mark.parametrize("names", [("F01",), ("F18",), ("R23",), ("R06", "O01"), ("L04", "D01")])
def test_every_spot_is_in_one_group(names):
    """Whatever explains it, nothing that is broken is told twice or not at all."""
    examined = seen(combine(*names), [*some()[:3], by_hand("float16")])
    spots = [spot for group in diagnose(examined) for spot in group.spots]
    assert sorted(spots) == sorted(examined.session.group_broken(PLAN))
    assert spots


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


def test_what_no_model_explains_is_told_by_area():
    """A factor nobody has had is of the forward pass where training is wrong, and of inference
    where that is."""
    forward, inference = diagnose(seen(Halves, some()[:3], VALUES))
    assert list_mechanisms([forward, inference]) == [
        ("forward", "same pattern"),
        ("inference", "same pattern"),
    ]
    assert list_laws(forward) == {"output", "shards-output"}
    assert list_laws(inference) == {"inference-output"}
    assert (forward.cause.bug, forward.cause.sources) == ("", ())


@pytest.mark.parametrize(
    ("fake", "mechanism"),
    [(Forgets, "state carried between calls"), (Adds, "argument modified")],
)
def test_what_a_law_tells_itself_is_told(fake, mechanism):
    """And everything else about the same method belongs to it."""
    examined = seen(fake, some()[:3])
    (found,) = diagnose(examined)
    assert found.cause.mechanism == mechanism
    assert list_laws(found) == examined.broken
    assert len(examined.broken) > 1


class ForgetsAndHalves(Forgets):
    """Inference does not repeat itself, and the gradient of beta is wrong."""

    def train_vjp(self, *arguments, **options):
        dx, dgamma, dbeta = super().train_vjp(*arguments, **options)
        return dx, dgamma, dbeta if dbeta is None else dbeta / dbeta.dtype.type(2)


def test_only_the_method_that_does_not_repeat_itself_is_excused():
    """A wrong gradient is another matter than a state of inference."""
    unsteady, gradient = diagnose(seen(ForgetsAndHalves, some()[:3], (*REPEATS, *VALUES)))
    assert unsteady.cause.mechanism == "state carried between calls"
    assert list_laws(unsteady) == {"repeats", "inference-output"}
    assert list_mechanisms([gradient]) == [("gradient", "same pattern")]
    assert list_laws(gradient) == {"gradient-beta"}


class Crashes(NumpyBatchNorm):
    """Two methods fail, each in a way of its own."""

    def infer(self, *arguments, **options):
        raise RuntimeError("not yet")

    def fold(self, *arguments, **options):
        return None


def test_every_failing_method_is_a_matter_of_its_own():
    """What is wrong with one says nothing of the other."""
    groups = diagnose(seen(Crashes, some()[:2], BEHAVIOUR))
    assert {spot.method for group in groups for spot in group.spots} == {"infer", "fold"}
    assert sorted({spot.method for spot in group.spots} for group in groups) == sorted(
        [{"infer"}, {"fold"}]
    )


class NoEdges(NumpyBatchNorm):
    """A batch without samples and a single value are not thought of."""

    def train(self, x, *arguments, **options):
        if x.size <= x.shape[1]:
            raise IndexError("out of range")
        return super().train(x, *arguments, **options)


def test_degenerate_batches_are_one_matter():
    """Who treats none of them has one thing to add."""
    (found,) = diagnose(seen(NoEdges, some()[:3]))
    assert list_laws(found) == {"one-value", "empty-batch"}
    assert list_mechanisms([found]) == [("edge-case", "same pattern")]


class HalvesTraining(NumpyBatchNorm):
    """A formula of training that is wrong in a way nobody has had."""

    def train(self, x, *arguments, **options):
        y, *statistics = super().train(x, *arguments, **options)
        return y * x.dtype.type(0.5), *statistics


def test_what_follows_from_a_wrong_formula_is_no_news():
    """A sequence of calls shows the formula of a single one, and is told where it does not."""
    seen_walk = Measurement("sequence-output", ("y",), 2.0, got=1.0)
    saved = Measurement("sequence-saved", (), 2.0)
    laws = [load_laws()[name] for name in ("output", "sequence-output", "sequence-saved")]
    walks = {one.law: LawBroken(one.law, one, []) for one in (seen_walk, saved)}
    examined = seen(HalvesTraining, some()[:3], laws)
    examined.walks = walks
    assert {frozenset(list_laws(group)) for group in diagnose(examined)} == {
        frozenset({"output", "sequence-output"}),
        frozenset({"sequence-saved"}),
    }
    right = seen(NumpyBatchNorm, some()[:3], laws)
    right.walks = {"sequence-output": walks["sequence-output"]}
    (found,) = diagnose(right)
    assert list_laws(found) == {"sequence-output"}


class HalvesInference(NumpyBatchNorm):
    """A formula of inference that is wrong in a way nobody has had."""

    def infer(self, x, *arguments, **options):
        return super().infer(x, *arguments, **options) * x.dtype.type(0.5)


def test_a_sequence_may_follow_from_one_of_several_formulas():
    """The output of a layer in training and at inference is one law about sequences."""
    walk = Measurement("sequence-output", ("infer_y",), 2.0, got=1.0)
    laws = [load_laws()[name] for name in ("output", "inference-output", "sequence-output")]
    examined = seen(HalvesInference, some()[:2], laws)
    examined.walks = {walk.law: LawBroken(walk.law, walk, [])}
    (found,) = diagnose(examined)
    assert list_laws(found) == {"inference-output", "sequence-output"}


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
    (found,) = diagnose(examined)
    assert found.cause.confidence != "same values"


def test_nothing_broken_has_no_cause():
    """A correct implementation."""
    assert diagnose(seen(NumpyBatchNorm, some()[:3])) == []


def test_evidence_is_shown_on_few_small_cases():
    """Between them they show every spot, and room that is left goes to the smallest others."""
    broken = seen(list_mutants()["F03"].make, some()).session.group_broken(PLAN)
    chosen = choose_cases(broken)
    known = {id(case) for case in chosen}
    assert all(any(id(one.case) in known for one in kept) for kept in broken.values())
    every = {id(one.case): one.case.x.size for kept in broken.values() for one in kept}
    assert len(chosen) == min(CASES, len(every))
    assert len(known) == len(chosen)


def test_the_case_that_shows_most_spots_comes_first():
    """Of equals the smallest, and a case that adds nothing only fills up what room is left."""
    cases = [by_hand("float64", x=np.arange(4.0 * n).reshape(2 * n, 2)) for n in range(1, 10)]
    spots = [Spot(name, "ordinary") for name in "abc"]
    kept = {
        spots[0]: [Broken(case, None) for case in cases],
        spots[1]: [Broken(cases[5], None), Broken(cases[3], None)],
        spots[2]: [Broken(cases[8], None)],
    }
    chosen = choose_cases(kept)
    assert [case.x.size for case in chosen] == [16, 36, 4, 8, 12, 20]
    assert len(chosen) == CASES
    assert choose_cases({}) == []


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
