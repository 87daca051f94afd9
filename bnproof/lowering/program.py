"""Lowering: a SymPy expression becomes a vectorised array function; what was proved is what is
executed.

An index becomes an array axis (free index: an axis of the result), ``Sum`` a reduction over its
axis, ``KroneckerDelta`` an identity matrix.  Channels are a last axis that everything carries
along, so one call evaluates every feature of a mini-batch.  The same program runs on NumPy floats,
exact rationals and balls (:mod:`bnproof.lowering.numbers`); only the square root and the numbers
differ.

For example, ``v = (1/m) sum_r (x_r - mu)^2`` with ``mu = (1/m) sum_p x_p`` becomes

.. code-block:: text

    t0 = size                    m, from the shape of the arrays
    t1 = power t0                1/m
    t2 = constant                -1
    t3 = input x                 index p, shape (m, channels)
    t4 = sum t3                  over p, so that shape (channels,) is left
    t5 = multiply t2 t1 t4       -mu
    t6 = input x                 index r, shape (m, channels)
    t7 = add t5 t6               x_r - mu
    t8 = power t7                its square
    t9 = sum t8                  over r
    t10 = multiply t1 t9         v

Every instruction remembers the indices that its value still depends on.  Two operands of a sum or
product may depend on different indices; the translation then gives both the axes of the union, in
one fixed order, and NumPy's broadcasting does the rest.

The translation is deliberately literal.  It neither simplifies nor reorders, since a program that
rewrites a proved formula would have to be proved as well.  Its one saving is that equal
subexpressions are computed once.

Start reading at :func:`lower`; ``_Compiler`` translates, ``Program`` runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sympy import Abs, Add, Expr, Indexed, KroneckerDelta, Mul, Pow, Rational, Sum, Symbol, sign

from bnproof.lowering.numbers import Numbers
from bnproof.symbolic.reading import rename_bound
from bnproof.symbolic.rendering import text

Axes = tuple[Symbol, ...]
Array = Any


class NotLowered(TypeError):
    """The expression has no array form; the message names the part.

    A derivative, a limit, a sum that does not run over the batch, and a root other than the square
    root are such parts.
    """


@dataclass(frozen=True)
class Instruction:
    """``target = operation(*operands)``; ``axes`` are the indices the result still depends on,
    outermost first.

    Attributes
    ----------
    target
        The name under which the result is kept.
    operation
        One of the cases of ``_run``.
    operands
        The targets of earlier instructions.
    axes
        One array axis for each index; the axis of the channels comes after them and is not listed.
    detail
        What the operation needs besides operands.  A constant has its numerator and denominator, an
        input its name, a power its exponent, a sum the axis to reduce, an alignment the index that
        inserts the missing axes.
    """

    target: str
    operation: str
    operands: tuple[str, ...]
    axes: Axes
    detail: Any = None


@dataclass
class Program:
    """Straight-line code for one expression, each subexpression computed once.

    Attributes
    ----------
    free
        The free indices of the expression, in the order of the result's leading axes.
    instructions
        The code, in an order in which every operand is computed before it is used.
    result
        The target that holds the value of the expression.
    inputs
        The names a call has to provide, such as ``x``, ``gamma`` and ``eps``.
    """

    free: Axes
    instructions: list[Instruction] = field(default_factory=list)
    result: str = ""
    inputs: set[str] = field(default_factory=set)

    def __call__(self, numbers: Numbers, arrays: Mapping[str, Array]) -> Array:
        """Run on ``arrays``: bases of shape ``(m, channels)``, scalars ``(channels,)`` or plain
        numbers.

        Parameters
        ----------
        numbers
            The kind of numbers that the entries of ``arrays`` are.
        arrays
            The inputs by name; more names than the formula needs are welcome.  The batch size is
            read off the first array with two axes, so at least one is needed where the formula
            speaks of ``m`` or of a Kronecker delta.

        Returns
        -------
        array
            Shape ``(m, ..., channels)`` with one leading axis per free index.  A free index on
            which the formula does not depend has an axis of length 1, and where it depends on none
            of them there is no leading axis at all.

        Raises
        ------
        KeyError
            Naming an input that is missing.
        """
        # nothing is freed on the way: programs are short, and a later step may need any value again
        values: dict[str, Array] = {}
        for step in self.instructions:
            values[step.target] = _run(step, numbers, arrays, values)
        return values[self.result]


def _run(
    step: Instruction, numbers: Numbers, arrays: Mapping[str, Array], values: Mapping[str, Array]
) -> Array:
    """The value of one instruction, from the values of those before it."""
    operands = [values[name] for name in step.operands]
    match step.operation:
        case "constant":
            return numbers.rational(*step.detail)
        case "input":
            if step.detail not in arrays:
                raise KeyError(f"the formula needs {step.detail}, which was not given")
            return arrays[step.detail]
        case "size":
            return numbers.rational(_batch_size(arrays), 1)
        case "delta":
            # a last axis of length 1: the delta is the same in every channel
            return numbers.identity(_batch_size(arrays))[..., None]
        case "align":
            return operands[0][step.detail]
        case "add" | "multiply":
            # from left to right, in the order of SymPy's arguments: no other order is implied
            total = operands[0]
            for operand in operands[1:]:
                total = total + operand if step.operation == "add" else total * operand
            return total
        case "power":
            return _power(operands[0], step.detail)
        case "sqrt":
            return numbers.sqrt(operands[0])
        case "abs":
            return abs(operands[0])
        case "sign":
            return numbers.sign(operands[0])
        case "sum":
            return operands[0].sum(axis=step.detail)
        case "count":
            return operands[0] * numbers.rational(_batch_size(arrays), 1)
    raise NotLowered(step.operation)


def _power(a: Array, exponent: int) -> Array:
    """``a^n`` by multiplication: Arb's own power of a ball with midpoint 0 is not a number."""
    power = a
    for _ in range(abs(exponent) - 1):
        power = power * a
    return power if exponent > 0 else 1 / power


def _batch_size(arrays: Mapping[str, Array]) -> int:
    """``m``, the length of the first array of shape ``(m, channels)``."""
    return next(int(a.shape[0]) for a in arrays.values() if getattr(a, "ndim", 0) == 2)


class _Compiler:
    """Translates one expression from the leaves to the root, writing instructions as it goes.

    ``order`` fixes one order of all indices, the free ones first, then the summation indices as
    they are met; every value has its axes in that order.  ``known`` maps a subexpression to the
    target that holds it.
    """

    def __init__(self, free: Axes) -> None:
        self.program = Program(free)
        self.order: list[Symbol] = list(free)
        self.known: dict[Expr, tuple[str, Axes]] = {}

    def emit(
        self, operation: str, operands: tuple[str, ...], axes: Axes, detail: Any = None
    ) -> tuple[str, Axes]:
        """Append an instruction; returns its target, and its axes unchanged."""
        target = f"t{len(self.program.instructions)}"
        self.program.instructions.append(Instruction(target, operation, operands, axes, detail))
        return target, axes

    def lower(self, e: Expr) -> tuple[str, Axes]:
        """The name that holds ``e``, and its axes; equal subexpressions share one name."""
        if e not in self.known:
            self.known[e] = self._lower(e)
        return self.known[e]

    def _lower(self, e: Expr) -> tuple[str, Axes]:
        """The instructions of one node of the expression tree, its children lowered first."""
        match e:
            case Rational():
                return self.emit("constant", (), (), (int(e.p), int(e.q)))
            # by name: m is no input, but the length of every batch array
            case Symbol() if e.name == "m":
                return self.emit("size", (), ())
            case Symbol():
                return self._emit_input(e.name, ())
            case Indexed() if len(e.indices) == 1 and e.indices[0].is_Symbol:
                self._register_axis(e.indices[0])
                return self._emit_input(str(e.base.label), (e.indices[0],))
            case KroneckerDelta():
                axes = self._sort_axes({self._register_axis(index) for index in e.args})
                return self.emit("delta", (), axes)
            case Add() | Mul():
                return self._combine("add" if isinstance(e, Add) else "multiply", e.args)
            case Pow():
                return self._lower_power(e)
            case Abs() | sign():
                inner, axes = self.lower(e.args[0])
                return self.emit("abs" if isinstance(e, Abs) else "sign", (inner,), axes)
            case Sum():
                return self._lower_sum(e)
        raise NotLowered(f"{text(e)} ({type(e).__name__}) has no array form")

    def _emit_input(self, name: str, axes: Axes) -> tuple[str, Axes]:
        """An array or scalar of the caller, noted as needed."""
        self.program.inputs.add(name)
        return self.emit("input", (), axes, name)

    def _register_axis(self, index: Symbol) -> Symbol:
        """The index, given its place in the common order when it is met for the first time."""
        if index not in self.order:
            self.order.append(index)
        return index

    def _sort_axes(self, axes: set[Symbol]) -> Axes:
        """Some indices in the common order."""
        return tuple(sorted(axes, key=self.order.index))

    def _combine(self, operation: str, arguments: tuple[Expr, ...]) -> tuple[str, Axes]:
        """A sum or product; its axes are the union of those of its arguments."""
        lowered = [self.lower(a) for a in arguments]
        axes = self._sort_axes({axis for _, own in lowered for axis in own})
        return self.emit(
            operation, tuple(self._align(name, own, axes) for name, own in lowered), axes
        )

    def _align(self, name: str, own: Axes, axes: Axes) -> str:
        """Insert the axes the operand lacks (scalars and channel vectors broadcast by
        themselves)."""
        # without own axes the operand is a number or (channels,), which broadcasts from the right
        if own == axes or not own:
            return name
        slots = tuple(slice(None) if axis in own else None for axis in axes)
        return self.emit("align", (name,), axes, (*slots, slice(None)))[0]

    def _lower_power(self, e: Pow) -> tuple[str, Axes]:
        """``a^n`` by multiplication, ``a^(n/2)`` as the n-th power of a square root; a reciprocal
        is a power, which is how SymPy writes a quotient."""
        base, axes = self.lower(e.base)
        if e.exp.is_Integer:
            return self.emit("power", (base,), axes, int(e.exp))
        if e.exp.is_Rational and e.exp.q == 2:
            root = self.emit("sqrt", (base,), axes)
            return (
                root
                if e.exp == Rational(1, 2)
                else self.emit("power", (root[0],), axes, int(e.exp.p))
            )
        raise NotLowered(f"the power {text(e)} has no array form")

    def _lower_sum(self, e: Sum) -> tuple[str, Axes]:
        """A reduction over the outermost index; the inner ones are sums of their own."""
        # SymPy lists the limits of a multiple sum from the inside out
        *inner, (index, low, high) = e.limits
        if low != 1 or getattr(high, "name", "") != "m":
            raise NotLowered(
                f"a sum from {low} to {high} has no array form: only sums over the batch do"
            )
        name, axes = self.lower(Sum(e.function, *inner) if inner else e.function)
        if index not in axes:  # sum_j c = m c, for a c without the index j
            return self.emit("count", (name,), axes)
        rest = tuple(axis for axis in axes if axis != index)
        return self.emit("sum", (name,), rest, axes.index(index))


@cache
def lower(expression: Expr, *free: Symbol) -> Program:
    """The array program of ``expression``, its free indices becoming the leading axes in the given
    order.

    Parameters
    ----------
    expression
        A SymPy expression over the names of :mod:`bnproof.symbolic.setting` and symbols and bases
        of its own.
    *free
        Its free indices, such as ``i``.

    Returns
    -------
    Program
        To be called with a kind of numbers and the inputs by name.  The same expression gives the
        same program object again.

    Raises
    ------
    NotLowered
        For what is no array formula (a derivative, a limit, a sum that does not run over the
        batch), and for a free index that is not listed.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from bnproof.lowering.numbers import Rationals
    >>> from bnproof.lowering.program import lower
    >>> from bnproof.symbolic.setting import v
    >>> exact = Rationals()
    >>> print(*lower(v)(exact, {"x": exact.array([[1], [2], [4]])}))
    14/9
    """
    # The cache needs no limit: what is lowered are formulas that stand in the source.
    compiler = _Compiler(tuple(free))
    # Equal sums get equal bound indices here, so that the compiler sees them as one subexpression.
    name, axes = compiler.lower(rename_bound(expression).expression)
    if set(axes) - set(free):
        raise NotLowered(f"{text(expression)} has further free indices: {set(axes) - set(free)}")
    compiler.program.result = compiler._align(name, axes, tuple(free)) if axes else name
    return compiler.program
