"""Our side of the growth benchmark: one claim of each theorem, as it stands in the book, proved for
every m at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sympy import Basic, Expr, IndexedBase, Sum

from bnproof.symbolic.outcomes import Refuted
from bnproof.symbolic.prover import prove
from bnproof.symbolic.setting import gamma, i, j, k, m, s, xhat
from bnproof.theorems import chapter4_gradients as chapter
from bnproof.theorems.book import Assertion, Eq, Item
from bnproof.theorems.quantities import dgamma, dx

CLAIMS: dict[str, tuple[Callable[[], Iterator[Item]], str]] = {
    "gradient-x": (chapter.gradient_x, "the compact form"),
    "jacobian": (chapter.jacobian, "the entries"),
    "double-backward": (chapter.double_backward, "the derivative of dx along h"),
}


def find_assertion(theorem: str) -> Assertion:
    """The compared claim; only the items before it are built.  Raises ``LookupError`` where the
    book has no such claim."""
    items, says = CLAIMS[theorem]
    for item in items():
        if isinstance(item, Assertion) and item.says == says:
            return item
    raise LookupError(
        f"{theorem} has no claim {says!r} any more: name the one to compare in {__name__}"
    )


def missing_term(theorem: str) -> Expr:
    """What the right-hand side lacks in the false variant: the variance's term, or the movement of
    s."""
    h = IndexedBase("h", real=True)
    terms = {
        "gradient-x": -gamma / (m * s) * xhat(k) * dgamma,
        "jacobian": -gamma / (m * s) * xhat(i) * xhat(k),
        "double-backward": -dx(k) / s * Sum(xhat(j) * h[j], (j, 1, m)) / m,
    }
    return terms[theorem]


def build_statement(theorem: str, *, dropped: bool) -> tuple[Basic, tuple[Basic, ...]]:
    """The claim's equation and conditions; ``dropped``: without one term."""
    compared = find_assertion(theorem)
    lhs, rhs = compared.statement.args
    return Eq(lhs, rhs - missing_term(theorem)) if dropped else compared.statement, compared.given


def settle_statement(theorem: str, *, dropped: bool) -> str:
    """``shown`` where the claim is proved for every m, ``refuted`` where an exact counterexample is
    found.

    Raises ``LookupError`` for a theorem that is not compared, ``Undecided`` where neither is
    reached.
    """
    equation, given = build_statement(theorem, dropped=dropped)
    try:
        prove(equation, *given)
    except Refuted:
        return "refuted"
    return "shown"
