"""The book: every theorem proved, every control refuted, and nothing enters without a control."""

import pytest
import sympy
from sympy import Symbol

from bnproof.theorems.book import Assertion, Control, Eq, UnknownTheorem, book, build, find
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
