"""Derivatives by SymPy's own rules, absolute values and maxima of real expressions included."""

from __future__ import annotations

from functools import lru_cache

from sympy import Abs, Derivative, Expr, Function, Indexed, Integer, Limit, Max, Min, sign

from bnproof.symbolic.expectation import Expectation
from bnproof.symbolic.maxima import replace_maximum
from bnproof.symbolic.outcomes import Undecided
from bnproof.symbolic.rendering import text


class _Magnitude(Function):  # type: ignore[misc]
    """The absolute value of a real expression, whose derivative is its sign."""

    nargs = (1,)
    is_real = True

    def fdiff(self, argindex: int = 1) -> Expr:
        return _Sense(self.args[0])


class _Sense(Function):  # type: ignore[misc]
    """The sign of a real expression, whose derivative is 0 where it has one."""

    nargs = (1,)
    is_real = True

    def fdiff(self, argindex: int = 1) -> Expr:
        return Integer(0)


def refuse_limits(e: Expr) -> None:
    """Raise ``Undecided`` for what holds a limit or an expected value: it need not be smooth."""
    if e.has(Expectation, Limit):
        inside = "an expected value" if e.has(Expectation) else "a limit"
        raise Undecided(f"a derivative of {inside}: {text(e)}")


@lru_cache(maxsize=1 << 12)
def differentiate(e: Derivative) -> Expr:
    """The derivative by SymPy's own rules; raises ``Undecided`` where it has none."""
    refuse_limits(e.expr)
    result = e.expr
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
    if result.has(Derivative) and not e.expr.has(Derivative):
        raise Undecided(f"SymPy does not differentiate {text(e.expr)}")
    return result
