"""One case of a statement: what the conditions say, what has to exist, and what the normal forms
show."""

import pytest
from sympy import (
    Eq,
    Ge,
    Gt,
    IndexedBase,
    Integer,
    KroneckerDelta,
    Mul,
    Ne,
    Sum,
    Symbol,
    false,
    sqrt,
    true,
)

from bnproof.symbolic.deciding import CaseProof, Unequal
from bnproof.symbolic.index_cases import list_cases
from bnproof.symbolic.outcomes import Disagreement, Undecided
from bnproof.symbolic.reading import read
from bnproof.symbolic.search import Search
from bnproof.symbolic.setting import Every, eps, g, i, k, m, mu, v, x
from bnproof.symbolic.signsets import POSITIVE

a, b, c = (Symbol(name, real=True) for name in "abc")
p = Symbol("p", integer=True)
u = IndexedBase("u", real=True)


def cases(statement, *given, remainder=None):
    """The proofs of all cases, not yet tried."""
    search = Search(read(statement, given, remainder))
    return [CaseProof(search, case) for case in list_cases(search.question)]


def prove_all(statement, *given, remainder=None):
    """The steps of all cases."""
    proofs = cases(statement, *given, remainder=remainder)
    return [step for one in proofs for step in one.prove_steps()]


TRUE = {
    "an identity": (Eq(Sum(x[p] - mu, (p, 1, m)), 0),),
    "by a value": (Eq(a**2 + b, 6), Eq(a, b), Eq(b, 2)),
    "by an equation": (Eq(a**4, b**4), Eq(a**2, b**2)),
    "by a sum of squares": (Eq(x[i], g[i]), Eq(Sum((x[p] - g[p]) ** 2, (p, 1, m)), 0)),
    "by the sign of a factor": (Gt(b, 0), a > 0, a * b > 0),
    "by every entry": (Gt(mu, 1), Every(x[i] > 1)),
    "by products of entries": (
        Gt(Sum(x[p] * g[p] - x[p] - g[p], (p, 1, m)) + m, 0),
        Every(x[i] > 1),
        Every(g[i] > 1),
    ),
    "by Cauchy and Schwarz": (
        Ge(Sum(x[p] ** 2, (p, 1, m)) * Sum(g[p] ** 2, (p, 1, m)), Sum(x[p] * g[p], (p, 1, m)) ** 2),
    ),
    "by the root that exists": (Gt(sqrt(v + eps), 0, evaluate=False),),
    "by the spread": (Ge(m, 2), v > 0),
    "by cases": (Eq(KroneckerDelta(i, k) * (x[i] - x[k]), 0),),
}
NOT_SHOWN = {
    "another constant": (Eq(Sum(x[p] - mu, (p, 1, m)), m),),
    "another sign": (Gt(a * b, 0), a > 0),
    "an edge": (Gt(mu, 1), Every(x[i] >= 1)),
    "squares of both signs": (Eq(a, b), Eq(a**2, b**2)),
    "a case of several": (Eq(KroneckerDelta(i, k), 0),),
    "one entry for all": (Gt(mu, 0), x[i] > 0),
    "no difference": (Ne(a, b), Eq(a, b)),
}


@pytest.mark.parametrize("claim", TRUE.values(), ids=TRUE)
def test_what_follows_is_shown(claim):
    """Every case has steps that lead to the statement."""
    assert prove_all(*claim)


@pytest.mark.parametrize("claim", NOT_SHOWN.values(), ids=NOT_SHOWN)
def test_what_does_not_follow_is_not_shown(claim):
    """Some case says that its normal forms do not show the statement."""
    with pytest.raises(Unequal):
        prove_all(*claim)


@pytest.mark.parametrize(
    "given",
    [(Eq(a, 1), Eq(a, 2)), (Eq(a**2 + 1, 0),), (Eq(a, b), Gt(a, b)), (Eq(a, b - 1), Gt(a, b))],
    ids=str,
)
def test_conditions_that_contradict_each_other_leave_no_case(given):
    """Nothing is to be proved where no point is: there are no steps, not even for ``0 = 1``."""
    (only,) = cases(Eq(c, c + 1, evaluate=False), *given)
    assert only.prove_steps() == []
    assert only.impossible


def test_every_part_has_to_exist():
    """``0/(a + 1) = 0`` says more than ``0 = 0``, which SymPy makes of it; a condition may see to
    that."""
    statement = Eq(Mul(0, 1 / (a + 1), evaluate=False), 0, evaluate=False)
    for attempt in (cases(statement)[0].exists, cases(statement)[0].prove_steps):
        with pytest.raises(Undecided, match="division by a"):
            attempt()
    cases(statement, a >= 0)[0].exists()
    assert prove_all(statement, a >= 0)


def test_a_remainder_is_the_difference_and_shows_its_sign():
    """``a^2 + b^2 >= 2 a b`` by ``(a - b)^2``, by which no other remainder passes."""
    statement = Ge(a**2 + b**2, 2 * a * b)
    (step,) = prove_all(statement, remainder=(a - b) ** 2)
    assert step.rule == "left minus right"
    (turned,) = prove_all(2 * a * b <= a**2 + b**2, remainder=(a - b) ** 2)
    assert turned.rule == "right minus left"
    with pytest.raises(Unequal, match="do not differ by"):
        prove_all(statement, remainder=(a - b) ** 2 + 1)
    hidden = a**2 + a * b + b**2
    with pytest.raises(Undecided, match="not visibly not negative"):
        prove_all(Ge(hidden, 0, evaluate=False), remainder=hidden)


def test_a_wrong_normal_form_is_a_disagreement(monkeypatch):
    """A rewriting that spoils both sides alike leaves their difference 0, and is caught at an exact
    point all the same."""
    search = Search(read(Eq(u[1] + u[1] * x[1], u[1] * (1 + x[1]))))
    search.run(count=2)
    (proof,) = [CaseProof(search, case) for case in list_cases(search.question)]
    assert proof.prove_steps()
    (wrong,) = [CaseProof(search, case) for case in list_cases(search.question)]
    right = wrong.form.normal_form
    monkeypatch.setattr(
        wrong.form,
        "normal_form",
        lambda e: right(e) + wrong.form.number(int(e in search.question.statement.args)),
    )
    with pytest.raises(Disagreement, match="left side"):
        wrong.prove_steps()


def test_a_statement_that_is_decided_already():
    """``true`` has one step, ``false`` is shown in no case."""
    assert [step.rule for step in prove_all(true)] == ["evaluate"]
    with pytest.raises(Unequal):
        prove_all(false)


def test_a_case_knows_how_large_its_batch_is():
    """Two indices that differ need two entries, and a condition may ask for more."""
    apart = next(one for one in cases(Eq(KroneckerDelta(i, k), 0)) if not one.replace)
    assert apart.form.signs.shows(apart.form.normal_form(m - 1), POSITIVE)
    assert not apart.form.signs.shows(apart.form.normal_form(m - 2), POSITIVE)
    (fixed,) = cases(Eq(mu, 0), Eq(m, Integer(3)))
    assert fixed.form.signs.shows(fixed.form.normal_form(m - 2), POSITIVE)
