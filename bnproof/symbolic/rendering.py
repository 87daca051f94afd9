"""Statements for readers: the statistics folded back into their names, as plain text or LaTeX.

Folding is exact rewriting: ``sum_j x_j = m mu``, ``sum_j (x_j - mu)^2 = m v``, ``(v + eps)^(1/2) = s`` and
``(x_i - mu)/s = xhat_i``; it changes how an expression is written, never its value.
"""

from __future__ import annotations

from typing import Any

from sympy import Add, Basic, Dummy, Expr, Indexed, IndexedBase, Mul, Pow, Sum, Symbol
from sympy.core.relational import Relational
from sympy.printing.latex import LatexPrinter
from sympy.printing.str import StrPrinter

from bnproof.symbolic.setting import eps, g, x

MU, V, S = Symbol("mu", real=True), Symbol("v", nonnegative=True), Symbol("s", positive=True)
XHAT = IndexedBase("xhat", real=True)


def mean_name(base: IndexedBase) -> Symbol:
    """``mu`` for the batch itself, ``mean(u)`` for another base."""
    return MU if base == x else Symbol(f"mean({base})", real=True)


def variance_name(base: IndexedBase) -> Symbol:
    """``v`` for the batch itself, ``var(u)`` for another base."""
    return V if base == x else Symbol(f"var({base})", nonnegative=True)


def fold(e: Basic) -> Basic:
    """``e`` with batch statistics written by name."""
    if not e.args or isinstance(e, Indexed):
        return e
    folded = [fold(a) for a in e.args]
    if isinstance(e, Sum):
        return _fold_sum(Sum(*folded))
    if isinstance(e, Mul):
        return _fold_product(Mul(*folded))
    if isinstance(e, Pow) and folded[0] == V + eps:
        return S ** (2 * folded[1])
    if isinstance(e, Relational):
        return e.func(*folded, evaluate=False)
    return e.func(*folded) if folded != list(e.args) else e


def _fold_sum(e: Sum) -> Expr:
    if len(e.limits) != 1 or e.limits[0][1] != 1:
        return e
    index, _, size = e.limits[0]
    function = e.function
    if isinstance(function, Indexed) and function.indices == (index,) and function.base not in (g, XHAT):
        return size * mean_name(function.base)
    if isinstance(function, Pow) and function.exp == 2 and isinstance(function.base, Add):
        for base in {node.base for node in function.base.atoms(Indexed)}:
            if (function.base - (base[index] - mean_name(base))).is_zero:
                return size * variance_name(base)
    return e


def _fold_product(e: Expr) -> Expr:
    """Join each ``x[i] - mu`` with one ``1/s``."""
    powers = e.as_powers_dict() if isinstance(e, Mul) else {}
    roots = -powers.get(S, 0) if powers else 0
    if not getattr(roots, "is_Integer", False):
        return e
    for factor, exponent in powers.items():
        deviation = factor + MU if isinstance(factor, Add) else None
        if isinstance(deviation, Indexed) and deviation.base == x and exponent.is_Integer and 0 < exponent <= roots:
            named = XHAT[deviation.indices[0]]
            return _fold_product(e / factor**exponent * (S * named) ** exponent)
    return e


class _Text(StrPrinter):  # type: ignore[misc]
    def _print_Dummy(self, e: Dummy) -> str:
        return str(e.name)

    def _print_Sum(self, e: Sum) -> str:
        summand = self._print(e.function)
        summand = f"({summand})" if isinstance(e.function, Add) else summand
        for index, low, high in e.limits:
            name = self._print(index)
            bounds = f"{name}" if (low, str(high)) == (1, "m") else f"{{{name}={low}..{self._print(high)}}}"
            summand = f"sum_{bounds} {summand}"
        return f"({summand})"

    def _print_KroneckerDelta(self, e: Basic) -> str:
        return f"delta[{', '.join(map(self._print, e.args))}]"

    def _print_Indexed(self, e: Indexed) -> str:
        return f"{e.base.label}[{', '.join(map(self._print, e.indices))}]"

    def _print_Derivative(self, e: Any) -> str:
        return f"d({self._print(e.expr)})/d{', d'.join(self._print(v) for v in e.variables)}"

    def _print_Relational(self, e: Relational) -> str:
        sign = "=" if e.rel_op == "==" else e.rel_op
        return f"{_bare(self._print(e.lhs))} {sign} {_bare(self._print(e.rhs))}"


def _bare(shown: str) -> str:
    """The text without the brackets of a sum that stands alone."""
    if not shown.startswith("(sum_"):
        return shown
    depth = 0
    for position, letter in enumerate(shown):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return shown[1:-1] if position == len(shown) - 1 else shown
    return shown


class _Latex(LatexPrinter):  # type: ignore[misc]
    def _print_Dummy(self, e: Dummy) -> str:
        return str(self._print(Symbol(e.name)))

    def _print_Symbol(self, e: Symbol, style: str = "plain") -> str:
        if e.name.startswith(("mean(", "var(")):
            kind, base = e.name[:-1].split("(")
            return rf"\mu_{{{base}}}" if kind == "mean" else rf"v_{{{base}}}"
        return _LATEX.get(e.name) or str(super()._print_Symbol(e))

    def _print_Indexed(self, e: Indexed) -> str:
        base = _LATEX.get(str(e.base.label)) or self._print(e.base)
        return f"{base}_{{{' '.join(map(self._print, e.indices))}}}"


_LATEX = {"eps": r"\varepsilon", "xhat": r"\hat{x}", "mu": r"\mu"}


def text(e: Basic) -> str:
    """One line of plain text."""
    return _bare(str(_Text().doprint(fold(e))))


def latex(e: Basic) -> str:
    """LaTeX source, without delimiters."""
    return str(_Latex({"mul_symbol": r"\,"}).doprint(fold(e)))


