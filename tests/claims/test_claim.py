"""How a verdict follows from items, conditions and measurements, with claims and theorems that are
made up.

The real ledger is tested with the theorems of the book in test_ledger.
"""

import pytest

from bnproof.claims import VERDICTS, Claim, ClaimVerdict, Deciding, UnknownClaim, find, settle

VALUES = ("proved", "refuted", "undecided")


def claim(*literal, **further):
    """A claim with these literal items."""
    return Claim("X1", "abacus", "Beads are round.", "They are.", literal=literal, **further)


def theorem(name, verdict="proved", **items):
    """A theorem whose items came out so; "given" after a verdict puts a condition on it."""
    rows = [
        {"says": says, "verdict": outcome.removesuffix(" given"), "text": f"{says} = 1",
         "given_text": ["a > 0", says] if outcome.endswith(" given") else [], "detail": "m = 77"}
        for says, outcome in items.items()
    ]  # fmt: skip
    return {"kind": "theorem", "id": name, "verdict": verdict, "items": rows}


@pytest.mark.parametrize(
    ("literal", "outcome", "verdict"),
    [
        ("t: a", "proved", "proved"), ("t: a", "proved given", "proved with conditions"),
        ("t: a", "refuted", "refuted"), ("t: a", "undecided", "undecided"),
        # The contrary of an item: one counterexample needs no conditions.
        ("~t: a", "refuted", "proved"), ("~t: a", "refuted given", "proved"),
        ("~t: a", "proved", "refuted"), ("~t: a", "undecided", "undecided"),
    ],
)  # fmt: skip
def test_a_literal_item_decides(literal, outcome, verdict):
    """Or its contrary does, where the claim denies it."""
    assert settle(claim(literal), [theorem("t", a=outcome)]).verdict == verdict


@pytest.mark.parametrize("first", VALUES)
@pytest.mark.parametrize("second", VALUES)
def test_every_literal_item_has_to_be_true(first, second):
    """One false item among true ones refutes, and one that is open leaves the claim open."""
    verdict = settle(claim("t: a", "t: b"), [theorem("t", a=first, b=second)]).verdict
    if "undecided" in (first, second):
        assert verdict == "undecided"
    else:
        assert verdict == ("proved" if first == second == "proved" else "refuted")


@pytest.mark.parametrize("literal", VALUES)
@pytest.mark.parametrize("repaired", VALUES)
def test_a_repair_counts_only_while_it_is_true(literal, repaired):
    """It turns "refuted" into "with conditions"; one that is false was a mistake, and the claim is
    open."""
    asked = claim("t: a", repaired=("t: b",))
    verdict = settle(asked, [theorem("t", a=literal, b=repaired)]).verdict
    if literal == "undecided" or repaired != "proved":
        assert verdict == "undecided"
    else:
        expected = {"proved": "proved", "refuted": "proved with conditions"}
        assert verdict == expected[literal]


def test_a_claim_that_says_nothing_literal_is_open():
    """Where nothing is measured either, there is nothing to decide it by."""
    found = settle(claim(formula="t: a"), [theorem("t", a="proved")])
    assert found.verdict == "undecided"
    assert set(found.items) == {"t: a"}


@pytest.mark.parametrize("further", [[], [theorem("u", "undecided")], [theorem("u", "refuted")]])
def test_a_theorem_that_is_not_proved_opens_the_claim(further):
    """Also one that the explanation alone rests on, and the verdict names it."""
    asked = claim("t: a", rests_on=("u",))
    assert settle(asked, [theorem("t", a="proved"), theorem("u")]).verdict == "proved"
    found = settle(asked, [theorem("t", a="proved"), *further])
    assert (found.verdict, found.open) == ("undecided", ("u",))


def test_items_and_theorems_are_named_once_in_order():
    """Literal, repaired, formula, then what it rests on; a contrary has no sign of its own."""
    asked = claim(
        "~t: a", "u: b: c", repaired=("t: a",), formula="v: d", rests_on=("w", "t", "w")
    )  # fmt: skip
    assert asked.items == ("t: a", "u: b: c", "v: d")
    assert asked.theorems == ("t", "u", "v", "w")


def test_conditions_are_those_of_what_is_true():
    """The scope first, then those of the repaired items, each once; without repair those of the
    literal ones; none for another verdict."""
    rows = [theorem("t", a="refuted given", b="proved given", c="proved given")]
    repaired = claim("t: a", repaired=("t: b", "t: c"), scope="on Sundays")
    assert settle(repaired, rows).conditions == ["on Sundays", "a > 0", "b", "c"]
    assert settle(claim("t: b"), rows).conditions == ["a > 0", "b"]
    assert settle(claim("t: a", scope="on Sundays"), rows).conditions == []


def test_counterexamples_are_those_of_refuted_items():
    """Each once, with the formula that is false there."""
    twice = {"text": "a = 1", "detail": "m = 77", "verdict": "refuted"}
    right = {"text": "b = 1", "detail": "", "verdict": "proved"}
    found = ClaimVerdict(claim(), "refuted", {"t: a": twice, "u: a": twice, "t: b": right})
    assert found.counterexamples == ["a = 1: m = 77"]
    assert found.as_json() == {
        "id": "X1", "verdict": "refuted", "theorems": [], "counterexamples": ["a = 1: m = 77"],
    }  # fmt: skip


@pytest.mark.parametrize("verdict", [True, False])
def test_a_measurement_is_shown_its_own_rows_alone(verdict):
    """All of its kinds in their order; each kind has to be there."""
    seen = []

    def holds(rows):
        seen.extend(row["n"] for row in rows)
        return verdict

    deciding = Deciding("abacus", ("bead", "rod"), "x.svg", holds, lambda rows: f"{len(rows)} rows")
    asked = claim(formula="t: a", measurement=deciding)
    proved = theorem("t", a="proved")
    rows = [{"kind": kind, "n": n} for n, kind in enumerate(("rod", "bead", "frame", "rod"))]
    found = settle(asked, [proved, *rows])
    assert (found.verdict, found.measurement) == ("measured" if verdict else "refuted", "3 rows")
    assert seen == [0, 1, 3]
    missing = settle(asked, [proved, rows[1]])
    assert (missing.verdict, missing.open, missing.measurement) == ("undecided", ("rod",), "")
    # No measurement makes up for a theorem that is not proved.
    assert settle(asked, [proved | {"verdict": "undecided"}, *rows]).open == ("t",)


def test_a_stale_reference_names_item_and_theorem():
    """Whether the item is gone or all of its theorem."""
    for rows in ([theorem("t", b="proved")], []):
        with pytest.raises(LookupError, match="no item 'a' in the theorem 't'"):
            settle(claim("t: a"), rows)


@pytest.mark.parametrize(("typed", "near"), [("A44", "A4"), ("b9", "B"), ("zzz", "Q1")])
def test_a_slip_is_met_with_near_ids(typed, near):
    """Or with all of them where nothing is near."""
    with pytest.raises(UnknownClaim) as refused:
        find(typed)
    message = str(refused.value)
    assert message.startswith(f"there is no claim {typed!r}: try ")
    assert near in message
    assert "\n" not in message


def test_verdicts_are_known_by_their_names():
    """Every verdict that can come out is one of the list."""
    outcomes = {
        settle(claim("t: a"), [theorem("t", a=outcome)]).verdict
        for outcome in (*VALUES, "proved given")
    }
    assert outcomes | {"measured"} == set(VERDICTS)
