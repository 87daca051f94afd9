"""Arrays as they are: what somebody's code returned, held to the exact values.

Everywhere else bnproof calls an implementation.  Here it is handed arrays, of NumPy or of another
library, together with the arrays they were computed from.  :mod:`bnproof.arrays.libraries` reads
them, and :mod:`bnproof.arrays.array_oracle` knows the exact values and how far a declared
arithmetic may lead away from them.  From it :mod:`bnproof.arrays.tolerances` makes tolerances, and
:mod:`bnproof.arrays.asserting` judges.  Where arrays are wrong,
:mod:`bnproof.arrays.recognising` looks for a known mechanism that gives the same values.

The doors are :func:`bnproof.tolerance` and the functions ``assert_...`` of :mod:`bnproof.testing`.
"""
