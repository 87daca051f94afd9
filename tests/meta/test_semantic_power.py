"""The power of semantic cases: every known bug that is another formula shows at least tenfold
beyond what rounding explains."""

from functools import cache

import pytest

from bnproof.implementations.conventions import resolve_convention
from bnproof.implementations.targets import as_implementation
from bnproof.implementations.through_state import ThroughState
from bnproof.laws import behaviour, degenerate, memory, values
from bnproof.laws.answers import Answers
from bnproof.laws.law import load_laws
from bnproof.laws.oracle import Oracle
from bnproof.laws.supports import EVERYTHING, Supports
from bnproof.mutants.catalogue import list_mutants
from bnproof.verification.session import measure
from bnproof.verification.walk_judge import Walked
from bnproof.verification.walks import explore
from tests.laws.draws import conditioned, drawn, semantic, target

FACTOR = 10
SEMANTIC = [name for name, mutant in list_mutants().items() if mutant.kind == "semantic"]
ZERO_GAMMA = ("O10",)  # divides by gamma, which a semantic case keeps away from 0
# shows where a bias, or gamma alone, is missing: seconds until such a case is drawn
RARE = ("O02", "O03", "G11")
BY_SEQUENCE = ("R11", "R13-layer", "R16", "R17", "R28", "G21")  # right in a single call


@cache
def examined(strategy):
    """Cases in float32, which has 29 bits less than the exact value, with their oracles."""
    return [(case, Oracle(case)) for case in drawn(strategy(Supports(dtypes=("float32",))), 60)]


@cache
def plan():
    """The laws that look at single calls, in the order of a check; relations and sensitivities look
    at what these look at."""
    return [law for of in (behaviour, degenerate, memory, values) for law in of.list_laws()]


def shows(name, strategy):
    """Whether some law on some case sees ``FACTOR`` times its bound; case by case, so that the
    first will do."""
    of = target(list_mutants()[name].make)
    for case, oracle in examined(strategy):
        answers = Answers(of, case)
        for law in plan():
            seen = measure(law, answers, oracle)
            if seen is not None and seen.ratio > FACTOR:
                return True
    return False


SINGLE = [
    pytest.param(name, marks=pytest.mark.slow) if name in RARE else name
    for name in SEMANTIC
    if name not in BY_SEQUENCE
]


@pytest.mark.parametrize("name", SINGLE)
def test_a_wrong_formula_shows_tenfold(name):
    """On at most sixty cases in float32."""
    assert shows(name, conditioned if name in ZERO_GAMMA else semantic)


@pytest.mark.parametrize("name", BY_SEQUENCE)
def test_a_wrong_state_shows_tenfold(name):
    """In sequences of calls; a law without a size is broken or not."""
    make = list_mutants()[name].make
    wanted = frozenset(law.id for law in load_laws().values() if law.measure is None)
    found = explore(Walked(make, resolve_convention(make.convention), EVERYTHING, wanted))
    assert any(broken.seen.ratio > FACTOR for broken in found.values())


def test_bugs_that_need_a_sequence_are_layers():
    """The list above holds nothing that a single call could show."""
    assert all(
        isinstance(as_implementation(list_mutants()[name].make, name), ThroughState)
        for name in BY_SEQUENCE
    )
