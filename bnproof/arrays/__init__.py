"""Arrays as they are: what somebody's code returned, held to the exact values.

Everywhere else bnproof calls an implementation.  Here it is handed arrays, of NumPy or of another
library, together with the arrays they were computed from.  :mod:`bnproof.arrays.reading` reads
them, :mod:`bnproof.arrays.questions` says what is asked about them and in which arithmetic,
:mod:`bnproof.arrays.tolerances` derives how far off they may be, and
:mod:`bnproof.arrays.asserting` compares them.  Where they are wrong,
:mod:`bnproof.arrays.recognising` looks for a known mechanism that gives the same values.

The doors are :func:`bnproof.tolerance` and the functions ``assert_...`` of :mod:`bnproof.testing`.
"""
