"""Powers with symbolic exponents, and exponentials, as products of generators.

``(c f g^n)^p = c^p f^p (g^p)^n`` for an integer ``p >= 0`` and real factors (``0^0 = 1``), and for negative exponents where
the factor is known not to vanish; ``exp(a + 2 b) = exp(a/2)^2 exp(b/2)^4``, and tanh, sinh, cosh by their definitions.
"""

from __future__ import annotations

from sympy import Add, Expr, Integer, Pow, cancel, cosh, exp, factor_list, fraction, sinh, tanh, together
from sympy.ntheory import factorint

from bnproof.symbolic import roots
from bnproof.symbolic.atoms import Atoms, expanded


def symbolic_power(form: Atoms, base: Expr, exponent: Expr) -> Expr:
    """``base^exponent`` for an integer exponent known not to be negative, in generators."""
    numerator, denominator = fraction(together(base))
    if base.free_symbols & set(form.relations):
        above, below = (roots.squares_replaced(part, form.relations) for part in (numerator, denominator))
        numerator, denominator = fraction(cancel(above / below))
    content, factors = factor_list(numerator)
    if denominator == 1 and abs(content) == 1 and [n for _, n in factors] == [1]:
        return _atom(form, base, exponent)  # irreducible: it stays as it was written
    result = Integer(1)
    for part, sense in ((numerator, 1), (denominator, -1)):
        content, factors = factor_list(part)
        for prime, count in _primes(content):
            result *= _atom(form, prime, exponent) ** (sense * count)
        for factor, count in factors:
            if sense < 0:
                form.divisor(factor, factor)
            result *= _atom(form, factor, exponent) ** (sense * count)
    return result


def _primes(content: Expr) -> list[tuple[Integer, int]]:
    sign = [(Integer(-1), 1)] if content < 0 else []
    return sign + [
        (Integer(prime), sense * count)
        for part, sense in ((abs(content.p), 1), (content.q, -1))
        for prime, count in factorint(part).items()
    ]


def _atom(form: Atoms, base: Expr, exponent: Expr) -> Expr:
    stem = form.unfold(expanded(base))
    if stem == 1:
        return Integer(1)
    signs = form.signs.of(base)
    known = {"positive": True} if signs == {1} else {"nonnegative": True} if -1 not in signs else {}
    if not known and 0 not in signs:
        known = {"nonzero": True}
    return form.atom(Pow(stem, exponent, evaluate=False), **known)


def exponential(form: Atoms, argument: Expr) -> Expr:
    """``exp(argument)``: a product over the terms ``c t`` of the argument, ``exp(t/2)^(2c)`` where ``2c`` is an integer."""
    result = Integer(1)
    for term in Add.make_args(expanded(argument)):
        if term == 0:
            continue
        coefficient, rest = term.as_coeff_Mul()
        if not (2 * coefficient).is_Integer:
            coefficient, rest = Integer(1), term
        half = exp(form.unfold(rest) / 2)
        result *= form.atom(half, positive=True) ** (2 * coefficient)
    return result


def hyperbolic(form: Atoms, e: Expr, argument: Expr) -> Expr:
    """``tanh``, ``sinh`` or ``cosh`` by exponentials."""
    up, down = exponential(form, argument), exponential(form, -argument)
    return {tanh: (up - down) / (up + down), sinh: (up - down) / 2, cosh: (up + down) / 2}[e.func]
