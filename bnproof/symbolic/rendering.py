"""Statements for readers: the statistics folded back into their names, as plain text or LaTeX.

Folding is exact rewriting: ``sum_j x_j = m mu``, ``sum_j (x_j - mu)^2 = m v``, ``(v + eps)^(1/2) = s`` and
``(x_i - mu)/s = xhat_i``; it changes how an expression is written, never its value.
"""

from __future__ import annotations

from typing import Any

from sympy import Add, Basic, Derivative, Dummy, Expr, Indexed, IndexedBase, Mul, Pow, Sum, Symbol, factor_terms
from sympy.core.relational import Relational
from sympy.printing.latex import LatexPrinter
from sympy.printing.str import StrPrinter

from bnproof.symbolic.setting import beta, eps, gamma, x

MU, V, S = Symbol("mu", real=True), Symbol("v", nonnegative=True), Symbol("s", positive=True)
XHAT, Y = IndexedBase("xhat", real=True), IndexedBase("y", real=True)


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
    rebuilt = e.func(*folded) if folded != list(e.args) else e
    return _common_factor(rebuilt) if isinstance(rebuilt, Add) else rebuilt


def _common_factor(e: Expr) -> Expr:
    """``a x_i - a mu`` as ``a (x_i - mu)``; other sums as they are."""
    factored = factor_terms(e)
    factors = Mul.make_args(factored)
    return factored if any(isinstance(f, Add) and isinstance(f + MU, Indexed) for f in factors) else e


def named(e: Basic) -> Basic:
    """A folded expression with ``gamma xhat_i + beta`` written ``y_i``."""
    if isinstance(e, Add):
        for entry in e.atoms(Indexed):
            if entry.base == XHAT and e == gamma * entry + beta:
                return Y[entry.indices[0]]
    if not e.args or isinstance(e, Indexed):
        return e
    return e.func(*(named(a) for a in e.args))


def _fold_sum(e: Sum) -> Expr:
    if len(e.limits) != 1 or e.limits[0][1] != 1:
        return e
    index, _, size = e.limits[0]
    if e.function.has(Derivative):  # SymPy does not count its variable as one the derivative depends on
        return e
    constant, function = factor_terms(e.function).as_independent(index, as_Add=False)
    if isinstance(function, Pow) and isinstance(function.base, Mul) and function.exp.is_Integer:
        inner, base = function.base.as_independent(index, as_Add=False)
        constant, function = constant * inner**function.exp, base**function.exp
    return constant * _fold_single(function, index, size)


def _fold_single(function: Expr, index: Symbol, size: Expr) -> Expr:
    """``sum_index function`` for a summand without constant factors."""
    if isinstance(function, Indexed) and function == x[index]:
        return size * MU
    if isinstance(function, Pow) and function.exp == 2 and isinstance(function.base, Add):
        for base in {node.base for node in function.base.atoms(Indexed)}:
            if _is_deviation(function.base, base, index, size):
                return size * (V if base == x else Symbol(f"var({base})", nonnegative=True))
    return Sum(function, (index, 1, size))


def _is_deviation(e: Expr, base: IndexedBase, index: Symbol, size: Expr) -> bool:
    """Whether ``e`` is ``base[index]`` minus the mean of the base."""
    mean = base[index] - e
    if base == x:
        return bool(mean == MU)
    sums = mean.atoms(Sum)
    return len(sums) == 1 and all(
        mean == total / size and total.function.subs(total.limits[0][0], index) == base[index] for total in sums
    )


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
        return f"{_bare(self._print(named(e.lhs)))} {sign} {_bare(self._print(e.rhs))}"


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
        if e.name.startswith("var("):
            return rf"v_{{{e.name[4:-1]}}}"
        return _LATEX.get(e.name) or str(super()._print_Symbol(e))

    def _print_Indexed(self, e: Indexed) -> str:
        base = _LATEX.get(str(e.base.label)) or self._print(e.base)
        base = f"{{{base}}}" if "_" in base else base
        return f"{base}_{{{' '.join(map(self._print, e.indices))}}}"

    def _print_Relational(self, e: Relational) -> str:
        return str(super()._print_Relational(e.func(named(e.lhs), e.rhs, evaluate=False)))


_LATEX = {
    "eps": r"\varepsilon",
    "xhat": r"\hat{x}",
    "mu": r"\mu",
    "xhat_B": r"\hat{x}",
    "mu_B": r"\mu_B",
    "sigma2_B": r"\sigma_B^2",
    "dxhat": r"\delta\hat{x}",
    "dsigma2": r"\delta\sigma^2",
    "dmu": r"\delta\mu",
}


def text(e: Basic) -> str:
    """One line of plain text."""
    return _bare(str(_Text().doprint(fold(e))))


def latex(e: Basic) -> str:
    """LaTeX source, without delimiters."""
    return str(_Latex({"mul_symbol": r"\,"}).doprint(fold(e)))
