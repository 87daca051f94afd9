"""The page of the attack on the prover is a pure function of its records."""

from bnproof.records import Records, build_header
from bnproof.reports.files import write_files
from bnproof.reports.prover_attack import render_prover_attack


def row(number=0, verdict="proved", truth="true", **further):
    """A record."""
    own = {"kind": "attack", "number": number, "family": "roots", "seconds": 0.25}
    return {**own, "verdict": verdict, "truth": truth, **further}


WRONG = row(
    1,
    truth="false",
    problem="proved, although it is false",
    statement="Eq(a, 1)",
    given=["a > 0"],
    by="Remainder(a)",
    said="",
    point="a = 2",
)


def test_the_tables_say_what_the_rows_say(tmp_path):
    """Counts by verdict and truth, and by family."""
    records = Records(build_header(7), (row(), row(2), row(3, "undecided", "not known")))
    page = render_prover_attack(records)
    assert page == render_prover_attack(records)
    assert write_files(records, tmp_path) == [tmp_path / "prover_attack.md"]
    assert (tmp_path / "prover_attack.md").read_text() == page
    assert "3 statements" in page
    assert "| true | 2 | 0 | 0 | 0 | 0 | 0 |" in page
    assert "| not known | 0 | 0 | 1 | 0 | 0 | 0 |" in page
    assert "| roots | 2 | 0 | 1 | 0 | 0 | 0 |" in page
    assert "Disagreements: none" in page
    assert "--statements 3 --seed 7" in page


def test_a_disagreement_is_shown_in_full():
    """Number, seed, statement, conditions, witness and point."""
    page = render_prover_attack(Records(build_header(7), (row(), WRONG)))
    assert "Disagreements: 1" in page
    for part in ("Number 1 (seed 7", "`Eq(a, 1)`", "`a > 0`", "`Remainder(a)`", "a = 2"):
        assert part in page


def test_refusals_of_what_can_be_read_are_listed():
    """Each sentence once, with how often it was said."""
    refused = [row(p, "refused", refusal="write it as a Rational") for p in (0, 1)]
    page = render_prover_attack(Records(build_header(7), tuple(refused)))
    assert "- 2 times: write it as a Rational" in page
