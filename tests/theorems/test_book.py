"""The book: every theorem proved, every control refuted, and nothing enters without a control."""

import pytest
from sympy import Symbol

from bnproof.theorems.book import Claim, Control, Eq, UnknownTheorem, book, build, find
from bnproof.theorems.formulas import predictions
from bnproof.theorems.proving import as_row, settle

REQUIRED = [
    "collapse",
    "collapse-bijection",
    "collapse-varies",
    "collapse-hides-gradient",
    "inference-collapse",
    "shift",
    "scale-exact",
    "scale-eps",
    "scale-defect",
    "affine-not-invariant",
    "paper-backward",
    "gradient-x",
    "gradient-affine",
    "gradient-orthogonal",
    "jacobian",
    "output-moments",
    "train-eval-gap",
    "ema-closed-form",
    "momentum-conventions",
]
a = Symbol("a", real=True)


def test_the_required_theorems_are_in_the_book():
    """None of the nineteen is missing."""
    assert set(REQUIRED) <= set(book())


@pytest.mark.parametrize("name", REQUIRED)
def test_theorem(name):
    """Every statement of the theorem is proved and every negative control refuted."""
    outcome = settle(find(name))
    wrong = [(one.posed.says, one.verdict, str(one.detail)) for one in outcome.settled if not one.as_wanted]
    assert not wrong
    assert outcome.verdict == "proved"
    assert outcome.independent_check == "agrees"
    assert outcome.points > 0


def test_every_output_has_a_predicting_formula():
    """The bridge to arrays covers outputs, gradients, running statistics and inference."""
    assert set(predictions()) == {
        "y", "dx", "dgamma", "dbeta", "running_mean", "running_var_biased", "running_var_unbiased",
        "infer_y", "infer_dx", "infer_dgamma", "infer_dbeta",
    }  # fmt: skip


def test_a_theorem_without_a_control_is_refused():
    """Registering needs a false variant."""

    def without_control():
        """Something true."""
        yield Claim("trivial", Eq(a, a))

    with pytest.raises(ValueError, match="no negative control"):
        build("without-control", "chapter", without_control, "")


def test_a_true_control_makes_the_theorem_undecided():
    """A control that is not refuted spoils the verdict."""
    from bnproof.theorems.proving import Outcome, Posed, Settled, statements

    def with_true_control():
        """Something true."""
        yield Claim("commutes", Eq(a + 1, 1 + a))
        yield Control("not false at all", Eq(2 * a, a + a))

    entry = build("with-true-control", "chapter", with_true_control, "")
    settled = tuple(Settled(posed, "proved", None) for posed in statements(entry))
    assert all(isinstance(one.posed, Posed) for one in settled)
    assert Outcome(entry.id, settled, 0.0).verdict == "undecided"


def test_unknown_names_get_suggestions():
    """A slip of the finger is met with near names."""
    with pytest.raises(UnknownTheorem, match="try collapse"):
        find("colapse")


def test_a_row_never_shows_a_bare_true():
    """Statements reach the reports as equations, not as SymPy's verdict on them."""
    for name in ("collapse", "collapse-bijection", "jacobian"):
        assert all(item["text"] != "True" for item in as_row(settle(find(name)))["items"])
