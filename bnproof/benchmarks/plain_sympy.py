"""The other side of the growth benchmark: the same statements in plain SymPy, for explicit m.

Nothing of bnproof is used: ``x1, ..., xm`` are symbols, mu, v and s are written out, derivatives
are SymPy's.  Because every statement is the same for each relabelling of the batch, k = 1 stands
for every k, and the entries (1, 1) and (1, 2) for the whole Jacobian.  Two ways are a SymPy user's:
``simplify``, or s made a symbol by hand and ``cancel``; the third, exact arithmetic in a field of
rational functions, is an expert's.

What is shown here holds for one m.  The statements for every m are in
``bnproof.benchmarks.generic``.  Start reading at :func:`settle_statement`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from sympy import QQ, Add, Expr, Integer, Rational, Symbol, cancel, diff, simplify, sqrt, symbols

Sides = list[tuple[Expr, Expr]]


@dataclass(frozen=True)
class Explicit:
    """The setting for one batch size, written out on symbols.

    The entries ``x1..xm``, ``g1..gm`` and ``h1..hm``, gamma and beta are real, and ``eps > 0``.

    Attributes
    ----------
    m
        The batch size, at least 2.

    Raises
    ------
    ValueError
        For ``m < 2``.

    Examples
    --------
    >>> from bnproof.benchmarks.plain_sympy import Explicit
    >>> Explicit(2).mu
    x1/2 + x2/2
    """

    m: int

    def __post_init__(self) -> None:
        if self.m < 2:
            raise ValueError(
                f"m = {self.m}: the entries (1, 1) and (1, 2) of the Jacobian need a batch of two"
                " or more"
            )

    def list_entries(self, name: str) -> list[Expr]:
        """The symbols ``name1, ..., namem``."""
        return list(symbols(f"{name}1:{self.m + 1}", real=True))

    @cached_property
    def scalars(self) -> list[Expr]:
        """The symbols gamma, beta and eps, in this order."""
        # eps > 0 makes v + eps positive for SymPy; the other side proves eps = 0 with v > 0 as well
        return [*symbols("gamma beta", real=True), Symbol("eps", positive=True)]

    @cached_property
    def mu(self) -> Expr:
        """``mu = (x1 + ... + xm)/m``."""
        return Add(*self.list_entries("x")) / self.m

    @cached_property
    def v(self) -> Expr:
        """``v = ((x1 - mu)^2 + ... + (xm - mu)^2)/m``."""
        return Add(*[(value - self.mu) ** 2 for value in self.list_entries("x")]) / self.m

    @cached_property
    def s(self) -> Expr:
        """``s = sqrt(v + eps)``."""
        return sqrt(self.v + self.scalars[2])

    @cached_property
    def xhat(self) -> list[Expr]:
        """``xhat_i = (x_i - mu)/s``."""
        return [(value - self.mu) / self.s for value in self.list_entries("x")]

    @cached_property
    def y(self) -> list[Expr]:
        """``y_i = gamma xhat_i + beta``."""
        return [self.scalars[0] * value + self.scalars[1] for value in self.xhat]

    @cached_property
    def dx(self) -> Expr:
        """``dx_1 = gamma/(m s) (m g_1 - sum g - xhat_1 sum g xhat)``."""
        g = self.list_entries("g")
        return (
            self.scalars[0]
            / (self.m * self.s)
            * (self.m * g[0] - Add(*g) - self.xhat[0] * dot(g, self.xhat))
        )


def dot(left: list[Expr], right: list[Expr]) -> Expr:
    """``sum_j left_j right_j``."""
    return Add(*[a * b for a, b in zip(left, right, strict=True)])


def gradient_x(e: Explicit, *, dropped: bool) -> Sides:
    """``d(sum_j g_j y_j)/dx_1`` against the compact form of the theorem ``gradient-x``.

    Parameters
    ----------
    e
        The setting.
    dropped
        Whether the variance's term is left out, which makes the equation false.

    Returns
    -------
    list of pairs
        One pair, of the derivative and the formula.
    """
    g = e.list_entries("g")
    term = e.scalars[0] / (e.m * e.s) * e.xhat[0] * dot(g, e.xhat)
    return [(diff(dot(g, e.y), e.list_entries("x")[0]), e.dx + (term if dropped else 0))]


def jacobian(e: Explicit, *, dropped: bool) -> Sides:
    """``dy_1/dx_1`` and ``dy_1/dx_2`` against the formula of the entries.

    ``dropped`` leaves out the variance's term.  The formula is that of the theorem ``jacobian``,
    ``gamma/s (delta_ik - 1/m - xhat_i xhat_k/m)``.
    """
    sides = []
    # one entry on the diagonal and one beside it: relabelling the batch gives all others
    for column in (0, 1):
        product = Integer(0) if dropped else e.xhat[0] * e.xhat[column]
        entry = e.scalars[0] / e.s * (int(column == 0) - Rational(1, e.m) - product / e.m)
        sides.append((diff(e.y[0], e.list_entries("x")[column]), entry))
    return sides


def double_backward(e: Explicit, *, dropped: bool) -> Sides:
    """``sum_j (d dx_1/dx_j) h_j`` against the closed form of the theorem ``double-backward``.

    ``dropped`` holds s constant.  With ``ds = sum_j xhat_j h_j/m`` and
    ``dxhat = (h - mean h - xhat ds)/s``, the form is ``-dx ds/s - gamma/(m s) (dxhat sum g xhat +
    xhat sum g dxhat)``.
    """
    g, h, gamma = e.list_entries("g"), e.list_entries("h"), e.scalars[0]
    ds = dot(e.xhat, h) / e.m
    dxhat = [(one - Add(*h) / e.m - hat * ds) / e.s for one, hat in zip(h, e.xhat, strict=True)]
    moved = gamma / (e.m * e.s) * (dxhat[0] * dot(g, e.xhat) + e.xhat[0] * dot(g, dxhat))
    along = dot([diff(e.dx, value) for value in e.list_entries("x")], h)
    return [(along, -moved if dropped else -e.dx * ds / e.s - moved)]


# the same names as on the other side
STATEMENTS: dict[str, Callable[..., Sides]] = {
    "gradient-x": gradient_x,
    "jacobian": jacobian,
    "double-backward": double_backward,
}


def simplifies_to_zero(e: Explicit, difference: Expr) -> bool:
    """Whether ``simplify(difference)`` is 0, which is what one writes first."""
    return bool(simplify(difference) == 0)


def cancels_to_zero(e: Explicit, difference: Expr) -> bool:
    """Whether ``cancel`` finds 0 once s is a symbol, and so no root is left."""
    return bool(cancel(eliminate_root(e, difference)) == 0)


def vanishes_in_field(e: Explicit, difference: Expr) -> bool:
    """Whether the difference is 0 in the field of rational functions over Q, once s is a symbol.

    In such a field each element has one form only, so 0 is seen at once, and no heuristics take
    part.
    """
    function = eliminate_root(e, difference)
    # a fixed order of generators, since the time depends on it
    names = sorted(function.free_symbols, key=str)
    return bool(QQ.frac_field(*names).from_sympy(function) == 0)


def eliminate_root(e: Explicit, difference: Expr) -> Expr:
    """The difference as a rational function of the entries and of ``S``, which stands for s.

    ``v + eps`` is replaced by ``S^2`` with ``S > 0``, and eps elsewhere by ``S^2 - v``.  The
    entries and ``S`` are then independent, because eps takes up the difference.
    """
    # The order matters: roots of v + eps are to become S first. Once eps is replaced, v + eps is no
    # longer there to be found.
    return difference.subs(e.v + e.scalars[2], root_symbol() ** 2).subs(
        e.scalars[2], root_symbol() ** 2 - e.v
    )


def root_symbol() -> Symbol:
    """The symbol ``S``, which stands for s."""
    # positive, so that sqrt(S^2) becomes S
    return Symbol("S", positive=True)


METHODS = {"simplify": simplifies_to_zero, "cancel": cancels_to_zero, "field": vanishes_in_field}


def settle_statement(method: str, theorem: str, m: int, *, dropped: bool) -> str:
    """Try to show one statement for one batch size.

    Parameters
    ----------
    method
        A key of ``METHODS``.
    theorem
        A key of ``STATEMENTS``.
    m
        The batch size, at least 2.
    dropped
        Whether it is the false variant.

    Returns
    -------
    str
        ``"shown"`` where the method finds every difference to be 0, otherwise ``"not shown"``,
        which refutes nothing.

    Raises
    ------
    KeyError
        For a method or theorem that is not compared.
    ValueError
        For ``m < 2``.

    Examples
    --------
    >>> from bnproof.benchmarks.plain_sympy import settle_statement
    >>> settle_statement("field", "jacobian", 2, dropped=False)
    'shown'
    >>> settle_statement("field", "jacobian", 2, dropped=True)
    'not shown'
    """
    explicit = Explicit(m)
    sides = STATEMENTS[theorem](explicit, dropped=dropped)
    return (
        "shown" if all(METHODS[method](explicit, lhs - rhs) for lhs, rhs in sides) else "not shown"
    )
