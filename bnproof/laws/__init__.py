"""Laws: one property of an implementation each, joined with the theorem it follows from.

Start reading at :mod:`bnproof.laws.law`, which says what a law is, and at
:mod:`bnproof.laws.quantities`, the table of everything that is measured.  :mod:`bnproof.laws.cases`
and :mod:`bnproof.laws.extreme_cases` make the inputs, :mod:`bnproof.laws.answers` asks the
implementation, :mod:`bnproof.laws.oracle` knows the exact values and the bounds, and
:mod:`bnproof.laws.comparing` holds the one against the other.  Every other module that has a
function ``list_laws`` adds laws of its own.
"""
