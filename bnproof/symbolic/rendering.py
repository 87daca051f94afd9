"""Statements for readers: the statistics folded back into their names, as plain text or LaTeX.

Folding is exact rewriting: ``sum_j x_j = m mu``, ``sum_j (x_j - mu)^2 = m v``,
``(v + eps)^(1/2) = s`` and ``(x_i - mu)/s = xhat_i``; it changes how an expression is written,
never its value.

No verdict depends on this module, only messages and proofs as they are printed. Start reading at
``fold``, which works on SymPy expressions; ``text`` and ``latex`` print what it returns.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sympy import (
    Add,
    Basic,
    Derivative,
    Dummy,
    Expr,
    Indexed,
    IndexedBase,
    Limit,
    Mul,
    Pow,
    Sum,
    Symbol,
    factor_terms,
    oo,
)
from sympy.core.relational import Relational
from sympy.printing.latex import LatexPrinter
from sympy.printing.str import StrPrinter

from bnproof.symbolic.expectation import Expectation
from bnproof.symbolic.setting import beta, eps, gamma, m, x

# Names that stand for the statistics in what is printed, and nowhere else. The positive sign of s
# lets SymPy join its powers.
MU, V, S = Symbol("mu", real=True), Symbol("v", nonnegative=True), Symbol("s", positive=True)
XHAT, Y = IndexedBase("xhat", real=True), IndexedBase("y", real=True)


def fold(e: Basic) -> Basic:
    """``e`` with batch statistics written by name.

    Parameters
    ----------
    e
        An expression, or a relation.

    Returns
    -------
    Basic
        An equal expression. An equation keeps sides that look different: where folding would make
        them the same, sums are not taken apart, and if that does not help the sides stay as they
        were.
    """
    if isinstance(e, Relational):
        sides = [_fold(side, split=True) for side in e.args]
        if sides[0] == sides[1]:
            sides = [_fold(side, split=False) for side in e.args]
        # SymPy would decide an equation of equal sides, and print True.
        written = e.args if sides[0] == sides[1] and e.lhs != e.rhs else sides
        return e.func(*written, evaluate=False)
    return _fold(e, split=True)


# The same statistics occur in every statement. Beyond this many expressions those used longest ago
# are folded anew.
@lru_cache(maxsize=1 << 15)
def _fold(e: Basic, *, split: bool) -> Basic:
    """Fold an expression from its smallest parts outwards.

    ``split``: sums of sums are taken apart where every part has a name,
    ``sum_j (x_j + c) = m mu + m c``.
    """
    # Entries stay as they are: an index is no value to be named.
    if not e.args or isinstance(e, Indexed):
        return e
    split = split and not isinstance(e, Derivative)  # what is differentiated has to stay in sight
    folded = [_fold(a, split=split) for a in e.args]
    if isinstance(e, Sum):
        return _fold_sum(Sum(*folded), split=split)
    if isinstance(e, Mul):
        return _fold_product(Mul(*folded))
    if isinstance(e, Pow) and folded[0] == V + eps:
        return S ** (2 * folded[1])
    rebuilt = e.func(*folded) if folded != list(e.args) else e
    return _pull_out_factor(rebuilt) if isinstance(rebuilt, Add) else rebuilt


def _pull_out_factor(e: Expr) -> Expr:
    """``a x_i - a mu`` as ``a (x_i - mu)``, so that the deviation is found again; other sums as
    they are."""
    if len(e.args) == 2:
        for entry_times, mean_times in (e.args, e.args[::-1]):
            if MU in Mul.make_args(mean_times):
                factor = -mean_times / MU
                entry = entry_times / factor
                # With a factor of 1 or -1 there is nothing to pull out.
                if isinstance(entry, Indexed) and factor not in (1, -1):
                    return Mul(factor, entry - MU, evaluate=not factor.is_Number)
    return e


def name_output(e: Basic) -> Basic:
    """A folded expression with ``gamma xhat_i + beta`` written ``y_i``.

    This is done on the left side of a relation alone. On both sides it would turn the definition of
    y into ``y_i = y_i``.
    """
    if isinstance(e, Add):
        for entry in e.atoms(Indexed):
            if entry.base == XHAT and e == gamma * entry + beta:
                return Y[entry.indices[0]]
    if not e.args or isinstance(e, Indexed):
        return e
    return e.func(*(name_output(a) for a in e.args))


def _fold_sum(e: Sum, *, split: bool) -> Expr:
    """A sum over one index from 1 with its constant factors outside, and by name where it has
    one."""
    if len(e.limits) != 1 or e.limits[0][1] != 1:
        return e
    index, _, size = e.limits[0]
    # SymPy does not count its variable as one the derivative depends on
    if e.function.has(Derivative):
        return e
    # which would take inner sums apart
    factored = e.function if e.function.has(Sum) else factor_terms(e.function)
    constant, function = factored.as_independent(index, as_Add=False)
    if split and isinstance(function, Add):
        parts = [_fold_sum(Sum(term, e.limits[0]), split=True) for term in function.args]
        if not any(part.has(Sum) for part in parts):
            return constant * Add(*parts)
    if isinstance(function, Pow) and isinstance(function.base, Mul) and function.exp.is_Integer:
        inner, base = function.base.as_independent(index, as_Add=False)
        constant, function = constant * inner**function.exp, base**function.exp
    return constant * _fold_single(function, index, size)


def _fold_single(function: Expr, index: Symbol, size: Expr) -> Expr:
    """``sum_index function`` for a summand without constant factors.

    It has a name where the function is 1, an entry of the batch, or the squared deviation of a base
    from its mean; any other sum stays as it is.
    """
    if function == 1:
        return size
    if isinstance(function, Indexed) and function == x[index] and size == m:
        return size * MU
    if isinstance(function, Pow) and function.exp == 2 and isinstance(function.base, Add):
        for base in {node.base for node in function.base.atoms(Indexed)}:
            if (base != x or size == m) and _is_deviation(function.base, base, index, size):
                return size * (V if base == x else Symbol(f"var({base})", nonnegative=True))
    return Sum(function, (index, 1, size))


def _is_deviation(e: Expr, base: IndexedBase, index: Symbol, size: Expr) -> bool:
    """Whether ``e`` is ``base[index]`` minus the mean of the base."""
    # If ``e`` is ``base[index] - mean``, this leaves the mean alone.
    mean = base[index] - e
    if base == x:
        return bool(mean == MU)
    sums = mean.atoms(Sum)
    return len(sums) == 1 and all(
        mean == total / size and total.function.subs(total.limits[0][0], index) == base[index]
        for total in sums
    )


def _fold_product(e: Expr) -> Expr:
    """Cancel a size, ``(m mu + m c)/m = mu + c``, and join each ``x[i] - mu`` with one ``1/s``.

    A power is joined as a whole or not at all: ``(x_i - mu)^2/s^2`` becomes ``xhat_i^2``, and
    ``(x_i - mu)^2/s`` stays.
    """
    for size in [
        f.base for f in Mul.make_args(e) if isinstance(f, Pow) and f.exp == -1 and f.base.is_Symbol
    ]:
        sums = [
            f
            for f in Mul.make_args(e)
            if isinstance(f, Add) and all(term.has(size) for term in f.args)
        ]
        if sums and not any((term / size).has(1 / size) for term in sums[0].args):
            return _fold_product(e / sums[0] * size * Add(*(term / size for term in sums[0].args)))
    powers = e.as_powers_dict() if isinstance(e, Mul) else {}
    roots = -powers.get(S, 0) if powers else 0
    if not getattr(roots, "is_Integer", False):
        return e
    for factor, exponent in powers.items():
        deviation = factor + MU if isinstance(factor, Add) else None
        if (
            isinstance(deviation, Indexed)
            and deviation.base == x
            and exponent.is_Integer
            and 0 < exponent <= roots
        ):
            named = XHAT[deviation.indices[0]]
            return _fold_product(e / factor**exponent * (S * named) ** exponent)
    return e


class _Text(StrPrinter):  # type: ignore[misc]
    """Plain text: sums as ``sum_j``, entries as ``x[i]``, an equation with ``=``."""

    def _print_Dummy(self, e: Dummy) -> str:
        return str(e.name)

    def _print_Sum(self, e: Sum) -> str:
        """``sum_j`` stands for a sum from 1 to m; any other range is written out."""
        summand = self._print(e.function)
        summand = f"({summand})" if isinstance(e.function, Add) else summand
        for index, low, high in e.limits:
            name = self._print(index)
            bounds = (
                f"{name}"
                if (low, str(high)) == (1, "m")
                else f"{{{name}={low}..{self._print(high)}}}"
            )
            summand = f"sum_{bounds} {summand}"
        return f"({summand})"

    def _print_KroneckerDelta(self, e: Basic) -> str:
        return f"delta[{', '.join(map(self._print, e.args))}]"

    def _print_Indexed(self, e: Indexed) -> str:
        return f"{e.base.label}[{', '.join(map(self._print, e.indices))}]"

    def _print_Derivative(self, e: Any) -> str:
        return f"d({self._print(e.expr)})/d{', d'.join(self._print(v) for v in e.variables)}"

    def _print_Limit(self, e: Limit) -> str:
        function, variable, target, direction = e.args
        # From infinity there is one side only, and a limit from both sides needs no mark.
        side = str(direction) if target not in (oo, -oo) and str(direction) != "+-" else ""
        return (
            f"lim[{self._print(variable)} -> {self._print(target)}{side}] ({self._print(function)})"
        )

    def _print_E(self, e: Expectation) -> str:
        return f"E[{_strip_brackets(self._print(e.args[0]))}]"

    def _print_NormalE(self, e: Expectation) -> str:
        return self._print_E(e)

    def _print_Relational(self, e: Relational) -> str:
        sign = "=" if e.rel_op == "==" else e.rel_op
        lhs, rhs = (_strip_brackets(self._print(side)) for side in (name_output(e.lhs), e.rhs))
        return f"{lhs} {sign} {rhs}"


def _strip_brackets(shown: str) -> str:
    """The text without the brackets of a sum that stands alone.

    Brackets that only look like a pair, as in ``(sum_i a) + (sum_i b)``, stay.
    """
    if not shown.startswith("(sum_"):
        return shown
    depth = 0
    for position, letter in enumerate(shown):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return shown[1:-1] if position == len(shown) - 1 else shown
    return shown


class _Latex(LatexPrinter):  # type: ignore[misc]
    """LaTeX with the usual letters of the setting, and without double subscripts."""

    def _print_Dummy(self, e: Dummy) -> str:
        return str(self._print(Symbol(e.name)))

    def _print_Symbol(self, e: Symbol, style: str = "plain") -> str:
        if e.name.startswith("var("):
            return rf"v_{{{e.name[4:-1]}}}"
        return _LATEX.get(e.name) or str(super()._print_Symbol(e))

    def _print_Indexed(self, e: Indexed) -> str:
        base = _LATEX.get(str(e.base.label)) or self._print(e.base)
        # ``mu_B`` with an index would be a double subscript, which LaTeX refuses.
        base = f"{{{base}}}" if "_" in base else base
        return f"{base}_{{{' '.join(map(self._print, e.indices))}}}"

    def _print_E(self, e: Expectation, exp: str | None = None) -> str:
        power = "" if exp is None else f"^{{{exp}}}"
        return rf"\mathbb{{E}}{power}\left[{self._print(e.args[0])}\right]"

    def _print_NormalE(self, e: Expectation, exp: str | None = None) -> str:
        return self._print_E(e, exp)

    def _print_Relational(self, e: Relational) -> str:
        return str(super()._print_Relational(e.func(name_output(e.lhs), e.rhs, evaluate=False)))


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
    """One line of plain text.

    Parameters
    ----------
    e
        An expression, or a relation.

    Returns
    -------
    str
        The expression with its statistics by name. It is for reading: SymPy does not read it back.

    Examples
    --------
    >>> from bnproof.symbolic import eps, i, v, xhat
    >>> from bnproof.symbolic.rendering import text
    >>> text(xhat(i) ** 2)
    'xhat[i]**2'
    >>> text(v / (v + eps))
    'v/s**2'
    """
    return _strip_brackets(str(_Text().doprint(fold(e))))


def latex(e: Basic) -> str:
    """LaTeX source, without delimiters.

    Parameters
    ----------
    e
        An expression, or a relation.

    Returns
    -------
    str
        What stands between dollar signs, with statistics by name.
    """
    return str(_Latex({"mul_symbol": r"\,"}).doprint(fold(e)))
