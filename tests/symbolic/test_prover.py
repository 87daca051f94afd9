"""The order of work in ``prove``: what has to come together for a proof, and what never is one."""

import pytest
from sympy import And, Eq, KroneckerDelta, Or, Sum, Symbol, true

from bnproof.symbolic import Refuted, Undecided, Unreadable, i, j, k, m, mu, prove, prover, v, x
from bnproof.symbolic.deciding import CaseProof, Unequal

a = Symbol("a", real=True)
total = Sum(x[i], (i, 1, m))


def test_a_false_statement_is_refuted_before_any_algebra(monkeypatch):
    """The normal form is not asked at all."""

    def refuse(self):
        raise AssertionError("the normal form was asked")

    monkeypatch.setattr(CaseProof, "prove_steps", refuse)
    with pytest.raises(Refuted):
        prove(Eq(total, mu))
    with pytest.raises(AssertionError, match="was asked"):
        prove(Eq(total, m * mu))


def test_the_normal_form_alone_gives_no_proof():
    """No point that satisfies the conditions is known: ``a^2 = 2 b^2`` with an irrational ratio."""
    with pytest.raises(Undecided, match="no exact point"):
        prove(
            Eq(a, a * (1 + total - m * mu)),
            Eq(m, 2),
            Eq(x[1] ** 4 + x[2] ** 4, 17),
            x[1] > 1,
            x[2] > 1,
        )


def test_different_normal_forms_do_not_refute(monkeypatch):
    """They lead to a longer search, and to ``Undecided`` where it finds nothing."""

    def differ(self):
        raise Unequal("the sides differ")

    monkeypatch.setattr(CaseProof, "prove_steps", differ)
    with pytest.raises(Undecided, match="the sides differ, yet no exact counterexample"):
        prove(Eq(total, m * mu))


def test_a_conjunction_has_the_steps_of_all_parts():
    """And the smallest of their numbers of points; one false part refutes it."""
    parts = Eq(total, m * mu), Eq(Sum((x[i] - mu) ** 2, (i, 1, m)), m * v)
    proofs = [prove(part, m >= 2) for part in parts]
    both = prove(And(*parts), m >= 2)
    assert {str(step) for step in both.steps} == {str(s) for one in proofs for s in one.steps}
    assert both.points == min(one.points for one in proofs)
    with pytest.raises(Refuted):
        prove(And(parts[0], Eq(total, mu)))


def test_a_given_size_is_written_out_entry_by_entry():
    """``x_1 + x_2 + x_3 = 3 mu`` holds for ``m = 3``, with each free index taking each value."""
    assert prove(Eq(x[1] + x[2] + x[3], 3 * mu), Eq(m, 3)).points > 0
    proof = prove(Eq((KroneckerDelta(i, 1) + KroneckerDelta(i, 2)) * a, a), Eq(m, 2))
    assert proof.steps
    with pytest.raises((Refuted, Undecided)):
        prove(Eq(x[1] + x[2] + x[3], 3 * mu), m >= 3)


def test_too_many_cases_are_left_undecided(monkeypatch):
    """Three free indices at ``m = 2`` make eight of them."""
    monkeypatch.setattr(prover, "MOST_CASES", 7)
    only = (x[i] - x[1]) * (x[i] - x[2]) * (1 + x[j] ** 2 + x[k] ** 2)
    with pytest.raises(Undecided, match="leaves 8 cases"):
        prove(Eq(only, 0), Eq(m, 2))
    monkeypatch.setattr(prover, "MOST_CASES", 8)
    assert prove(Eq(only, 0), Eq(m, 2)).points > 0


@pytest.mark.parametrize(
    ("error", "outcome", "sentence"),
    [
        (RecursionError("deep"), Undecided, "nested more deeply"),
        (ValueError("not comparable"), Undecided, "SymPy cannot follow it: not comparable"),
        (Unreadable("mend it"), Unreadable, "mend it"),
        (TypeError("no statement"), TypeError, "no statement"),
    ],
)
def test_what_stops_the_work_decides_nothing(monkeypatch, error, outcome, sentence):
    """Errors of SymPy leave it undecided; wrong input passes as what it is."""

    def stop(*received):
        raise error

    monkeypatch.setattr(prover, "read", stop)
    with pytest.raises(outcome, match=sentence) as stopped:
        prove(Eq(a, a + 1))
    assert type(stopped.value) is outcome


def test_only_relations_are_identities():
    """A disjunction is refuted or left undecided; ``true`` is proved."""
    assert prove(true).points > 0
    with pytest.raises(Undecided, match="is not an identity"):
        prove(Or(a > 0, a < 1))
    with pytest.raises(Refuted):
        prove(Or(a > 0, a < 0))
