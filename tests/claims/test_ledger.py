"""The ledger: every claim settled, and a verdict that follows the outcomes and the records."""

import csv
import json
from pathlib import Path

import pytest

from bnproof import claims
from bnproof.claims import UnknownClaim, find, load_ledger, settle
from bnproof.theorems.book import book
from bnproof.theorems.proving import list_statements

IDS = [
    "Q1",
    "Q2",
    "Q3",
    "Q4",
    "Q5",
    "A1",
    "A2",
    "A3",
    "A4",
    "A5a",
    "A5b",
    "A6",
    "A7a",
    "A7b",
    "A8",
    "A9",
    "B1",
    "B2",
    "B3",
    "B4",
    "B5a",
    "B5b",
    "B6",
    "C1",
    "C2",
    "C3",
    "C4",
    "C5",
]
MEASUREMENTS = {
    "A3": [
        {
            "kind": "weight_norm_run",
            "raised": raised,
            "normalised": normalised,
            "eps": 1e-10 if normalised else None,
            "learning_rate": rate,
            "finite": True,
            "fell_beyond_rounding": 0.0,
            "final_loss": 0.1 if normalised else 2.3,
            "norm_at_start": 0.5,
            "norm_median": 5.0,
            "effective_step_at_start": 30.0,
            "effective_step": 1.0,
            "final_accuracy": 0.9 if normalised else 0.1,
        }
        for raised in ("first layer", "all layers")
        for normalised in (True, False)
        for rate in (1.0, 10.0, 100.0)
    ],
    "A5a": [
        *(
            {"kind": "sigmoid_linear", "data": data, "gamma": 1.0, "beta": 0.0, "share": 0.6}
            for data in ("digits, raw pixels", "digits, hidden activations")
        ),
        *(
            {"kind": "linear_range_moments", "data": data, "root_mean_square": 1.0}
            for data in ("digits, raw pixels", "digits, hidden activations")
        ),
    ],
    "B5b": [
        {
            "kind": kind,
            "trained": "everything",
            "parametrisation": name,
            "learning_rate": 1.0,
            "seeds": 5,
            "final_loss_mean": loss,
            "steps_to_target_mean": 100 * loss,
        }
        for kind in ("parametrisation_summary", "parametrisation_rate")
        for name, loss in (
            ("gamma, beta on normalised values", 0.1),
            ("gamma', beta' on plain values", 0.4),
        )
    ],
}


def as_proved(name):
    """The row of a theorem whose every item came out as the book wants it, without proving it
    again."""
    items = [
        {
            "says": posed.says, "kind": posed.kind, "verdict": posed.wanted, "text": posed.says,
            "given_text": [str(condition) for condition in posed.given], "detail": "m = 2",
        }
        for posed in list_statements(book()[name])
    ]  # fmt: skip
    return {"kind": "theorem", "id": name, "verdict": "proved", "items": items}


def rows_for(claim):
    """Rows that bear the claim's theorems out, and its measurements."""
    return [*map(as_proved, claim.theorems), *MEASUREMENTS.get(claim.id, [])]


def test_the_ledger_has_every_claim():
    """Twenty-eight rows, the question first."""
    assert list(load_ledger()) == sorted(IDS, key=lambda name: ("QABC".index(name[0]), name))


@pytest.mark.parametrize("id", IDS)
def test_every_item_is_in_the_book_and_every_claim_settled(id):
    """References resolve, the verdict is none of undecided, and there is an explanation of some
    sentences."""
    finding = settle(find(id), rows_for(find(id)))
    assert finding.verdict in ("proved", "proved with conditions", "refuted", "measured")
    assert finding.claim.explanation.count(".") >= 2


@pytest.mark.parametrize("id", IDS)
def test_another_outcome_gives_another_verdict(id):
    """With one item the other way round, or one theorem unproved, the verdict is another."""
    claim = find(id)
    rows = rows_for(claim)
    before = settle(claim, rows).verdict
    for name in (*claim.literal, *claim.repaired):
        theorem, _, says = name.removeprefix("~").partition(": ")
        turned = {"proved": "refuted", "refuted": "proved"}
        changed = [_with(row, theorem, says, turned) for row in rows]
        decisive = name in claim.repaired or (
            len(claim.literal) == 1 and not _conditional(name, rows)
        )
        assert settle(claim, changed).verdict != before or not decisive, name
        undecided = [
            _with(row, theorem, says, {"proved": "undecided", "refuted": "undecided"})
            for row in rows
        ]
        assert settle(claim, undecided).verdict == "undecided"
    for theorem in claim.theorems:
        unproved = [
            row | {"verdict": "undecided"} if row.get("id") == theorem else row for row in rows
        ]
        assert settle(claim, unproved).verdict == "undecided"


def _conditional(name, rows):
    theorem, _, says = name.removeprefix("~").partition(": ")
    items = [item for row in rows if row.get("id") == theorem for item in row["items"]]
    return any(item["given_text"] for item in items if item["says"] == says)


def _with(row, theorem, says, verdicts):
    if row.get("id") != theorem:
        return row
    items = [
        item | {"verdict": verdicts[item["verdict"]]} if item["says"] == says else item
        for item in row["items"]
    ]
    return row | {"items": items}


def test_all_literal_items_the_other_way_round():
    """A claim of several literal items falls with all of them turned."""
    rows = rows_for(find("Q2"))
    for name in find("Q2").literal:
        theorem, _, says = name.partition(": ")
        rows = [_with(row, theorem, says, {"refuted": "proved"}) for row in rows]
    assert settle(find("Q2"), rows).verdict == "proved with conditions"


@pytest.mark.parametrize(
    ("id", "change"),
    [
        ("A3", {"finite": False}),
        ("A3", {"final_loss": 5.0}),
        ("A5a", {"share": 0.4}),
        ("B5b", {"final_loss_mean": 1.0}),
        ("B5b", {"steps_to_target_mean": 7.0}),
    ],
)
def test_measured_claims_follow_the_records(id, change):
    """Other records, another verdict; none at all, undecided."""
    claim = find(id)
    theorems = [row for row in rows_for(claim) if row["kind"] == "theorem"]
    changed = [
        row | {key: value for key, value in change.items() if key in row}
        for row in MEASUREMENTS[id]
    ]
    assert settle(claim, [*theorems, *MEASUREMENTS[id]]).verdict == "measured"
    assert settle(claim, [*theorems, *changed]).verdict == "refuted"
    assert settle(claim, theorems).verdict == "undecided"


def test_an_item_that_is_not_there_is_an_error():
    """A reference that went stale is noticed."""
    rows = [row | {"items": []} for row in map(as_proved, find("Q1").theorems)]
    with pytest.raises(LookupError, match="no item"):
        settle(find("Q1"), rows)


def test_json_has_the_contract_keys():
    """Id, verdict, theorems, counterexamples."""
    finding = settle(find("A1"), rows_for(find("A1")))
    assert set(finding.as_json()) == {"id", "verdict", "theorems", "counterexamples"}
    assert finding.as_json()["counterexamples"]
    json.dumps(finding.as_json())


def test_unknown_claims_get_suggestions():
    """Case does not matter, a slip is met with near ids."""
    assert find("a5A").id == "A5a"
    with pytest.raises(UnknownClaim, match="try A"):
        find("A12")


def test_the_committed_ledger_is_settled():
    """reports/claims.csv holds every claim, none of them undecided."""
    path = Path(claims.__file__).parents[2] / "reports" / "claims.csv"
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    assert [row["id"] for row in rows] == list(load_ledger())
    assert all(row["verdict"] in claims.VERDICTS[:4] for row in rows)
