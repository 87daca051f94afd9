"""From a theorem to statements, from their verdicts to the theorem's, and what is written down of
it."""

import json
import os
from contextlib import contextmanager

import pytest
from sympy import Integer, Symbol, symbols

from bnproof.symbolic.outcomes import Counterexample, Disagreement, Proof, Step, Undecided
from bnproof.symbolic.setting import beta, gamma, i, xhat, y
from bnproof.theorems import proving
from bnproof.theorems.book import (
    Assertion,
    Control,
    Corollary,
    Derivation,
    Eq,
    Ge,
    Line,
    Observed,
    Recurrence,
    Relation,
    Theorem,
    UnknownTheorem,
    find,
)
from bnproof.theorems.conditions import Needed
from bnproof.theorems.proving import (
    Outcome,
    Posed,
    Settled,
    as_row,
    list_statements,
    settle,
    settle_all,
    settle_statement,
)

a, b = symbols("a b", real=True)
T = Symbol("T", integer=True, nonnegative=True)
NEEDED, IDLE = Needed(a > 0, "undefined"), Needed(a > 0, "")
ITEMS = (
    Derivation("why", a, (Line("first", b, "once"), Line("then", a * b, "twice")), (a > 0,)),
    Control("the sum is", Eq(a + b, a), (b > 0,), common=True),
    Recurrence("grows", T, a, lambda t, r: r + b, lambda t: a + t * b, (b > 1,)),
    Corollary("a use", Eq(a, b), (a > 1,)),
    Relation(
        "mirror",
        "gamma changes its sign",
        lambda y, y_mirrored: Eq(y_mirrored(i) - y(i), -2 * gamma * xhat(i)),
        observed={"y_mirrored": Observed("y", gamma=-gamma)},
    ),
    Assertion("both are", Eq(a * b, b * a), (a > 2,)),
)


def settled(verdict, kind="assertion", conditions=(), detail=None):
    """A statement that came out like this."""
    return Settled(Posed(kind, f"some {kind}", Eq(a, b), ()), verdict, detail, conditions)


def test_every_item_is_posed_in_its_place():
    """A recurrence as its base and its step, a derivation link by link, and only a control is to be
    refuted."""
    posed = list(list_statements(Theorem("made", "chapter", "", "", ITEMS)))
    assert [(one.kind, one.says, one.given) for one in posed] == [
        ("step", "first: once", (a > 0,)),
        ("step", "then: twice", (a > 0,)),
        ("control", "the sum is", (b > 0,)),
        ("assertion", "grows: induction, base", (b > 1,)),
        ("assertion", "grows: induction, step", (b > 1,)),
        ("corollary", "a use", (a > 1,)),
        ("law", "gamma changes its sign", ()),
        ("assertion", "both are", (a > 2,)),
    ]
    assert [one.kind for one in posed if one.wanted == "refuted"] == ["control"]
    assert [(one.part_of, one.law, one.common) for one in posed if one.part_of] == [
        ("why", "", False),
        ("why", "", False),
    ]
    assert [one.says for one in posed if one.common] == ["the sum is"]
    assert [one.law for one in posed if one.law] == ["mirror"]


def test_statements_are_what_the_items_say():
    """A link starts where the one before it ended, induction goes from T to T + 1, and a relation
    is about the formulas of its outputs."""
    posed = [one.statement for one in list_statements(Theorem("made", "chapter", "", "", ITEMS))]
    assert posed[:2] == [Eq(a, b), Eq(b, a * b)]
    assert posed[3:5] == [Eq(a + 0 * b, a), Eq(a + T * b + b, a + (T + 1) * b)]
    assert posed[6] == Eq(-gamma * xhat(i) + beta - y(i), -2 * gamma * xhat(i))


@pytest.mark.parametrize(
    ("assertions", "control", "verdict"),
    [
        ("proved proved", "refuted", "proved"),
        ("proved proved", "proved", "undecided"),
        ("proved proved", "undecided", "undecided"),
        ("proved undecided", "refuted", "undecided"),
        ("undecided undecided", "proved", "undecided"),
        ("proved refuted", "refuted", "refuted"),
        ("proved refuted", "proved", "refuted"),
        ("refuted undecided", "refuted", "refuted"),
        ("refuted undecided", "undecided", "refuted"),
    ],
)
def test_the_verdict_is_the_worst(assertions, control, verdict):
    """One refuted assertion refutes the theorem; what is undecided, and a control that is not
    refuted, leave it undecided."""
    parts = (*map(settled, assertions.split()), settled(control, "control"))
    assert Outcome("collapse", parts, 0.0).verdict == verdict
    assert Outcome("collapse", parts[::-1], 0.0).verdict == verdict


@pytest.mark.parametrize("kind", ["assertion", "law", "corollary"])
def test_one_idle_condition_is_enough(kind):
    """A proved statement is not as wanted with it, beside others that are needed."""
    control = settled("refuted", "control")
    for conditions, verdict in (((NEEDED,), "proved"), ((NEEDED, IDLE), "undecided")):
        one = settled("proved", kind, conditions)
        assert one.as_wanted == (verdict == "proved")
        assert Outcome("collapse", (one, control), 0.0).verdict == verdict
    assert not settled("refuted", kind).as_wanted
    assert control.as_wanted
    assert not settled("proved", "control").as_wanted


def test_a_statement_is_proved_refuted_or_undecided(monkeypatch):
    """Only what is stated for itself has its conditions looked at; a counterexample, the reason or
    the disagreement is kept."""
    for kind in ("assertion", "law", "corollary", "step", "control"):
        verdict, proof, needed = settle_statement(Posed(kind, "", Eq(abs(a), a), (a > -1, a >= 0)))
        assert (verdict, proof.given) == ("proved", (a > -1, a >= 0))
        # a >= 0 alone would do.
        shown = [one.shown for one in needed]
        assert shown == ([] if kind in ("step", "control") else [False, True])
    verdict, where, needed = settle_statement(Posed("assertion", "", Ge(a, b), (a >= 1,)))
    assert (verdict, needed) == ("refuted", ())
    assert where.rhs > where.lhs == where.values["a"] >= 1
    for reason in (Undecided("no rule applies"), Disagreement("they differ")):

        def fail(*given, by, reason=reason):
            raise reason

        monkeypatch.setattr(proving, "prove", fail)
        assert settle_statement(Posed("control", "", Eq(a, b), ())) == ("undecided", reason, ())


def test_points_and_disagreements_are_those_of_all_statements():
    """The points of the proofs are added up; one disagreement, also of a control, is enough."""
    proofs = [settled("proved", detail=Proof(Eq(a, a), points=n)) for n in (3, 4)]
    control = settled("refuted", "control", detail=Counterexample(2))
    undecided = settled("undecided", "control", detail=Undecided("no rule applies"))
    agreeing = Outcome("collapse", (*proofs, control, undecided), 0.0)
    assert (agreeing.points, agreeing.independent_check) == (7, "agrees")
    assert (agreeing.assertions, agreeing.controls) == (proofs, [control, undecided])
    wrong = settled("undecided", "control", detail=Disagreement("they differ"))
    assert Outcome("collapse", (*proofs, wrong), 0.0).independent_check == "disagrees"


def test_a_row_holds_texts_alone():
    """The steps of a proof, or in their place a counterexample or a reason; a condition with its
    use; and the LaTeX as the caller writes it."""
    step = Step("left minus right", Integer(0), "it cancels")
    parts = (
        settled("proved", conditions=(NEEDED,), detail=Proof(Eq(a, a), steps=(step,), points=2)),
        settled("refuted", "control", detail=Counterexample(2, {"a": 1}, 1, 0)),
        settled("undecided", detail=Undecided("no rule applies")),
    )
    row = as_row(Outcome("momentum-conventions", parts, 12.5), lambda e: f"<{e}>")
    assert json.loads(json.dumps(row)) == row
    entry = find("momentum-conventions")
    assert (row["chapter"], row["source"], row["verdict"]) == (
        entry.chapter, entry.source, "undecided",
    )  # fmt: skip
    assert [one["detail"] for one in row["items"]] == [
        "", "m = 2, a = 1: left side 1, right side 0", "no rule applies",
    ]  # fmt: skip
    assert [one["needed"] for one in row["items"]] == [["undefined: undefined"], [], []]
    assert [one["steps"] for one in row["items"]] == [
        [{"rule": step.rule, "text": "0", "latex": "<0>", "why": step.why}], [], [],
    ]  # fmt: skip
    # Another run takes another time, and gives the same row.
    assert "12.5" not in json.dumps(row)
    assert row["says"] == " ".join(entry.says.split())


def test_theorems_come_in_the_order_of_their_names(monkeypatch):
    """In this process where one is enough, and else with word of how many are done."""
    names = ["momentum-conventions", "cumulative"]
    alone = [Symbol(name) for name in names]
    monkeypatch.setattr(proving, "settle", lambda entry: Symbol(entry.id))
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert settle_all(names) == alone
    with pytest.raises(UnknownTheorem, match="try cumulative"):
        settle_all(["momentum-conventions", "cumulativ"])
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert settle_all(names[::-1]) == alone[::-1]


def test_several_processes_give_what_one_gives(monkeypatch):
    """Their verdicts are joined with the statements of this process, theorem by theorem."""
    names, sizes, progress = ["momentum-conventions", "cumulative", "frozen"], [], []

    @contextmanager
    def pool(workers, **options):
        """One process that is called several."""
        sizes.append(workers)
        yield type("Pool", (), {"map": staticmethod(map)})

    monkeypatch.setattr(proving, "ProcessPoolExecutor", pool)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    together = settle_all(names, lambda *done: progress.append(done))
    assert (sizes, progress) == ([2], [(1, 3), (2, 3), (3, 3)])
    assert [one.id for one in together] == names
    assert [as_row(one, str) for one in together] == [
        as_row(settle(find(name)), str) for name in names
    ]
    answer = together[1].as_json()
    assert answer.keys() >= {"id", "chapter", "verdict", "independent_check"}
    assert answer["negative_controls"] == [
        {"id": one.wrong, "verdict": "refuted"} for one in find(names[1]).select_items(Control)
    ]
