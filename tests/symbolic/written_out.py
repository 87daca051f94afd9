"""Values of expressions at small batches, by SymPy alone: every sum is written out term by term."""

from fractions import Fraction

from sympy import Indexed, Integer, Rational, Sum

from bnproof.symbolic import m


def write_out(e, size=None):
    """An expression with each sum replaced by its terms; it needs ends that are numbers then."""
    e = e if size is None else e.xreplace({m: Integer(size)})
    while sums := e.atoms(Sum):
        outermost = max(sums, key=lambda one: one.count_ops() + 1000 * len(one.atoms(Sum)))
        index, low, high = outermost.limits[-1]
        inner = outermost.limits[:-1]
        summand = Sum(outermost.function, *inner) if inner else outermost.function
        terms = [summand.xreplace({index: Integer(p)}) for p in range(int(low), int(high) + 1)]
        e = e.xreplace({outermost: sum(terms, Integer(0))})
    return e


def entry(base, *index):
    """An arbitrary value for an entry, the same one on every call, also outside ``1..m``."""
    seed = sum(ord(letter) for letter in str(base))
    for place, one in enumerate(index, 1):
        seed += (7 * place + 4) * int(one) ** 2 + 3 * int(one)
    return Rational(seed % 13 - 6, seed % 3 + 1)


def value_at(e, size, **scalars):
    """The exact value of an expression at a batch of a given size, scalars by their names."""
    e = e.xreplace({s: Rational(scalars[s.name]) for s in e.free_symbols if s.name in scalars})
    e = write_out(e, size)
    e = e.xreplace({one: entry(one.base.label, *one.indices) for one in e.atoms(Indexed)})
    return e.doit()


def fraction(number):
    """A rational of FLINT or SymPy as one of Python."""
    return Fraction(int(number.p), int(number.q))
