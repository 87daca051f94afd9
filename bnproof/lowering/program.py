"""Lowering: a SymPy expression becomes a vectorised array function; what was proved is what is
executed.

An index becomes an array axis (free index: an axis of the result), ``Sum`` a reduction over its
axis, ``KroneckerDelta`` an identity matrix.  Channels are a last axis that everything carries
along, so one call evaluates every feature of a mini-batch.  The same program runs on NumPy floats,
exact rationals and balls (:mod:`bnproof.lowering.numbers`); only the square root and the numbers
differ.
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
    """The expression has no array form; the message names the part."""


@dataclass(frozen=True)
class Instruction:
    """``target = operation(*operands)``; ``axes`` are the indices the result still depends on,
    outermost first."""

    target: str
    operation: str
    operands: tuple[str, ...]
    axes: Axes
    detail: Any = None


@dataclass
class Program:
    """Straight-line code for one expression, each subexpression computed once."""

    free: Axes
    instructions: list[Instruction] = field(default_factory=list)
    result: str = ""
    inputs: set[str] = field(default_factory=set)

    def __call__(self, numbers: Numbers, arrays: Mapping[str, Array]) -> Array:
        """Run on ``arrays``: bases of shape ``(m, channels)``, scalars ``(channels,)`` or plain
        numbers.

        Returns shape ``(m, ..., channels)`` with one leading axis per free index.  Raises
        ``KeyError`` naming an input that is missing.
        """
        values: dict[str, Array] = {}
        for step in self.instructions:
            values[step.target] = _run(step, numbers, arrays, values)
        return values[self.result]


def _run(
    step: Instruction, numbers: Numbers, arrays: Mapping[str, Array], values: Mapping[str, Array]
) -> Array:
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
            return numbers.identity(_batch_size(arrays))[..., None]
        case "align":
            return operands[0][step.detail]
        case "add" | "multiply":
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
    return next(int(a.shape[0]) for a in arrays.values() if getattr(a, "ndim", 0) == 2)


class _Compiler:
    def __init__(self, free: Axes) -> None:
        self.program = Program(free)
        self.order: list[Symbol] = list(free)
        self.known: dict[Expr, tuple[str, Axes]] = {}

    def emit(
        self, operation: str, operands: tuple[str, ...], axes: Axes, detail: Any = None
    ) -> tuple[str, Axes]:
        target = f"t{len(self.program.instructions)}"
        self.program.instructions.append(Instruction(target, operation, operands, axes, detail))
        return target, axes

    def lower(self, e: Expr) -> tuple[str, Axes]:
        """The name that holds ``e``, and its axes; equal subexpressions share one name."""
        if e not in self.known:
            self.known[e] = self._lower(e)
        return self.known[e]

    def _lower(self, e: Expr) -> tuple[str, Axes]:
        match e:
            case Rational():
                return self.emit("constant", (), (), (int(e.p), int(e.q)))
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
        self.program.inputs.add(name)
        return self.emit("input", (), axes, name)

    def _register_axis(self, index: Symbol) -> Symbol:
        if index not in self.order:
            self.order.append(index)
        return index

    def _sort_axes(self, axes: set[Symbol]) -> Axes:
        return tuple(sorted(axes, key=self.order.index))

    def _combine(self, operation: str, arguments: tuple[Expr, ...]) -> tuple[str, Axes]:
        lowered = [self.lower(a) for a in arguments]
        axes = self._sort_axes({axis for _, own in lowered for axis in own})
        return self.emit(
            operation, tuple(self._align(name, own, axes) for name, own in lowered), axes
        )

    def _align(self, name: str, own: Axes, axes: Axes) -> str:
        """Insert the axes the operand lacks (scalars and channel vectors broadcast by
        themselves)."""
        if own == axes or not own:
            return name
        slots = tuple(slice(None) if axis in own else None for axis in axes)
        return self.emit("align", (name,), axes, (*slots, slice(None)))[0]

    def _lower_power(self, e: Pow) -> tuple[str, Axes]:
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
        *inner, (index, low, high) = e.limits
        if low != 1 or getattr(high, "name", "") != "m":
            raise NotLowered(
                f"a sum from {low} to {high} has no array form: only sums over the batch do"
            )
        name, axes = self.lower(Sum(e.function, *inner) if inner else e.function)
        if index not in axes:
            return self.emit("count", (name,), axes)
        rest = tuple(axis for axis in axes if axis != index)
        return self.emit("sum", (name,), rest, axes.index(index))


@cache
def lower(expression: Expr, *free: Symbol) -> Program:
    """The array program of ``expression``, its free indices becoming the leading axes in the given
    order.

    Raises ``NotLowered`` for what is no array formula (a derivative, a limit, a sum that does not
    run over the batch).
    """
    compiler = _Compiler(tuple(free))
    name, axes = compiler.lower(rename_bound(expression).expression)
    if set(axes) - set(free):
        raise NotLowered(f"{text(expression)} has further free indices: {set(axes) - set(free)}")
    compiler.program.result = compiler._align(name, axes, tuple(free)) if axes else name
    return compiler.program
