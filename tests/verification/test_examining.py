"""What an examination reads of a target, and what it hands on."""

from types import SimpleNamespace

import pytest

from bnproof.contract import Failure, FailureKind
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.implementations.numpy_layer import NumpyLayer
from bnproof.implementations.targets import UnusableTarget
from bnproof.laws.answers import Blocked, Monitor
from bnproof.laws.behaviour import measure_failure
from bnproof.laws.law import load_laws
from bnproof.laws.layers import SAYS
from bnproof.verification import examining
from bnproof.verification.examining import WALKS, examine
from bnproof.verification.planning import CheckOptions
from bnproof.verification.session import Session
from bnproof.verification.verdict import Tally
from bnproof.verification.walk_judge import LawBroken

NARROW = {"ranks": [2], "dtypes": ["float32"]}
LOST = Failure(FailureKind.LOST, "state", "gamma")
LAYERS = [load_laws()[name] for name in SAYS]


@pytest.fixture(autouse=True)
def one_case(monkeypatch):
    """One drawn case stands for all, and the extreme ones are left out."""
    monkeypatch.setitem(examining.EFFORTS, "quick", 1)
    monkeypatch.setattr("bnproof.verification.session.draw_extreme_cases", lambda *anything: [])


class Narrow(NumpyBatchNorm):
    supports = NARROW


def look(implementation, plan=(), **options):
    """An examination with the least effort."""
    return examine(implementation, list(plan), CheckOptions("quick", **options))


class Undeclared:
    supports = NARROW

    def train(self, *arguments, **options):
        return NumpyBatchNorm().train(*arguments, **options)


def test_a_convention_is_the_one_asked_for_else_the_declared_one_else_that_of_torch():
    """Only where nobody names one may another convention explain what is seen."""

    class Declared(Undeclared):
        convention = "keras"

    found = [
        (examination.session.target.convention.name, examination.undeclared)
        for examination in (
            look(Undeclared()),
            look(Declared()),
            look(Declared(), convention="onnx"),
            look(Undeclared(), convention="torch"),
        )
    ]
    assert found == [("torch", True), ("keras", False), ("onnx", False), ("torch", False)]


def test_a_target_is_called_what_was_typed_else_what_can_be_imported():
    """A program that shows a violation imports it by this name, so it must not name what cannot
    be made again."""
    with_state = Narrow()
    with_state.momentum = 0.5

    class Local(Undeclared):
        pass

    assert look(Narrow(), target="mine.py:Narrow").name == "mine.py:Narrow"
    assert look(Narrow()).name == f"{__name__}:Narrow"
    assert look(with_state).name == "Narrow"
    assert look(Local()).name == "Local"


@pytest.mark.parametrize("name", ["convention", "supports"])
def test_an_attribute_that_cannot_be_read_is_named(name):
    """A stranger's property may raise anything; one sentence says which one did."""

    def fail(self):
        raise ZeroDivisionError

    strange = type("Strange", (Undeclared,), {name: property(fail)})
    with pytest.raises(UnusableTarget, match=rf"its {name} cannot be read \(ZeroDivisionError\)"):
        look(strange())


def test_what_never_answers_is_unusable_with_the_first_reason():
    """A target without any answer must not pass for one that breaks nothing."""

    class Refuses(Undeclared):
        def train(self, *arguments, **options):
            raise NotImplementedError("on Tuesdays")

    with pytest.raises(UnusableTarget, match="gives no usable answer: on Tuesdays"):
        look(Refuses(), target="mine")


class NarrowLayer(NumpyLayer):
    supports = NARROW


def test_laws_about_layers_are_judged_on_layers_alone(monkeypatch):
    """A function of arrays is not driven; of a layer each law counts as often as it was judged."""
    broken = LawBroken("sequence-frozen", measure_failure("sequence-frozen", LOST), ["a step"])

    def drive(walks):
        walks.judgements.update({"sequence-output": 3, "sequence-frozen": 2})
        return {"sequence-frozen": broken}

    monkeypatch.setattr(examining, "explore", drive)
    assert look(Narrow(), LAYERS).session.tallies == {}
    examination = look(NarrowLayer, LAYERS)
    counts = {law: (t.cases, t.violated) for law, t in examination.session.tallies.items()}
    assert counts == {"sequence-output": (3, 0), "sequence-frozen": (2, 1)}
    assert examination.walks == {"sequence-frozen": broken}
    assert examination.broken == {"sequence-frozen"}


def test_a_layer_that_ended_its_process_is_not_driven_again(monkeypatch):
    """The one violation says what happened, in a law that was judged once."""
    monkeypatch.setattr(examining, "explore", lambda walks: pytest.fail("driven"))
    monitor = Monitor(blocked={WALKS: Blocked("ended the process (SIGSEGV)", 1)})
    examination = examine(NarrowLayer, LAYERS, CheckOptions("quick"), monitor)
    (broken,) = examination.walks.values()
    assert examination.broken == {"sequence-output"}
    assert (broken.seen.failure.kind, broken.steps) == (FailureKind.BLOCKED, [])
    assert broken.seen.failure.got == "ended the process (SIGSEGV)"
    tally = examination.session.tallies["sequence-output"]
    assert (tally.cases, tally.violated) == (1, 1)


def test_a_walk_is_announced_like_a_call(monkeypatch):
    """A layer that crashes while it is driven can then be told from one that crashes elsewhere."""
    told = []
    monkeypatch.setattr(examining, "explore", lambda walks: told.append("driven") or {})
    monitor = Monitor(watch=lambda method, number: told.append((method, number)))
    examine(NarrowLayer, LAYERS, CheckOptions("quick"), monitor)
    assert told[-3:] == [(WALKS, 1), "driven", ("", 0)]


def test_an_examination_tells_in_which_share_of_its_cases_a_law_is_broken():
    """A law that was never broken has the share 0, and one without cases divides by nothing."""
    session = Session(None, 3, None)
    session.tallies = {"shift": Tally("", 4, 3), "output": Tally("", 2, 0), "affine": Tally("")}
    laws = [load_laws()[name] for name in ("shift", "fold-bias", "sequence-output")]
    walks = {"sequence-frozen": SimpleNamespace(seen="what was seen")}
    examination = examining.Examination("mine", laws, session, walks, undeclared=False)
    assert examination.shares == {"shift": 0.75, "output": 0.0, "affine": 0.0}
    assert [law.id for law in examination.judgeable] == ["shift", "sequence-output"]
