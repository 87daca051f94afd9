"""Lowering: a proved formula becomes a function on arrays, exact rationals or balls.

The book of :mod:`bnproof.theorems` proves closed forms as SymPy expressions, with sums over a batch
of symbolic size ``m``.  A check has to evaluate the same closed forms on the numbers of one batch.
Typing them in a second time, in NumPy, would leave the step from the proof to the number unproved.
This room therefore translates the expression itself.

:mod:`bnproof.lowering.program` turns an expression into straight-line code over arrays.
:mod:`bnproof.lowering.numbers` holds the kinds of numbers that such code runs on.  Start reading at
``program.lower``.
"""
