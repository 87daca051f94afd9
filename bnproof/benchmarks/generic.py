"""Our side of the growth benchmark: one claim of each theorem, proved for every m at once.

The claims stand in the book and are taken from there, so that the statement that is timed is the
one that is published.  Each has a false variant, which lacks one term of its right-hand side and
which has to be refuted.  The other side, plain SymPy on m explicit symbols, is
``bnproof.benchmarks.plain_sympy``; a test shows that both are given the same equation.

Start reading at :func:`settle_statement`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sympy import Basic, Expr, IndexedBase, Sum

from bnproof.symbolic.outcomes import Refuted
from bnproof.symbolic.prover import prove
from bnproof.symbolic.setting import gamma, i, j, k, m, s, xhat
from bnproof.theorems import chapter4_gradients as chapter
from bnproof.theorems.book import Assertion, Eq, Item
from bnproof.theorems.closed_forms import dgamma, dx

# Theorem, the function that yields its items, and what the claim says, by which it is found.
CLAIMS: dict[str, tuple[Callable[[], Iterator[Item]], str]] = {
    "gradient-x": (chapter.gradient_x, "the compact form"),
    "jacobian": (chapter.jacobian, "the entries"),
    "double-backward": (chapter.double_backward, "the derivative of dx along h"),
}


def find_assertion(theorem: str) -> Assertion:
    """The compared claim of a theorem; only the items before it are built.

    Parameters
    ----------
    theorem
        A key of ``CLAIMS``.

    Returns
    -------
    Assertion
        The claim as it stands in the book.

    Raises
    ------
    LookupError
        Where the theorem is not compared, or the book has no such claim any more.
    """
    items, says = CLAIMS[theorem]
    # Items are made one by one. Those after the claim are never built, so they cost no time.
    for item in items():
        if isinstance(item, Assertion) and item.says == says:
            return item
    raise LookupError(
        f"{theorem} has no claim {says!r} any more: name the one to compare in {__name__}"
    )


def missing_term(theorem: str) -> Expr:
    """The term that the right-hand side lacks in the false variant.

    Returns
    -------
    Expr
        For ``gradient-x`` and ``jacobian``, what flows through the variance; for
        ``double-backward``, what comes from the movement of ``s`` along ``h``.
    """
    # the same name as in the book: symbols of SymPy are equal if names and assumptions are
    h = IndexedBase("h", real=True)
    terms = {
        "gradient-x": -gamma / (m * s) * xhat(k) * dgamma,
        "jacobian": -gamma / (m * s) * xhat(i) * xhat(k),
        "double-backward": -dx(k) / s * Sum(xhat(j) * h[j], (j, 1, m)) / m,
    }
    return terms[theorem]


def build_statement(theorem: str, *, dropped: bool) -> tuple[Basic, tuple[Basic, ...]]:
    """The equation of a claim, and its conditions.

    Parameters
    ----------
    theorem
        A key of ``CLAIMS``.
    dropped
        Whether one term is left out, which makes the equation false.

    Returns
    -------
    tuple
        The equation, and a tuple of conditions.
    """
    compared = find_assertion(theorem)
    lhs, rhs = compared.statement.args
    return Eq(lhs, rhs - missing_term(theorem)) if dropped else compared.statement, compared.given


def settle_statement(theorem: str, *, dropped: bool) -> str:
    """Prove or refute one statement for every m.

    Parameters
    ----------
    theorem
        A key of ``CLAIMS``.
    dropped
        Whether it is the false variant.

    Returns
    -------
    str
        ``"shown"`` where it is proved, ``"refuted"`` where an exact counterexample is found.

    Raises
    ------
    LookupError
        For a theorem that is not compared.
    Undecided
        Where the prover reaches neither.

    Examples
    --------
    >>> from bnproof.benchmarks.generic import settle_statement
    >>> settle_statement("jacobian", dropped=False)
    'shown'
    >>> settle_statement("jacobian", dropped=True)
    'refuted'
    """
    equation, given = build_statement(theorem, dropped=dropped)
    try:
        prove(equation, *given)
    except Refuted:
        return "refuted"
    return "shown"
