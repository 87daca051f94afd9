"""The book: every theorem proved, every control refuted, and nothing enters without a control."""

import inspect
from dataclasses import replace
from importlib import import_module
from itertools import groupby

import pytest
import sympy
from sympy import Integer, Symbol

from bnproof.theorems.book import (
    Assertion,
    Control,
    Corollary,
    Derivation,
    Eq,
    Ge,
    Gt,
    Le,
    Line,
    Ne,
    Observed,
    Recurrence,
    Relation,
    UnknownTheorem,
    book,
    build,
    find,
    list_chapters,
    list_dependents,
    list_names,
)
from bnproof.theorems.conditions import find_needed
from bnproof.theorems.formulas import list_predictions
from bnproof.theorems.proving import (
    Outcome,
    Posed,
    Settled,
    as_row,
    list_statements,
    settle,
    settle_statement,
)

REQUIRED = [
    "collapse",
    "collapse-bijection",
    "collapse-varies",
    "training-not-affine",
    "collapse-hides-gradient",
    "inference-collapse",
    "fold-linear",
    "affine-absorbed",
    "affine-after-linear-redundant",
    "shift",
    "bias-at-inference",
    "scale-exact",
    "scale-eps",
    "scale-defect",
    "affine-not-invariant",
    "permutation",
    "layer-scale-gradients",
    "euler",
    "weight-norm-growth",
    "negative-gamma",
    "idempotence",
    "output-moments",
    "samuelson",
    "chebyshev",
    "shape-kept",
    "gaussian-batch",
    "correlation-kept",
    "one-value",
    "expressive-loss",
    "shared-affine",
    "paper-backward",
    "gradient-x",
    "gradient-affine",
    "jacobian",
    "gradient-orthogonal",
    "gradient-norm",
    "double-backward",
    "epsilon-sensitivity",
    "inference-gradient",
    "vacuous-loss",
    "ema-closed-form",
    "cumulative",
    "momentum-conventions",
    "bessel",
    "biased-running-gap",
    "repeated-batch",
    "train-eval-gap",
    "total-variance",
    "frozen",
    "variance-formulas",
    "variance-condition",
    "mean-error",
    "one-pass-error",
    "least-squares-conditioning",
    "gd-rate",
    "parameter-chain-rule",
    "mean-decoupled",
    "sigmoid-near-zero",
    "clt-cumulants",
]
a = Symbol("a", real=True)


def test_the_required_theorems_are_in_the_book():
    """The seven chapters are complete, and a theorem that is added is tested below as well."""
    assert set(REQUIRED) <= set(book())


def test_a_theorem_uses_theorems():
    """What a theorem rests on is in the book."""
    assert all(used in book() for entry in book().values() for used in entry.uses)


@pytest.mark.parametrize("name", book())
def test_theorem(name):
    """Every statement of the theorem is proved and every negative control refuted."""
    outcome = settle(find(name))
    wrong = [
        (one.posed.says, one.verdict, str(one.detail))
        for one in outcome.settled
        if not one.as_wanted
    ]
    assert not wrong
    idle = [
        str(condition)
        for one in outcome.settled
        for condition in one.conditions
        if not condition.shown
    ]
    assert not idle
    assert outcome.verdict == "proved"
    assert outcome.independent_check == "agrees"
    assert outcome.points > 0


def test_every_output_has_a_predicting_formula():
    """The bridge to arrays covers outputs, gradients, running statistics, inference and the double
    backward."""
    assert set(list_predictions()) == {
        "y", "dx", "dgamma", "dbeta", "running_mean", "running_var_biased", "running_var_unbiased",
        "infer_y", "infer_dx", "infer_dgamma", "infer_dbeta", "d_dy", "d_x", "d_gamma",
    }  # fmt: skip


def test_a_theorem_without_a_control_is_refused():
    """Registering needs a false variant."""

    def without_control():
        """Something true."""
        yield Assertion("trivial", Eq(a, a))

    with pytest.raises(ValueError, match="no negative control"):
        build("without-control", "chapter", without_control, "")


def test_a_true_control_makes_the_theorem_undecided():
    """A control that is not refuted spoils the verdict."""

    def with_true_control():
        """Something true."""
        yield Assertion("commutes", Eq(a + 1, 1 + a))
        yield Control("not false at all", Eq(2 * a, a + a))

    entry = build("with-true-control", "chapter", with_true_control, "")
    settled = tuple(Settled(posed, "proved", None) for posed in list_statements(entry))
    assert all(isinstance(one.posed, Posed) for one in settled)
    assert Outcome(entry.id, settled, 0.0).verdict == "undecided"


def test_an_idle_condition_makes_the_theorem_undecided():
    """A condition that nothing speaks for spoils the verdict."""

    def with_idle_condition():
        """Something true without any condition."""
        yield Assertion("commutes", Eq(a + 1, 1 + a), (a > 0,))
        yield Control("one more", Eq(a + 1, a))

    entry = build("with-idle-condition", "chapter", with_idle_condition, "")
    settled = tuple(Settled(posed, *settle_statement(posed)) for posed in list_statements(entry))
    assert settled[0].verdict == "proved"
    assert Outcome(entry.id, settled, 0.0).verdict == "undecided"


def test_a_needed_condition_comes_with_its_point():
    """Without the condition there is an exact counterexample, or a point where the statement has no
    value."""
    false, undefined = (
        find_needed(Eq(abs(a), a), (a > -1,)),
        find_needed(Eq(a / a**2, 1 / a), (sympy.Ne(a, 0),)),
    )
    assert "left side" in str(false[0])
    assert str(undefined[0]).startswith("undefined")


def test_unknown_names_get_suggestions():
    """A slip of the finger is met with near names."""
    with pytest.raises(UnknownTheorem, match="try collapse"):
        find("colapse")


def test_a_row_never_shows_a_bare_true():
    """Statements reach the reports as equations, not as SymPy's verdict on them."""
    for name in ("collapse", "collapse-bijection", "jacobian"):
        assert all(item["text"] != "True" for item in as_row(settle(find(name)))["items"])


def test_relations_stay_as_they_are_written():
    """SymPy would decide each of these at once, and there would be nothing left to prove."""
    for write, sign in ((Eq, "=="), (Le, "<="), (Ge, ">="), (Gt, ">"), (Ne, "!=")):
        written = write(a + 1, a)
        assert (written.lhs, written.rhs, written.rel_op) == (a + 1, a, sign)
        assert write(a, 0).rhs == 0


@pytest.mark.parametrize(("T", "first"), [
    (Symbol("T", integer=True, nonnegative=True), 0), (Symbol("T", integer=True, positive=True), 1),
])  # fmt: skip
def test_induction_starts_at_the_first_value_that_T_may_have(T, first):
    """The sum of the odd numbers up to 2 T - 1 is T^2, and one more step of it is (T + 1)^2."""
    squares = Recurrence("odd", T, Integer(first), lambda t, r: r + 2 * t + 1, lambda t: t**2)
    assert squares.base == Eq(first**2, Integer(first))
    assert squares.inductive == Eq(T**2 + 2 * T + 1, (T + 1) ** 2)


def test_a_theorem_needs_words_and_a_claim():
    """Neither a derivation nor a corollary is one; the message says what to yield."""

    def unsaid():
        yield Assertion("trivial", Eq(a, a))
        yield Control("one more", Eq(a + 1, a))

    def idle():
        """Something true."""
        yield Derivation("why", a, (Line("again", a, "it is"),))
        yield Corollary("once more", Eq(a, a))
        yield Control("one more", Eq(a + 1, a))

    for items, message in ((unsaid, "has no docstring"), (idle, "claims nothing: yield")):
        with pytest.raises(ValueError, match=f"theorem made {message}") as refused:
            build("made", "chapter", items, "")
        assert "\n" not in str(refused.value)


def test_the_order_is_that_of_the_chapters():
    """Each in one piece, by the numbers in their names, and each theorem in the chapter that holds
    its function."""
    chapters = [entry.chapter for entry in book().values()]
    assert [name for name, _ in groupby(chapters)] == list_chapters()
    assert [int(name[len("chapter")]) for name in list_chapters()] == list(
        range(1, len(list_chapters()) + 1)
    )
    assert list_names() == tuple(book())
    for name, entry in book().items():
        module = import_module(f"bnproof.theorems.{entry.chapter}")
        written = getattr(module, name.replace("-", "_"))
        assert inspect.cleandoc(written.__doc__) == entry.says
        assert find(name) is entry


def test_dependents_are_the_other_side_of_uses():
    """Each use is found from both ends."""
    there = {(used, name) for name, entry in book().items() for used in entry.uses}
    assert {(name, by) for name in book() for by in list_dependents(name)} == there
    assert there


def test_where_no_name_is_near_the_first_ones_are_shown():
    """Three of them."""
    with pytest.raises(UnknownTheorem) as refused:
        find("zzzzzzzz")
    assert str(refused.value) == (
        f"there is no theorem 'zzzzzzzz': try {', '.join(list(book())[:3])}"
    )


def test_what_a_relation_speaks_of():
    """Its parameters in order, each with its own change; and it is a key of dictionaries."""
    shifted = Observed("y", gamma=2 * a)
    relation = Relation("r", "", lambda y_two, dx: Eq(y_two(1), dx(1)), (), {"y_two": shifted})
    assert relation.quantities == ("y_two", "dx")
    assert [relation.find_observed(name) for name in relation.quantities] == [
        shifted, Observed("dx"),
    ]  # fmt: skip
    assert {relation: 1}[replace(relation)] == 1
