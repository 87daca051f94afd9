"""The theorem book: statements with proofs, conditions and negative controls.

The chapters (``chapter1_collapse.py`` to ``chapter7_training.py``) can be read in order, as a text.
They answer one question.  Batch normalisation ends with a scale gamma and a shift beta, which on
one batch could undo everything before them; why normalise at all?  Chapter 1 makes the question
precise and says how far it is right, chapters 2 to 5 show what normalising does, chapter 6 what
rounding makes of it, and chapter 7 why training goes differently.

The other modules are the machinery.  :mod:`~bnproof.theorems.book` says what a theorem consists of,
:mod:`~bnproof.theorems.proving` proves it, :mod:`~bnproof.theorems.conditions` shows that each of
its conditions is needed.  :mod:`~bnproof.theorems.closed_forms` holds the closed forms that several
chapters share, and :mod:`~bnproof.theorems.formulas` hands the proved ones on to those who evaluate
them on arrays.
"""
