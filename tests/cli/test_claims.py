"""The status of settled claims."""

import pytest
from click.testing import CliRunner

from bnproof import claims, reporting
from bnproof.claims import ClaimVerdict
from bnproof.cli import group


@pytest.mark.parametrize(
    ("verdicts", "status"),
    [
        (("proved", "refuted"), 0),
        (("measured", "proved with conditions"), 0),
        (("undecided", "refuted"), 3),
        (("proved", "undecided"), 3),
    ],
)
def test_an_open_claim_shows_in_the_status_and_a_refuted_one_does_not(
    verdicts, status, monkeypatch
):
    """That a claim is false is the answer that was asked for; only no answer is a failure."""
    outcomes = dict(zip(("A1", "A4"), verdicts, strict=True))
    monkeypatch.setattr(reporting, "collect_claim_rows", lambda wanted, seed, advance: [])
    monkeypatch.setattr(
        claims, "settle", lambda claim, rows: ClaimVerdict(claim, outcomes[claim.id])
    )
    line = ["claims", "A1", "A4", "--format", "json"]
    done = CliRunner().invoke(group, line, standalone_mode=False, catch_exceptions=False)
    assert done.return_value == status


def test_the_seed_and_the_claims_reach_the_experiments(monkeypatch):
    """Ids are found whatever their case, in the order they are asked for."""
    asked = []

    def collect(wanted, seed, advance):
        asked.append(([claim.id for claim in wanted], seed))
        return []

    monkeypatch.setattr(reporting, "collect_claim_rows", collect)
    monkeypatch.setattr(claims, "settle", lambda claim, rows: ClaimVerdict(claim, "refuted"))
    line = ["claims", "c5", "A1", "--seed", "9", "--format", "json"]
    CliRunner().invoke(group, line, standalone_mode=False, catch_exceptions=False)
    assert asked == [(["C5", "A1"], 9)]
