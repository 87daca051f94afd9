"""Our side of the growth benchmark: claims are taken from the book, and a term can be left out."""

import pytest

from bnproof.benchmarks import generic
from bnproof.benchmarks.generic import CLAIMS, build_statement, find_assertion, missing_term


@pytest.mark.parametrize("theorem", CLAIMS)
def test_a_claim_is_the_one_of_the_book(theorem):
    """Its statement and its conditions are those of the assertion, not copies that could age."""
    found = find_assertion(theorem)
    assert found.says == CLAIMS[theorem][1]
    assert build_statement(theorem, dropped=False) == (found.statement, found.given)


@pytest.mark.parametrize("theorem", CLAIMS)
def test_the_variant_lacks_one_term_of_the_right_side(theorem):
    """The left side is the same, and the right sides differ by the missing term, which is not 0."""
    (right, given), (wrong, same) = (
        build_statement(theorem, dropped=dropped) for dropped in (False, True)
    )
    assert given == same
    assert right.lhs == wrong.lhs
    assert right.rhs - wrong.rhs - missing_term(theorem) == 0
    assert missing_term(theorem) != 0


def test_only_the_items_before_a_claim_are_built(monkeypatch):
    """What stands behind the claim in the book costs no time."""
    items, says = CLAIMS["jacobian"]
    built = []

    def counted():
        for item in items():
            built.append(item)
            yield item

    monkeypatch.setitem(generic.CLAIMS, "jacobian", (counted, says))
    assert find_assertion("jacobian") is built[-1]
    assert len(built) < len(list(items()))


def test_a_claim_that_left_the_book_is_missed(monkeypatch):
    """The error names the theorem and the sentence that is looked for."""
    monkeypatch.setitem(generic.CLAIMS, "jacobian", (CLAIMS["jacobian"][0], "no such claim"))
    with pytest.raises(LookupError, match="jacobian has no claim 'no such claim'"):
        find_assertion("jacobian")
    with pytest.raises(LookupError):
        find_assertion("no theorem")
