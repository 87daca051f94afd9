"""The attack on the prover: its evaluator by hand, its statements, fake provers that are caught."""

import contextlib
import time
from random import Random

import pytest
from click.testing import CliRunner
from flint import arb, fmpq
from sympy import (
    Abs,
    Add,
    Derivative,
    Eq,
    Ge,
    KroneckerDelta,
    Limit,
    Max,
    Mul,
    Ne,
    Piecewise,
    Sum,
    Symbol,
    exp,
    log,
    oo,
    sign,
    sqrt,
)

from bnproof.benchmarks import prover_attack
from bnproof.benchmarks.attack_calculus import BoundNames, DrawnPoint
from bnproof.benchmarks.attack_evaluator import AttackEvaluator, judge_statement
from bnproof.benchmarks.attack_identities import equate
from bnproof.benchmarks.attack_numbers import NoValue, Unknown
from bnproof.benchmarks.attack_points import collect_free_names, determine_truth, draw_points
from bnproof.benchmarks.attack_replay import find_objection
from bnproof.benchmarks.attack_statements import FAMILIES, draw_claim
from bnproof.benchmarks.prover_attack import main, try_statement
from bnproof.records import read
from bnproof.symbolic import (
    Counterexample,
    Every,
    Proof,
    Refuted,
    eps,
    g,
    gamma,
    i,
    j,
    k,
    m,
    mu,
    s,
    v,
    x,
    xhat,
)
from bnproof.symbolic.expectation import E

a, h = Symbol("a"), Symbol("h")
n = Symbol("n", integer=True, positive=True)


def point(at=0):
    """``x = (1, 3, 5)``, ``g = (1, 0, -2)``, so that mu = 3, v = 8/3; eps = 4/3 makes s = 2."""
    scalars = {m: 3, i: 1, j: 2, k: 3, a: at, gamma: 2, n: 2}
    values = {(x, (p,)): fmpq(2 * p - 1) for p in (1, 2, 3)} | {
        (g, (p,)): fmpq(value) for p, value in enumerate((1, 0, -2), 1)
    }
    exact = {name: fmpq(value) for name, value in scalars.items()} | {eps: fmpq(4, 3)}
    return DrawnPoint(exact, values, lambda place: fmpq(7))


VALUES = {
    "mean": (mu, 3),
    "variance": (v, fmpq(8, 3)),
    "root of a square": (s, 2),
    "normalised": (xhat(i), -1),
    "delta": (KroneckerDelta(i, k) + KroneckerDelta(i, 1), 1),
    "derivative of the variance": (Derivative(v, x[k]), fmpq(4, 3)),
    "mixed derivative": (Derivative(v, x[i], x[k]), fmpq(-2, 9)),
    "derivative of the root": (Derivative(s, x[k]), fmpq(1, 3)),
    "second derivative": (Derivative(1 / (a + 2), a, a), fmpq(1, 4)),
    "a smooth kink": (Derivative(a * Abs(a), a), 0),
    "empty sum": (Sum(1 / a, (i, 1, m - 3)), 0),
    "shadowed": (Sum(x[i] * Sum(x[i], (i, 1, m)), (i, 1, m)), 81),
    "bounds see the outer index": (Sum(x[i], (j, 1, i), (i, 1, m)), 22),
    "a bound name that is free too": (Sum(gamma, (gamma, 1, m)) + gamma, 8),
    "limit": (Limit((exp(h) - 1) / h, h, 0), 1),
    "limit at infinity": (Limit(v * n / (2 * n + 1), n, oo), fmpq(4, 3)),
    "one-sided limit": (Limit(sign(h), h, 0, "-"), -1),
    "zero to the zero": (Mul(a**n, 0) + a ** (n - 2), 1),
    "case": (Piecewise((1 / a, a > 0), (5, True)), 5),
    "maximum": (Max(x[i], x[k], mu), 5),
    "expected value": (E(v, gamma, 3), 6),
    "another base has entries everywhere": (Sum(Symbol("w"), (i, 1, 2)).subs(Symbol("w"), 7), 14),
}
UNDEFINED = {
    "division by 0": 1 / a,
    "cancelled division": Add(1 / a, -1 / a, evaluate=False),
    "division times 0": Mul(0, 1 / a, evaluate=False),
    "root of a negative": sqrt(a - 1),
    "logarithm of 0": log(a),
    "entry 0": x[a],
    "entry m + 1": x[m + 1],
    "half an index": Sum(1, (i, 1, m / 2)),
    "a sum backwards": Sum(1, (i, 1, m - 5)),
    "kink": Derivative(Abs(a), a),
    "kink of a second derivative": Derivative(a * Abs(a), a, a),
    "root at 0": Derivative(sqrt(a), a),
    "root of a square at 0": Derivative(sqrt(a**2), a),
    "jump": Derivative(sign(a), a),
    "two sides": Limit(sign(h), h, 0, "+-"),
    "a limit that grows": Limit(1 / h, h, 0, "+"),
    "no case": Piecewise((1, a > 0), (2, a < 0)),
}


@pytest.mark.parametrize(("expression", "expected"), VALUES.values(), ids=VALUES)
def test_values_by_hand(expression, expected):
    """Exact rationals, worked out by hand."""
    assert AttackEvaluator(point()).evaluate(expression, BoundNames()) == expected


@pytest.mark.parametrize("expression", UNDEFINED.values(), ids=UNDEFINED)
def test_what_does_not_exist(expression):
    """Undefined by itself, and so is a statement with it."""
    with pytest.raises(NoValue):
        AttackEvaluator(point()).evaluate(expression, BoundNames())
    assert judge_statement(equate(expression, 0), point()) == "undefined"


def test_balls_decide_what_differs_and_nothing_else():
    """Root 2 is not 1.414, is less than 3/2, and its square cannot be told from 2."""
    root = AttackEvaluator(point(2)).evaluate(sqrt(a), BoundNames())
    assert isinstance(root, arb)
    assert judge_statement(equate(sqrt(a), 1), point(2)) is False
    assert judge_statement(Ge(3, 2 * sqrt(a), evaluate=False), point(2)) is True
    gap = sqrt(a) * sqrt(a + 1) - sqrt(a * (a + 1))
    assert judge_statement(equate(gap, 0), point(2)) == "unknown"
    with pytest.raises(Unknown):
        AttackEvaluator(point(2)).evaluate(1 / gap, BoundNames())


def test_every_and_connectives():
    """A condition on all entries; both parts of a conjunction have to exist."""
    assert judge_statement(Every(x[i] > 0), point()) is True
    assert judge_statement(Every(x[i] > 1), point()) is False
    assert judge_statement(Every(Ne(x[i] + 1, x[k])), point()) is True
    assert judge_statement((1 / a > 0) | (a > -1), point()) == "undefined"


def test_free_names_leave_bound_ones_out():
    """The bound sees what is outside it, and a name may be bound and free."""
    assert collect_free_names(Sum(x[i] * k, (k, 1, i), (i, 1, m))) == {x, m}
    assert collect_free_names(Sum(x[i], (i, 1, i))) == {x, i}
    assert collect_free_names(Limit(h * a, h, 0) + Every(x[i] > 0).args[0].lhs) == {a, x, i}


def test_points_satisfy_the_conditions():
    """Equations are solved, orders kept, sizes allowed; nothing contradicts them."""
    given = (Eq(mu, 2), m >= 3, a > 0, Eq(eps, 0), i < k)
    found = list(draw_points(Random(0), (Eq(a, v),), given, 8))
    assert found
    for one in found:
        assert all(judge_statement(condition, one) is True for condition in given)
        assert judge_statement(v > 0, one) is True


def test_truth_is_three_valued():
    """False and undefined need a point, true needs a construction."""
    assert determine_truth(Random(0), Eq(v, 0), (), known=True)[0] == "false"
    assert determine_truth(Random(0), equate(a / a + 0 * x[1], 1), (), known=True)[0] == "true"
    assert (
        determine_truth(Random(0), equate(Mul(a, 1 / a, evaluate=False), 1), (), known=True)[0]
        == "undefined"
    )
    assert (
        determine_truth(Random(0), Eq(s**2, v + eps, evaluate=False), (), known=False)[0]
        == "not known"
    )
    vacuous = determine_truth(Random(0), equate(a, a + 1), (a > 0, a < 0), known=True)
    assert vacuous == ("not known", None)


def test_a_counterexample_is_looked_at_again():
    """One where the statement is true, does not exist, or the conditions fail is objected to."""
    statement, given = equate(a, 1), (a > 0,)

    def said(value):
        return find_objection(statement, given, Counterexample(1, {"a": value}))

    assert said(fmpq(2)) == ""
    assert "is true" in said(fmpq(1))
    assert "does not hold" in said(fmpq(-1))
    assert said("about 2") == ""
    assert "undefined" in find_objection(equate(1 / a, 1), (), Counterexample(1, {"a": fmpq(0)}))


def test_statements_are_functions_of_seed_and_number():
    """The same twice, others for another seed; every family has its turn."""
    numbers = range(2 * len(FAMILIES))
    assert [str(draw_claim(3, p)) for p in numbers] == [str(draw_claim(3, p)) for p in numbers]
    assert [str(draw_claim(3, p)) for p in numbers] != [str(draw_claim(4, p)) for p in numbers]
    assert len({draw_claim(0, p).family for p in numbers}) == len(FAMILIES) - 2


def test_what_is_true_by_construction_is_not_contradicted():
    """The evaluator agrees with the constructions, or the attack would accuse wrongly."""
    known = [(p, draw_claim(1, p)) for p in range(150)]
    for p, made in known:
        if made.known:
            assert determine_truth(Random(p), made.statement, made.given, known=True)[1] is None, (
                made
            )


@pytest.mark.parametrize("first", range(0, 25, 5))
def test_the_prover_withstands(first):
    """25 statements; 300 more below."""
    assert [
        row for p in range(first, first + 5) if "problem" in (row := try_statement(11, p))
    ] == []


@pytest.mark.slow
def test_the_prover_withstands_more():
    """300 statements."""
    assert [row for p in range(25, 325) if "problem" in (row := try_statement(11, p))] == []


# -- fake provers ----------------------------------------------------------------------------------


def proves(statement, *given, by=None):
    """Everything is proved."""
    return Proof(statement, given)


def refutes(statement, *given, by=None):
    """Everything is refuted."""
    raise Refuted(Eq(a, a + 1, evaluate=False), Counterexample(1))


def crashes(statement, *given, by=None):
    """Nothing is answered."""
    raise RecursionError("too deep")


def hangs(statement, *given, by=None):
    """Swallows every exception, and goes on."""
    while True:
        with contextlib.suppress(Exception):
            time.sleep(5)


def says(statement, *given, by=None):
    """A verdict that is none."""
    return True


def problems(prover, seconds=20, count=20):
    """What is said of a prover, by what the evaluator knows."""
    rows = [try_statement(0, p, prover, seconds) for p in range(count)]
    return {(row["truth"], row.get("problem", "")) for row in rows}


def test_a_prover_that_proves_everything_is_caught():
    """For what is false, undefined and malformed, and not for what is true."""
    said = dict(sorted(problems(proves, count=2 * len(FAMILIES))))
    assert said["false"] == "proved, although it is false"
    assert said["undefined"] == "proved, although it does not exist everywhere"
    assert said["malformed"] == "proved, although it cannot be read"
    assert said["true"] == ""


def test_a_prover_that_refutes_everything_is_caught():
    """For what is true by construction, and for what is malformed."""
    said = problems(refutes, count=len(FAMILIES))
    assert ("true", "refuted, although it is true by construction") in said
    assert ("malformed", "refuted, although it cannot be read") in said


def test_a_prover_that_crashes_hangs_or_babbles_is_caught():
    """On every statement, in full."""
    assert {problem for _, problem in problems(crashes)} == {"error: RecursionError: too deep"}
    assert {problem for _, problem in problems(says)} == {"error: returned a bool"}
    row = try_statement(0, 0, hangs, 0.05)
    assert row["problem"] == "out of time: no answer within 0.05 s"
    assert row["statement"].startswith("Eq(")


def test_the_command(tmp_path, monkeypatch):
    """Records and page are written; exit status 1 only where there is a disagreement."""

    def one_by_one(statements, seed):
        return (try_statement(seed, p, prover_attack.prove) for p in range(statements))

    monkeypatch.setattr(prover_attack, "measure_all", one_by_one)
    arguments = ["--statements", "3", "--seed", "11", "--out", str(tmp_path)]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    assert len(read(tmp_path / "prover_attack.ndjson").select("attack")) == 3
    assert "Disagreements: none" in (tmp_path / "prover_attack.md").read_text()
    monkeypatch.setattr(prover_attack, "prove", refutes)
    run = CliRunner().invoke(main, arguments)
    assert run.exit_code == 1
    assert "refuted, although it is true by construction" in run.stderr


def test_the_pool_gives_rows_in_order():
    """Two processes, one row a statement."""
    assert [row["number"] for row in prover_attack.measure_all(4, 0)] == [0, 1, 2, 3]
