"""Derivatives by SymPy's own rules, absolute values and maxima of real expressions included.

This is the only place where the symbolic proof differentiates. The exact check does not use it: it
differentiates by dual numbers (:mod:`bnproof.symbolic.duals`), so an error of SymPy shows as a
disagreement.
"""

from __future__ import annotations

from functools import lru_cache

from sympy import Abs, Derivative, Expr, Function, Indexed, Integer, Limit, Max, Min, sign

from bnproof.symbolic.expectation import Expectation
from bnproof.symbolic.maxima import replace_maximum
from bnproof.symbolic.outcomes import Undecided
from bnproof.symbolic.rendering import text


class _Magnitude(Function):  # type: ignore[misc]
    """The absolute value of a real expression, whose derivative is its sign.

    It stands for SymPy's ``Abs`` while SymPy differentiates. ``Abs`` itself differentiates by real
    and imaginary parts where SymPy does not know that its argument is real.
    """

    nargs = (1,)
    is_real = True

    def fdiff(self, argindex: int = 1) -> Expr:
        return _Sense(self.args[0])


class _Sense(Function):  # type: ignore[misc]
    """The sign of a real expression, whose derivative is 0 where it has one.

    SymPy's own derivative of ``sign`` is a Dirac delta.
    """

    nargs = (1,)
    is_real = True

    def fdiff(self, argindex: int = 1) -> Expr:
        return Integer(0)


def refuse_limits(e: Expr) -> None:
    """Refuse to differentiate a limit or an expected value.

    Raises
    ------
    Undecided
        Where ``e`` holds one. A limit of smooth functions need not be smooth, and whether an
        expected value may be differentiated under its sum is not asked here.
    """
    if e.has(Expectation, Limit):
        inside = "an expected value" if e.has(Expectation) else "a limit"
        raise Undecided(f"a derivative of {inside}: {text(e)}")


# the cases of a statement take the same derivatives again
@lru_cache(maxsize=1 << 12)
def differentiate(e: Derivative) -> Expr:
    """Take a derivative, formally.

    Parameters
    ----------
    e
        A SymPy ``Derivative`` by entries such as ``x[k]`` and by real scalars, of orders that are
        numbers.

    Returns
    -------
    Expr
        The derivative, by the rule ``d|f| = sign(f) df`` where absolute values occur. Maxima and
        minima are written by absolute values first.

    Raises
    ------
    Undecided
        For a derivative by anything else, of a limit or an expected value, and for a function that
        SymPy does not differentiate.

    Notes
    -----
    The result is the derivative only at points without a kink. That there is none is not checked
    here: the normal form does it (:meth:`~bnproof.symbolic.normal_form.NormalForm.exists`).
    """
    refuse_limits(e.expr)
    result = e.expr
    # SymPy's derivative of Max holds Heaviside steps, which the normal form does not know
    result = result.replace(lambda n: isinstance(n, (Max, Min)), replace_maximum)
    result = result.replace(lambda n: isinstance(n, Abs), lambda n: _Magnitude(n.args[0]))
    result = result.replace(lambda n: isinstance(n, sign), lambda n: _Sense(n.args[0]))
    for variable, count in e.variable_count:
        if not isinstance(variable, Indexed) and (variable.is_integer or not variable.is_Symbol):
            raise Undecided(
                f"a derivative by {text(variable)}: differentiate by an entry or a real scalar"
            )
        if not count.is_Integer:
            raise Undecided(f"a derivative of the symbolic order {count}")
        result = result.diff(variable, int(count))
    result = result.replace(lambda n: isinstance(n, _Magnitude), lambda n: Abs(n.args[0]))
    result = result.replace(lambda n: isinstance(n, _Sense), lambda n: sign(n.args[0]))
    # a function without a rule stays an unevaluated derivative
    if result.has(Derivative) and not e.expr.has(Derivative):
        raise Undecided(f"SymPy does not differentiate {text(e.expr)}")
    return result
