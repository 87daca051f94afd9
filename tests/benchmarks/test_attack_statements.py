"""The statements of the attack: marks are right, what is malformed is refused, families differ."""

from random import Random

import pytest

from bnproof.benchmarks import attack_statements
from bnproof.benchmarks.attack_statements import (
    FAMILIES,
    crossings,
    draw_claim,
    identities,
    malformed,
    slips,
    witnesses,
)
from bnproof.symbolic import prove
from tests.benchmarks.rows import Collecting, find_contradictions


class Listing(Random):
    """A generator that keeps what was last chosen from."""

    options = ()

    def choice(self, options):
        """The first option, so that every part is the same each time."""
        self.options = options
        return options[0]


def list_malformed():
    """Every statement and its conditions that has to be refused."""
    rng = Listing(0)
    malformed(rng)
    return rng.options


@pytest.mark.parametrize("number", range(len(list_malformed())))
def test_what_is_malformed_is_refused(number):
    """The prover raises TypeError or ValueError, whichever row it is."""
    statement, given = list_malformed()[number]
    with pytest.raises((TypeError, ValueError)):
        prove(statement, *given)


def test_witnesses_mark_the_statement_and_not_themselves():
    """What is marked true holds at the points, also where the witness lies."""
    assert find_contradictions(witnesses) == []
    rng = Collecting(0)
    witnesses(rng)
    assert all(row[2] is not None for row in rng.rows)
    assert {row[3] for row in rng.rows} == {True, False}


def test_marks_follow_from_how_a_statement_was_made():
    """Identities are known, slips are not, what is malformed says so and is not known."""
    for seed in range(5):
        assert identities(Random(seed)).known
        assert not slips(Random(seed)).known
        made = malformed(Random(seed))
        assert made.malformed
        assert not made.known


def test_a_slip_in_a_row_takes_its_mark_away():
    """Of a family whose rows are all true, the statement itself or a variant is known, a slip
    never."""

    def family(rng):
        return row

    row = attack_statements.equate(attack_statements.a * 2, attack_statements.a * 2), (), True
    wrapped = attack_statements._wrap_family(family)
    marks = {}
    for seed in range(60):
        kind = Random(seed).randrange(8)
        marks.setdefault(kind in (5, 6), set()).add(wrapped(Random(seed)).known)
    assert marks == {True: {False}, False: {True}}


def test_crossings_are_made_of_two_rows_or_of_foreign_conditions():
    """Both ways come up, and their family says where they are from."""
    made = [crossings(Random(seed)) for seed in range(8)]
    assert {one.family for one in made} == {"crossings"}
    assert any(len(one.given) >= 2 for one in made)
    assert {one.known for one in made} == {True, False}


def test_families_take_turns():
    """Number n is of family ``n`` modulo their number, by name."""
    own = {family.__name__: place for place, family in enumerate(FAMILIES)}
    for name in ("identities", "witnesses", "malformed"):
        for turn in (0, 2):
            assert draw_claim(5, own[name] + turn * len(FAMILIES)).family == name
    assert draw_claim(5, 2).family == "roots"
